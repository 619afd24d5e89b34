"""The figures of an event: for how many customers it was possible, and how many had it.

The figures are computed by period and segment. A label of kind event says which event is wanted, such as an
upgrade, but not who leaves the company. So the figures of retention have no value, and the reason is shown
instead.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

from churn.data.label_events import CUSTOMER, DAY, event_rows
from churn.data.store import Store, day_number
from churn.features.engine.matrix import cohorts_without_objections
from churn.kpis.figure import Figure, Period, in_slice, missing_figure
from churn.kpis.retention import share_figure
from churn.kpis.section import SectionResult
from churn.kpis.segments import Segmentation, segmentations_for

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

EVENT_NAMES = ("event_rate", "event_candidates", "event_customers")
NOBODY_COULD = "no customer could have the event at the start"
NO_EVENTS = "the tables that decide the event have no rows for a whole period"
PERIODS_AT_ONCE = 16
"""The number of periods that are read together; it limits the memory, which grows with periods x
customers.
"""


class EventResult(SectionResult):
    """The figures of the event that the label counts.

    Attributes:
        event: The name of the event.
    """

    event: str = ""


def no_leaving(location: str) -> str:
    """Return the reason why a label of kind event gives no figures of retention.

    Args:
        location: The file and the key in which the kind of the label is set.
    """
    return (
        f"{location} is event, which does not say who stays a customer; give a label of contracts or of "
        "inactivity in a parameter file of its own"
    )


def event_section(
    store: Store,
    periods: Mapping[str, Sequence[Period]],
    segmentations: Sequence[Segmentation],
    cutoff: date,
    latest: Period,
) -> EventResult:
    """Compute the figures of the event for all periods and segments.

    Args:
        store: The store; its label is of kind event.
        periods: For each kind of period (such as month), consecutive periods.
        segmentations: The divisions of the customers into segments; the first has a single segment with
            all customers.
        cutoff: Only what happened before this midnight counts.
        latest: The latest period; a figure that is missing in all periods is reported only for this one.

    Raises:
        SourceError: `label.where` cannot be used.
    """
    figures = tuple(_figures(store, periods, segmentations, cutoff))
    if not figures:
        figures = tuple(missing_figure(name, latest, NO_EVENTS) for name in EVENT_NAMES)
    return EventResult(figures=figures, event=store.params.label.words.event)


def _figures(
    store: Store,
    periods: Mapping[str, Sequence[Period]],
    segmentations: Sequence[Segmentation],
    cutoff: date,
) -> Iterator[Figure]:
    late_days = store.params.snapshot.late_days
    for kind, sequence in periods.items():
        divisions = segmentations_for(kind, segmentations)
        for first in range(0, len(sequence), PERIODS_AT_ONCE):
            some = sequence[first : first + PERIODS_AT_ONCE]
            could = cohorts_without_objections(store, [period.start for period in some])
            for period, cohort, had in zip(some, could, events_in(store, some, cutoff), strict=True):
                known_on = period.end + timedelta(late_days)
                for segmentation in divisions:
                    counts = _counts(segmentation, cohort.members, had)
                    for part, own in enumerate(counts.T.tolist()):
                        piece = segmentation.slice_of(part)
                        figures = _period_figures(period, own, known_on if known_on > cutoff else None)
                        if piece is None:
                            yield from figures
                        elif any(own):
                            yield from in_slice(figures, piece)


def events_in(store: Store, periods: Sequence[Period], cutoff: date) -> Bools:
    """Return which customers had the event in each period, `[periods, customers]`.

    Args:
        store: The store; its label is of kind event.
        periods: The periods.
        cutoff: Only events before this midnight count.

    Raises:
        SourceError: `label.where` cannot be used.
    """
    columns = [
        f"bool_or({DAY} >= {day_number(period.start)} AND {DAY} < {day_number(period.end)}) AS had{number}"
        for number, period in enumerate(periods)
    ]
    with store.connect() as connection:
        rows = connection.execute(
            f"SELECT {CUSTOMER} AS customer, {', '.join(columns)} FROM {event_rows(store, connection)} "
            f"WHERE {DAY} >= {day_number(periods[0].start)} AND {DAY} < {day_number(cutoff)} GROUP BY 1"
        ).fetchnumpy()
    had = np.zeros((len(periods), store.n_customers), dtype=bool)
    for number in range(len(periods)):
        had[number, rows["customer"][np.asarray(rows[f"had{number}"], dtype=bool)]] = True
    return had


def _counts(segmentation: Segmentation, could: Bools, had: Bools) -> Ints:
    """Return how many customers of each segment are in `could`, in `could & had`, and in `had`.

    The result has the shape `[3, segments]`. `could` marks the customers for whom the event was possible at
    the start of the period. `had` marks all customers who had the event in the period, even if it was not
    possible at the start.
    """
    n_parts = len(segmentation.levels)
    return np.array(
        [np.bincount(segmentation.code[mask], minlength=n_parts) for mask in (could, could & had, had)]
    )


def _period_figures(period: Period, counts: Sequence[int], known_on: date | None) -> list[Figure]:
    """Return the figures of one period and one segment; `known_on` is the day from which they are certain."""
    n_could, n_had, n_all = counts
    could = Figure(name="event_candidates", period=period, value=n_could, n=n_could)
    if known_on is not None:
        reason = f"rows of the period may come late; it is complete on {known_on}"
        names = ("event_rate", "event_customers")
        return [could, *(missing_figure(name, period, reason) for name in names)]
    return [
        share_figure("event_rate", period, n_had, n_could, NOBODY_COULD),
        could,
        Figure(name="event_customers", period=period, value=n_all, n=n_all),
    ]
