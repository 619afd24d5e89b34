"""Standard errors where the rows of a customer depend on each other: sums are taken by customer first."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from churn.metrics import metrics
from churn.metrics.metrics import Floats, Ints


def clustered_mean(values: Floats, customer: Ints) -> tuple[float, float]:
    """Return the mean of some rows and its standard error.

    Source: Cameron and Miller (2015), A practitioner's guide to cluster-robust inference, Journal of Human
        Resources 50, equation 10 for a regression on a constant.
    """
    mean = float(values.mean())
    return mean, float(np.sqrt(_spread((values - mean)[:, None], customer)[0, 0])) / len(values)


def clustered_ratio(left: Floats, probability: Floats, customer: Ints) -> tuple[float, float]:
    """Return observed over expected, and the standard error of its logarithm; NaN where nobody left.

    Source: Cochran (1977), Sampling techniques, 3rd edition, section 6.4: the linearised ratio.
    """
    expected = float(probability.sum())
    ratio = float(left.sum()) / expected if expected > 0 else float("nan")
    if not ratio > 0:
        return ratio, float("nan")
    spread = _spread((left - ratio * probability)[:, None], customer)[0, 0]
    return ratio, float(np.sqrt(spread)) / float(left.sum())


def clustered_departure(
    left: Floats, probability: Floats, customer: Ints, here: npt.NDArray[np.bool_]
) -> tuple[float, float]:
    """Return the logarithm of observed over expected of some rows less that of all, and its standard error.

    0 says that these rows are predicted as well as all are, whatever the level of all.
    """
    ratio, own = (clustered_ratio(left[rows], probability[rows], customer[rows])[0] for rows in (..., here))
    if not own > 0:
        return float("nan"), float("nan")
    values = np.where(here, (left - own * probability) / left[here].sum(), 0.0)
    values -= (left - ratio * probability) / left.sum()
    return float(np.log(own / ratio)), float(np.sqrt(_spread(values[:, None], customer)[0, 0]))


def clustered_difference(left: Floats, probability: Floats, customer: Ints) -> tuple[float, float]:
    """Return leavers less those expected, in rows, and its standard error were as many expected as left.

    Source: Boos (1992), On generalized score tests, The American Statistician 46, 327-333.
    """
    by_customer = np.bincount(np.unique(customer, return_inverse=True)[1], left - probability)
    return float(by_customer.sum()), float(np.sqrt(by_customer @ by_customer))


def clustered_slope(left: Floats, probability: Floats, customer: Ints) -> tuple[float, float]:
    """Return the calibration slope and its standard error; NaN where there is no slope.

    Source: Liang and Zeger (1986), Longitudinal data analysis using generalized linear models, Biometrika 73.
    """
    line = np.array(metrics.calibration_line(left, probability))
    if not np.isfinite(line).all():
        return float("nan"), float("nan")
    sums = metrics.line_sums(left, metrics.log_odds(probability), line)
    h00, h01, h11 = sums[:, 2:].sum(axis=0)
    inverse = np.linalg.inv(np.array([[h00, h01], [h01, h11]]))
    spread = inverse @ _spread(sums[:, :2], customer) @ inverse
    return float(line[1]), float(np.sqrt(spread[1, 1]))


def _spread(values: Floats, customer: Ints) -> Floats:
    """Return the estimated covariance of the column sums of rows that sum to nought; NaN for one customer."""
    who = np.unique(customer, return_inverse=True)[1]
    sums = np.column_stack([np.bincount(who, column) for column in values.T])
    clusters = len(sums)
    scale = clusters / (clusters - 1) if clusters > 1 else float("nan")
    return np.asarray(scale * (sums.T @ sums), dtype=np.float64)
