"""The best AUC that is possible if customers behave as in the BG/NBD model: a yardstick, not a proof."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from churn.features.language.btyd import LifetimeModel, p_none
from churn.metrics.metrics import auc

Floats = npt.NDArray[np.float64]

SEEDS = tuple(range(20))
MOST_EVENTS = 2000
"""Nobody is made up with more events; who has the chance to are of no matter for the silent."""


@dataclass(frozen=True)
class DrawnCustomers:
    """Made-up customers: days `[n]` with an event after the first up to the cutoff, their recency and age.

    Attributes:
        is_silent: Whether no event came in the horizon.
        truth: The probability of no event, given each customer's rate and whether the customer has stopped.
    """

    x: Floats
    recency: Floats
    age: Floats
    is_silent: npt.NDArray[np.bool_]
    truth: Floats


def make_up(model: LifetimeModel, age: Floats, ahead_days: int, seed: int) -> DrawnCustomers:
    """Draw histories of customers of these ages from a fitted model, and their events in the days ahead.

    Times are whole days after the first event, because the model was fitted on days with an event.
    """
    rng = np.random.default_rng(seed)
    rate = rng.gamma(model.r, 1 / model.alpha, len(age))
    stops = rng.beta(model.a, model.b, len(age))
    lasts = np.minimum(
        rng.geometric(np.maximum(stops, 1e-12)), MOST_EVENTS
    )  # events until one stops for good
    x, recency = np.zeros(len(age)), np.zeros(len(age))
    at, day = np.zeros(len(age)), np.zeros(len(age))
    none = np.ones(len(age), dtype=bool)
    going = np.arange(len(age))
    number = 0
    while len(going):
        number += 1
        at[going] += rng.exponential(1 / np.maximum(rate[going], 1e-12))
        fell = np.ceil(at[going])
        known = (fell < age[going]) & (fell > day[going])
        ahead = (fell >= age[going]) & (fell < age[going] + ahead_days)
        x[going[known]] += 1
        recency[going[known]] = fell[known]
        none[going[ahead]] = False
        day[going] = np.maximum(day[going], fell)
        going = going[(fell < age[going]) & (number < lasts[going])]
    stopped = day < age  # whoever has not stopped is followed to an event at or after the cutoff
    truth = np.where(stopped, 1.0, np.exp(-rate * ahead_days))
    return DrawnCustomers(x, recency, age, none, truth)


def ceiling(
    model: LifetimeModel, age: Floats, ahead_days: int, active_days: int
) -> dict[str, dict[str, float]]:
    """Return the AUC of a forecast from all histories, and of a forecast from the true rates of customers.

    Under the model, the first AUC is the best AUC that the histories of this table allow.

    Args:
        model: The model, fitted on the histories known at a test cutoff.
        age: The days from each customer's first event to this cutoff.
        ahead_days: The horizon, in days.
        active_days: The days before the cutoff in which a customer must have an event to count.
    """
    histories, inside = [], []
    for seed in SEEDS:
        drawn_customers = make_up(model, age, ahead_days, seed)
        judged = drawn_customers.age - drawn_customers.recency <= active_days
        left = drawn_customers.is_silent[judged].astype(np.float64)
        known = p_none(model, drawn_customers.x, drawn_customers.recency, drawn_customers.age, ahead_days)
        histories.append(auc(left, known[judged]))
        inside.append(auc(left, drawn_customers.truth[judged]))
    return {"histories": _spread(histories), "inside": _spread(inside)}


def _spread(values: list[float]) -> dict[str, float]:
    """Return the mean and the range of nineteen of twenty draws."""
    low, high = np.quantile(values, [0.025, 0.975])
    return {"value": float(np.mean(values)), "low": float(low), "high": float(high)}
