"""Weeks, months and quarters of local days, from the first day of the data to the watermark (the end of the
complete data).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Literal

from churn.kpis.figure import Period
from churn.labels.calendar import months_later

CalendarKind = Literal["week", "month", "quarter"]
CALENDAR_KINDS: tuple[CalendarKind, ...] = ("week", "month", "quarter")

MONTHS = {"month": 1, "quarter": 3}


def period_of(kind: CalendarKind, day: date) -> Period:
    """Return the period that holds a day.

    >>> str(period_of("week", date(2025, 3, 2))), str(period_of("quarter", date(2025, 3, 31)))
    ('2025-W09', '2025-Q1')
    """
    if kind == "week":
        start = day - timedelta(days=day.weekday())
        return Period(kind=kind, start=start, end=start + timedelta(days=7))
    length = MONTHS[kind]
    start = date(day.year, day.month - (day.month - 1) % length, 1)
    return Period(kind=kind, start=start, end=months_later(start, length))


def complete_periods(kind: CalendarKind, first: date, watermark: date) -> tuple[Period, ...]:
    """Return the periods that lie within `[first, watermark)`, in order of time.

    Args:
        kind: Whether the periods are weeks, months or quarters.
        first: The first day of the data.
        watermark: The day up to which the data are complete.

    >>> [str(period) for period in complete_periods("month", date(2024, 11, 2), date(2025, 2, 1))]
    ['2024-12', '2025-01']
    """
    periods = []
    period = period_of(kind, first)
    if period.start < first:
        period = period_of(kind, period.end)
    while period.end <= watermark:
        periods.append(period)
        period = period_of(kind, period.end)
    return tuple(periods)


def latest_period(kind: CalendarKind, watermark: date) -> Period:
    """Return the latest period that ends on or before the watermark.

    >>> str(latest_period("month", date(2025, 3, 1))), str(latest_period("month", date(2025, 2, 28)))
    ('2025-02', '2025-01')
    """
    return period_of(kind, period_of(kind, watermark).start - timedelta(days=1))


def open_period(kind: CalendarKind, watermark: date) -> Period | None:
    """Return the period in which the watermark lies; None if the watermark is the end of a period.

    >>> open_period("month", date(2025, 2, 1)) is None, open_period("month", date(2025, 2, 2)).is_open
    (True, True)
    """
    period = period_of(kind, watermark)
    return None if period.start == watermark else period.model_copy(update={"is_open": True})


def bounds_of(periods: Sequence[Period]) -> tuple[date, ...]:
    """Return the starts of consecutive periods, and the end of the last period; empty if there are no
    periods.
    """
    return (*(period.start for period in periods), *(period.end for period in periods[-1:]))
