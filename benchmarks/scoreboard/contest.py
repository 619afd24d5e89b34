"""The test rows of all contestants, and the rows from which they may learn."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from benchmarks.scoreboard.sets import TimeSet
from churn.data.store import Store
from churn.labels.calendar import trainable
from churn.labels.outcomes import label_window
from churn.params import Params
from pipelines import snapshot
from pipelines.echo import Echo

KEYS = ["customer_id", "cutoff"]
APART_DAYS = 28
REHEARSALS = 2


class OtherRowsError(ValueError):
    """A contestant did not predict exactly the test rows."""


@dataclass(frozen=True)
class Contest:
    """A data set with its test cutoffs.

    Attributes:
        set: The set.
        params: Its parameters.
        store: Its store.
        test: The test cutoffs of the protocol; in a rehearsal, cutoffs before the first of them.
        train_rows: The columns customer_id, cutoff and left at the training cutoffs of the protocol.
        test_rows: The same columns at the test cutoffs.
        known_by: In a rehearsal, the first test cutoff of the protocol. Nothing that became known
            later is used.
    """

    set: TimeSet
    params: Params
    store: Store
    test: tuple[date, ...]
    train_rows: pd.DataFrame
    test_rows: pd.DataFrame
    known_by: date | None = None

    def learnt_from(self, cutoff: date) -> tuple[date, ...]:
        """Return the protocol's training cutoffs whose labels were known at a cutoff."""
        known = {
            day: label_window(day, self.params.label, self.params.snapshot.late_days).mature_on
            for day in set(self.train_rows["cutoff"])
        }
        return trainable(known, cutoff)

    def align(self, name: str, predictions: pd.DataFrame) -> pd.Series:
        """Return a contestant's probabilities in the order of the test rows.

        Raises:
            OtherRowsError: The rows are not exactly the test rows, or a number is no probability.
        """
        theirs = predictions.set_index(KEYS)["probability"].astype(np.float64)
        wanted = pd.MultiIndex.from_frame(self.test_rows[KEYS])
        lacking, beyond = wanted.difference(theirs.index), theirs.index.difference(wanted)
        twice = int(theirs.index.duplicated().sum())
        if len(lacking) or len(beyond) or twice:
            raise OtherRowsError(
                f"{self.set.name}: {name} is judged on other rows: {len(lacking)} are lacking, "
                f"{len(beyond)} are beyond, {twice} are there twice."
            )
        probabilities = theirs.loc[wanted]
        if bad := int((~probabilities.between(0, 1)).sum()):
            raise OtherRowsError(f"{self.set.name}: {name} gives no probability for {bad} of the rows.")
        return probabilities


def open_contest(time_set: TimeSet, work: Path, echo: Echo, n_rehearsals: int = 0) -> Contest:
    """Ingest a set, find the cohort and the churners at the cutoffs of the protocol, and return the contest.

    Args:
        time_set: The set.
        work: The work folder of all sets.
        echo: The console for lines and progress.
        n_rehearsals: The number of cutoffs before the first test cutoff to test on, in a rehearsal; no label
            of a real test cutoff is read then.
    """
    folder = work / time_set.name / ("rehearsal" if n_rehearsals else "protocol")
    test = rehearsals(time_set, time_set.params(folder), n_rehearsals) if n_rehearsals else time_set.test
    cutoffs = tuple(sorted({*time_set.train, *test}))
    params = time_set.params(folder, cutoffs, test, {"signals.names": ["tenure_days"]})
    snapshot.run(params, echo=echo)
    parts = {day: _rows(params, day) for day in cutoffs}
    return Contest(
        set=time_set,
        params=params,
        store=Store.open(params),
        test=test,
        train_rows=pd.concat([parts[day] for day in time_set.train], ignore_index=True),
        test_rows=pd.concat([parts[day] for day in test], ignore_index=True),
        known_by=time_set.test[0] if n_rehearsals else None,
    )


def rehearsals(time_set: TimeSet, params: Params, max_cutoffs: int = REHEARSALS) -> tuple[date, ...]:
    """Return the last cutoffs whose labels were known at the first test cutoff, four weeks apart.

    At each of these cutoffs, the labels of at least one training cutoff of the protocol were known; the last
    cutoff is always among them.
    """
    wait = (
        label_window(time_set.test[0], params.label, params.snapshot.late_days).mature_on - time_set.test[0]
    )
    known = {
        day: label_window(day, params.label, params.snapshot.late_days).mature_on for day in time_set.train
    }
    days = [time_set.test[0] - wait - timedelta(APART_DAYS * number) for number in range(max_cutoffs)]
    return tuple(sorted(day for day in days if trainable(known, day)))


def _rows(params: Params, day: date) -> pd.DataFrame:
    path = params.output / "snapshots" / f"cutoff={day}" / "part.parquet"
    rows = pq.read_table(path, partitioning=None, columns=[*KEYS, "left"]).to_pandas()
    if rows["left"].isna().any():
        raise RuntimeError(f"{path}: its label is not matured; see the set's watermark")
    return rows.astype({"left": np.int64})
