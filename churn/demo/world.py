"""The constants of the demo company: its calendar, its plans, and the possible attributes of its customers.

Days are counted from `FIRST_DAY`: day 0 is the first day of the history, and day `HISTORY_DAYS` is the
watermark, up to which the data are complete. All dates are fixed, so that a demo that is written next year
has the same bytes as today. The history ends with ordinary weeks. If it ended at a quiet New Year, the
signals of its last night would differ from those of nearly all nights in training.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from churn.data.store import day_number

Values = npt.NDArray[Any]

FIRST_DAY = date(2024, 4, 1)
WATERMARK = date(2025, 10, 1)
HISTORY_DAYS = (WATERMARK - FIRST_DAY).days
CALENDAR_DAYS = 999
"""The last day up to which a company can live on after its history, 2026-12-26."""

BURN_IN_DAYS = 90
"""The number of days that are simulated before the history: troubles begin and end, but nobody leaves."""

LABEL_HORIZON_DAYS = 31
LABEL_GRACE_DAYS = 30
YEAR_DAYS = 365
FAR = 1_000_000
"""The number of a day that never comes."""

FIRST_DAY_NUMBER = day_number(FIRST_DAY)
DAY_SECONDS = 86_400
WATERMARK_SECONDS = (FIRST_DAY_NUMBER + HISTORY_DAYS) * DAY_SECONDS

COUNTRIES = ("DE", "AT", "CH", "GB", "FR", "US", "NL")
COUNTRY_SHARE = (0.46, 0.10, 0.08, 0.13, 0.08, 0.09, 0.06)
GERMAN_SHARE = (0.93, 0.95, 0.70, 0.02, 0.03, 0.01, 0.06)
SIZES = ("solo", "small", "medium", "large")
SIZE_SHARE = (0.34, 0.38, 0.20, 0.08)
INDUSTRIES = ("trade", "services", "manufacturing", "health", "software", "education")
INDUSTRY_SHARE = (0.24, 0.28, 0.16, 0.11, 0.14, 0.07)
CHANNELS = ("search", "partner", "recommendation", "event", "advert")
CHANNEL_SHARE = (0.34, 0.18, 0.16, 0.10, 0.22)
PLANS = ("basic", "team", "business")
PLAN_PRICE = (29.0, 89.0, 249.0)
PLAN_SHARE_BY_SIZE = ((0.78, 0.20, 0.02), (0.45, 0.47, 0.08), (0.12, 0.58, 0.30), (0.02, 0.33, 0.65))
YEARLY_SHARE_BY_SIZE = (0.12, 0.25, 0.42, 0.60)
SEATS_BY_SIZE = (1.0, 1.6, 3.2, 8.0)
YEARLY_REBATE = 0.9


def day_of(when: date) -> int:
    """Return the day number of a date."""
    return (when - FIRST_DAY).days


def date_of(day: int) -> date:
    """Return the date of a day number."""
    return FIRST_DAY + timedelta(days=day)


def seconds_at(day: Values, second_of_day: Values | int = 0) -> Values:
    """Convert a day number and a second of that day to seconds since the start of 1970 by the local clock."""
    return (day.astype(np.int64) + FIRST_DAY_NUMBER) * DAY_SECONDS + second_of_day


def truth_cutoffs() -> tuple[date, ...]:
    """Return the first day of each month, from the seventh month of the history to the watermark."""
    first_month = FIRST_DAY.year * 12 + FIRST_DAY.month - 1
    last_month = WATERMARK.year * 12 + WATERMARK.month - 1
    return tuple(date(month // 12, month % 12 + 1, 1) for month in range(first_month + 6, last_month + 1))


def _calendar(first: int, last: int) -> list[date]:
    return [date_of(day) for day in range(first, last)]


_LONGEST_AGO = -BURN_IN_DAYS
_LAST = CALENDAR_DAYS + LABEL_HORIZON_DAYS + 1
_DAYS = _calendar(_LONGEST_AGO, _LAST)
_DAY_OF_MONTH = np.array([d.day for d in _DAYS], dtype=np.int16)

_LEAVING_BY_MONTH = (1.18, 1.05, 1.0, 0.97, 0.95, 1.0, 1.06, 0.96, 1.04, 1.0, 0.95, 0.90)
_LEAVING_SEASON = np.array([_LEAVING_BY_MONTH[d.month - 1] for d in _DAYS])


def day_of_month(day: int) -> int:
    """Return the day of the month, 1..31, of a day number.

    The day number is at least `-BURN_IN_DAYS` and at most `CALENDAR_DAYS + LABEL_HORIZON_DAYS`.
    """
    return int(_DAY_OF_MONTH[day - _LONGEST_AGO])


def leaving_season(day: int) -> float:
    """Return the factor by which the season of the year changes each hazard of leaving."""
    return float(_LEAVING_SEASON[day - _LONGEST_AGO])


def _use_factor(day: date) -> float:
    week = 0.34 if day.weekday() >= 5 else (1.28, 1.32, 1.30, 1.25, 1.12)[day.weekday()]
    holidays = (day.month == 12 and day.day >= 23) or (day.month == 1 and day.day <= 2)
    summer = day.month == 8 or (day.month == 7 and day.day >= 20)
    return week * (0.35 if holidays else 0.80 if summer else 1.0)


USE_BY_DAY = np.array([_use_factor(date_of(day)) for day in range(CALENDAR_DAYS)], dtype=np.float32)
"""The usage factor of each day of the calendar, which is low at weekends, in summer and at New Year. Shape
[day].
"""

WEEKDAY = np.array([date_of(day).weekday() for day in range(CALENDAR_DAYS)], dtype=np.int8)
