"""Suggest the horizon of an inactivity label from the data: the shortest silence that means leaving."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from churn.data.own_files import open_own_parquet
from churn.data.store import Store, day_number
from churn.errors import CallError, Stop
from churn.features.engine.cohort import read_customers
from churn.labels.calendar import FirstTestCutoff, first_test_cutoff
from churn.labels.kaplan_meier import JACKKNIFE_GROUPS, MIN_AT_RISK, ReturnCurve, Silences, return_curve
from churn.metrics.interval import Interval

MAX_RETURN = 0.10
"""A silence of `d` days means leaving if at most this share of customers come back after `d` silent days."""

BATCH_ROWS = 1 << 20


@dataclass(frozen=True)
class HorizonSuggestion:
    """The horizon that the silences in the data suggest.

    Attributes:
        table: The label's table.
        requested_days: The horizon of the label.
        before: The end of the data that were used: only events before this date count. The date is at or
            before the first test cutoff, both for `requested_days` and for `suggested_days`, so no test data
            are used.
        silences: The number of silences.
        curve: The chance to come back, by the number of silent days.
        suggested_days: The smallest number of silent days after which at most the share `MAX_RETURN` of
            customers comes back. It is at most half of `curve.followed_days`. None if there is no such
            number.
    """

    table: str
    requested_days: int
    before: FirstTestCutoff
    silences: int
    curve: ReturnCurve
    suggested_days: int | None

    def as_json(self) -> dict[str, Any]:
        """Return the content of `horizon.json`."""
        curve, suggested_days = self.curve, self.suggested_days
        columns = (curve.chance, curve.low, curve.high, curve.at_risk)
        return {
            "table": self.table,
            "before": self.before.day.isoformat(),
            "before_is": self.before.description,
            "silences": self.silences,
            "followed_days": curve.followed_days,
            "most_return": MAX_RETURN,
            "suggested_days": suggested_days,
            "asked_days": self.requested_days,
            "return_after_suggested": _as_json(
                None if suggested_days is None else curve.after(suggested_days)
            ),
            "return_after_asked": _as_json(curve.after(self.requested_days)),
            "curve": [
                {"silent_days": d, "value": float(v), "low": float(lo), "high": float(hi), "watched": int(n)}
                for d, (v, lo, hi, n) in enumerate(zip(*columns, strict=True))
            ],
        }


def _as_json(interval: Interval | None) -> dict[str, Any] | None:
    return interval.as_json() if interval else None


def suggest_horizon(store: Store) -> HorizonSuggestion:
    """Suggest a horizon: the shortest silence after which few customers come back.

    A silence is the time from one day with an event to the customer's next day with an event. The last
    silence of each customer is open, because its end is not known yet. Customers who objected to being
    contacted are left out. Only data before the first test cutoff are used. If params.yaml names no test
    cutoffs, another horizon can move the first test cutoff to another day. If the suggested horizon moves it
    to an earlier day, the search is repeated with only the data before that day.

    Raises:
        CallError: `label.kind` is contract or event; only a label of kind inactivity has silences.
        Stop: there are too few silences.
    """
    label = store.params.label
    if label.is_event:
        raise CallError(
            "--horizon measures how long silences last, but label.kind is event, and such a label has no "
            "silences. Choose label.horizon_days yourself, long enough that you can act before the event."
        )
    if label.kind != "inactivity":
        raise CallError(
            "--horizon measures how long silences last, but label.kind is contract, and a contract ends on "
            "a known day. Choose label.horizon_days yourself, long enough that you can act before the "
            "contract ends."
        )
    before = first_test_cutoff(store)
    while True:
        silences = count_silences(store, label.core_table, before.day)
        curve = return_curve(silences)
        if curve is None:
            raise _too_few(store, silences, before)
        days = shortest_final_silence(curve)
        own_limit = before if days is None else first_test_cutoff(store, days)
        if own_limit.day >= before.day:
            return HorizonSuggestion(
                label.core_table, label.horizon_days, before, silences.total, curve, days
            )
        before = own_limit


def _too_few(store: Store, silences: Silences, before: FirstTestCutoff) -> Stop:
    later = "" if before.day == store.watermark else ", or name later dates under evaluate.test_cutoffs"
    return Stop(
        f"label: {store.params.label.core_table} holds {silences.total:,} silences (times in which a "
        f"customer has no event) before {before}. These silences are too few to estimate how likely "
        f"customers are to come back (at least {MIN_AT_RISK} silences of a day or longer are needed). "
        f"Ingest more history{later}."
    )


def shortest_final_silence(curve: ReturnCurve) -> int | None:
    """Return the smallest number of silent days after which at most the share `MAX_RETURN` of customers comes
    back.

    A silence of `d` days counts as final only if the data are long enough to follow it for another `d` days.
    If the data ended earlier, a customer who comes back later would seem to have left.
    """
    days = np.arange(1, len(curve.chance))
    final = days[(curve.chance[1:] <= MAX_RETURN) & (2 * days <= curve.followed_days)]
    return int(final[0]) if len(final) else None


def count_silences(store: Store, table: str, before: date) -> Silences:
    """Count the silences between days with an event, in one pass over the ordered rows of the store.

    Args:
        store: The store.
        table: The table with the events.
        before: The end of the data: only events before this date count, and open silences last until this
            date.
    """
    has_objected = read_customers(store).has_objected
    limit = day_number(before)
    width = max(limit - (store.tables[table].first_day or 0), 0) + 1
    closed_count = np.zeros(JACKKNIFE_GROUPS * width, dtype=np.int64)
    last_day = np.full(store.n_customers, -1, dtype=np.int64)
    names = ["customer", "day"]
    for path in store.files(table):
        with open_own_parquet(path, names, way_out="Run `churn ingest` again.") as file:
            for batch in file.iter_batches(BATCH_ROWS, columns=names):
                customer = batch.column("customer").to_numpy().astype(np.int64)
                day = batch.column("day").to_numpy().astype(np.int64)
                is_counted = (day < limit) & ~has_objected[customer]
                customer, day = customer[is_counted], day[is_counted]
                if not len(customer):
                    continue
                earlier = np.empty_like(day)
                earlier[1:] = np.where(customer[1:] == customer[:-1], day[:-1], -1)
                first = np.flatnonzero(np.concatenate([[True], customer[1:] != customer[:-1]]))
                # This is the customer's last day in an earlier batch.
                earlier[first] = last_day[customer[first]]
                gap = np.where(earlier >= 0, day - earlier, 0)
                cell = (customer % JACKKNIFE_GROUPS) * width + gap
                closed_count += np.bincount(cell[gap > 0], minlength=JACKKNIFE_GROUPS * width)
                last_day[customer] = day  # rows are in order, so the latest day stays
    active = np.flatnonzero(last_day >= 0)
    open_cell = (active % JACKKNIFE_GROUPS) * width + (limit - 1 - last_day[active])
    open_count = np.bincount(open_cell, minlength=JACKKNIFE_GROUPS * width)
    return Silences(
        closed_count.reshape(JACKKNIFE_GROUPS, width), open_count.reshape(JACKKNIFE_GROUPS, width)
    )
