"""How long customers stay: Kaplan-Meier curves for all customers and by segment.

A curve also gives the number of customers under observation at each age.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from churn.data.store import date_of_day
from churn.kpis.figure import Finite, Slice
from churn.kpis.lives import FirstLives
from churn.kpis.segments import Segmentation
from churn.labels.kaplan_meier import MIN_AT_RISK, Lives, survival_curve
from churn.metrics.interval import Part

STEP_DAYS = 30
"""The distance of the ages in kpis.json, in days; the estimate itself uses every day."""

BAND = (
    "a 95 % interval, computed for each age separately. It is based on Greenwood's variance on the scale "
    "log(-log S), where S is the share. At ages "
    "at which nobody has left yet, the lower end of the band is the exact bound of the binomial test, and "
    "the upper end is 1"
)
DEFINITION = (
    "for each age (a number of days since joining), the share of customers who have never left up to "
    "this age (Kaplan-Meier). A customer who has not left by the last day on which outcomes "
    "are certain is observed only up to this day. Leaving is recorded only from a certain day on. A customer "
    "who joined before that day is observed only from that day on"
)


class SurvivalPoint(Part):
    """The share of customers who stay longer than `age_days` days, and the number of customers under
    observation at this age.
    """

    age_days: int
    share: float
    low: float
    high: float
    at_risk: int


class Survival(Part):
    """How long all customers, or the customers of one segment, stay.

    Attributes:
        slice: The segment; None for all customers.
        n: The number of customers whose lives were followed.
        n_left: How many of the followed customers left.
        n_late: How many of the followed customers came under observation only after the day of their joining.
        median_days: The age by which half of the customers left; None if the curve stays above one half.
        median_reason: Why there is no median.
        points: The curve, from age 0 on.
        reason: Why there is no curve.
    """

    slice: Slice | None
    n: int
    n_left: int
    n_late: int
    median_days: Finite
    median_reason: str | None
    points: tuple[SurvivalPoint, ...]
    reason: str | None


class SurvivalTable(Part):
    """How long customers stay: one curve for all customers, and one curve for each segment.

    Attributes:
        unit: The unit of the values on the curves, always `share`.
        definition: How the share of customers who stay is computed.
        population: Which customers are counted.
        band: How the interval of a share is computed.
        known_until: The day up to which it is certain who left.
        complete_from: The first day from which the data hold everybody who joined.
        n_left_out: The number of customers who are not counted, because their day of joining is not known.
        curves: The curve of all customers, then the curve of each segment.
    """

    unit: Literal["share"]
    definition: str
    population: str
    band: str
    known_until: str
    complete_from: str
    n_left_out: int
    curves: tuple[Survival, ...]


def survival_table(first_lives: FirstLives, segmentations: Sequence[Segmentation]) -> SurvivalTable:
    """Estimate how long customers stay, for all customers and by segment.

    Args:
        first_lives: The first life of each customer: from joining to the first leaving.
        segmentations: The divisions of all customers into segments.
    """
    curves = []
    for segmentation in segmentations:
        part_of = segmentation.code[first_lives.customer]
        for part in range(len(segmentation.levels)):
            mask = (part_of == part) & first_lives.is_followed
            if segmentation.by is None or mask.any():
                curves.append(survival_of(first_lives.lives.of(mask), segmentation.slice_of(part)))
    return SurvivalTable(
        unit="share",
        definition=DEFINITION,
        population="customers who joined before the last day on which it is certain who left",
        band=BAND,
        known_until=str(date_of_day(first_lives.known_until)),
        complete_from=str(date_of_day(first_lives.complete_from)),
        n_left_out=first_lives.n_left_out,
        curves=tuple(curves),
    )


def survival_of(lives: Lives, part: Slice | None) -> Survival:
    """Return the survival of all customers or of one segment, at every `STEP_DAYS` days of age."""
    curve = survival_curve(lives)
    reason = median_reason = None
    points: tuple[SurvivalPoint, ...] = ()
    if curve is None:
        reason = median_reason = f"fewer than {MIN_AT_RISK} customers were followed from their first days on"
    else:
        if curve.median_days is None:
            median_reason = f"more than half stay longer than {curve.followed_days} days"
        points = tuple(
            SurvivalPoint(
                age_days=age,
                share=float(curve.share[age]),
                low=float(curve.low[age]),
                high=float(curve.high[age]),
                at_risk=int(curve.at_risk[age]),
            )
            for age in _ages(curve.followed_days)
        )
    return Survival(
        slice=part,
        n=len(lives),
        n_left=int(lives.has_left.sum()),
        n_late=int((lives.entry_days > 0).sum()),
        median_days=curve.median_days if curve else None,
        median_reason=median_reason,
        points=points,
        reason=reason,
    )


def _ages(followed_days: int) -> list[int]:
    """Return the multiples of `STEP_DAYS` up to `followed_days`, and `followed_days` itself."""
    ages = np.arange(0, followed_days + 1, STEP_DAYS).tolist()
    return ages if ages[-1] == followed_days else [*ages, followed_days]
