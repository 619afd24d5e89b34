"""The call list: who is contacted tonight, in which order, and why the others are not."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from churn.params import BudgetParams

Floats = npt.NDArray[np.float64]
Order = npt.NDArray[np.intp]
Bools = npt.NDArray[np.bool_]

BELOW_BUDGET = "below the budget"
NO_PLAY = "no play"


def rank(customers: npt.NDArray[np.object_], value_at_risk: Floats, probability: Floats) -> Order:
    """Return the customers' positions, the first to call first.

    By value at risk; those whose value is missing come after, by probability, since a missing value is
    not a small one but cannot be compared. Ties go by customer id.
    """
    unknown = np.isnan(value_at_risk)
    keys = (
        customers.astype(str),
        -probability,
        np.where(unknown, 0.0, -np.nan_to_num(value_at_risk)),
        unknown,
    )
    return np.lexsort(keys)


def places(budget: BudgetParams, cohort: int) -> int:
    """Return how many customers may be contacted: the number given, else the share, at least one.

    >>> places(BudgetParams(share=0.1), 57), places(BudgetParams(contacts=3), 57), places(BudgetParams(), 0)
    (5, 3, 0)
    """
    if budget.contacts is not None:
        return min(budget.contacts, cohort)
    return min(cohort, max(1, math.floor(budget.share * cohort + 1e-9)))


def contacted(order: Order, has_play: Bools, most: int) -> Order:
    """Return the positions to contact, in order: the first `most` that have a play."""
    return order[has_play[order]][:most]


def why_not(has_play: Bools, called: Order) -> npt.NDArray[np.object_]:
    """Return why each customer of the cohort is not contacted, None for those who are."""
    reasons = np.where(has_play, BELOW_BUDGET, NO_PLAY).astype(object)
    reasons[called] = None
    return reasons
