"""Labels: which customers left, or had the event, in `[cutoff + gap, cutoff + gap + horizon)`.

A label depends on when events happened, not on when they became known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from churn.data.label_events import CUSTOMER, DAY, event_rows
from churn.data.store import Store, day_number
from churn.data.table_rows import read_batches
from churn.features.language.reader import NEVER
from churn.labels.contract import contract_outcomes
from churn.labels.outcomes import (
    EVENT,
    EVENT_IN_GAP,
    GONE,
    NO_EVENT,
    STAYED,
    CustomerOutcomes,
    Labels,
    label_window,
)


def labels_at(store: Store, cutoffs: Sequence[date]) -> list[Labels]:
    """Return for each cutoff the label of every customer: `LEFT`, `STAYED`, or a key of `DROP_REASONS`.

    The caller must ignore the labels of customers outside the cohort. The caller must also ignore the labels
    of a cutoff until they are matured, which means that their data are complete (see `label_window`).

    Returns:
        One array per cutoff, in the order of the customer codes, shape (customers,).

    Raises:
        SourceError: the label needs a kind of leaving that the data cannot identify.
    """
    label = store.params.label
    if label.kind == "inactivity":  # the days of return would need much memory
        outcomes = inactivity_outcomes(store, cutoffs, with_return=False)
    else:
        outcomes = outcomes_at(store, cutoffs)
    return [outcome.label(label.leaving) for outcome in outcomes]


def outcomes_at(store: Store, cutoffs: Sequence[date]) -> list[CustomerOutcomes]:
    """Return for each cutoff the outcome of every customer, in the order of the customer codes.

    Raises:
        SourceError: the label needs a kind of leaving that the data cannot identify, or its
            condition `label.where` cannot be used.
    """
    return _OUTCOMES_BY_KIND[store.params.label.kind](store, cutoffs)


def inactivity_outcomes(
    store: Store, cutoffs: Sequence[date], *, with_return: bool = True
) -> list[CustomerOutcomes]:
    """Return the outcomes for a label of kind inactivity: a customer left if the label window has no event of
    the customer.

    An event is a row of the label's table, such as a login. Events in the gap do not matter. Only events
    before the watermark (the end of the complete data) count. The day of a churner's return is the day of the
    first event after the window. The table is read once for all cutoffs.

    Args:
        store: The store.
        cutoffs: The cutoffs.
        with_return: Whether to find out who came back; otherwise `back_on` is `NEVER` for everybody.
    """
    label, late_days = store.params.label, store.params.snapshot.late_days
    windows = [label_window(cutoff, label, late_days) for cutoff in cutoffs]
    bounds = [(day_number(window.start), day_number(window.end)) for window in windows]
    shape = (len(cutoffs), store.n_customers)
    outcome = np.full(shape, GONE, dtype=np.int8)
    back_on = np.full(shape if with_return else (1, store.n_customers), NEVER, dtype=np.int32)
    for rows in read_batches(store, label.core_table):
        is_counted = rows.day < day_number(store.watermark)
        events = _EventDays.of_rows(rows.customer[is_counted], rows.day[is_counted])
        if events is None:
            continue
        customers = slice(events.first_customer, events.first_customer + events.n_customers)
        for number, (start, end) in enumerate(bounds):
            outcome[number, customers][events.first_from(start) < end] = STAYED
            if with_return:
                own = back_on[number, customers]  # a customer's rows may lie in two batches
                np.minimum(own, events.first_from(end), out=own)
    return [
        CustomerOutcomes(outcome[number], back_on[number if with_return else 0])
        for number in range(len(cutoffs))
    ]


@dataclass(frozen=True)
class _EventDays:
    """The events of a range of customers: each key holds the customer and the day of one event.

    Attributes:
        keys: `(customer - first_customer) * width + day - first_day` of each event, ascending, `[events]`.
            So each customer has `width` possible keys, one for each day.
        first_customer, n_customers: The code of the first customer of the range, and the number of codes in
            the range.
        first_day: The day number of the first day with an event.
        width: The number of days from `first_day` to the last day with an event; both days are counted.
    """

    keys: npt.NDArray[np.int64]
    first_customer: int
    n_customers: int
    first_day: int
    width: int

    @classmethod
    def of_rows(cls, customer: npt.NDArray[np.int64], day: npt.NDArray[np.int64]) -> _EventDays | None:
        """Return the events, which are given in the order of (customer, time); None if there are none."""
        if not len(customer):
            return None
        first_customer, first_day = int(customer[0]), int(day.min())
        width = int(day.max()) - first_day + 1
        keys = (customer - first_customer) * width + (day - first_day)
        if (keys[1:] < keys[:-1]).any():  # in some time zones, a clock change leads back to the day before
            keys.sort()
        return cls(keys, first_customer, int(customer[-1]) - first_customer + 1, first_day, width)

    def first_from(self, day: int) -> npt.NDArray[np.int32]:
        """Return, for each customer, the first day with an event on or after `day`.

        The value is `NEVER` if there is no such day. The shape is `[customers]`.
        """
        base = np.arange(self.n_customers, dtype=np.int64) * self.width
        position = np.searchsorted(self.keys, base + min(max(day - self.first_day, 0), self.width))
        key = self.keys[np.minimum(position, len(self.keys) - 1)] - base
        exists = (position < len(self.keys)) & (key < self.width)
        return np.where(exists, key + self.first_day, NEVER).astype(np.int32)


def event_outcomes(store: Store, cutoffs: Sequence[date]) -> list[CustomerOutcomes]:
    """Return the outcomes for a label of kind event: whether, in the label window, a row of the label's table
    meets `label.where`.

    Events in the gap matter only with `label.once`. A customer with an event in the gap had the event before
    the window, so this customer is kept out of training at this cutoff.

    Raises:
        SourceError: `label.where` cannot be used.
    """
    label, late_days = store.params.label, store.params.snapshot.late_days
    columns = []
    for number, cutoff in enumerate(cutoffs):
        window = label_window(cutoff, label, late_days)
        begin, start, end = day_number(cutoff), day_number(window.start), day_number(window.end)
        columns.append(f"bool_or({DAY} >= {start} AND {DAY} < {end}) AS inside{number}")
        columns.append(f"bool_or({DAY} >= {begin} AND {DAY} < {start}) AS gap{number}")
    with store.connect() as connection:
        events = connection.execute(
            f"SELECT {CUSTOMER} AS customer, {', '.join(columns)} FROM {event_rows(store, connection)} "
            f"WHERE {DAY} < {day_number(store.watermark)} GROUP BY 1"
        ).fetchnumpy()
    result = []
    for number in range(len(cutoffs)):
        outcome = np.full(store.n_customers, NO_EVENT, dtype=np.int8)
        outcome[events["customer"][np.asarray(events[f"inside{number}"], dtype=bool)]] = EVENT
        if label.once:
            outcome[events["customer"][np.asarray(events[f"gap{number}"], dtype=bool)]] = EVENT_IN_GAP
        back_on = np.full(store.n_customers, NEVER, dtype=np.int32)
        result.append(CustomerOutcomes(outcome, back_on))
    return result


_OUTCOMES_BY_KIND = {
    "inactivity": inactivity_outcomes,
    "contract": contract_outcomes,
    "event": event_outcomes,
}
"""How the outcomes of each kind of label are computed."""
