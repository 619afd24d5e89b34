"""Compute intervals and standard errors by formula, even if the rows of a customer depend on each other."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from churn.metrics import metrics
from churn.metrics.metrics import Floats, Ints

Z_95 = 1.959964
"""The number of standard errors from the middle to each end of a two-sided 95 % interval."""


def wilson_interval(hits: float, trials: float, z: float = Z_95) -> tuple[float, float]:
    """Return the lower and the upper end of the Wilson interval of a share.

    The two ends differ even if all trials are hits or no trial is a hit.

    Args:
        hits: The number of hits.
        trials: The number of trials; without trials the interval is [0, 1].
        z: The number of standard errors from the middle to each end.

    Source: Wilson (1927), Probable inference, the law of succession, and statistical inference, JASA 22.

    >>> [round(end, 3) for end in wilson_interval(1, 10)]
    [0.018, 0.404]
    """
    if not trials:
        return 0.0, 1.0
    share = hits / trials
    middle = (share + z * z / (2 * trials)) / (1 + z * z / trials)
    half = (
        z
        / (1 + z * z / trials)
        * float(np.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials)))
    )
    return float(max(0.0, middle - half)), float(min(1.0, middle + half))


def effective_rows(weight: Floats) -> float:
    """Return the effective number of rows, which is lower than `len(weight)` if the weights are unequal.

    The weighted mean of all rows is as precise as the mean of this number of rows with equal weights. The
    number is 0 if there is no row, or if all weights are 0.

    Source: Kish (1965), Survey sampling, section 11.7.

    >>> effective_rows(np.array([1.0, 1.0, 2.0]))
    2.6666666666666665
    >>> effective_rows(np.zeros(2))
    0.0
    """
    total = float(weight.sum())
    return total**2 / float((weight**2).sum()) if total > 0 else 0.0


def customer_wilson_interval(
    left: Floats, customer: Ints, weight: Floats | None = None
) -> tuple[float, float]:
    """Return the Wilson interval of the share of rows that left, with one trial per customer.

    The rows of one customer depend on each other, so the number of customers is the number of trials. The
    interval may be too wide, but it is not too narrow.

    Args:
        left: Outcomes, shape (rows,).
        customer: The customer of each row, shape (rows,).
        weight: The weight of each row: how many rows it stands for, shape (rows,); None if each weight is 1.
            Unequal weights make the number of trials smaller.
    """
    independent: float = len(np.unique(customer))
    if weight is not None:
        independent *= effective_rows(weight) / len(weight)
    return wilson_interval(float(np.average(left, weights=weight)) * independent, independent)


def clustered_mean(values: Floats, customer: Ints, weight: Floats | None = None) -> tuple[float, float]:
    """Return the mean of `values` and the standard error of this mean.

    Rows of one customer may depend on each other.

    Args:
        values: The values, shape (rows,).
        customer: The customer of each row, shape (rows,).
        weight: The weight of each row: how many rows it stands for, shape (rows,); None if each weight is 1.

    Source: Cameron and Miller (2015), A practitioner's guide to cluster-robust inference, Journal of Human
        Resources 50, equation 10 for a regression on a constant.
    """
    if weight is not None:
        mean = float(np.average(values, weights=weight))
        spread = _spread((weight * (values - mean))[:, None], customer)[0, 0]
        return mean, float(np.sqrt(spread)) / float(weight.sum())
    mean = float(values.mean())
    return mean, float(np.sqrt(_spread((values - mean)[:, None], customer)[0, 0])) / len(values)


def clustered_ratio(left: Floats, probability: Floats, customer: Ints) -> tuple[float, float]:
    """Return the ratio `observed / expected`, and the standard error of its logarithm.

    The standard error is NaN if nobody left.

    Args:
        left: Outcomes, shape (rows,).
        probability: Predictions, shape (rows,).
        customer: The customer of each row, shape (rows,).

    Source: Cochran (1977), Sampling techniques, 3rd edition, section 6.4: the linearised ratio.
    """
    expected = float(probability.sum())
    ratio = float(left.sum()) / expected if expected > 0 else float("nan")
    if not ratio > 0:
        return ratio, float("nan")
    spread = _spread((left - ratio * probability)[:, None], customer)[0, 0]
    return ratio, float(np.sqrt(spread)) / float(left.sum())


def clustered_departure(
    left: Floats, probability: Floats, customer: Ints, segment: npt.NDArray[np.bool_]
) -> tuple[float, float]:
    """Compare the ratio `observed / expected` of a segment with the same ratio of all rows.

    The first result is `log(segment_ratio / ratio)`, the second is its standard error. `segment_ratio` is the
    ratio of the segment, and `ratio` is the ratio of all rows. A logarithm of 0 means that both are equal.

    Args:
        left: Outcomes of all rows, shape (rows,).
        probability: Predictions of all rows, shape (rows,).
        customer: The customer of each row, shape (rows,).
        segment: A mask of the rows of the segment, shape (rows,).

    Returns:
        The logarithm and its standard error; both are NaN if nobody in the segment left.
    """
    ratio, segment_ratio = (
        clustered_ratio(left[rows], probability[rows], customer[rows])[0] for rows in (..., segment)
    )
    if not segment_ratio > 0:
        return float("nan"), float("nan")
    values = np.where(segment, (left - segment_ratio * probability) / left[segment].sum(), 0.0)
    values -= (left - ratio * probability) / left.sum()
    return float(np.log(segment_ratio / ratio)), float(np.sqrt(_spread(values[:, None], customer)[0, 0]))


def clustered_difference(left: Floats, probability: Floats, customer: Ints) -> tuple[float, float]:
    """Return the number of churners minus the expected number, and the standard error of the difference.

    Each row of a customer who left counts as one churner. The standard error holds under the hypothesis that
    the true difference is 0.

    Args:
        left: Outcomes, shape (rows,).
        probability: Predictions, shape (rows,).
        customer: The customer of each row, shape (rows,).

    Source: Boos (1992), On generalized score tests, The American Statistician 46, 327-333.
    """
    by_customer = np.bincount(np.unique(customer, return_inverse=True)[1], left - probability)
    return float(by_customer.sum()), float(np.sqrt(by_customer @ by_customer))


def clustered_slope(
    left: Floats, probability: Floats, customer: Ints, weight: Floats | None = None
) -> tuple[float, float]:
    """Return the calibration slope and its standard error; both are NaN if there is no slope.

    Args:
        left: Outcomes, shape (rows,).
        probability: Predictions, shape (rows,).
        customer: The customer of each row, shape (rows,).
        weight: The weight of each row: how many rows it stands for, shape (rows,); None if each weight is 1.

    Source: Liang and Zeger (1986), Longitudinal data analysis using generalized linear models, Biometrika 73.
    """
    line = np.array(metrics.calibration_line(left, probability, weight))
    if not np.isfinite(line).all():
        return float("nan"), float("nan")
    sums = metrics.line_sums(left, metrics.log_odds(probability), line)
    if weight is not None:
        sums *= weight[:, None]
    h00, h01, h11 = sums[:, 2:].sum(axis=0)
    inverse = np.linalg.inv(np.array([[h00, h01], [h01, h11]]))
    spread = inverse @ _spread(sums[:, :2], customer) @ inverse
    return float(line[1]), float(np.sqrt(spread[1, 1]))


def weighted_auc(left: Floats, score: Floats, weights: Floats) -> tuple[float, float]:
    """Return the AUC of weighted rows and its standard error; both are NaN if nobody stayed or nobody left.

    Args:
        left: Outcomes, shape (rows,).
        score: The score that ranks the rows, shape (rows,); a pair with equal scores counts half.
        weights: The weight of each row, shape (rows,).

    Source: DeLong, DeLong and Clarke-Pearson (1988), Comparing the areas under two or more correlated
        receiver operating characteristic curves, Biometrics 44; with weights for the rows.
    """
    churners, stayers = weights * left, weights * (1 - left)
    if not churners.sum() > 0 or not stayers.sum() > 0:
        return float("nan"), float("nan")
    below, above = weight_below(score, stayers), weight_below(-score, churners)
    area = float(churners @ below) / float(churners.sum() * stayers.sum())
    of_churners = churners * (below / stayers.sum() - area) / churners.sum()
    of_stayers = stayers * (above / churners.sum() - area) / stayers.sum()
    return area, float(np.sqrt(of_churners @ of_churners + of_stayers @ of_stayers))


def weight_below(score: Floats, weights: Floats) -> Floats:
    """Return for each row the weight of the rows with a lower score, plus half the weight of the rows with
    the same score.

    >>> weight_below(np.array([0.2, 0.5, 0.5]), np.array([1.0, 2.0, 4.0])).tolist()
    [0.5, 4.0, 4.0]
    """
    _, tie = np.unique(score, return_inverse=True)
    in_tie = np.bincount(tie, weights)
    return np.asarray((np.cumsum(in_tie) - in_tie / 2)[tie])


def _spread(values: Floats, customer: Ints) -> Floats:
    """Return the estimated covariance of the column sums of `values`; NaN if there is only one customer.

    `values` has the shape (rows, columns), and each column must sum to 0. The rows are first summed by
    customer.
    """
    codes = np.unique(customer, return_inverse=True)[1]
    sums = np.column_stack([np.bincount(codes, column) for column in values.T])
    clusters = len(sums)
    scale = clusters / (clusters - 1) if clusters > 1 else float("nan")
    return np.asarray(scale * (sums.T @ sums), dtype=np.float64)
