"""Verbs that forecast customers' events with a buy-till-you-die model, which is fitted at each cutoff.

The verbs of this file fit the model once per table, look-back and cutoff. With the fitted model, the forecast
for each customer is cheap to compute.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from churn.errors import SignalError
from churn.features.language.btyd import LifetimeModel, expected_events, fit_lifetimes, p_none
from churn.features.language.cost import Cost
from churn.features.language.population import BoolArray, CohortValue, Peers
from churn.features.language.reader import Array
from churn.features.language.view import View

MAX_HISTORIES = 10_000
"""The largest number of customers in a fit, evenly spaced among all customers.

With this number, the error of the parameters is a few per cent.
"""

Histories = npt.NDArray[np.int16]
"""Whole numbers, `[n, 3]`: the active days after the first, the recency in days, the age in days."""

Forecast = Callable[[LifetimeModel, Array, Array, Array, float], Array]
"""A function that computes one value per customer, `[n]`, from `(model, x, recency, age, days ahead)`."""


@dataclass(frozen=True)
class Lifetimes(CohortValue):
    """A forecast for each customer, by a model that is fitted on all customers known at the cutoff.

    Customers outside the cohort, such as customers who have left, count in the fit too; only customers who
    objected to contacts do not. Many customers outside the cohort became silent; a fit without silent
    customers would conclude that customers never stop.
    """

    counts_all_known: ClassVar[bool] = True

    x: Array
    recency: Array
    age: Array
    ahead_days: int
    value: Forecast

    def summary(self, members: BoolArray, peers: Peers) -> Histories:
        """Return the histories of those customers in the mask `members` who have at least one event."""
        has_history = members & ~np.isnan(self.x)
        columns = [self.x[has_history], self.recency[has_history], self.age[has_history]]
        return np.column_stack(columns).astype(np.int16)

    @classmethod
    def merge(cls, summaries: Sequence[Any]) -> LifetimeModel | None:
        """Fit the model on at most 10,000 customers, evenly spaced among all customers with a history."""
        histories: Histories = np.concatenate(summaries)
        if len(histories) > MAX_HISTORIES:
            histories = histories[np.arange(MAX_HISTORIES) * len(histories) // MAX_HISTORIES]
        return _fit_once(histories.tobytes())

    @classmethod
    def reproducible(cls, population: LifetimeModel | None) -> LifetimeModel | None:
        """Return the model with each parameter rounded to two significant digits.

        Processors differ in the sixth digit of the fitted parameters.
        """
        if population is None:
            return None
        return LifetimeModel(*(float(f"{value:.2g}") for value in astuple(population)))

    def finish(self, population: LifetimeModel | None, peers: Peers) -> Array:
        """Return the model's value for each customer, or missing if there is no history or no model."""
        values = np.full(len(self.x), np.nan)
        has_history = ~np.isnan(self.x)
        if population is not None and has_history.any():
            histories = self.x[has_history], self.recency[has_history], self.age[has_history]
            values[has_history] = self.value(population, *histories, self.ahead_days)
        return values


class LifetimeVerbs(View):
    """Forecasts for the next days: the probability of no event, and the expected number of active days.

    They are computed from the distinct active days in the signal's window. The rows of one day are one event.
    The first active day in the window counts as the customer's first active day. If a customer's first event
    is older than the window, the model therefore assumes too short a history.

    A value is missing if the customer has no active day. All values are missing if fewer than 100 customers
    have an active day, if no customer has two active days, or if the likelihood of the model has no maximum.
    """

    cost = Cost.COHORT

    def p_none_next(self, days: int) -> Lifetimes:
        """Return the probability of no event in `[cutoff, cutoff + days)`, by the BG/NBD model."""
        return self._lifetimes(days, p_none)

    def expected_next(self, days: int) -> Lifetimes:
        """Return the expected number of active days in `[cutoff, cutoff + days)`, by the BG/NBD model."""
        return self._lifetimes(days, expected_events)

    def _lifetimes(self, days: int, value: Forecast) -> Lifetimes:
        if self.window[1]:
            raise SignalError(
                f"{self.signal}: a forecast needs a window that ends at the cutoff. Leave out skip."
            )
        self._refuse_lacking("a forecast")
        first = self.reader.outermost(self.rows, self.window, False, "day")
        last = self.reader.outermost(self.rows, self.window, True, "day")
        x = np.where(np.isnan(first), np.nan, self.reader.days(self.rows, self.window) - 1)
        return Lifetimes(x, last - first, self.reader.cutoff - first, days, value)


@lru_cache(maxsize=64)
def _fit_once(histories: bytes) -> LifetimeModel | None:
    """Fit a model, or return the model of an earlier call with the same histories."""
    x, recency, age = np.frombuffer(histories, dtype=np.int16).reshape(-1, 3).astype(np.float64).T
    return fit_lifetimes(x, recency, age)
