"""Our own pipeline as a contestant, run by its own verbs, and the pipeline without one of its parts."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import lightgbm as lgb
import pandas as pd

from benchmarks.scoreboard.contest import Contest
from benchmarks.scoreboard.sets import TimeSet
from churn.features.library import select_signals
from churn.labels.calendar import snapshot_cutoffs, trainable
from churn.labels.outcomes import label_window
from churn.params import Params
from churn.snapshots.read import Snapshots, read_snapshots
from churn.training.backtest import calibrate_out_of_time
from churn.training.challenger import read_challenger, read_out_of_time
from pipelines import snapshot, train
from pipelines.echo import Echo, QuietEcho

PLAIN_NAMES = re.compile(r"_count_\d+d$|_(amount_|value_)?total_\d+d$|_days_since_last$|_gap_mean_\d+d$")
DEFAULT_ROUNDS = 100


@dataclass(frozen=True)
class Run:
    """The settings of a run of our pipeline.

    Attributes:
        contest: The set and its test rows.
        folder: The work folder. It is never emptied, so that the store is written once.
        interval: The grid of training cutoffs, as `TimeSet.grid` names it; None keeps the example's grid.
    """

    contest: Contest
    folder: Path
    interval: str | None

    def cutoffs(self) -> tuple[date, ...]:
        """Return the training cutoffs with labels known by the last test cutoff, and the test cutoffs."""
        time_set, contest = self.contest.set, self.contest
        grid = (
            time_set.grid(self.interval)
            if self.interval
            else snapshot_cutoffs(replace(contest.store, params=time_set.params(self.folder)))
        )
        known_by = contest.known_by or contest.test[-1]
        known = {
            day
            for day in grid
            if label_window(day, contest.params.label, contest.params.snapshot.late_days).mature_on
            <= known_by
        }
        return tuple(sorted(known | {*contest.test}))

    def params(
        self,
        cutoffs: Sequence[date] | None = None,
        test: Sequence[date] | None = None,
        changes: Mapping[str, Any] | None = None,
    ) -> Params:
        """Return the example's parameters for these cutoffs, by default all, with the contest's store."""
        cutoffs, test = cutoffs or self.cutoffs(), test or self.contest.test
        params = self.contest.set.params(self.folder, cutoffs, test, changes)
        params.output.mkdir(parents=True, exist_ok=True)
        store = params.output / "store"
        if not store.exists():
            store.unlink(missing_ok=True)
            store.symlink_to((self.contest.params.output / "store").resolve())
        return params


def write_snapshots(time_set: TimeSet, work: Path, interval: str, echo: Echo) -> Params:
    """Write the snapshots of a set on a grid of cutoffs, and return the parameters of these snapshots."""
    folder = work / time_set.name / interval.replace(" ", "-")
    params = time_set.params(folder, time_set.grid(interval))
    snapshot.run(params, echo=echo)
    return params


def predict_whole(run: Run) -> pd.DataFrame:
    """Return the predictions of `snapshot` and `train` at the test cutoffs, which `evaluate` measures."""
    return _train_and_predict(run.params(), run.contest.test, run.contest.known_by)


def one_snapshot(run: Run) -> pd.DataFrame:
    """Return predictions of a model that learns from one snapshot: the latest with a known label."""
    parts = []
    for day in run.contest.test:
        known = {
            other: label_window(
                other, run.contest.params.label, run.contest.params.snapshot.late_days
            ).mature_on
            for other in run.cutoffs()
        }
        params = run.params((trainable(known, day)[-1], day), (day,))
        parts.append(_train_and_predict(params, (day,), run.contest.known_by))
    return pd.concat(parts, ignore_index=True)


def plain_counts(run: Run) -> pd.DataFrame:
    """Return predictions without the signals of the library: plain counts, recency, mean gap and tenure."""
    params = run.params()
    names = [signal.name for signal in select_signals(params, run.contest.store)]
    plain_names = ["tenure_days", *(name for name in names if PLAIN_NAMES.search(name))]
    return _train_and_predict(
        run.params(changes={"signals.names": plain_names}), run.contest.test, run.contest.known_by
    )


def predict_uncalibrated(run: Run) -> pd.DataFrame:
    """Return the predictions of the pipeline without calibration."""
    changes = {"train.calibration": "none"}
    return _train_and_predict(run.params(changes=changes), run.contest.test, run.contest.known_by)


def default_trees(run: Run) -> pd.DataFrame:
    """Return predictions of LightGBM with its default settings, 100 trees, on our snapshots."""
    params = run.params()
    snapshot.run(params, echo=QuietEcho())
    snapshots = read_snapshots(params, known_by=run.contest.known_by)
    parts = []
    for day in run.contest.test:
        training_rows, rows = (
            snapshots.rows.at(trainable(snapshots.mature_on, day)),
            snapshots.rows.at([day]),
        )
        text = [training_rows.names.index(name) for name in training_rows.levels]
        settings = {"objective": "binary", "num_threads": 1, "deterministic": True, "verbosity": -1}
        data = lgb.Dataset(training_rows.matrix, training_rows.left, categorical_feature=text)
        probability = lgb.train({**settings, "seed": 0}, data, DEFAULT_ROUNDS).predict(rows.matrix)
        parts.append(_with_keys(snapshots, (day,), probability))
    return pd.concat(parts, ignore_index=True)


ABLATIONS: Mapping[str, Callable[[Run], pd.DataFrame]] = {
    "one_snapshot": one_snapshot,
    "plain_counts": plain_counts,
    "default_trees": default_trees,
    "uncalibrated": predict_uncalibrated,
}


def selection_facts(folder: Path) -> dict[str, Any]:
    """Return the selection of the last training in a folder."""
    path = folder / "output" / "train" / "train.json"
    if not path.exists():  # the default trees have no training of ours
        return {}
    facts: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return {name: facts[name] for name in ("recipe", "calibration", "choice_cutoffs") if name in facts}


def _train(params: Params, known_by: date | None) -> None:
    snapshot.run(params, echo=QuietEcho())
    train.run(params, cutoff=known_by, echo=QuietEcho())


def _train_and_predict(params: Params, test: Sequence[date], known_by: date | None) -> pd.DataFrame:
    """Return the out-of-time predictions of `train`, calibrated as in `evaluate`, without its reports."""
    _train(params, known_by)
    snapshots, record = read_snapshots(params, known_by=known_by), read_challenger(params.output)
    out_of_time = read_out_of_time(params.output, snapshots)
    if out_of_time is None:
        raise RuntimeError(f"{params.output}: the training left no out-of-time predictions")
    probability = calibrate_out_of_time(snapshots, record.recipe, out_of_time, test)
    return _with_keys(snapshots, test, probability)


def _with_keys(snapshots: Snapshots, test: Sequence[date], probability: Any) -> pd.DataFrame:
    """Return the probabilities of the rows of some cutoffs, with the keys of the rows."""
    parts = [snapshots.rows.at([day]) for day in sorted(test)]
    customers = [snapshots.customers[code] for rows in parts for code in rows.customer]
    days = [day for day, rows in zip(sorted(test), parts, strict=True) for _ in range(len(rows))]
    return pd.DataFrame({"customer_id": customers, "cutoff": days, "probability": probability})
