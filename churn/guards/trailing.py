"""Find tables whose newest rows have not come in yet, while other tables are complete."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import numpy.typing as npt
from scipy.stats import poisson

from churn.data.store import date_of_day
from churn.finding import Finding
from churn.guards.context import GuardContext

Ints = npt.NDArray[np.int64]

MAX_TRAIL_DAYS = 31
"""The largest number of newest days that are tested for missing rows. A table without rows for a longer time
has ended.
"""

WEEK = 7
"""Periods of fewer days than this are compared with the same weekdays, because many tables have few rows on
weekends.
"""

HISTORY_WEEKS = 57
"""The number of earlier weeks to compare with: a year, and some weeks around the same holiday in the year
before.
"""

MIN_WEEKS = 8
"""The least number of earlier weeks, because fewer weeks do not show how few rows a table may have."""

COMPLETE_SHARE = 0.9
"""A week before the missing rows is complete if it has at least this share of the usual number of rows."""

ENDED_SHARE = 0.5
"""The table had already ended if the week before the missing rows has less than this share of the usual rows.
"""

MAX_RATIO = 0.25
"""The newest days lack rows if they have less than this share of the lowest earlier number of rows.

Within a month, a season or a fading product changes the number of rows by less.
"""

RARE = 1e-4
"""A low number of rows is not due to chance if its probability, over all tested numbers of days, is below
this number.
"""

STOP_DAYS = 7.0
"""The finding is a stop from this number of missing days on: a quarter of a look-back of four weeks."""

MIN_COMPLETE_ROWS = 10
"""Another table shows that its newest days are complete only if it usually has at least this number of rows.
"""


@dataclass(frozen=True)
class Trail:
    """The newest days of a table, compared with the same weekdays in earlier weeks.

    Attributes:
        days: The number of newest days.
        rows: The number of rows in these days.
        lowest: The lowest number of rows in earlier periods of the same length.
        usual: The median number of rows in recent periods of the same length.
    """

    days: int
    rows: int
    lowest: int
    usual: float

    @property
    def missing_days(self) -> float:
        """Return the number of missing rows, divided by the usual number of rows of a day."""
        return self.days * max(0.0, 1 - self.rows / self.usual) if self.usual else 0.0

    @property
    def lacks_rows(self) -> bool:
        """Return whether the newest days have far fewer rows than any earlier period, and not by chance."""
        is_rare = poisson.cdf(self.rows, self.lowest) < RARE / MAX_TRAIL_DAYS
        return self.rows < MAX_RATIO * self.lowest and bool(is_rare)

    @property
    def is_complete(self) -> bool:
        """Return whether there are about as many rows as usual."""
        return self.usual >= MIN_COMPLETE_ROWS and self.rows >= self.usual / 2


def trailing_tables(context: GuardContext) -> Iterator[Finding]:
    """Look for tables whose newest rows have not come in yet, while another table is complete.

    In such a table, signals at the newest cutoff see fewer rows than signals at the cutoffs of training.
    Tables with `known_at` do not have this problem and are left out: at every cutoff, signals see only rows
    that had come in before the cutoff. Days on which no table has rows are not reported: there may have been
    no events, or the data may have ended. The guard `maturity` looks for the end of the data.
    """
    tables = {
        name: _rows_by_day(context, name)
        for name in context.event_tables
        if not context.store.tables[name].two_clocks
    }
    trails = {name: trails_of(rows) for name, rows in tables.items()}
    for name, own in trails.items():
        lacking = [trail for trail in own.values() if trail.lacks_rows]
        if not lacking:
            continue
        most = max(trail.missing_days for trail in lacking)
        trail = next(trail for trail in lacking if trail.missing_days >= most - 0.5)
        if _week_share(tables[name], trail.days) < ENDED_SHARE:
            continue
        complete = [
            other
            for other, its_trails in trails.items()
            if other != name and trail.days in its_trails and its_trails[trail.days].is_complete
        ]
        if not complete:
            continue
        start = date_of_day(context.watermark - trail.days)
        last_day = context.store.watermark - timedelta(days=1)
        complete_up_to = date_of_day(context.watermark - _days_to_complete_week(tables[name], trail.days))
        yield Finding(
            name,
            f"from {start} to {last_day} the table has {trail.rows:,} rows; {trail.usual:,.0f} rows are "
            f"usual in a period of this length, and {trail.lowest:,} were the fewest before. In the same "
            f"period, the table {complete[0]} is complete. If the rows come in later, the newest cutoff sees "
            "fewer rows than the cutoffs of training saw, and the scores are wrong.",
            f"Set snapshot.watermark: {complete_up_to}, or read {name} again when its missing rows have "
            "come in. If the rows of this table always come in late, map the time at which a row came in as "
            f"{context.specs[name].key}.columns.known_at. If {name} gets no more rows, leave the table out.",
            "stop" if trail.missing_days >= STOP_DAYS else "warn",
            figure=f"{trail.rows:,} of about {trail.usual:,.0f} rows",
        )


def _rows_by_day(context: GuardContext, table: str) -> Ints:
    """Count the rows on each day before the watermark, the newest day first, shape (days,).

    The first day of the table, and the days before it, are left out.
    """
    n_days = HISTORY_WEEKS * WEEK + MAX_TRAIL_DAYS
    watermark = context.watermark
    counts = np.zeros(n_days, dtype=np.int64)
    rows = context.rows(
        f"SELECT day, count(*), (SELECT min(day) FROM {context.store.scan(table)}) "
        f"FROM {context.store.scan(table)} "
        f"WHERE day < {watermark} AND day >= {watermark - n_days} GROUP BY day"
    )
    for day, count, _ in rows:
        counts[watermark - 1 - day] = count
    first_day = rows[0][2] if rows else watermark
    return counts[: max(0, watermark - 1 - first_day)]


def trails_of(rows: Ints) -> Mapping[int, Trail]:
    """Return a `Trail` for the newest day, one for the newest 2 days, and so on up to the newest 31 days.

    A trail compares these days with earlier weeks. A trail is left out if `rows` holds too few earlier weeks.

    Args:
        rows: The number of rows of each day, the newest day first, shape (days,).
    """
    trails = {}
    for days in range(1, MAX_TRAIL_DAYS + 1):
        earlier = earlier_sums(rows, days)
        step = 1 if days >= WEEK else WEEK
        if len(earlier) * step < MIN_WEEKS * WEEK:
            break
        usual = float(np.median(earlier[: MIN_WEEKS * WEEK // step]))
        trails[days] = Trail(days, int(rows[:days].sum()), int(earlier.min()), usual)
    return trails


def earlier_sums(rows: Ints, days: int) -> Ints:
    """Return the row counts of earlier periods of `days` days, newest first, without the newest `days` days.

    If `days` is a week or more, one period ends on each earlier day, so the periods overlap. Periods of less
    than a week end only on the same weekday as the newest day.

    Args:
        rows: The number of rows of each day, the newest day first, shape (days,).
        days: The length of the periods.
    """
    sums = np.concatenate([[0], np.cumsum(rows)])
    step, first = (1, days) if days >= WEEK else (WEEK, WEEK)
    starts = np.arange(first, len(rows) - days + 1, step)
    return np.asarray(sums[starts + days] - sums[starts])


def _days_to_complete_week(rows: Ints, trail_days: int) -> int:
    """Return the number of newest days to leave out, so that the table ends with a complete week.

    The newest days have very few rows. If rows come in slowly, earlier days may also lack some rows.

    Args:
        rows: The number of rows of each day, the newest day first, shape (days,).
        trail_days: The number of days with very few rows; at least these days are left out.
    """
    for days in range(trail_days, MAX_TRAIL_DAYS + 1):
        if _week_share(rows, days) >= COMPLETE_SHARE:
            return days
    return trail_days


def _week_share(rows: Ints, days: int) -> float:
    """Return the row count of the week before the newest `days` days, divided by the median of earlier weeks.

    Args:
        rows: The number of rows of each day, the newest day first, shape (days,).
        days: The number of newest days after that week.
    """
    usual = float(np.median(earlier_sums(rows[days:], WEEK)[: MIN_WEEKS * WEEK]))
    return float(rows[days : days + WEEK].sum()) / usual if usual else 1.0
