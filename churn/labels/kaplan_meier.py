"""The chance that a silent customer comes back: the Kaplan-Meier estimate from ended and open silences.

Sources: E. L. Kaplan and P. Meier, Nonparametric estimation from incomplete observations, JASA 53 (1958);
P. S. Kott, The delete-a-group jackknife, Journal of Official Statistics 17 (2001).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
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
"""The least number of silences at risk; the curve ends before the first day with fewer silences."""


@dataclass(frozen=True)
class Silences:
    """Silences by group of customers and length in days, both of shape (JACKKNIFE_GROUPS, days + 1).

    A silence lasts a day or longer, and no chance counts the column of day 0.

    Attributes:
        ends: The number of silences that ended with a return, by their length.
        open: The number of silences that still go on, by the number of days for which they were followed.
    """

    ends: Ints
    open: Ints

    @classmethod
    def of(cls, customer: Ints, days: Ints, has_ended: BoolArray) -> Silences:
        """Count silences by group and length.

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

    The data can follow a silence for `followed_days`. Later returns are not observed. So the chance is a
    lower bound of the chance to come back at any time.

    Attributes:
        chance: The chance to come back by silent days. This array and the next three have the shape
            (followed_days + 1,).
        low, high: The ends of the 95 % interval, estimated by leaving out one group of customers at a time.
        at_risk: The number of silences that last at least d days, for each d.
    """

    chance: Floats
    low: Floats
    high: Floats
    at_risk: Ints

    @property
    def followed_days(self) -> int:
        """Return the largest d for which at least `MIN_AT_RISK` silences are followed."""
        return len(self.chance) - 1

    def after(self, days: int) -> Interval | None:
        """Return the chance to come back after a number of silent days; None beyond `followed_days`."""
        if days > self.followed_days:
            return None
        return Interval(
            value=float(self.chance[days]), low=float(self.low[days]), high=float(self.high[days])
        )


def return_curve(silences: Silences) -> ReturnCurve | None:
    """Estimate the chance to come back by silent days; None if too few silences are followed."""
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
    # binomial test is used: with n silences at risk and a chance of return above 1 - 0.025 ** (1 / n), the
    # probability to see no return is below 2.5 %.
    bound = 0.025 ** (1 / at_risk[:days])
    return ReturnCurve(
        chance=chance,
        low=np.where(chance == 1, bound, np.clip(chance - half, 0, 1)),
        high=np.where(chance == 0, 1 - bound, np.clip(chance + half, 0, 1)),
        at_risk=at_risk[:days],
    )


def _at_risk(counts: Ints) -> Ints:
    """Return how many silences last at least d days, for each group and d. Shape (groups, days)."""
    sums: Ints = counts[:, ::-1].cumsum(axis=1)[:, ::-1]
    return sums


def _chance(n_ended: Ints, at_risk: Ints) -> Floats:
    """Return `1 - S(last) / S(d)` for every d; S is the Kaplan-Meier curve, `S(d) = P(silent for d days)`."""
    survival = 1 - n_ended / np.maximum(at_risk, 1)
    later = np.ones(len(survival))
    later[:-1] = survival[:0:-1].cumprod()[::-1]
    chance: Floats = 1 - later
    return chance
