"""Kaplan-Meier estimates: how long customers stay, and the chance that a silent customer comes back.

Sources: Kaplan and Meier (1958), Nonparametric estimation from incomplete observations, JASA 53; Kott (2001),
The delete-a-group jackknife, Journal of Official Statistics 17; Kalbfleisch and Prentice (2002), The
statistical analysis of failure time data, chapter 1.4 (the band).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import norm
from scipy.stats import t as student

from churn.labels.outcomes import BoolArray
from churn.metrics.interval import Interval

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

JACKKNIFE_GROUPS = 50
"""The number of groups of customers; the jackknife leaves out one group at a time.

Whole customers are left out because the silences of one customer are alike.
"""

MIN_AT_RISK = 30
"""The curve ends before the first day with fewer observed silences, or customers, than this number."""


@dataclass(frozen=True)
class Silences:
    """The number of silences, by group of customers and by length in days.

    A silence is the time from a day on which a customer has an event to the next such day. It lasts at least
    one day, so the column of day 0 is never used. `ends` and `open` have the shape
    (JACKKNIFE_GROUPS, days + 1).

    Attributes:
        ends: The number of silences that ended with a return, by their length.
        open: The number of silences that still go on, by the number of days for which they were followed.
    """

    ends: Ints
    open: Ints

    @classmethod
    def of(cls, customer: Ints, days: Ints, has_ended: BoolArray) -> Silences:
        """Count silences by group of customers and by length.

        Args:
            customer: The customer code of each silence, shape (silences,).
            days: The length of each silence in days, shape (silences,).
            has_ended: Whether each silence ended with a return, shape (silences,).
        """
        width = int(days.max(initial=0)) + 1
        cell = (customer % JACKKNIFE_GROUPS) * width + days
        counts = [
            np.bincount(cell[mask], minlength=JACKKNIFE_GROUPS * width).reshape(JACKKNIFE_GROUPS, width)
            for mask in (has_ended, ~has_ended)
        ]
        return cls(*counts)

    @property
    def total(self) -> int:
        """Return the number of silences."""
        return int(self.ends.sum() + self.open.sum())


@dataclass(frozen=True)
class ReturnCurve:
    """The chance that a customer silent for d days comes back, for d in `[0, followed_days]`.

    The chance does not include customers who come back after more than `followed_days` silent days. So it is
    a lower bound of the chance to come back at any time.

    Attributes:
        chance: The chance to come back, by the number of silent days. The arrays `chance`, `low`, `high` and
            `at_risk` have the shape (followed_days + 1,).
        low, high: The ends of the 95 % interval, estimated by leaving out one group of customers at a time.
        at_risk: The number of silences that last at least d days, for each d.
    """

    chance: Floats
    low: Floats
    high: Floats
    at_risk: Ints

    @property
    def followed_days(self) -> int:
        """Return the largest d for which at least `MIN_AT_RISK` silences last d days or longer."""
        return len(self.chance) - 1

    def after(self, days: int) -> Interval | None:
        """Return the chance to come back after a number of silent days; None beyond `followed_days`."""
        if days > self.followed_days:
            return None
        return Interval(
            value=float(self.chance[days]), low=float(self.low[days]), high=float(self.high[days])
        )


def return_curve(silences: Silences) -> ReturnCurve | None:
    """Estimate the chance that a customer comes back, by the number of silent days.

    The result is None if there are fewer than `MIN_AT_RISK` silences.
    """
    at_risk = _at_risk(silences.ends + silences.open).sum(axis=0)
    followed_days = np.flatnonzero(at_risk >= MIN_AT_RISK)
    if len(followed_days) < 2:
        return None
    days = int(followed_days[-1]) + 1
    group_ends = silences.ends[:, :days]
    group_at_risk = _at_risk(silences.ends + silences.open)[:, :days]
    all_ends, all_at_risk = group_ends.sum(axis=0), group_at_risk.sum(axis=0)
    chance = _chance(all_ends, all_at_risk)
    groups = np.flatnonzero(group_at_risk[:, 0] > 0)
    without = np.stack(
        [_chance(all_ends - group_ends[group], all_at_risk - group_at_risk[group]) for group in groups]
    )
    factor = (len(groups) - 1) / len(groups)
    error = np.sqrt(factor * ((without - chance) ** 2).sum(axis=0))
    half = student.ppf(0.975, max(len(groups) - 1, 1)) * error
    # If nobody or everybody returns, the jackknife interval has no width. Then the bound of the exact
    # binomial test is used: with n observed silences and a chance of return above 1 - 0.025 ** (1 / n), the
    # probability to see no return is below 2.5 %.
    bound = 0.025 ** (1 / at_risk[:days])
    return ReturnCurve(
        chance=chance,
        low=np.where(chance == 1, bound, np.clip(chance - half, 0, 1)),
        high=np.where(chance == 0, 1 - bound, np.clip(chance + half, 0, 1)),
        at_risk=at_risk[:days],
    )


def _at_risk(counts: Ints) -> Ints:
    """Return the number of silences that last d days or longer, by customer group (rows) and d (columns)."""
    sums: Ints = counts[:, ::-1].cumsum(axis=1)[:, ::-1]
    return sums


def _chance(n_ended: Ints, at_risk: Ints) -> Floats:
    """Return the chance to come back after d silent days, for every d.

    The chance is `1 - S(last) / S(d)`. S is the Kaplan-Meier curve, `S(d) = P(silent for d days)`, and `last`
    is the last day of this curve.
    """
    survival = _daily_survival(n_ended, at_risk)
    later = np.ones(len(survival))
    later[:-1] = survival[:0:-1].cumprod()[::-1]
    chance: Floats = 1 - later
    return chance


def _daily_survival(n_ended: Ints, at_risk: Ints) -> Floats:
    """Return for each day the share of `at_risk` that does not end on this day.

    Both arguments count silences (which end if the customer comes back), or both count customers (who leave).
    """
    return np.asarray(1 - n_ended / np.maximum(at_risk, 1), dtype=np.float64)


@dataclass(frozen=True)
class Lives:
    """How long customers were followed, and whether they left. Each array has the shape `[customers]`.

    Attributes:
        days: The age in days at which the customer left, or was last seen.
        has_left: Whether the customer left at the age in `days`.
        entry_days: The age at which the customer came under observation, 0 for most customers. A customer who
            left before the observation began is not in the data. So each customer is counted only from this
            age on.
    """

    days: Ints
    has_left: BoolArray
    entry_days: Ints

    def of(self, mask: BoolArray) -> Lives:
        """Return the lives of the customers for whom a mask is true."""
        return Lives(self.days[mask], self.has_left[mask], self.entry_days[mask])

    def __len__(self) -> int:
        """Return the number of customers."""
        return len(self.days)


@dataclass(frozen=True)
class SurvivalCurve:
    """The share of customers who stay longer than d days. Each array has the shape `[followed_days + 1]`.

    Attributes:
        share: The Kaplan-Meier estimate by age in days.
        low, high: The ends of the 95 % band. They are computed from Greenwood's variance on the scale
            `log(-log share)`. While nobody has left, the estimate has no variance, so `low` is the exact
            bound of the binomial test.
        at_risk: The number of customers under observation who have not left before age d.
        n_left: The number of customers who left at age d.
    """

    share: Floats
    low: Floats
    high: Floats
    at_risk: Ints
    n_left: Ints

    @property
    def followed_days(self) -> int:
        """Return the largest age of a customer that the curve reaches, in days."""
        return len(self.share) - 1

    @property
    def median_days(self) -> int | None:
        """Return the first age by which half of the customers left; None if the curve stays above 0.5."""
        below = np.flatnonzero(self.share <= 0.5)
        return int(below[0]) if len(below) else None


def risk_table(lives: Lives) -> tuple[Ints, Ints]:
    """Return the number of customers under observation and the number who left, by age in days.

    A customer with `entry_days` 0 is under observation from age 0. Any other customer is under observation at
    the ages above `entry_days`.
    """
    width = int(lives.days.max(initial=0)) + 1
    if ((lives.days <= lives.entry_days) & (lives.entry_days > 0)).any():
        raise ValueError("a customer must be followed for longer than entry_days")
    n_left = np.bincount(lives.days[lives.has_left], minlength=width)
    first_age = np.where(lives.entry_days > 0, lives.entry_days + 1, 0)
    n_begun = np.bincount(first_age, minlength=width).cumsum()
    n_over = np.bincount(lives.days + 1, minlength=width + 1)[:width].cumsum()
    return (n_begun - n_over).astype(np.int64), n_left.astype(np.int64)


def survival_curve(lives: Lives, min_at_risk: int = MIN_AT_RISK) -> SurvivalCurve | None:
    """Estimate how long customers stay, by their age in days.

    The curve ends before the first age with fewer than `min_at_risk` customers under observation. Ages
    with few customers are unreliable: if the only customer under observation leaves, the curve is 0 at all
    later ages. If the curve does not reach the age of 1 day, the result is None.
    """
    return curve_of_counts(*risk_table(lives), min_at_risk)


def curve_of_counts(at_risk: Ints, n_left: Ints, min_at_risk: int = MIN_AT_RISK) -> SurvivalCurve | None:
    """Estimate how long customers stay, as `survival_curve` does, but from counts for each age.

    Args:
        at_risk: By age in days, the number of customers under observation who have not left before.
        n_left: The number of customers who left at each age.
        min_at_risk: The curve ends before the first age at which `at_risk` is smaller than this number.
    """
    too_few = np.flatnonzero(at_risk < max(min_at_risk, 1))
    width = int(too_few[0]) if len(too_few) else len(at_risk)
    if width < 2:
        return None
    at_risk, n_left = at_risk[:width], n_left[:width]
    share = _daily_survival(n_left, at_risk).cumprod()
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = np.cumsum(n_left / (at_risk * (at_risk - n_left)))
        half = norm.ppf(0.975) * np.sqrt(variance) / np.log(share)
        low, high = (np.exp(-np.exp(np.log(-np.log(share)) + sign * half)) for sign in (-1, 1))
    low = np.where(share == 1, 0.025 ** (1 / at_risk), np.where(share == 0, 0.0, low))
    high = np.where((share == 0) | (share == 1), share, high)
    return SurvivalCurve(share, low, high, at_risk, n_left)
