"""Who was active at the start of each month, and what each customer paid per month at that time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

from churn.data.store import day_number
from churn.kpis.spells import ActivitySpells
from churn.labels.calendar import months_later

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

MONEY_DAYS = 91
"""The number of days of which the money of a customer without a contract is summed; the call list uses the
same number.
"""

WEEK_DAYS = 7
MAX_WEEKS = 26
"""The number of weeks for which stages are computed: enough for the alarms, and half a year."""

MAX_MONTHS = 12
"""The number of months that are shown: one year, so that each season is in it once."""


@dataclass(frozen=True)
class Activity:
    """Which customers were active at consecutive bounds: the starts of months, or of weeks.

    Attributes:
        bounds: The first days of consecutive months or weeks, and the end of the last one.
        active: Whether each customer was active at the start of each month (or week), shape
            `[bounds, customers]`.
        was_active: Whether each customer was active at some time before the start of each month (or week),
            shape `[bounds, customers]`.
        active_before_first: Whether each customer was active on day D, which is one month (or week) before
            the first bound, shape `[customers]`.
        was_active_before_first: Whether each customer was active at some time before this day D, shape
            `[customers]`.
        money: What each customer paid per month at the time of each of the `bounds`, in currency, shape
            `[bounds, customers]`; NaN if this is not known.
    """

    bounds: tuple[date, ...]
    active: Bools
    was_active: Bools
    active_before_first: Bools
    was_active_before_first: Bools
    money: Floats


def month_bounds(
    complete_from: date, cutoff: date, wait_days: int, max_months: int = MAX_MONTHS
) -> tuple[date, ...]:
    """Return the first day of each of the last complete months, then the day after the last month.

    Days for which it is not yet certain who was active are left out.

    Args:
        complete_from: The first day of complete data: from this day on, the data show each customer who
            leaves.
        cutoff: The end of the data.
        wait_days: The number of days to wait after a bound until it is certain who was active at the bound.
        max_months: The largest number of complete months to cover.

    >>> bounds = month_bounds(date(2025, 1, 15), date(2025, 4, 10), 30)
    >>> [str(bound) for bound in bounds]
    ['2025-02-01', '2025-03-01']
    """
    bound = complete_from.replace(day=1)
    bounds: list[date] = []
    while day_number(bound) + wait_days <= day_number(cutoff):
        if bound >= complete_from:
            bounds.append(bound)
        bound = months_later(bound, 1)
    return tuple(bounds[-max_months - 1 :])


def week_bounds(
    complete_from: date, cutoff: date, wait_days: int, max_weeks: int = MAX_WEEKS
) -> tuple[date, ...]:
    """Return the first day of each of the last complete weeks, then the day after the last week.

    Days for which it is not yet certain who was active are left out.

    Args:
        complete_from: The first day of complete data: from this day on, the data show each customer who
            leaves.
        cutoff: The end of the data.
        wait_days: The number of days to wait after a bound until it is certain who was active at the bound.
        max_weeks: The largest number of complete weeks to cover.

    >>> [str(bound) for bound in week_bounds(date(2025, 1, 15), date(2025, 3, 5), 30)]
    ['2025-01-20', '2025-01-27', '2025-02-03']
    """
    known = cutoff - timedelta(wait_days)
    monday = known - timedelta(known.weekday())
    bounds = [monday - timedelta(7 * number) for number in reversed(range(max_weeks + 1))]
    return tuple(bound for bound in bounds if bound >= complete_from)


def active_at(spells: ActivitySpells, bounds: Sequence[date], n_customers: int) -> Bools:
    """Return whether each customer was active at each bound, `[bounds, customers]`."""
    result = np.zeros((len(bounds), n_customers), dtype=bool)
    for row, bound in enumerate(bounds):
        day = day_number(bound)
        result[row, spells.customer[(spells.start < day) & (spells.end >= day)]] = True
    return result


def active_before(spells: ActivitySpells, bounds: Sequence[date], n_customers: int) -> Bools:
    """Return whether each customer was active at some time before each bound, `[bounds, customers]`.

    A customer who joined on the day of the bound becomes active only after the bound.
    """
    result = np.zeros((len(bounds), n_customers), dtype=bool)
    for row, bound in enumerate(bounds):
        result[row, spells.customer[spells.start < day_number(bound)]] = True
    return result


def _bound_before(bounds: Sequence[date]) -> date:
    """Return the start of the week or month before the first bound."""
    if len(bounds) > 1 and (bounds[1] - bounds[0]).days == WEEK_DAYS:
        return bounds[0] - timedelta(WEEK_DAYS)
    return months_later(bounds[0], -1)


def activity_at(spells: ActivitySpells, bounds: tuple[date, ...], money: Floats) -> Activity:
    """Return which customers were active at each bound: at the start of each month or week.

    Args:
        spells: When customers were active.
        bounds: The first days of consecutive months or weeks, and the end of the last one.
        money: What each customer paid per month at each bound, `[bounds, customers]`.
    """
    n_customers = money.shape[1]
    earlier = [_bound_before(bounds)] if bounds else []
    no_customers = np.zeros(n_customers, dtype=bool)
    return Activity(
        bounds=bounds,
        active=active_at(spells, bounds, n_customers),
        was_active=active_before(spells, bounds, n_customers),
        active_before_first=active_at(spells, earlier, n_customers)[0] if bounds else no_customers,
        was_active_before_first=active_before(spells, earlier, n_customers)[0] if bounds else no_customers,
        money=money,
    )
