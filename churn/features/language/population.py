"""Values that need everybody: they are finished once the whole cohort of a cutoff is known.

From 16,384 customers on an evenly spread sample of so many stands for everybody (`blocks.sample`): a rate of
10 % is then known to a quarter of a point.

Each says what one block of customers adds to the picture (`summary`), how these are put together (`merged`),
and what a customer's value is beside the whole (`finished`). Summaries do not depend on how customers are cut
into blocks: sums are of whole numbers, lists stay in the order of the customers.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from churn.features.language.cost import Cost
from churn.features.language.reader import Array

COST = Cost.COHORT

BoolArray = npt.NDArray[np.bool_]
Peers = npt.NDArray[np.int64]
"""The group of each customer at a cutoff: same plan, same band of tenure."""

FEWEST_PEERS = 20
"""A percentile among fewer customers says nothing; it is missing."""


class Deferred(ABC):
    """What a signal returns when its value depends on everybody else's."""

    everybody: ClassVar[bool] = False
    """Whether all known customers who have not objected are the picture, not the cohort alone."""

    @abstractmethod
    def summary(self, members: BoolArray, peers: Peers) -> Any:
        """Return what a block's members of the cohort (or `everybody`) add, as plain data."""

    @classmethod
    @abstractmethod
    def merged(cls, summaries: Sequence[Any]) -> Any:
        """Put the summaries of all blocks together, in the order of the customers."""

    @classmethod
    def reproducible(cls, whole: Any) -> Any:
        """Return the whole without the digits in which processors differ; only a fit has such digits."""
        return whole

    @abstractmethod
    def finished(self, whole: Any, peers: Peers) -> Array:
        """Return the value of each customer of the block."""


@dataclass(frozen=True)
class Shrunk(Deferred):
    """A rate of hits in trials, drawn towards the cohort's rate."""

    hits: Array
    trials: Array
    strength: float

    def summary(self, members: BoolArray, peers: Peers) -> tuple[int, int]:
        """Return the members' hits and trials in `2 ** -20` of one, as decayed ones are not whole."""
        hits, trials = (
            np.rint(values[members] * 2.0**20).astype(np.int64) for values in (self.hits, self.trials)
        )
        return int(hits.sum()), int(trials.sum())

    @classmethod
    def merged(cls, summaries: Sequence[Any]) -> float:
        """Return the cohort's rate; 0 where nobody tried."""
        trials = sum(summary[1] for summary in summaries)
        return sum(summary[0] for summary in summaries) / trials if trials else 0.0

    def finished(self, whole: float, peers: Peers) -> Array:
        """Return `(hits + strength * rate) / (trials + strength)`; missing where nothing was tried."""
        drawn = (self.hits + self.strength * whole) / (self.trials + self.strength)
        return np.where(self.trials > 0, drawn, np.nan)


@dataclass(frozen=True)
class AmongPeers(Deferred):
    """The share of peers with a lower value, ties counted half: 0 is the lowest of all, 1 the highest."""

    values: Array

    def summary(self, members: BoolArray, peers: Peers) -> tuple[Peers, Array]:
        """Return the members' groups and values."""
        given = members & ~np.isnan(self.values)
        return peers[given], self.values[given]

    @classmethod
    def merged(cls, summaries: Sequence[Any]) -> dict[int, Array]:
        """Return the sorted values of each group."""
        groups = np.concatenate([summary[0] for summary in summaries])
        values = np.concatenate([summary[1] for summary in summaries])
        order = np.lexsort((values, groups))
        groups, values = groups[order], values[order]
        names, starts = np.unique(groups, return_index=True)
        return dict(zip(names.tolist(), np.split(values, starts[1:]), strict=True)) if len(names) else {}

    def finished(self, whole: dict[int, Array], peers: Peers) -> Array:
        """Return each customer's place among the peers; missing without a value or without enough peers."""
        found = np.full(len(self.values), np.nan)
        for group, values in whole.items():
            own = np.flatnonzero((peers == group) & ~np.isnan(self.values))
            if len(values) >= FEWEST_PEERS and len(own):
                below = np.searchsorted(values, self.values[own], side="left")
                not_above = np.searchsorted(values, self.values[own], side="right")
                found[own] = (below + not_above) / (2 * len(values))
        return found


@dataclass(frozen=True)
class BeyondPopulation(Deferred):
    """The log of a customer's own change, minus that of the whole cohort: the season taken out."""

    recent: Array
    before: Array
    prior: float

    def summary(self, members: BoolArray, peers: Peers) -> tuple[int, int]:
        """Return the members' sums in thousandths, where both are given."""
        given = members & ~np.isnan(self.recent) & ~np.isnan(self.before)
        recent, before = (
            np.rint(1000 * values[given]).astype(np.int64) for values in (self.recent, self.before)
        )
        return int(recent.sum()), int(before.sum())

    @classmethod
    def merged(cls, summaries: Sequence[Any]) -> float:
        """Return the log of the cohort's change; missing where the cohort did nothing before or since."""
        recent, before = (sum(summary[place] for summary in summaries) for place in (0, 1))
        return float(np.log(recent / before)) if recent > 0 and before > 0 else float("nan")

    def finished(self, whole: float, peers: Peers) -> Array:
        """Return `ln((recent + prior) / (before + prior))` minus the cohort's."""
        found: Array = np.log((self.recent + self.prior) / (self.before + self.prior)) - whole
        return found


def shrunk(hits: Array, trials: Array, strength: float = 4.0) -> Shrunk:
    """Draw a rate towards the cohort's rate, so that 1 of 1 is not 100 %."""
    tried = ~(np.isnan(hits) | np.isnan(trials))
    return Shrunk(np.where(tried, hits, 0.0), np.where(tried, trials, 0.0), strength)


def among_peers(values: Array) -> AmongPeers:
    """Return the share of customers of the same plan and tenure band with a lower value, ties counted half.

    Missing among fewer than 20 peers.
    """
    return AmongPeers(values)


def beyond_population(recent: Array, before: Array, prior: float = 1.0) -> BeyondPopulation:
    """Return the log of a customer's own change minus the log of the cohort's change at the same cutoff.

    `prior` is added to both of a customer's numbers.
    """
    return BeyondPopulation(recent, before, prior)
