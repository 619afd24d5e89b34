"""Observed churn: which customers left after past cutoffs, by the company's own label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

import numpy as np
import numpy.typing as npt

from churn.data.store import Store
from churn.features.engine.matrix import cohorts_without_objections
from churn.kpis.figure import Finite
from churn.labels.calendar import months_later
from churn.labels.labels import labels_at
from churn.labels.outcomes import LEFT, STAYED, label_window
from churn.metrics.interval import Part
from churn.metrics.standard_errors import customer_wilson_interval
from churn.params import LabelParams

Bools = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.int64]

MAX_CUTOFFS = 12
"""The number of past cutoffs, one for each month: a year, so that each season is in it once."""


@dataclass(frozen=True)
class Outcomes:
    """Which customers could still leave at each past cutoff, and which left in the label window after it.

    Attributes:
        cutoffs: The past cutoffs whose outcome is known.
        is_counted: Whether each customer could still leave and has a label, `[cutoffs, customers]`.
        has_left: Whether each customer left, `[cutoffs, customers]`.
    """

    cutoffs: tuple[date, ...]
    is_counted: Bools
    has_left: Bools


def matured_months(label: LabelParams, late_days: int, first: date, cutoff: date) -> tuple[date, ...]:
    """Return the starts of the latest months whose outcome is known at `cutoff`; none is before `first`.

    Args:
        label: The label.
        late_days: The largest number of days between the day of a row and its arrival in the data.
        first: The first day that may be a cutoff.
        cutoff: The end of the data.
    """
    month = first if first.day == 1 else months_later(first.replace(day=1), 1)
    months = []
    while label_window(month, label, late_days).mature_on <= cutoff:
        months.append(month)
        month = months_later(month, 1)
    return tuple(months[-MAX_CUTOFFS:])


def read_outcomes(store: Store, cutoffs: Sequence[date]) -> Outcomes:
    """Read which customers left after each cutoff; the outcome of each cutoff must be known.

    Customers who objected to being contacted count as well: these figures are not used to contact anybody.
    """
    shape = (len(cutoffs), store.n_customers)
    is_counted, has_left = np.zeros(shape, dtype=bool), np.zeros(shape, dtype=bool)
    if cutoffs:
        cohorts = cohorts_without_objections(store, cutoffs)
        by_cutoff = zip(cohorts, labels_at(store, [cohort.cutoff for cohort in cohorts]), strict=True)
        for row, (cohort, labels) in enumerate(by_cutoff):
            is_counted[row] = cohort.members & np.isin(labels, (LEFT, STAYED))
            has_left[row] = is_counted[row] & (labels == LEFT)
    return Outcomes(tuple(sorted(cutoffs)), is_counted, has_left)


class ChurnShare(Part):
    """The customers of one level, such as a health band, and the share of them who left.

    A row is a customer at a cutoff.

    Attributes:
        level: The level, such as the name of a health band.
        n: The number of rows: a customer counts once at each cutoff.
        customers: The number of different customers in the rows.
        left: The number of rows whose customer left in the label window.
        share, low, high: The share of rows that left, with Wilson's 95 % interval. For the interval, all rows
            of a customer count as one observation.
        reason: Why there is no share.
    """

    level: str
    n: int
    customers: int
    left: int
    share: Finite
    low: Finite
    high: Finite
    reason: str | None


def churn_share(level: str, mask: Bools, outcomes: Outcomes) -> ChurnShare:
    """Return the observed churn of the rows in `mask`, which has the shape `[cutoffs, customers]`."""
    rows, customer = np.nonzero(mask & outcomes.is_counted)
    left = outcomes.has_left[rows, customer].astype(np.float64)
    if not len(left):
        return ChurnShare(
            level=level, n=0, customers=0, left=0, share=None, low=None, high=None, reason="no customers"
        )
    low, high = customer_wilson_interval(left, customer)
    return ChurnShare(
        level=level,
        n=len(left),
        customers=len(np.unique(customer)),
        left=int(left.sum()),
        share=float(left.mean()),
        low=low,
        high=high,
        reason=None,
    )


class Difference(Part):
    """The share that left in one level (a group of customers) minus the share that left in another level.

    The 95 % interval of the difference is Newcombe's, computed from the two intervals of Wilson.
    `means_something` is true if the interval excludes 0.
    """

    of: str
    minus: str
    value: Finite
    low: Finite
    high: Finite
    means_something: bool | None
    reason: str | None


def churn_difference(first: ChurnShare, second: ChurnShare) -> Difference:
    """Return the share that left in the first group minus the share in the second, with its 95 % interval.

    A group is a level of customers, such as a health band.

    Source: Newcombe, Interval estimation for the difference between independent proportions, Statistics in
        Medicine 17 (1998), method 10.
    """
    bounds = (first.share, first.low, first.high, second.share, second.low, second.high)
    if any(bound is None for bound in bounds):
        reason = f"no customers who are {first.level if first.share is None else second.level}"
        return Difference(
            of=first.level,
            minus=second.level,
            value=None,
            low=None,
            high=None,
            means_something=None,
            reason=reason,
        )
    share_1, low_1, high_1, share_2, low_2, high_2 = (float(bound or 0.0) for bound in bounds)
    value = share_1 - share_2
    low = value - float(np.hypot(share_1 - low_1, high_2 - share_2))
    high = value + float(np.hypot(high_1 - share_1, share_2 - low_2))
    return Difference(
        of=first.level,
        minus=second.level,
        value=value,
        low=low,
        high=high,
        means_something=low > 0 or high < 0,
        reason=None,
    )


class ChurnTable(Part):
    """The observed churn of each level, such as each health band.

    Attributes:
        unit: Always `share`: churn is the share of rows whose customer left. A row is a customer at a past
            cutoff.
        definition: What the levels are, and at which time they were known.
        population: Which customers are counted.
        horizon_days: The length of the label window.
        cutoffs: The past cutoffs.
        levels: The levels.
        differences: The differences in churn between pairs of levels.
        reason: Why no churn could be computed; None if it could.
    """

    unit: Literal["share"]
    definition: str
    population: str
    horizon_days: int
    cutoffs: tuple[date, ...]
    levels: tuple[ChurnShare, ...]
    differences: tuple[Difference, ...]
    reason: str | None


POPULATION = (
    "customers at risk (who could still leave) at past cutoffs with known outcomes. A customer who was at "
    "risk at several past cutoffs counts several times in the share who left. But the 95 % interval of the "
    "share treats each customer as a single observation"
)
NO_CUTOFF = "no past cutoff has a known outcome yet"


def churn_table(
    definition: str,
    horizon_days: int,
    levels: Sequence[str],
    code: Codes,
    outcomes: Outcomes,
    pairs: Sequence[tuple[str, str]] = (),
) -> ChurnTable:
    """Return the observed churn of each level, such as each health band.

    Args:
        definition: What the levels are, and at which time they were known.
        horizon_days: The length of the label window.
        levels: The names of the levels.
        code: The level of each customer at each cutoff, `[cutoffs, customers]`; -1 for no level.
        outcomes: Which customers left after each cutoff.
        pairs: The pairs of levels whose difference is shown: the churn of the first minus the churn of the
            second.
    """
    shares = tuple(churn_share(level, code == number, outcomes) for number, level in enumerate(levels))
    by_level = {share.level: share for share in shares}
    return ChurnTable(
        unit="share",
        definition=definition,
        population=POPULATION,
        horizon_days=horizon_days,
        cutoffs=outcomes.cutoffs,
        levels=shares,
        differences=tuple(churn_difference(by_level[first], by_level[second]) for first, second in pairs),
        reason=None if outcomes.cutoffs else NO_CUTOFF,
    )


def missing_table(definition: str, horizon_days: int, reason: str) -> ChurnTable:
    """Return a table without levels; its `reason` says why there are none."""
    return ChurnTable(
        unit="share",
        definition=definition,
        population=POPULATION,
        horizon_days=horizon_days,
        cutoffs=(),
        levels=(),
        differences=(),
        reason=reason,
    )
