"""Bootstrap intervals. All models that are compared share the same draws of customers, so that their
differences are paired.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from churn.metrics import metrics
from churn.metrics.interval import Interval
from churn.metrics.metrics import Floats, Ints, Ranking

Draws = npt.NDArray[np.uint8]

CHUNK = 64
"""The number of draws that are multiplied with the sums per customer at a time."""

RANKING_METRICS = ("auc", "average_precision", "precision_at_contact_share", "lift_at_contact_share")
"""The metrics that depend only on the order of the predictions."""


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval `[low, high]`, and its value in each draw, shape (draws,)."""

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
        """Return the difference of two estimates from the same draws, paired draw by draw."""
        return Estimate(self.value - other.value, self.draws - other.draws)

    @property
    def interval(self) -> Interval:
        """Return the value with its interval, without the draws."""
        return Interval(value=self.value, low=self.low, high=self.high)

    def _quantile(self, share: float) -> float:
        finite_draws = self.draws[np.isfinite(self.draws)]
        return (
            float(np.quantile(finite_draws, share))
            if len(finite_draws) and np.isfinite(self.value)
            else float("nan")
        )


def draw_customers(customers: int, draws: int, seed: int) -> Draws:
    """Return how often each customer is in each bootstrap draw, shape (draws, customers).

    All rows of a customer get the weight of the customer, because these rows depend on each other.

    Args:
        customers: The number of customers.
        draws: The number of draws.
        seed: The seed of the random numbers.

    Source: Davison and Hinkley (1997), Bootstrap methods and their application, section 3.8.
    """
    rng = np.random.default_rng(seed)
    counts = np.empty((draws, customers), dtype=np.uint8)
    for draw in range(draws):
        counts[draw] = np.bincount(rng.integers(0, customers, customers), minlength=customers)
    return counts


def estimate_metrics(
    left: Floats,
    probability: Floats,
    customer: Ints,
    draws: Draws,
    share: float,
    rank_by: Floats | None = None,
    weight: Floats | None = None,
) -> dict[str, Estimate]:
    """Return every metric that has an interval, by name.

    The calibration error has no interval. A bootstrap draw repeats some customers and leaves out others.
    This adds noise, and noise makes the calibration error larger. So a percentile interval of the calibration
    error would lie above the truth. The function `metrics.calibration_error` gives a noise floor with which
    this error can be compared.

    Args:
        left: Outcomes, shape (rows,).
        probability: Predictions, shape (rows,).
        customer: The customer of each row: the number of the customer's column in `draws`, shape (rows,).
        draws: The weights from `draw_customers`, shape (draws, customers).
        share: The share of rows, from the top of the ranking, that lift and precision count as contacted, in
            (0, 1].
        rank_by: The values by which the rows are ranked, the largest first; by default the predictions.
        weight: The weight of each row: how many rows it stands for, shape (rows,); None if each weight is 1.
    """
    weight, spread_factor = unit_mean(weight)
    line = np.array(metrics.calibration_line(left, probability, weight))
    by_row = _row_sums(left, probability, line)
    if weight is not None:
        by_row *= weight[:, None]
    bins, customers = metrics.equal_count_bins(probability), draws.shape[1]
    by_customer = np.column_stack(
        [
            *(np.bincount(customer, column, customers) for column in by_row.T),
            metrics.bin_sums(left, probability, bins, customer, customers, weight),
        ]
    )
    draw_sums = np.concatenate(
        [
            draws[start : start + CHUNK].astype(np.float64) @ by_customer
            for start in range(0, len(draws), CHUNK)
        ]
    )
    value = _metrics_from_sums(by_customer.sum(axis=0)[None, :], line, spread_factor)
    spread = _metrics_from_sums(draw_sums, line, 2 * spread_factor)
    estimates = {name: Estimate(float(value[name][0]), spread[name]) for name in value}

    ranking = Ranking.of(probability if rank_by is None else rank_by)
    ranked_customer = customer[ranking.order]
    ranked_left = left[ranking.order].astype(np.uint8)
    once = None if weight is None else weight[ranking.order]
    ranked_value = _ranking_metrics(ranking, ranked_left, drawn_weight(None, once, len(left)), share)
    ranked_draws = [
        _ranking_metrics(ranking, ranked_left, drawn_weight(counts[ranked_customer], once, len(left)), share)
        for counts in draws
    ]
    for number, name in enumerate(RANKING_METRICS):
        estimates[name] = Estimate(ranked_value[number], np.array([draw[number] for draw in ranked_draws]))
    return estimates


def unit_mean(weight: Floats | None) -> tuple[Floats | None, float]:
    """Return weights scaled to mean 1, and the factor by which unequal weights raise the variance of a mean.

    Source: Kish (1965), Survey sampling, section 11.7: the loss of precision by unequal weights.

    >>> unit_mean(np.array([1.0, 3.0]))
    (array([0.5, 1.5]), 1.25)
    """
    if weight is None or not len(weight):
        return weight, 1.0
    weight = weight / weight.mean()
    return weight, float((weight**2).mean())


def drawn_weight(counts: Draws | None, weight: Floats | None, n_rows: int) -> npt.NDArray[Any]:
    """Return the weight of each row in a draw; it is a whole number if `weight` is None.

    Args:
        counts: How often each row was drawn, shape (rows,); None counts each row once.
        weight: The weight of each row: how many rows it stands for, shape (rows,); None if each weight is 1.
        n_rows: The number of rows.
    """
    if weight is None:
        return np.ones(n_rows, dtype=np.uint8) if counts is None else counts
    return weight if counts is None else counts * weight


def paired_differences(first: Mapping[str, Estimate], second: Mapping[str, Estimate]) -> dict[str, Interval]:
    """Return the metrics of the first model minus the metrics of the second model, with intervals."""
    return {name: (first[name] - second[name]).interval for name in first if name in second}


def running_sums(values: npt.NDArray[Any], ranking: Ranking) -> Floats:
    """Return 0, and then the running sum of `values` after each tie (rows with equal rank).

    The values are already in rank order. Whole numbers are summed as integers, so their sums are exact.
    """
    sums = np.cumsum(values, dtype=np.float64 if values.dtype.kind == "f" else np.int64)
    return np.concatenate([[0.0], sums if len(sums) == len(ranking.last) else sums[ranking.last]])


def _ranking_metrics(
    ranking: Ranking, left: Draws, weight: npt.NDArray[Any], share: float
) -> tuple[float, ...]:
    """Return the `RANKING_METRICS` of rows that are already in rank order."""
    rows = running_sums(weight, ranking)
    churners = running_sums(weight * left, ranking)
    precision = metrics.precision_at_share(churners, rows, share)
    base = churners[-1] / rows[-1] if rows[-1] else float("nan")
    return (
        metrics.auc_from_sums(churners, rows - churners),
        metrics.average_precision_from_sums(churners, rows),
        precision,
        float(precision / base) if base > 0 else float("nan"),
    )


def _row_sums(left: Floats, probability: Floats, line: Floats) -> Floats:
    """Return the contribution of each row to the sums of `_metrics_from_sums`, shape (rows, 10)."""
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


def _metrics_from_sums(sums: Floats, line: Floats, noise_copies: float) -> dict[str, Floats]:
    """Return the metrics that do not depend on the order of the rows, one value per row of `sums`.

    The calibration slope and intercept of a draw are computed by one Newton step, which starts at the
    calibration line of all rows. For a bootstrap one step is as good as iterating.

    Args:
        sums: The sums of `_row_sums`, then the sums of `metrics.bin_sums`, shape (draws, 10 + 3 * BINS).
        line: The intercept and the slope of the calibration line of all rows.
        noise_copies: The argument `noise_copies` of `metrics.brier_parts`.

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
        } | metrics.brier_parts(sums[:, 10:], sums[:, 4], noise_copies)
