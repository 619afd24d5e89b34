"""Population verbs on what customers will do next, by a buy-till-you-die model fitted at each cutoff.

Their cost is that of one fit per table, look-back and cutoff, and of a few powers per customer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from churn.errors import SignalError
from churn.features.language.btyd import Model, expected, fitted, p_none
from churn.features.language.cost import Cost
from churn.features.language.population import BoolArray, Deferred, Peers
from churn.features.language.reader import Array
from churn.features.language.view import View

MOST_FITTED = 10_000
"""So many customers tell the parameters to a few per cent; of more, evenly spaced ones are taken."""

Histories = npt.NDArray[np.int16]
"""Whole days `[n, 3]`: active days after the first, recency, age."""

Ahead = Callable[[Model, Array, Array, Array, float], Array]
"""What a model says of `(x, recency, age)` for so many days ahead."""


@dataclass(frozen=True)
class Lifetimes(Deferred):
    """What customers will do, by a model of the histories of all known customers of the cutoff.

    Also those who are not at risk have their say: without those who fell silent nobody would seem to stop.
    """

    everybody: ClassVar[bool] = True

    x: Array
    recency: Array
    age: Array
    ahead_days: int
    value: Ahead

    def summary(self, members: BoolArray, peers: Peers) -> Histories:
        """Return the histories of those who have one."""
        given = members & ~np.isnan(self.x)
        return np.column_stack([self.x[given], self.recency[given], self.age[given]]).astype(np.int16)

    @classmethod
    def merged(cls, summaries: Sequence[Any]) -> Model | None:
        """Fit the model on at most 10,000 customers, evenly spaced in their order."""
        histories: Histories = np.concatenate(summaries)
        if len(histories) > MOST_FITTED:
            histories = histories[np.arange(MOST_FITTED) * len(histories) // MOST_FITTED]
        return _fitted(histories.tobytes())

    @classmethod
    def reproducible(cls, whole: Model | None) -> Model | None:
        """Return the model with two digits of each parameter; the sixth differs between processors."""
        if whole is None:
            return None
        return Model(*(float(f"{value:.2g}") for value in astuple(whole)))

    def finished(self, whole: Model | None, peers: Peers) -> Array:
        """Return what the model says of each customer; missing without a history or without a model."""
        found = np.full(len(self.x), np.nan)
        given = ~np.isnan(self.x)
        if whole is not None and given.any():
            own = self.x[given], self.recency[given], self.age[given]
            found[given] = self.value(whole, *own, self.ahead_days)
        return found


class LifetimeVerbs(View):
    """Silence and events to come, after the distinct active days of the window.

    Rows of one day are one event. The first active day of the window is taken for a customer's first: with
    older events before it, the model is one of customers as they were then, and the long faithful look
    younger than they are. Values are missing without an active day, with fewer than 100 customers who have
    one, and where nobody came twice.
    """

    cost = Cost.COHORT

    def p_none_next(self, days: int) -> Lifetimes:
        """Return the probability of no event in `[cutoff, cutoff + days)`, under BG/NBD."""
        return self._lifetimes(days, p_none)

    def expected_next(self, days: int) -> Lifetimes:
        """Return the expected number of active days in `[cutoff, cutoff + days)`, under BG/NBD."""
        return self._lifetimes(days, expected)

    def _lifetimes(self, days: int, value: Ahead) -> Lifetimes:
        if self.window[1]:
            raise SignalError(
                f"{self.signal}: what comes next needs a window that ends at the cutoff, without skip."
            )
        self._refuse_lacking("what comes next")
        first = self.reader.outermost(self.rows, self.window, False, "day")
        last = self.reader.outermost(self.rows, self.window, True, "day")
        x = np.where(np.isnan(first), np.nan, self.reader.days(self.rows, self.window) - 1)
        return Lifetimes(x, last - first, self.reader.cutoff - first, days, value)


@lru_cache(maxsize=64)
def _fitted(histories: bytes) -> Model | None:
    """Fit once what several signals of one table and cutoff ask for."""
    x, recency, age = np.frombuffer(histories, dtype=np.int16).reshape(-1, 3).astype(np.float64).T
    return fitted(x, recency, age)
