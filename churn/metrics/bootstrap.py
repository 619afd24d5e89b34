"""Intervals by drawing customers, shared by all candidates so that comparisons are paired."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from churn.metrics import metrics
from churn.metrics.brier import bin_sums, parts_of
from churn.metrics.metrics import Floats, Ints, Ranking

Draws = npt.NDArray[np.uint8]
CHUNK = 64


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval `[low, high]`, and the draws behind it."""

    value: float
    draws: Floats

    @property
    def low(self) -> float:
        """Return the 2.5 % quantile of the draws."""
        return self._quantile(0.025)

    @property
    def high(self) -> float:
        """Return the 97.5 % quantile of the draws."""
        return self._quantile(0.975)

    def __sub__(self, other: Estimate) -> Estimate:
        """Return the paired difference: draw by draw."""
        return Estimate(self.value - other.value, self.draws - other.draws)

    def as_dict(self) -> dict[str, float]:
        """Return value, low and high."""
        return {"value": self.value, "low": self.low, "high": self.high}

    def _quantile(self, share: float) -> float:
        known = self.draws[np.isfinite(self.draws)]
        return float(np.quantile(known, share)) if len(known) and np.isfinite(self.value) else float("nan")


def draw_customers(customers: int, draws: int, seed: int) -> Draws:
    """Return how often each customer is drawn: shape (draws, customers).

    All rows of a customer share its weight, since they depend on each other.

    Source: Davison and Hinkley (1997), Bootstrap methods and their application, section 3.8.
    """
    rng = np.random.default_rng(seed)
    counts = np.empty((draws, customers), dtype=np.uint8)
    for draw in range(draws):
        counts[draw] = np.bincount(rng.integers(0, customers, customers), minlength=customers)
    return counts


def judge(
    left: Floats,
    probability: Floats,
    customer: Ints,
    draws: Draws,
    share: float,
    order: Floats | None = None,
) -> dict[str, Estimate]:
    """Return every metric that has an interval, with it.

    The calibration error has none: drawn rows are noisier than all rows, and noise adds to it, so that
    a percentile interval lies above the truth. It is read beside its noise floor instead.

    Args:
        left: Outcomes.
        probability: Predictions.
        customer: The column of `draws` each row belongs to.
        draws: Weights from `draw_customers`.
        share: The contact share for lift and precision.
        order: What the rows are ranked by, the largest first; by default the predictions.
    """
    line = np.array(metrics.calibration_line(left, probability))
    by_row = _row_sums(left, probability, line)
    customers = draws.shape[1]
    by_customer = np.column_stack(
        [
            *(np.bincount(customer, column, customers) for column in by_row.T),
            bin_sums(left, probability, metrics.equal_count_bins(probability), customer, customers),
        ]
    )
    drawn = np.concatenate(
        [
            draws[start : start + CHUNK].astype(np.float64) @ by_customer
            for start in range(0, len(draws), CHUNK)
        ]
    )
    value = _from_sums(by_customer.sum(axis=0)[None, :], line, noises=1)
    spread = _from_sums(drawn, line, noises=2)
    ranking = Ranking.of(probability if order is None else order)
    ordered = customer[ranking.order]
    leavers = left[ranking.order].astype(np.uint8)
    ranked = _ranked(ranking, leavers, np.ones(len(left), dtype=np.uint8), share)
    drawn_ranked = [_ranked(ranking, leavers, weights[ordered], share) for weights in draws]
    estimates = {name: Estimate(float(value[name][0]), spread[name]) for name in value}
    for place, name in enumerate(RANKED):
        estimates[name] = Estimate(ranked[place], np.array([each[place] for each in drawn_ranked]))
    return estimates


def paired(ours: Mapping[str, Estimate], theirs: Mapping[str, Estimate]) -> dict[str, dict[str, float]]:
    """Return ours minus theirs for every metric, with intervals of the difference."""
    return {name: (ours[name] - theirs[name]).as_dict() for name in ours if name in theirs}


RANKED = ("auc", "average_precision", "precision_at_contact_share", "lift_at_contact_share")


def _ranked(ranking: Ranking, leavers: Draws, weight: Draws, share: float) -> tuple[float, ...]:
    """Return the metrics that need an order, from rows already in it; sums of integers are exact."""
    seen = running(weight, ranking)
    hits = running(weight * leavers, ranking)
    precision = metrics.precision_of(hits, seen, share)
    base = hits[-1] / seen[-1] if seen[-1] else float("nan")
    return (
        metrics.auc_of(hits, seen - hits),
        metrics.average_precision_of(hits, seen),
        precision,
        float(precision / base) if base > 0 else float("nan"),
    )


def running(values: npt.NDArray[Any], ranking: Ranking) -> Floats:
    """Return running sums of integers at the end of each group of equals, starting with 0."""
    sums = np.cumsum(values, dtype=np.int64)
    return np.concatenate([[0.0], sums if len(sums) == len(ranking.last) else sums[ranking.last]])


def _row_sums(left: Floats, probability: Floats, line: Floats) -> Floats:
    """Return what each row adds to the sums that the metrics which need no order are made of."""
    at = line if np.isfinite(line).all() else np.zeros(2)
    return np.column_stack(
        [
            np.ones(len(left)),
            left,
            probability,
            metrics.row_log_loss(left, probability),
            (left - probability) ** 2,
            metrics.line_sums(left, metrics.log_odds(probability), at),
        ]
    )


def _from_sums(sums: Floats, line: Floats, noises: int) -> dict[str, Floats]:
    """Return metrics from summed rows, one per line of `sums`; `noises` as in `parts_of`.

    Slope and intercept of a draw are one Newton step away from those of all rows, which is as good
    as iterating for a bootstrap.

    Source: Moulton and Zeger (1991), Bootstrapping generalized linear models, CSDA 11.
    """
    rows, left, expected = sums[:, 0], sums[:, 1], sums[:, 2]
    lines = line + metrics.newton_step(sums[:, 5:10])
    with np.errstate(divide="ignore", invalid="ignore"):
        return {
            "log_loss": sums[:, 3] / rows,
            "brier": sums[:, 4] / rows,
            "observed_expected": left / expected,
            "calibration_slope": lines[:, 1],
            "calibration_intercept": lines[:, 0],
        } | parts_of(sums[:, 10:], sums[:, 4], noises)
