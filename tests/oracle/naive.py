"""The reference: every verb for one customer at one cutoff, in plain Python over the rows of the eve.

It shares no line with the product's verbs: each is written from its definition, over lists, without arrays.
A number comes back as an array of length one, so that the signals' own functions run on it as they are.
Windows are `[cutoff - days, cutoff - skip)` in local days; a row is placed on the day of its own time, or of
the outcome that `by` names.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import date, timedelta
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from math import fsum, log, log2, nan, sqrt
from statistics import fmean, pstdev
from typing import Any

import numpy as np

from tests.oracle.known_rows import KnownTable, Row

FEWEST_WEEKS = 4
Number = np.ndarray


@dataclass(frozen=True)
class Pending:
    """One customer's part of a value that needs the cohort: what it is, and the customer's own numbers."""

    verb: str
    numbers: tuple[float, ...]


@dataclass(frozen=True)
class NaiveEvents:
    """The events of one customer's table as known on the eve of the cutoff."""

    eve: KnownTable
    days: int
    skip: int = 0
    placed: str | None = None
    chosen: tuple[Row, ...] | None = None

    # Which rows, and which window.

    def last(self, days: int, skip: int = 0) -> NaiveEvents:
        return replace(self, days=days, skip=skip)

    def week(self, k: int) -> NaiveEvents:
        return self.last(days=7 * k, skip=7 * k - 7)

    def by(self, outcome: str) -> NaiveEvents:
        return replace(self.having(outcome), placed=outcome)

    def having(self, outcome: str) -> NaiveEvents:
        return replace(self, chosen=tuple(row for row in self._all if row[outcome] is not None))

    def lacking(self, outcome: str) -> NaiveEvents:
        return replace(self, chosen=tuple(row for row in self._all if row[outcome] is None))

    def only(self, level: str, name: str) -> NaiveEvents:
        return replace(self, chosen=tuple(row for row in self._all if row[level] == name))

    # Counts, sums, extremes, days.

    def count(self) -> Number:
        return self._defined(len(self._rows))

    def active_days(self) -> Number:
        return self._defined(len(self._days))

    def total(self, value: str) -> Number:
        return self._defined(fsum(self._values(value)))

    def mean(self, value: str) -> Number:
        return self._defined(mean_of(self._values(value)))

    def highest(self, value: str) -> Number:
        return one(max(self._values(value), default=nan))

    def lowest(self, value: str) -> Number:
        return one(min(self._values(value), default=nan))

    def mean_hours_to(self, outcome: str) -> Number:
        return one(mean_of(self.having(outcome)._hours_to(outcome)))

    def mean_days_to(self, outcome: str) -> Number:
        return self.mean_hours_to(outcome) / 24

    def never(self) -> Number:
        if self._rows:
            return one(0)
        known_from = max(self._start, self.eve.data_start)
        return one(1 if self.eve.signed_up >= min(known_from, self._end) else nan)

    def days_since_last(self) -> Number:
        return one((self._today - self._days[-1]).days if self._days else nan)

    def days_since_first(self) -> Number:
        return one((self._today - self._days[0]).days if self._days else nan)

    def latest(self, value: str) -> Number:
        values = self._values(value)
        return one(values[-1] if values else nan)

    def latest_level(self, level: str) -> Number:
        names = [row[level] for row in self._rows if row[level] is not None]
        return np.array([names[-1] if names else None], dtype=object)

    def days_until(self, scheduled: str) -> Number:
        days = [row[scheduled].date() for row in self._rows if row[scheduled] is not None]
        return one((days[-1] - self._today).days if days else nan)

    def per(self, days: int, quiet_days: int = 0) -> Number:
        length = self._covered + quiet_days
        return one(len(self._rows) * days / length if self._covered > 0 and length >= days else nan)

    def slope(self, per_days: int = 28) -> Number:
        counts = Counter(self._day(row) for row in self._rows)
        daily = [counts[self._start + timedelta(x)] for x in range(self._length)]
        slope = line(list(range(self._length)), daily)[1]
        return self._defined(slope * per_days if self._covered == self._length else nan)

    def decayed_count(self, half_life_days: int) -> Number:
        return self._defined(fsum(self._weights(self._rows, half_life_days)))

    def mean_gap(self) -> Number:
        return one(mean_of(self._gaps))

    def tenure_days(self) -> Number:
        return one((self._today - self.eve.signed_up).days)

    # Weeks: the last first, counted back from the window's end; None where the customer was not there yet.

    def active_weeks(self) -> Number:
        there = self._weeks_there
        return self._if_enough(lambda: sum(week > 0 for week in there) / len(there))

    def inactive_weeks(self) -> Number:
        there = self._weeks_there
        return self._if_enough(lambda: next((k for k, week in enumerate(there) if week), len(there)))

    def quieting_rate(self) -> Number:
        pairs = [(after, week) for after, week in pairwise(self._weeks_there) if week > 0]
        silent = sum(after == 0 for after, _ in pairs)
        return self._if_enough(lambda: (silent + 1) / (len(pairs) + 2))

    def drawdown(self) -> Number:
        weeks = [week or 0 for week in self._weeks]
        fours = [sum(weeks[k : k + 4]) for k in range(len(weeks) - 3)]
        return self._if_enough(lambda: fours[0] / max(fours) if max(fours) else nan)

    def shortfall(self) -> Number:
        sums, mean = self._cusum()
        return self._if_enough(lambda: sums[-1] / mean if mean else nan)

    def shortfall_weeks(self) -> Number:
        sums, _ = self._cusum()
        return self._if_enough(lambda: next((k for k, s in enumerate(reversed(sums)) if not s), len(sums)))

    # Values in the order of the rows.

    def previous(self, value: str) -> Number:
        values = self._values(value)
        return one(values[-2] if len(values) > 1 else nan)

    def run_lacking(self, outcome: str) -> Number:
        lacking = [row[outcome] is None for row in reversed(self._rows)]
        run = lacking.index(False) if False in lacking else len(lacking)
        return one(run if lacking else nan)

    def quantile(self, value: str, share: float) -> Number:
        return one(quantile_of(self._values(value), share))

    def count_at_most(self, value: str, bound: float) -> Number:
        return self._defined(sum(x <= bound for x in self._values(value)))

    def count_slower(self, outcome: str, days: int) -> Number:
        return self._defined(sum(hours > 24 * days for hours in self.having(outcome)._hours_to(outcome)))

    def count_late(self, outcome: str, scheduled: str) -> Number:
        promised = [row for row in self._rows if row[scheduled] is not None]
        late = [
            row[scheduled].date() < (row[outcome].date() if row[outcome] is not None else self._today)
            for row in promised
        ]
        return self._defined(sum(late))

    def days_until_next(self, scheduled: str, value: str, balance: Number) -> Number:
        batches = sorted(
            (row[scheduled].date() if row[scheduled] else date.max, round(1000 * (row[value] or 0)))
            for row in self._rows
        )
        used = sum(points for _, points in batches) - round(1000 * balance[0]) if balance[0] > 0 else None
        for day, points in batches:
            if used is not None and points > max(used, 0) and self._today <= day < date.max:
                return one((day - self._today).days)
            used = None if used is None else used - points
        return one(nan)

    def trend(self, value: str) -> Number:
        rows = [row for row in self._rows if row[value] is not None]
        before_cutoff = [-(self._today - self._day(row)).days for row in rows]
        return one(line(before_cutoff, self._values(value))[0] if len(rows) > 2 else nan)

    def decayed_mean(self, value: str, half_life_days: int) -> Number:
        rows = [row for row in self._rows if row[value] is not None]
        return one(weighted(self._values(value), self._weights(rows, half_life_days)))

    def decayed_hours_to(self, outcome: str, half_life_days: int) -> Number:
        known = self.having(outcome)
        return one(weighted(known._hours_to(outcome), known._weights(known._rows, half_life_days)))

    # The mix of kinds.

    def kinds(self) -> Number:
        return self._defined(len(self._kinds()))

    def kind_entropy(self) -> Number:
        return one(entropy(self._kinds()))

    def kinds_new(self, days: int) -> Number:
        return self._defined(len(self._recent(days)._kinds().keys() - self._earlier(days)._kinds().keys()))

    def kind_shift(self, days: int) -> Number:
        p, q = shares(self._recent(days)._kinds()), shares(self._earlier(days)._kinds())
        if not p or not q:
            return one(nan)
        middle = {kind: (p.get(kind, 0) + q.get(kind, 0)) / 2 for kind in p.keys() | q.keys()}
        return one(sqrt(max((distance(p, middle) + distance(q, middle)) / 2, 0)))

    def kind_share(self, days: int) -> Number:
        recent, every = self._recent(days).kinds()[0], self.kinds()[0]
        return one(recent / every if every else nan)

    # The rhythm of active days.

    def gap_spread(self) -> Number:
        return one(pstdev(self._gaps) if len(self._gaps) > 1 else nan)

    def gap_quantile(self, share: float) -> Number:
        return one(quantile_of(self._gaps, share))

    def last_gap(self) -> Number:
        return one(self._gaps[-1] if self._gaps else nan)

    def longest_gap(self) -> Number:
        return one(max(self._gaps, default=nan))

    def gap_rank(self) -> Number:
        silence = self.days_since_last()[0]
        return one(mean_of([float(gap <= silence) for gap in self._gaps]))

    def gap_trend(self) -> Number:
        gaps = self._gaps
        return one(line(list(range(len(gaps))), [log(gap) for gap in gaps])[1] if len(gaps) > 2 else nan)

    def burstiness(self) -> Number:
        spread, mean = self.gap_spread()[0], mean_of(self._gaps)
        return one((spread - mean) / (spread + mean) if self._gaps else nan)

    def clumpiness(self) -> Number:
        if not self._days or self._covered < self._length:
            return one(nan)
        marks = [self._start, *self._days, self._end]
        parts = [(b - a).days / self._length for a, b in pairwise(marks)]
        return one(1 + fsum(x * log(x) for x in parts if x) / log(len(self._days) + 1))

    def weekday_entropy(self) -> Number:
        return one(entropy(Counter(day.weekday() for day in self._days)) / log(7))

    def missed_weekdays(self) -> Number:
        lately = {day.weekday() for day in self._recent(7)._days}
        return one(mean_of([float(day.weekday() not in lately) for day in self._earlier(7)._days]))

    # What comes next, by a model of everybody's histories.

    def p_none_next(self, days: int) -> Pending:
        return Pending("p_none_next", (*self._history(), days))

    def expected_next(self, days: int) -> Pending:
        return Pending("expected_next", (*self._history(), days))

    # What the verbs are made of.

    def _history(self) -> tuple[float, float, float]:
        """Active days after the first, days from the first to the last, days from the first to the cutoff."""
        if not self._days:
            return nan, nan, nan
        first, last = self._days[0], self._days[-1]
        return len(self._days) - 1, (last - first).days, (self._today - first).days

    @property
    def _today(self) -> date:
        return self.eve.today

    @property
    def _start(self) -> date:
        return self._today - timedelta(self.days)

    @property
    def _end(self) -> date:
        return self._today - timedelta(self.skip)

    @property
    def _length(self) -> int:
        return self.days - self.skip

    @property
    def _all(self) -> tuple[Row, ...]:
        return self.eve.rows if self.chosen is None else self.chosen

    def _when(self, row: Row) -> Any:
        return row[self.placed or self.eve.table.time]

    def _day(self, row: Row) -> date:
        return self._when(row).date()

    @cached_property
    def _rows(self) -> list[Row]:
        """The rows placed in the window, in order; equal times stay in the order of the store."""
        inside = [row for row in self._all if self._start <= self._day(row) < self._end]
        return sorted(inside, key=lambda row: (self._day(row), self._when(row).timestamp()))

    @cached_property
    def _days(self) -> list[date]:
        """The distinct active days, ascending."""
        return sorted({self._day(row) for row in self._rows})

    @cached_property
    def _gaps(self) -> list[int]:
        """The days between successive active days."""
        return [(b - a).days for a, b in pairwise(self._days)]

    @property
    def _covered(self) -> int:
        """How many days of the window lie after both the sign-up and the table's first row."""
        return max((self._end - max(self._start, self.eve.signed_up, self.eve.data_start)).days, 0)

    def _defined(self, value: float) -> Number:
        """A count says nothing of a time from which there are no data, or in which the customer was not."""
        return one(value if self.eve.data_start <= self._start and self._covered > 0 else nan)

    def _values(self, value: str) -> list[float]:
        return [row[value] for row in self._rows if row[value] is not None]

    def _hours_to(self, outcome: str) -> list[float]:
        own = self.eve.table.time
        return [(row[outcome].timestamp() - row[own].timestamp()) / 3600 for row in self._rows]

    def _weights(self, rows: list[Row], half_life_days: int) -> list[float]:
        return [0.5 ** ((self._today - self._day(row)).days / half_life_days) for row in rows]

    def _kinds(self) -> Counter[str]:
        return Counter(row["kind"] for row in self._rows if row["kind"] is not None)

    def _recent(self, days: int) -> NaiveEvents:
        """The last days of the window."""
        return self.last(days=self.skip + days, skip=self.skip)

    def _earlier(self, days: int) -> NaiveEvents:
        """The window without its last days."""
        return self.last(days=self.days, skip=self.skip + days)

    @cached_property
    def _weeks(self) -> list[int | None]:
        weeks = [
            self.last(days=self.skip + 7 * k, skip=self.skip + 7 * k - 7)
            for k in range(1, self._length // 7 + 1)
        ]
        return [len(week._rows) if week._covered == 7 else None for week in weeks]

    @property
    def _weeks_there(self) -> list[int]:
        return [week for week in self._weeks if week is not None]

    def _if_enough(self, value: Any) -> Number:
        return one(value() if len(self._weeks_there) >= FEWEST_WEEKS else nan)

    def _cusum(self) -> tuple[list[Fraction], Fraction]:
        """The shortfall after each week, oldest first, and the mean week; in exact fractions."""
        weeks = self._weeks_there
        mean = Fraction(sum(weeks), max(len(weeks), 1))
        sums: list[Fraction] = []
        for week in reversed(weeks):
            sums.append(max(Fraction(0), (sums[-1] if sums else Fraction(0)) + mean - week))
        return sums, mean


def one(value: float | Fraction) -> Number:
    """A number of one customer."""
    return np.array([float(value)])


def mean_of(values: list[Any]) -> float:
    """The mean; missing of nothing."""
    return fmean(values) if values else nan


def quantile_of(values: list[Any], share: float) -> float:
    """The smallest value such that at least this share of the values are not above it."""
    ordered = sorted(values)
    return next((x for x in ordered if sum(y <= x for y in ordered) >= share * len(ordered)), nan)


def line(x: list[float], y: list[float]) -> tuple[float, float]:
    """The least-squares line: its height at x = 0 and its slope; missing where all x are the same."""
    if len(set(x)) < 2:
        return nan, nan
    mean_x, mean_y = fmean(x), fmean(y)
    spread = fsum((a - mean_x) ** 2 for a in x)
    slope = fsum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True)) / spread
    return mean_y - slope * mean_x, slope


def weighted(values: list[float], weights: list[float]) -> float:
    """The weighted mean; missing of nothing, and of what is so old that it weighs nothing."""
    whole = fsum(weights)
    return fsum(v * w for v, w in zip(values, weights, strict=True)) / whole if whole else nan


def shares(counts: Counter[Any]) -> dict[Any, float]:
    """What part of all each is."""
    return {key: count / counts.total() for key, count in counts.items()}


def entropy(counts: Counter[Any]) -> float:
    """Shannon's entropy in nats; missing of nothing."""
    return max(-fsum(p * log(p) for p in shares(counts).values()), 0.0) if counts else nan


def distance(p: dict[Any, float], middle: dict[Any, float]) -> float:
    """The Kullback-Leibler divergence of p from the middle, in bits."""
    return fsum(share * log2(share / middle[kind]) for kind, share in p.items())
