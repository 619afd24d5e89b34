"""How likely a silent customer comes back: Kaplan-Meier over silences, of which the last are still open.

Sources: E. L. Kaplan and P. Meier, Nonparametric estimation from incomplete observations, JASA 53 (1958);
P. S. Kott, The delete-a-group jackknife, Journal of Official Statistics 17 (2001).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import t as student

from churn.labels.outcomes import BoolArray

Counts = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

JACKKNIFE_GROUPS = 50
"""Customers are left out by so many groups in turn: silences of one customer are alike."""

MIN_AT_RISK = 30
"""Beyond the day on which fewer silences than these are still watched, the curve would be chance."""


@dataclass(frozen=True)
class Silences:
    """Silences by group of customers and length in days, shape (GROUPS, days + 1).

    A silence ends on day 1 or later; one that ended on day 0 would have been none, and no chance counts it.

    Attributes:
        ended: Those that a return ended after so many days.
        open: Those that were watched for so many days and go on.
    """

    ended: Counts
    open: Counts

    @classmethod
    def of(cls, customer: Counts, days: Counts, ended: BoolArray) -> Silences:
        """Count silences given one by one."""
        width = int(days.max(initial=0)) + 1
        place = (customer % JACKKNIFE_GROUPS) * width + days
        counted = [np.bincount(place[mask], minlength=JACKKNIFE_GROUPS * width) for mask in (ended, ~ended)]
        return cls(*(each.reshape(JACKKNIFE_GROUPS, width) for each in counted))

    @property
    def number(self) -> int:
        """Return how many silences there are."""
        return int(self.ended.sum() + self.open.sum())


@dataclass(frozen=True)
class ReturnCurve:
    """The chance that a customer silent for d days comes back, for d in `[0, followed_days]`.

    "Comes back" is within the days that the data can follow a silence, `followed_days`; later returns are
    unseen, so the chance is a lower bound of the chance to come back ever. `low` and `high` are a 95 %
    interval by leaving out one group of customers at a time.
    """

    chance: Floats
    low: Floats
    high: Floats
    at_risk: Counts

    @property
    def followed_days(self) -> int:
        """Return the longest silence of which enough are still watched."""
        return len(self.chance) - 1

    def after(self, days: int) -> Mapping[str, float] | None:
        """Return the chance to come back after so many silent days, None beyond what the data can follow."""
        if days > self.followed_days:
            return None
        return {
            "value": float(self.chance[days]),
            "low": float(self.low[days]),
            "high": float(self.high[days]),
        }


def return_curve(silences: Silences) -> ReturnCurve | None:
    """Estimate the chance to come back by silent days; None where too few silences are watched."""
    at_risk = _at_risk(silences.ended + silences.open).sum(axis=0)
    followed = np.flatnonzero(at_risk >= MIN_AT_RISK)
    if len(followed) < 2:
        return None
    days = int(followed[-1]) + 1
    ended, watched = silences.ended[:, :days], _at_risk(silences.ended + silences.open)[:, :days]
    whole = ended.sum(axis=0), watched.sum(axis=0)
    chance = _chance(*whole)
    used = np.flatnonzero(watched[:, 0] > 0)
    without = np.stack([_chance(whole[0] - ended[g], whole[1] - watched[g]) for g in used])
    factor = (len(used) - 1) / len(used)
    error = np.sqrt(factor * ((without - chance) ** 2).sum(axis=0))
    half = student.ppf(0.975, max(len(used) - 1, 1)) * error
    none, all_ = chance == 0, chance == 1
    surely = 0.025 ** (1 / at_risk[:days])  # so rare, nobody of so many does it in one case of forty
    return ReturnCurve(
        chance=chance,
        low=np.where(all_, surely, np.clip(chance - half, 0, 1)),
        high=np.where(none, 1 - surely, np.clip(chance + half, 0, 1)),
        at_risk=at_risk[:days],
    )


def _at_risk(counts: Counts) -> Counts:
    """Return how many silences last at least so many days. Shape (groups, days)."""
    summed: Counts = counts[:, ::-1].cumsum(axis=1)[:, ::-1]
    return summed


def _chance(ended: Counts, at_risk: Counts) -> Floats:
    """Return 1 - S(last) / S(d) for every d, S being the Kaplan-Meier curve of staying silent."""
    staying = 1 - ended / np.maximum(at_risk, 1)
    beyond = np.ones(len(staying))
    beyond[:-1] = staying[:0:-1].cumprod()[::-1]
    found: Floats = 1 - beyond
    return found
