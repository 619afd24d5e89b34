"""Estimate how good predicted probabilities are before outcomes are known, and measure it afterwards.

If the probabilities are right, each customer leaves with the stated probability, independently of the others.
From this assumption about customers, the expected measures and their spread by chance can be computed without
outcomes. If the measure on real outcomes lies outside the estimated interval, the probabilities were not
right.

Source: NannyML, Confidence-based performance estimation; Guillory et al. (2021), Predicting with confidence
    on unseen distributions, ICCV.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from churn.drift.result import Figures
from churn.metrics.interval import Interval
from churn.metrics.metrics import EPSILON, row_log_loss
from churn.metrics.standard_errors import Z_95, weight_below, weighted_auc

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

MIN_CHURNERS = 10
"""The least number of churners for an interval of the ratio of observed to expected churners."""


def estimate_figures(probability: Floats, weights: Floats) -> Figures:
    """Return the AUC, the log loss and the Brier score that are expected if the probabilities are right.

    Each measure has an interval. If the probabilities are right, the measure on real outcomes lies in this
    interval in 95 % of cases. The spread of the AUC is computed as if the AUC were linear in the outcomes
    (delta method).

    Args:
        probability: The calibrated probabilities, shape (rows,).
        weights: The weight of each row, shape (rows,).
    """
    p = np.clip(probability, EPSILON, 1 - EPSILON)
    spread, total = p * (1 - p), float(weights.sum())
    entropy, logit = -(p * np.log(p) + (1 - p) * np.log1p(-p)), np.log(p) - np.log1p(-p)
    return Figures(
        auc=_estimate_auc(p, weights),
        log_loss=_interval(
            float(weights @ entropy) / total, float(np.sqrt((weights**2) @ (spread * logit**2))) / total
        ),
        brier=_interval(
            float(weights @ spread) / total,
            float(np.sqrt((weights**2) @ (spread * (1 - 2 * p) ** 2))) / total,
        ),
    )


def _estimate_auc(p: Floats, weights: Floats) -> Interval:
    spread, churners, stayers = p * (1 - p), weights * p, weights * (1 - p)
    n_churners, n_stayers = float(churners.sum()), float(stayers.sum())
    # the part that must be subtracted, because no customer is both a churner and a stayer
    own = float((weights**2) @ spread)
    pairs = n_churners * n_stayers - own
    if not pairs > 0:
        return Interval(value=None)
    below, above = weight_below(p, stayers), weight_below(-p, churners)
    area = (float(churners @ below) - own / 2) / pairs
    slope = weights * ((below - above) / pairs - area * (1 / n_churners - 1 / n_stayers))
    return _interval(area, float(np.sqrt((slope**2) @ spread)), high=1.0)


def realised_figures(left: Floats, probability: Floats, weights: Floats) -> Figures:
    """Return AUC, log loss and Brier score on known outcomes, with intervals for the error of sampling.

    Args:
        left: Whether the customer left (1.0) or stayed (0.0), shape (rows,).
        probability: The predicted probabilities, shape (rows,).
        weights: The weight of each row, shape (rows,).
    """
    area, error = weighted_auc(left, probability, weights)
    return Figures(
        auc=_interval(area, error, high=1.0),
        log_loss=_mean(row_log_loss(left, probability), weights),
        brier=_mean((left - probability) ** 2, weights),
    )


def _mean(values: Floats, weights: Floats) -> Interval:
    total = float(weights.sum())
    mean = float(weights @ values) / total
    return _interval(mean, float(np.sqrt((weights**2) @ (values - mean) ** 2)) / total)


def _interval(value: float, error: float, high: float = np.inf) -> Interval:
    if not np.isfinite(value):
        return Interval(value=None)
    return Interval(value=value, low=max(0.0, value - Z_95 * error), high=min(high, value + Z_95 * error))


@dataclass(frozen=True)
class Outcomes:
    """The outcomes of customers for whom a probability was predicted earlier.

    Attributes:
        left: 1.0 if the customer left, otherwise 0.0, shape (rows,).
        probability: The probabilities that were predicted earlier, shape (rows,).
        weights: The weight of each row, above 0, shape (rows,).
        customer: A number that identifies the customer of each row, shape (rows,).
    """

    left: Floats
    probability: Floats
    weights: Floats
    customer: Ints

    @property
    def expected(self) -> float:
        """Return the expected number of churners: the weighted sum of the probabilities."""
        return float(self.weights @ self.probability)


def observed_expected_interval(outcomes: Outcomes) -> Interval:
    """Return the weighted number of churners divided by the expected number, with an interval.

    If there are fewer than ten churners, there is no interval. The rows of one customer depend on each other,
    and the interval takes this into account. The interval is symmetric on the scale of the logarithm.

    Source: Cochran (1977), Sampling techniques, 3rd edition, section 6.4, for the linearised ratio.
    """
    observed, expected = float(outcomes.weights @ outcomes.left), outcomes.expected
    if not expected > 0:
        return Interval(value=None)
    ratio = observed / expected
    if outcomes.left.sum() < MIN_CHURNERS:
        return Interval(value=ratio)
    residual = outcomes.weights * (outcomes.left - ratio * outcomes.probability)
    sums = np.bincount(np.unique(outcomes.customer, return_inverse=True)[1], residual)
    error = float(np.sqrt(sums @ sums)) / observed
    return Interval(value=ratio, low=ratio * np.exp(-Z_95 * error), high=ratio * np.exp(Z_95 * error))
