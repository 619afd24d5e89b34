"""Values that need the other customers: they are finished once the whole cohort of a cutoff is known.

Each kind says what one block of customers adds (`summary`), how the summaries of all blocks are merged into
population statistics (`merge`), and what a customer's value is, given these (`finish`). Summaries do not
depend on how customers are cut into blocks: sums are of whole numbers, and lists keep the order of customers.

With more than 16,384 customers, population statistics are estimated on an evenly spread sample of that size
(`blocks.population_sample`): the standard error of a rate of 10 % is then a quarter of a point.
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
"""The peer group of each customer at a cutoff: same plan, same band of tenure."""

MIN_PEERS = 20
"""Among fewer customers a percentile says nothing; it is missing."""


class CohortValue(ABC):
    """The value of a signal that depends on the other customers too."""

    counts_all_known: ClassVar[bool] = False
    """Whether all known customers without an objection count for the statistics, not the cohort alone."""

    @abstractmethod
    def summary(self, members: BoolArray, peers: Peers) -> Any:
        """Return what a block adds to the population statistics, as plain data.

        Args:
            members: A mask of the block's customers who count, `[n]`.
            peers: Their peer groups, `[n]`.
        """

    @classmethod
    @abstractmethod
    def merge(cls, summaries: Sequence[Any]) -> Any:
        """Merge the summaries of all blocks, in the order of the customers, into population statistics."""

    @classmethod
    def reproducible(cls, population: Any) -> Any:
        """Return the statistics without the digits in which processors differ; only fits have such digits."""
        return population

    @abstractmethod
    def finish(self, population: Any, peers: Peers) -> Array:
        """Return the value of each customer of the block, `[n]`, given the population statistics."""


@dataclass(frozen=True)
class ShrunkRate(CohortValue):
    """A rate of hits in trials, drawn towards the cohort's rate."""

    hits: Array
    trials: Array
    strength: float

    def summary(self, members: BoolArray, peers: Peers) -> tuple[int, int]:
        """Return the members' hits and trials in units of `2 ** -20`, as decayed counts are not whole."""
        hits, trials = (
            np.rint(values[members] * 2.0**20).astype(np.int64) for values in (self.hits, self.trials)
        )
        return int(hits.sum()), int(trials.sum())

    @classmethod
    def merge(cls, summaries: Sequence[Any]) -> float:
        """Return the cohort's rate; 0 without trials."""
        trials = sum(summary[1] for summary in summaries)
        return sum(summary[0] for summary in summaries) / trials if trials else 0.0

    def finish(self, population: float, peers: Peers) -> Array:
        """Return `(hits + strength * rate) / (trials + strength)`; missing without trials."""
        rate = (self.hits + self.strength * population) / (self.trials + self.strength)
        return np.where(self.trials > 0, rate, np.nan)


@dataclass(frozen=True)
class AmongPeers(CohortValue):
    """The share of peers with a lower value, ties counted half: 0 is the lowest of all, 1 the highest."""

    values: Array

    def summary(self, members: BoolArray, peers: Peers) -> tuple[Peers, Array]:
        """Return the members' peer groups and values."""
        has_value = members & ~np.isnan(self.values)
        return peers[has_value], self.values[has_value]

    @classmethod
    def merge(cls, summaries: Sequence[Any]) -> dict[int, Array]:
        """Return the sorted values of each peer group."""
        groups = np.concatenate([summary[0] for summary in summaries])
        values = np.concatenate([summary[1] for summary in summaries])
        order = np.lexsort((values, groups))
        groups, values = groups[order], values[order]
        names, starts = np.unique(groups, return_index=True)
        return dict(zip(names.tolist(), np.split(values, starts[1:]), strict=True)) if len(names) else {}

    def finish(self, population: dict[int, Array], peers: Peers) -> Array:
        """Return each customer's rank among the peers; missing without a value or without enough peers."""
        ranks = np.full(len(self.values), np.nan)
        for group, values in population.items():
            customers = np.flatnonzero((peers == group) & ~np.isnan(self.values))
            if len(values) >= MIN_PEERS and len(customers):
                below = np.searchsorted(values, self.values[customers], side="left")
                not_above = np.searchsorted(values, self.values[customers], side="right")
                ranks[customers] = (below + not_above) / (2 * len(values))
        return ranks


@dataclass(frozen=True)
class BeyondPopulation(CohortValue):
    """The log of a customer's own change minus that of the whole cohort, which removes the season."""

    recent: Array
    before: Array
    prior: float

    def summary(self, members: BoolArray, peers: Peers) -> tuple[int, int]:
        """Return the members' sums in thousandths, over customers with both numbers."""
        has_both = members & ~np.isnan(self.recent) & ~np.isnan(self.before)
        recent, before = (
            np.rint(1000 * values[has_both]).astype(np.int64) for values in (self.recent, self.before)
        )
        return int(recent.sum()), int(before.sum())

    @classmethod
    def merge(cls, summaries: Sequence[Any]) -> float:
        """Return the log of the cohort's change; missing if the cohort has no rows before or since."""
        recent = sum(summary[0] for summary in summaries)
        before = sum(summary[1] for summary in summaries)
        return float(np.log(recent / before)) if recent > 0 and before > 0 else float("nan")

    def finish(self, population: float, peers: Peers) -> Array:
        """Return `ln((recent + prior) / (before + prior))` minus the log of the cohort's change."""
        change: Array = np.log((self.recent + self.prior) / (self.before + self.prior)) - population
        return change


def shrunk(hits: Array, trials: Array, strength: float = 4.0) -> ShrunkRate:
    """Draw a rate towards the cohort's rate, so that 1 of 1 is not 100 %.

    Args:
        hits: The hits of each customer, `[n]`.
        trials: The trials of each customer, `[n]`.
        strength: The number of trials at the cohort's rate that are added.
    """
    has_both = ~(np.isnan(hits) | np.isnan(trials))
    return ShrunkRate(np.where(has_both, hits, 0.0), np.where(has_both, trials, 0.0), strength)


def among_peers(values: Array) -> AmongPeers:
    """Return the share of customers of the same plan and tenure band with a lower value, ties counted half.

    Missing among fewer than 20 peers.
    """
    return AmongPeers(values)


def beyond_population(recent: Array, before: Array, prior: float = 1.0) -> BeyondPopulation:
    """Return the log of a customer's own change minus the log of the cohort's change at the same cutoff.

    Args:
        recent: A number of the recent window for each customer, `[n]`.
        before: The same number of the window before, `[n]`.
        prior: Is added to both numbers of a customer.
    """
    return BeyondPopulation(recent, before, prior)
