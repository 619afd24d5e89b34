"""Labels: which customers left, or had the event, in `[cutoff + gap, cutoff + gap + horizon)`.

A label depends on when events happened, not on when they became known.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np

from churn.data.label_events import CUSTOMER, DAY, event_rows
from churn.data.store import Store, day_number
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
    """Return per cutoff the label of every customer code: `LEFT`, `STAYED`, or a reason to drop the row.

    The labels of a cutoff mean nothing before they are matured (see `label_window`). The labels of customers
    outside the cohort never mean anything.

    Returns:
        One array per cutoff, shape (customers,).

    Raises:
        SourceError: the label asks for a kind of leaving that the data cannot tell.
    """
    kind_of_leaving = store.params.label.leaving
    return [outcomes.label(kind_of_leaving) for outcomes in outcomes_at(store, cutoffs)]


def outcomes_at(store: Store, cutoffs: Sequence[date]) -> list[CustomerOutcomes]:
    """Return per cutoff the outcome of every customer code.

    Raises:
        SourceError: the label asks for a kind of leaving that the data cannot tell, or for rows that its
            condition cannot select.
    """
    return _OUTCOMES_BY_KIND[store.params.label.kind](store, cutoffs)


def inactivity_outcomes(store: Store, cutoffs: Sequence[date]) -> list[CustomerOutcomes]:
    """Return the outcomes by inactivity: a customer left if the label's table has no event in the window.

    Events in the gap do not matter. A churner comes back with the first event after the window and before the
    watermark.
    """
    label, late_days = store.params.label, store.params.snapshot.late_days
    columns = []
    for number, cutoff in enumerate(cutoffs):
        window = label_window(cutoff, label, late_days)
        start, end = day_number(window.start), day_number(window.end)
        columns.append(f"bool_or(day >= {start} AND day < {end}) AS inside{number}")
        columns.append(f"min(CASE WHEN day >= {end} THEN day END) AS back{number}")
    with store.connect() as connection:
        events = connection.execute(
            f"SELECT customer, {', '.join(columns)} FROM {store.scan(label.core_table)} "
            f"WHERE day < {day_number(store.watermark)} GROUP BY 1"
        ).fetchnumpy()
    result = []
    for number in range(len(cutoffs)):
        outcome = np.full(store.n_customers, GONE, dtype=np.int8)
        outcome[events["customer"][np.asarray(events[f"inside{number}"], dtype=bool)]] = STAYED
        back_on = np.full(store.n_customers, NEVER, dtype=np.int32)
        back_on[events["customer"]] = np.ma.filled(events[f"back{number}"], NEVER)
        result.append(CustomerOutcomes(outcome, back_on))
    return result


def event_outcomes(store: Store, cutoffs: Sequence[date]) -> list[CustomerOutcomes]:
    """Return the outcomes by event: whether a row of the label's table meets `label.where` in the window.

    Rows in the gap do not matter, except with `label.once`: a customer whose event falls in the gap has had
    it before the window, so the row is dropped.

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
