"""Read the outcomes and the unwanted events of the units of a ledger."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn.data.acts import read_event_days, read_objection_days
from churn.data.store import Store
from churn.experiments.experiment_units import Maturity
from churn.experiments.ledger import Ledger
from churn.features.engine.cohort import AT_RISK, read_customers
from churn.features.engine.matrix import cohorts_without_objections
from churn.labels.labels import labels_at
from churn.labels.outcomes import LEFT, STAYED, Labels, label_window

OutcomeAt = Callable[[date, Sequence[str]], npt.NDArray[np.float64]]
"""A function that gets a cutoff and customers. It returns for each customer 1 (left), 0 (stayed) or NaN (no
label).
"""

NO_LABEL = -9
"""The code of a customer without a label; a label takes one byte for each customer and night."""

UNWANTED_EVENTS = {
    "unsubscribed from e-mails": ("emails", "unsubscribed_at"),
    "opened a ticket": ("tickets", None),
}
"""The unwanted events that a contact may cause: for each the table, and the column of its time if this is not
the time of the row.
"""

OBJECTION = "objected to being contacted"


@dataclass(frozen=True)
class LabelOutcomes:
    """The labels of customers, and the days on which they become known.

    Attributes:
        left_at: A function that returns whether customers left after a cutoff.
        maturity: Tells on which day each label becomes known.
    """

    left_at: OutcomeAt
    maturity: Maturity


@dataclass(frozen=True)
class Outcomes(LabelOutcomes):
    """The labels of customers with the days on which they become known, and the unwanted events of customers.

    Attributes:
        horizon_days: The number of days from a cutoff to the end of the label's window.
        events: The days of each unwanted event, by its name, with the columns `customer_id` and `day`.
    """

    horizon_days: int
    events: Mapping[str, pd.DataFrame]


def read_labels(store: Store, starts: Iterable[date], watermark: date) -> LabelOutcomes:
    """Read the labels of customers for the nights in which units entered an experiment.

    A customer has a label for a night only if, in that night, the customer could still leave (or have the
    event that the label asks for). A customer who later objects to being contacted keeps the label, because a
    contact of the experiment may have caused the objection. The objection does not count as leaving; it is an
    unwanted event.

    Args:
        store: The store.
        starts: The nights.
        watermark: The day up to which data are used.

    Raises:
        SourceError: the label needs a kind of leaving that the data cannot identify.
    """
    label, late_days = store.params.label, store.params.snapshot.late_days
    maturity = Maturity(lambda night: label_window(night, label, late_days).mature_on, watermark)
    nights = [night for night in sorted(starts) if maturity.mature_on(night) <= watermark]
    rows = {str(customer): row for row, customer in enumerate(read_customers(store).ids)}
    left_by_night = dict(zip(nights, _labels(store, nights), strict=True))

    def left_at(night: date, customers: Sequence[str]) -> npt.NDArray[np.float64]:
        left = left_by_night[night]
        labels = np.array([left[rows[who]] if who in rows else NO_LABEL for who in customers])
        return np.where(labels == NO_LABEL, np.nan, labels.astype(np.float64))

    return LabelOutcomes(left_at, maturity)


def read_outcomes(store: Store, ledger: Ledger, watermark: date) -> Outcomes:
    """Read the outcomes and the unwanted events of the units in a ledger.

    Args:
        store: The store.
        ledger: The ledger with the units and their nights.
        watermark: The day up to which data are used.

    Raises:
        SourceError: the label needs a kind of leaving that the data cannot identify.
    """
    starts = {*ledger.assignments["assigned_on"], *ledger.tasks["planned_on"]}
    labels, label = read_labels(store, starts, watermark), store.params.label
    return Outcomes(
        left_at=labels.left_at,
        maturity=labels.maturity,
        horizon_days=label.gap_days + label.horizon_days,
        events=_unwanted_events(store, watermark, min(starts, default=watermark)),
    )


def _labels(store: Store, nights: Sequence[date]) -> list[Labels]:
    """Return for each night the label of each customer: `LEFT`, `STAYED` or `NO_LABEL`."""
    if not nights:
        return []
    result = []
    for cohort, label in zip(
        cohorts_without_objections(store, nights), labels_at(store, nights), strict=True
    ):
        has_label = (cohort.status == AT_RISK) & np.isin(label, (LEFT, STAYED))
        result.append(np.where(has_label, label, NO_LABEL).astype(np.int8))
    return result


def _unwanted_events(store: Store, watermark: date, since: date) -> dict[str, pd.DataFrame]:
    """Return the days on which customers had each unwanted event that the company records."""
    days = {
        name: read_event_days(store, table, watermark, column, since=since).to_pandas()
        for name, (table, column) in UNWANTED_EVENTS.items()
        if store.has(table)
    }
    objections = read_objection_days(store, watermark, since=since)
    return days if objections is None else days | {OBJECTION: objections.to_pandas()}
