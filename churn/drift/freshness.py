"""Look for changes in the newest rows of each table.

The changes are: no rows, far fewer or far more rows than usual, missing values, another unit of the values,
and a kind of row that stopped.

The rows of the newest days are compared with the rows of equally long periods in the history of the same
table. So weekends, monthly bills and rare rows do not count as changes. A change is reported on the first
night on which there are enough rows to exclude chance, and then for 31 days. A table without new rows is
reported until the model is trained without the table.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import poisson

from churn.data.daily_rows import MISSING_KIND, DailyRows, DailyValues
from churn.data.store import date_of_day, day_number
from churn.drift.result import Alarm, TableFreshness
from churn.guards.trailing import (
    HISTORY_WEEKS,
    MAX_TRAIL_DAYS,
    MIN_WEEKS,
    RARE,
    WEEK,
    earlier_sums,
    trails_of,
)

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

HISTORY_DAYS = HISTORY_WEEKS * WEEK + MAX_TRAIL_DAYS
"""The number of days that are read; the guard `trailing` compares the same days."""

VALUE_DAYS = 182
"""The number of days before the newest days whose values and kinds are the comparison."""

MAX_RATIO_UP = 4.0
"""If there are this many times as many rows as the highest earlier number, rows came in twice."""

MAX_ROSE_DAYS = 7
"""The largest number of newest days for which a rise in the number of rows is checked."""

GAP_RATIO = 2.0
"""A table is reported if it is without rows for this many times its longest gap between two rows.

If rows come by chance, the longest of n gaps is about `ln(n)` mean gaps long. A gap of twice this length then
has the probability `1 / n^2`.
"""

MIN_DAYS_WITH_ROWS = 8
"""The least number of days with rows that is needed to compute the longest gap."""

MIN_VALUES = 20
"""The least number of new values for a comparison of medians, and the least expected number of rows of a
kind.
"""

MIN_BLOCKS = 4
"""The least number of earlier periods that is needed to show how much a median or a share usually moves."""

UNIT_FACTOR = 5.0
"""If the new median is this many times the old one, or this small a part of it, the unit may have changed;
prices and habits do not move so much overnight.
"""

NAMED_FACTORS = (10, 60, 100, 1000, 3600, 86_400, 1_000_000)
"""The usual factors between units: decimal places, cents, seconds, minutes and days."""

NEAR_FACTOR = 1.25
"""How close the ratio of medians must be to a usual factor so that a message names this factor."""

EMPTIED_SHARE = 0.5
"""The difference between the new share of missing values and its highest earlier value from which an alarm is
raised.
"""

STOPPED_SHARE = 0.05
"""If a kind has fewer rows than this share of its expected rows, the kind has stopped."""

MAX_KINDS = 100
"""The largest number of kinds of a column that are compared, both from the newest month and from the time
before.
"""

SAME_SHARE = 2.0
"""The largest factor between the rows of a new kind and the expected rows of a kind that stopped, so that the
new kind may be its new name.
"""


def freshness_of(table: DailyRows, night: date) -> TableFreshness:
    """Return how fresh a table is on a night."""
    _age, longest = _gaps(table.rows)
    same_weekday = table.rows[WEEK - 1 :: WEEK][:MIN_WEEKS]
    newest = None if table.newest_day is None else date_of_day(table.newest_day)
    return TableFreshness(
        table=table.table,
        newest_row_on=newest,
        age_days=None if newest is None else (night - newest).days - 1,
        longest_gap_days=longest,
        rows_last_day=int(table.rows[0]) if len(table.rows) else 0,
        usual_rows=float(np.median(earlier_sums(table.rows, 1)[:MIN_WEEKS]))
        if len(same_weekday) == MIN_WEEKS and len(table.rows) >= (MIN_WEEKS + 1) * WEEK
        else None,
    )


def table_alarms(table: DailyRows, night: date, learnt_until: date | None) -> list[Alarm]:
    """Return the alarms about the newest rows of a table; each cause is reported only once.

    Args:
        table: The number of rows of the table on each day, and daily figures about its columns.
        night: The cutoff of the night.
        learnt_until: The last cutoff of the training; None if it is not known. If a table stopped before this
            cutoff, the model was trained without the table.
    """
    alarms = list(_row_alarms(table.table, table.rows, table.newest_day, night, learnt_until))
    if alarms:
        return alarms
    for name, counts in table.outcomes.items():
        alarms += _outcome_alarms(f"{table.table}.{name}", counts, night)
    for name, values in table.values.items():
        alarms += _value_alarms(f"{table.table}.{name}", values, table.rows, night)
    for name, kinds in table.kinds.items():
        alarms += _kind_alarms(f"{table.table}.{name}", kinds, night)
    return alarms


def _gaps(rows: Ints) -> tuple[int, int | None]:
    """Return the number of days without rows after the newest row, and the longest earlier gap between two
    days with rows.
    """
    days = np.flatnonzero(rows > 0)
    age = int(days[0]) if len(days) else len(rows)
    return age, int(np.diff(days).max()) - 1 if len(days) > 1 else None


def _row_alarms(
    subject: str, rows: Ints, newest_day: int | None, night: date, learnt_until: date | None
) -> Iterator[Alarm]:
    """Raise alarms if rows stopped, or if there are far fewer or far more rows than in any equally long
    period before.
    """
    if newest_day is None:
        return
    newest = date_of_day(newest_day)
    is_known = learnt_until is not None and newest < learnt_until
    age, longest = _gaps(rows)
    lacking = [trail for trail in trails_of(rows).values() if trail.lacks_rows]
    is_overdue = (
        longest is not None
        and int((rows > 0).sum()) >= MIN_DAYS_WITH_ROWS
        and age > max(1.0, GAP_RATIO * longest)
    )
    is_silent = is_overdue or any(trail.rows == 0 for trail in lacking)
    if is_silent or _ended_before(rows, newest, night):
        if not is_known:
            yield Alarm(
                kind="stopped",
                subject=subject,
                since=date_of_day(newest_day + 1),
                text=f"stopped after {newest}: {_no_rows(age)}{_usual_gap(longest)}.",
                way_out="Check the source. Until the source delivers new rows, the signals of this table are "
                "too old.",
            )
        return
    if lacking:
        most = max(trail.missing_days for trail in lacking)
        trail = next(trail for trail in lacking if trail.missing_days >= most - 0.5)
        since = date_of_day(day_number(night) - trail.days)
        yield Alarm(
            kind="fell",
            subject=subject,
            since=since,
            text=f"{trail.rows:,} rows since {since}; {trail.usual:,.0f} rows are usual in a "
            f"period of this length, and {trail.lowest:,} rows were the fewest so far.",
            way_out="Check the source: a part of it may have stopped, or its rows come in later than before.",
        )
        return
    for days in range(1, MAX_ROSE_DAYS + 1):
        earlier = earlier_sums(rows, days)
        step = 1 if days >= WEEK else WEEK
        if len(earlier) * step < MIN_WEEKS * WEEK or not earlier.max():
            continue
        total, highest = int(rows[:days].sum()), int(earlier.max())
        if total > MAX_RATIO_UP * highest and poisson.sf(total - 1, highest) < RARE / MAX_TRAIL_DAYS:
            since = date_of_day(day_number(night) - days)
            yield Alarm(
                kind="rose",
                subject=subject,
                since=since,
                text=f"{total:,} rows since {since}; {np.median(earlier):,.0f} rows are usual in a "
                f"period of this length, and {highest:,} rows were the most so far.",
                way_out="Check whether rows came in twice, or whether another source was added.",
            )
            return


def _ended_before(rows: Ints, newest: date, night: date) -> bool:
    """Return whether a table had rows in most weeks, but has had none for more than `MAX_TRAIL_DAYS`
    days.
    """
    age = (night - newest).days - 1
    if age <= MAX_TRAIL_DAYS or age >= len(rows):
        return False
    weeks = earlier_sums(rows[age:], WEEK)[::WEEK]
    return len(weeks) >= MIN_WEEKS and bool((weeks > 0).mean() > 0.5) and bool(weeks.sum() >= MIN_VALUES)


def _no_rows(age: int) -> str:
    return "no row for a day" if age == 1 else f"no row for {age} days"


def _usual_gap(longest: int | None) -> str:
    if longest is None:
        return ""
    if longest == 0:
        return ", where every day has rows"
    return f", where the longest gap was {longest} day{'s' if longest > 1 else ''}"


def _outcome_alarms(subject: str, counts: Ints, night: date) -> Iterator[Alarm]:
    """Raise alarms if an outcome, such as the opening of an e-mail, is no longer recorded."""
    silent = [trail for trail in trails_of(counts).values() if trail.lacks_rows and trail.rows == 0]
    if not silent:
        return
    age, _ = _gaps(counts)
    since = date_of_day(day_number(night) - age)
    yield Alarm(
        kind="stopped",
        subject=subject,
        since=since,
        text=f"no value since {since}; {silent[-1].usual:,.0f} values are usual in {silent[-1].days} "
        f"day{'s' if silent[-1].days > 1 else ''}. The rows of the table still come in.",
        way_out="Check whether the source renamed this column or no longer records it.",
    )


def _value_alarms(subject: str, values: DailyValues, rows: Ints, night: date) -> Iterator[Alarm]:
    """Raise alarms if the newest values are missing, or are much larger or smaller than ever before."""
    for days in range(1, MAX_TRAIL_DAYS + 1):
        since = date_of_day(day_number(night) - days)
        empty = _empty_shares(values.present, rows, days)
        if empty is not None:
            yield Alarm(
                kind="emptied",
                subject=subject,
                since=since,
                text=f"{empty[0]:.0%} of the rows since {since} have no value; the highest "
                f"such share in an earlier period of this length was {empty[1]:.0%}.",
                way_out="Check whether the source renamed or dropped the column.",
            )
            return
        sizes = _sizes(values, days)
        if sizes is not None:
            newest_median, usual_median = sizes
            ratio = newest_median / usual_median
            middle = np.sqrt(newest_median * usual_median)
            is_new_size = (values.n_nonzero == 0) | ((values.median > middle) == (ratio > 1))
            since = _first_day(0 if is_new_size[0] else days, is_new_size, night)
            yield Alarm(
                kind="unit",
                subject=subject,
                since=since,
                text=f"the median of the values since {since} is {_factor_in_words(ratio)} the usual median.",
                way_out="Check the unit, such as cents for euros, and correct the mapping of the column.",
            )
            return


def _empty_shares(present: Ints, rows: Ints, days: int) -> tuple[float, float] | None:
    """Return the share of missing values in the newest days and the highest such share in earlier periods, if
    the difference is large.
    """
    if rows[:days].sum() < MIN_VALUES:
        return None
    block_rows, block_present = (_blocks(column, days).sum(axis=1) for column in (rows, present))
    has_rows = block_rows > 0
    if has_rows.sum() < MIN_BLOCKS:
        return None
    highest = float((1 - block_present[has_rows] / block_rows[has_rows]).max())
    share = 1 - float(present[:days].sum() / rows[:days].sum())
    return (share, highest) if share > highest + EMPTIED_SHARE else None


def _first_day(days: int, is_changed: npt.NDArray[np.bool_], night: date) -> date:
    """Return the first day of a change that covers the newest `days` days.

    From the newest `days` days, the function goes further back as long as the day before is changed too.
    """
    while days < len(is_changed) and is_changed[days]:
        days += 1
    return date_of_day(day_number(night) - days)


def _sizes(values: DailyValues, days: int) -> tuple[float, float] | None:
    """Return the median of the newest values and the usual median; None if they do not differ much.

    The newest values are those of the newest `days` days. The usual median is the median over earlier periods
    of `days` days. The two medians differ much if their ratio is above `UNIT_FACTOR` or below
    `1 / UNIT_FACTOR`, and its logarithm is more than twice as far from 0 as in any earlier period. The result
    is also None if there are too few values to compare.
    """
    newest = _median(values.median[:days], values.n_nonzero[:days])
    if values.n_nonzero[:days].sum() < MIN_VALUES or not newest > 0:
        return None
    blocks = [
        _median(medians, n_nonzero)
        for medians, n_nonzero in zip(
            _blocks(values.median, days), _blocks(values.n_nonzero, days), strict=True
        )
        if n_nonzero.sum() >= MIN_VALUES
    ]
    if len(blocks) < MIN_BLOCKS:
        return None
    usual = float(np.median(blocks))
    if not usual > 0:
        return None
    ratio = newest / usual
    spread = float(np.abs(np.log(np.array(blocks) / usual)).max())
    is_far = abs(np.log(ratio)) > max(np.log(UNIT_FACTOR), 2 * spread)
    return (newest, usual) if is_far else None


def _blocks(column: npt.NDArray[Any], days: int) -> npt.NDArray[Any]:
    """Split the time before the newest `days` days into periods of `days` days, shape (periods, days).

    Only the latest `VALUE_DAYS` days of this time are used.
    """
    earlier = column[days : days + VALUE_DAYS]
    count = len(earlier) // days
    return earlier[: count * days].reshape(count, days)


def _median(medians: npt.NDArray[Any], n_nonzero: npt.NDArray[Any]) -> float:
    """Return the median of daily medians; NaN if there are none.

    The weight of each daily median is the number of values other than 0 on this day.
    """
    has_values = n_nonzero > 0
    if not has_values.any():
        return float("nan")
    order = np.argsort(medians[has_values], kind="stable")
    weight = np.cumsum(n_nonzero[has_values][order])
    middle = int(np.searchsorted(weight, weight[-1] / 2))
    return float(medians[has_values][order][middle])


def _factor_in_words(ratio: float) -> str:
    size = max(ratio, 1 / ratio)
    named = [factor for factor in NAMED_FACTORS if factor / NEAR_FACTOR < size < factor * NEAR_FACTOR]
    factor = f"{named[0]:,}" if named else f"{size:,.0f}"
    return f"about {factor} times" if ratio > 1 else f"about 1/{factor} of"


def _kind_alarms(subject: str, kinds: Mapping[str, Ints], night: date) -> Iterator[Alarm]:
    """Raise an alarm for each kind of row that stopped while other rows still come in.

    A kind is a value of a column, such as `email` in the column `channel`. If a new kind may have replaced
    the old one, the alarm names it.
    """
    if not kinds:
        return
    total = np.sum(list(kinds.values()), axis=0)
    names = _common_kinds(kinds)
    counts = np.array([kinds[name] for name in names])
    for days in range(1, MAX_TRAIL_DAYS + 1):
        newest_total = int(total[:days].sum())
        blocks = _blocks(total, days).sum(axis=1)
        if newest_total < MIN_VALUES or (blocks > 0).sum() < MIN_BLOCKS:
            continue
        newest = counts[:, :days].sum(axis=1)
        width = len(blocks) * days
        earlier = counts[:, days : days + width].reshape(len(names), len(blocks), days).sum(axis=2)
        usual_share = earlier.sum(axis=1) / blocks.sum()
        lowest_share = (earlier[:, blocks > 0] / blocks[blocks > 0]).min(axis=1)
        expected = usual_share * newest_total
        stopped = [
            index
            for index in range(len(names))
            if expected[index] >= MIN_VALUES
            and newest[index] < STOPPED_SHARE * expected[index]
            and poisson.cdf(newest[index], lowest_share[index] * newest_total) < RARE / MAX_TRAIL_DAYS
        ]
        began = [index for index in range(len(names)) if newest[index] and not earlier[index].any()]
        if not stopped:
            continue
        for index in stopped:
            is_stopped = (total > 0) & (counts[index] < STOPPED_SHARE * usual_share[index] * total)
            since = _first_day(days, is_stopped, night)
            heirs = [
                other
                for other in began
                if expected[index] / SAME_SHARE <= newest[other] <= expected[index] * SAME_SHARE
            ]
            heir = min(heirs, key=lambda other: abs(newest[other] - expected[index]), default=None)
            rows = f"{newest[index]:,} rows since {since}, but {expected[index]:,.0f} were expected"
            if heir is None:
                yield Alarm(
                    kind="kind_stopped",
                    subject=subject,
                    since=since,
                    text=f"the kind {_quote(names[index])} has {rows}; rows of the other kinds still "
                    "come in.",
                    way_out="Check whether the source renamed the kind or no longer sends it.",
                )
            else:
                yield Alarm(
                    kind="kind_renamed",
                    subject=subject,
                    since=since,
                    text=f"the kind {_quote(names[index])} has {rows}. The kind "
                    f"{_quote(names[heir])} is new and has {newest[heir]:,} rows: it seems to be the old "
                    "kind under a new name.",
                    way_out="If the source has renamed the kind, correct the mapping of this column: it must "
                    "turn the new name into the old name.",
                )
        return


def _common_kinds(kinds: Mapping[str, Ints]) -> list[str]:
    """Return the kinds of row that are most frequent in the newest month, or in the time before it."""
    newest = sorted(kinds, key=lambda name: -int(kinds[name][:MAX_TRAIL_DAYS].sum()))[:MAX_KINDS]
    earlier = sorted(kinds, key=lambda name: -int(kinds[name][MAX_TRAIL_DAYS:].sum()))[:MAX_KINDS]
    return sorted({*newest, *earlier})


def _quote(kind: str) -> str:
    return kind if kind == MISSING_KIND else f"'{kind}'"
