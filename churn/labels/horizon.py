"""The horizon of an inactivity label chosen from data: how long a silence must be to mean leaving."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from churn.data.store import Store, day_number
from churn.errors import CallError, Stop
from churn.features.engine.cohort import read_customers
from churn.labels.calendar import FirstTestCutoff, first_test_cutoff
from churn.labels.kaplan_meier import JACKKNIFE_GROUPS, MIN_AT_RISK, ReturnCurve, Silences, return_curve

MAX_RETURN = 0.10
"""A silence means leaving once at most so many of those who kept it so long come back."""

BATCH_ROWS = 1 << 20


@dataclass(frozen=True)
class HorizonSuggestion:
    """What the silences in the data say about the horizon.

    Attributes:
        before: Only events before this date were looked at; no test cutoff lies earlier, neither at the
            label's own horizon nor at the one suggested.
        silences: How many silences there were.
        curve: The chance to come back, by silent days.
        suggested: The smallest number of days after which at most `MOST_RETURN` come back, None if there is
            none that the data can follow for as long again.
    """

    table: str
    asked: int
    before: FirstTestCutoff
    silences: int
    curve: ReturnCurve
    suggested: int | None

    def stated(self) -> dict[str, Any]:
        """Return all of it as plain data."""
        curve = self.curve
        columns = (curve.chance, curve.low, curve.high, curve.at_risk)
        return {
            "table": self.table,
            "before": self.before.day.isoformat(),
            "before_is": self.before.what,
            "silences": self.silences,
            "followed_days": curve.followed_days,
            "most_return": MAX_RETURN,
            "suggested_days": self.suggested,
            "asked_days": self.asked,
            "return_after_suggested": None if self.suggested is None else curve.after(self.suggested),
            "return_after_asked": curve.after(self.asked),
            "curve": [
                {"silent_days": d, "value": float(v), "low": float(lo), "high": float(hi), "watched": int(n)}
                for d, (v, lo, hi, n) in enumerate(zip(*columns, strict=True))
            ],
        }


def suggest_horizon(store: Store) -> HorizonSuggestion:
    """Estimate the chance to come back from a silence, and the shortest horizon that means leaving.

    Silences lie between days with an event; the last of each customer is still open. Customers who objected
    are left out. Test cutoffs by default begin earlier for a longer horizon: what is suggested is looked for
    again in what lies before them, until none of its own was looked into.

    Raises:
        CallError: the label is one of contracts, which end on a day and not by silence.
        Stop: there are too few silences.
    """
    label = store.params.label
    if label.kind != "inactivity":
        raise CallError(
            "--horizon reads how long silences last, and this label is one of contracts, which end on a day. "
            "Choose label.horizon_days by how far ahead you can act."
        )
    before = first_test_cutoff(store)
    while True:
        found = count_silences(store, label.core_table, before.day)
        curve = return_curve(found)
        if curve is None:
            raise _too_few(store, found, before)
        days = shortest_final_silence(curve)
        own = before if days is None else first_test_cutoff(store, days)
        if own.day >= before.day:
            return HorizonSuggestion(label.core_table, label.horizon_days, before, found.number, curve, days)
        before = own


def _too_few(store: Store, found: Silences, before: FirstTestCutoff) -> Stop:
    later = "" if before.day == store.watermark else ", or name later dates under evaluate.test_cutoffs"
    return Stop(
        f"label: {store.params.label.core_table} holds {found.number:,} silences before {before}, too few to "
        f"tell how likely one ends ({MIN_AT_RISK} must be watched for a day or more). "
        f"Ingest more history{later}."
    )


def shortest_final_silence(curve: ReturnCurve) -> int | None:
    """Return the smallest number of silent days after which at most `MOST_RETURN` come back.

    A silence must be followed for as long again before it counts as final, else the end of the data would
    pass for the end of the customer.
    """
    days = np.arange(1, len(curve.chance))
    fitting = days[(curve.chance[1:] <= MAX_RETURN) & (2 * days <= curve.followed_days)]
    return int(fitting[0]) if len(fitting) else None


def count_silences(store: Store, table: str, before: date) -> Silences:
    """Count the silences between the days with an event, in one pass over the ordered rows of the store."""
    objected = read_customers(store).objected
    limit = day_number(before)
    width = max(limit - (store.tables[table].first_day or 0), 0) + 1
    ended = np.zeros(JACKKNIFE_GROUPS * width, dtype=np.int64)
    last_day = np.full(store.n_customers, -1, dtype=np.int64)
    for path in store.files(table):
        for batch in pq.ParquetFile(path).iter_batches(BATCH_ROWS, columns=["customer", "day"]):
            customer = batch.column("customer").to_numpy().astype(np.int64)
            day = batch.column("day").to_numpy().astype(np.int64)
            kept = (day < limit) & ~objected[customer]
            customer, day = customer[kept], day[kept]
            if not len(customer):
                continue
            earlier = np.empty_like(day)
            earlier[1:] = np.where(customer[1:] == customer[:-1], day[:-1], -1)
            first = np.flatnonzero(np.concatenate([[True], customer[1:] != customer[:-1]]))
            earlier[first] = last_day[customer[first]]  # what an earlier batch or file saw of them
            gap = np.where(earlier >= 0, day - earlier, 0)
            place = (customer % JACKKNIFE_GROUPS) * width + gap
            ended += np.bincount(place[gap > 0], minlength=JACKKNIFE_GROUPS * width)
            last_day[customer] = day  # rows are in order, so the last one stays
    seen = np.flatnonzero(last_day >= 0)
    open_ = np.bincount(
        (seen % JACKKNIFE_GROUPS) * width + (limit - 1 - last_day[seen]), minlength=JACKKNIFE_GROUPS * width
    )
    return Silences(ended.reshape(JACKKNIFE_GROUPS, width), open_.reshape(JACKKNIFE_GROUPS, width))
