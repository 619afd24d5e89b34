"""Values of signals that also depend on other customers; they are computed once the whole cohort is read.

Each class of this file works in three steps. `summary` computes what one block of customers adds to the
population statistics. `merge` combines the summaries of all blocks into these statistics. `finish` computes
each customer's value from the statistics. The statistics do not depend on how customers are cut into blocks:
only whole numbers are summed, and lists keep the order of customers.

With more than 16,384 customers, population statistics are estimated on a sample of 16,384 customers that is
spread evenly over all customers (`blocks.population_sample`). With such a sample, the standard error of a
rate of 10 % is a quarter of a percentage point.
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
"""The peer group of each customer at a cutoff, `[n]`: customers of one plan and one band of tenure."""

MIN_PEERS = 20
"""The smallest number of peers for a percentile; with fewer peers the percentile is missing."""


class CohortValue(ABC):
    """The value of a signal that also depends on other customers."""

    counts_all_known: ClassVar[bool] = False
    """Whether the statistics count all known customers instead of only the cohort.

    Customers who objected to contacts never count.
    """

    @abstractmethod
    def summary(self, members: BoolArray, peers: Peers) -> Any:
        """Return what this block of customers adds to the population statistics, as numbers or arrays.

        Args:
            members: A mask of the block's customers whom the statistics include, `[n]`.
            peers: The peer group of each customer of the block, `[n]`.
        """

    @classmethod
    @abstractmethod
    def merge(cls, summaries: Sequence[Any]) -> Any:
        """Merge the summaries of all blocks, in the order of the customers, into population statistics."""

    @classmethod
    def reproducible(cls, population: Any) -> Any:
        """Return the statistics without the digits that differ between processors.

        Only the parameters of fitted models have digits that differ.
        """
        return population

    @abstractmethod
    def finish(self, population: Any, peers: Peers) -> Array:
        """Return the value of each customer of the block, `[n]`, given the population statistics."""


@dataclass(frozen=True)
class ShrunkRate(CohortValue):
    """The share of hits among a customer's trials, pulled towards the cohort's share."""

    hits: Array
    trials: Array
    strength: float

    def summary(self, members: BoolArray, peers: Peers) -> tuple[int, int]:
        """Return the sums of the members' hits and trials, in units of `2 ** -20`.

        Hits and trials may be fractions. They are rounded to this unit, because sums of whole numbers are
        exact.
        """
        hits, trials = (
            np.rint(values[members] * 2.0**20).astype(np.int64) for values in (self.hits, self.trials)
        )
        return int(hits.sum()), int(trials.sum())

    @classmethod
    def merge(cls, summaries: Sequence[Any]) -> float:
        """Return the cohort's rate; 0 if there are no trials."""
        trials = sum(summary[1] for summary in summaries)
        return sum(summary[0] for summary in summaries) / trials if trials else 0.0

    def finish(self, population: float, peers: Peers) -> Array:
        """Return `(hits + strength * cohort_rate) / (trials + strength)`, or missing without trials."""
        rate = (self.hits + self.strength * population) / (self.trials + self.strength)
        return np.where(self.trials > 0, rate, np.nan)


@dataclass(frozen=True)
class AmongPeers(CohortValue):
    """The share of peers with a lower value, from 0 to 1; a peer with an equal value counts half."""

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
        """Return for each customer the share of peers with a lower value.

        The share is missing if the customer has no value, or if fewer than `MIN_PEERS` peers have one.
        """
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
    """A customer's log ratio of `recent` to `before`, minus the same log ratio of the whole cohort.

    A season that changes all customers alike cancels out.
    """

    recent: Array
    before: Array
    prior: float

    def summary(self, members: BoolArray, peers: Peers) -> tuple[int, int]:
        """Sum `recent` and `before` of the members who have both numbers; the sums are whole thousandths."""
        has_both = members & ~np.isnan(self.recent) & ~np.isnan(self.before)
        recent, before = (
            np.rint(1000 * values[has_both]).astype(np.int64) for values in (self.recent, self.before)
        )
        return int(recent.sum()), int(before.sum())

    @classmethod
    def merge(cls, summaries: Sequence[Any]) -> float:
        """Return `ln(sum of recent / sum of before)` of the cohort, or missing if one of the sums is 0."""
        recent = sum(summary[0] for summary in summaries)
        before = sum(summary[1] for summary in summaries)
        return float(np.log(recent / before)) if recent > 0 and before > 0 else float("nan")

    def finish(self, population: float, peers: Peers) -> Array:
        """Return `ln((recent + prior) / (before + prior))` minus the cohort's log ratio (`population`)."""
        change: Array = np.log((self.recent + self.prior) / (self.before + self.prior)) - population
        return change


def shrunk(hits: Array, trials: Array, strength: float = 4.0) -> ShrunkRate:
    """Return each customer's `hits / trials`, moved towards the cohort's rate (more if trials are few).

    So one hit in one trial does not give a rate of 100 %.

    Args:
        hits: The hits of each customer, `[n]`.
        trials: The trials of each customer, `[n]`.
        strength: The number of imagined trials, with the cohort's rate of hits, that are added to the trials.
    """
    has_both = ~(np.isnan(hits) | np.isnan(trials))
    return ShrunkRate(np.where(has_both, hits, 0.0), np.where(has_both, trials, 0.0), strength)


def among_peers(values: Array) -> AmongPeers:
    """Return the share of peers with a lower value, 0 to 1; a peer with an equal value counts half.

    Peers are the customers of the same plan and the same band of tenure. The share is missing if fewer than
    20 peers have a value.
    """
    return AmongPeers(values)


def beyond_population(recent: Array, before: Array, prior: float = 1.0) -> BeyondPopulation:
    """Return a customer's log ratio of `recent` to `before`, minus the same log ratio of the whole cohort.

    For the cohort, `recent` and `before` are summed over the customers of this cutoff who have both numbers.

    Args:
        recent: A number per customer, computed in the recent window; an array `[n]`.
        before: The same number as in `recent`, but computed in the earlier window; an array `[n]`.
        prior: A number that is added to a customer's `recent` and `before`, but not to the sums.
    """
    return BeyondPopulation(recent, before, prior)
