"""Metrics of predictions, computed from rows; a bootstrap computes them from sums over the rows of a draw."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

EPSILON = 1e-15
"""Before a logarithm is taken, a probability is clipped to at least this distance from 0 and 1."""

MIN_SPREAD = 0.02
"""The least standard deviation of the log-odds of predictions; below it there is no calibration line."""

BINS = 10
"""The number of bins for the calibration error and the parts of the Brier score."""

BRIER_PARTS = ("brier_reliability", "brier_resolution", "brier_uncertainty", "brier_within_bin")


@dataclass(frozen=True)
class Ranking:
    """Rows ordered by falling probability; equal probabilities form one tie.

    The rows are sorted only once for all bootstrap draws.

    Attributes:
        order: The row numbers, ordered by falling probability, shape (rows,).
        last: The position of the last row of each tie, shape (ties,).
    """

    order: npt.NDArray[np.intp]
    last: npt.NDArray[np.intp]

    @classmethod
    def of(cls, probability: Floats) -> Ranking:
        """Rank rows by their probability, shape (rows,)."""
        order = np.argsort(-probability, kind="stable")
        sorted_probability = probability[order]
        return cls(order, np.append(np.flatnonzero(np.diff(sorted_probability)), len(sorted_probability) - 1))

    def sums(self, values: Floats) -> Floats:
        """Return the running sums of `values` at the end of each tie, starting with 0. Shape (ties + 1,)."""
        return np.concatenate([[0.0], np.cumsum(values[self.order])[self.last]])


def row_log_loss(left: Floats, probability: Floats) -> Floats:
    """Return the log loss of every row; probabilities are clipped to `[1e-15, 1 - 1e-15]`."""
    p = np.clip(probability, EPSILON, 1 - EPSILON)
    return -(left * np.log(p) + (1 - left) * np.log1p(-p))


def log_loss(left: Floats, probability: Floats) -> float:
    """Return the mean negative log likelihood.

    Source: Good (1952), Rational decisions, Journal of the Royal Statistical Society B 14.
    """
    return float(row_log_loss(left, probability).mean())


def auc(left: Floats, probability: Floats, weight: Floats | None = None) -> float:
    """Return the chance that a churner is ranked above a stayer.

    A tie counts half. The result is NaN if there are no churners or no stayers.

    Args:
        left: Outcomes, shape (rows,).
        probability: Predictions, shape (rows,).
        weight: The weight of each row: how many rows it stands for, shape (rows,); None if each weight is 1.

    Source: Hanley and McNeil (1982), The meaning and use of the area under a ROC curve, Radiology 143.
    """
    ranking, row_weight = Ranking.of(probability), np.ones(len(left)) if weight is None else weight
    churners = ranking.sums(row_weight * left)
    return auc_from_sums(churners, ranking.sums(row_weight) - churners)


def auc_from_sums(churners: Floats, stayers: Floats) -> float:
    """Return the AUC; NaN if there are no churners or no stayers.

    Args:
        churners: The running sum of churners, from `Ranking.sums`.
        stayers: The running sum of stayers, from `Ranking.sums`.
    """
    pairs = churners[-1] * stayers[-1]
    pairs_in_order = np.sum(np.diff(stayers) * (churners[1:] + churners[:-1]) / 2)
    return float(pairs_in_order / pairs) if pairs > 0 else float("nan")


def average_precision_from_sums(churners: Floats, rows: Floats) -> float:
    """Return the average precision: the mean of the precisions at all thresholds.

    The weight of a threshold in this mean is the recall that the threshold adds. Both arguments are running
    sums from `Ranking.sums`. The result is NaN if there are no churners.

    Source: Zhu (2004), Recall, precision and average precision, University of Waterloo.
    """
    precision = np.divide(churners[1:], rows[1:], out=np.zeros(len(rows) - 1), where=rows[1:] > 0)
    return float(np.sum(np.diff(churners) * precision) / churners[-1]) if churners[-1] > 0 else float("nan")


def precision_at_share(churners: Floats, rows: Floats, share: float) -> float:
    """Return the share of churners among the `share` of rows with the highest probability.

    If the contact share ends inside a tie, the rows of the tie count as if they were drawn at random.

    Args:
        churners: The running sum of churners, from `Ranking.sums`.
        rows: The running sum of rows, from `Ranking.sums`.
        share: The contact share, in (0, 1].
    """
    budget = share * rows[-1]
    return float(np.interp(budget, rows, churners) / budget) if budget > 0 else float("nan")


def lift_ceiling(base_rate: float, share: float) -> float:
    """Return the lift of a perfect ranking at a contact share; NaN if nobody left.

    >>> lift_ceiling(0.25, 0.1)
    4.0
    """
    return min(1 / share, 1 / base_rate) if base_rate > 0 else float("nan")


def observed_expected(left: Floats, probability: Floats, weight: Floats | None = None) -> float:
    """Return the number of churners divided by the sum of the probabilities of all rows.

    The result is 1 if the level of the predictions is right.

    Args:
        left: Outcomes, shape (rows,).
        probability: Predictions, shape (rows,).
        weight: The weight of each row: how many rows it stands for, shape (rows,); None if each weight is 1.

    Source: Steyerberg (2019), Clinical prediction models, 2nd edition, chapter 15.
    """
    if weight is not None:
        left, probability = weight * left, weight * probability
    expected = float(probability.sum())
    return float(left.sum()) / expected if expected > 0 else float("nan")


def calibration_line(left: Floats, probability: Floats, weight: Floats | None = None) -> tuple[float, float]:
    """Return intercept and slope of the logistic regression of the outcome on the predicted log-odds.

    Perfect calibration has slope 1 and intercept 0. A slope below 1 means that the predictions are too
    extreme. Intercept and slope are NaN if the predictions hardly vary, or if the predictions separate
    churners from stayers.

    Source: Cox (1958), Two further applications of a model for binary regression, Biometrika 45.
    """
    z, unit_weights = log_odds(probability), np.ones(len(left)) if weight is None else weight
    if z.std() < MIN_SPREAD or not 0 < left.sum() < len(left):
        return float("nan"), float("nan")
    line = np.array([0.0, 1.0])
    for _ in range(50):
        step = newton_step(line_sums(left, z, line).T @ unit_weights)
        step *= min(1.0, 4.0 / max(float(np.abs(step).max()), 1e-300))
        line = line + step
        if not np.isfinite(line).all() or np.abs(line).max() > 1e3:
            return float("nan"), float("nan")
        if np.abs(step).max() < 1e-10:
            break
    return float(line[0]), float(line[1])


def log_odds(probability: Floats) -> Floats:
    """Return `log(p / (1 - p))`; p is clipped to `[1e-15, 1 - 1e-15]`."""
    p = np.clip(probability, EPSILON, 1 - EPSILON)
    return np.log(p) - np.log1p(-p)


def line_sums(left: Floats, z: Floats, line: Floats) -> Floats:
    """Return what each row adds to the gradient and the information matrix of a logistic regression.

    Args:
        left: Outcomes, shape (rows,).
        z: Predicted log-odds, shape (rows,).
        line: The intercept and the slope at which the gradient and the matrix are computed.

    Returns:
        An array of shape (rows, 5): two columns of the gradient, then three columns of the matrix.
    """
    p = 1 / (1 + np.exp(-np.clip(line[0] + line[1] * z, -500, 500)))
    residual, spread = left - p, p * (1 - p)
    return np.column_stack([residual, residual * z, spread, spread * z, spread * z * z])


def newton_step(sums: Floats) -> Floats:
    """Return one Newton step of a logistic regression: the changes of its intercept and of its slope.

    Args:
        sums: The result of the function `line_sums`, summed over the rows, shape (..., 5).
    """
    g0, g1, h00, h01, h11 = np.moveaxis(np.asarray(sums), -1, 0)
    determinant = h00 * h11 - h01 * h01
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.stack([(h11 * g0 - h01 * g1) / determinant, (h00 * g1 - h01 * g0) / determinant], axis=-1)


def equal_count_bins(probability: Floats, bins: int = BINS) -> Ints:
    """Return the bin of every row. The bins have about equally many rows; equal probabilities share a bin."""
    edges = np.quantile(probability, np.arange(1, bins) / bins)
    return np.searchsorted(edges, probability, side="left").astype(np.int64)


def calibration_error(left: Floats, probability: Floats, weight: Floats | None = None) -> tuple[float, float]:
    """Return the expected calibration error over ten bins, and its noise floor.

    The noise floor is the error that perfect predictions of the same rows would have on average. For a bin of
    `n` rows with probabilities `p` the noise floor is the mean of `|N(0, sum p (1 - p))| / n`.

    Source: Naeini, Cooper and Hauskrecht (2015), Obtaining well calibrated probabilities, AAAI.
    """
    bins = equal_count_bins(probability)
    row_weight = np.ones(len(left)) if weight is None else weight
    rows = float(row_weight.sum())
    gap = np.bincount(bins, row_weight * (left - probability), BINS)
    noise = np.bincount(bins, row_weight**2 * (probability * (1 - probability)), BINS)
    return float(np.abs(gap).sum() / rows), float(np.sqrt(2 / np.pi * noise).sum() / rows)


def bin_sums(
    left: Floats,
    probability: Floats,
    bins: Ints,
    customer: Ints,
    customers: int,
    weight: Floats | None = None,
) -> Floats:
    """Return the numbers of rows and churners and the sum of probabilities, by customer and bin.

    Args:
        left: Outcomes, shape (rows,).
        probability: Predictions, shape (rows,).
        bins: The index of each row's bin, in `[0, BINS)`.
        customer: The index of each row's customer, in `[0, customers)`.
        customers: The number of customers.
        weight: The weight of each row: how many rows it stands for, shape (rows,); None if each weight is 1.

    Returns:
        An array of shape (customers, 3 * BINS).
    """
    cell, row_weight = customer * BINS + bins, np.ones(len(left)) if weight is None else weight
    return np.column_stack(
        [
            np.bincount(cell, values, customers * BINS).reshape(customers, BINS)
            for values in (row_weight, row_weight * left, row_weight * probability)
        ]
    )


def brier_parts(sums: Floats, total: Floats, noise_copies: float = 1) -> dict[str, Floats]:
    """Return reliability, resolution, uncertainty and the within-bin term of the Brier score.

    `brier = reliability - resolution + uncertainty + within_bin` holds exactly. The rows are divided into ten
    bins with about the same number of rows. The observed rate of a bin is the share of churners in it, and
    the base rate is the share of churners in all rows. Reliability is the mean squared distance between the
    mean prediction of a bin and its observed rate (0 is best). Resolution is the mean squared distance of the
    observed rates from the base rate (more is better). Uncertainty is the Brier score of a model that
    predicts the base rate for every row. The within-bin term exists because the predictions within a bin
    differ from each other. The term is the variance of the predictions of a bin, minus twice their covariance
    with the outcome.

    Even if the predictions are perfect, chance makes the share of churners in a bin a little higher or lower
    than predicted. The expected effect of chance is subtracted from reliability and resolution. Reliability
    and resolution are then right on average, but reliability may be below 0 by chance.

    Args:
        sums: The sums of `bin_sums` in each draw, shape (draws, 3 * BINS).
        total: The sum of the squared errors in each draw, shape (draws,).
        noise_copies: How many times the expected effect of chance is subtracted: 1 for the original rows, 2
            for bootstrap draws, because drawing the rows adds chance once more. For rows with unequal
            weights, the caller multiplies `noise_copies` by the factor from `bootstrap.unit_mean`.

    Source: Murphy (1973), A new vector partition of the probability score, Journal of Applied Meteorology
        12; Stephenson, Coelho and Jolliffe (2008), Two extra components in the Brier score decomposition,
        Weather and Forecasting 23; Ferro and Fricker (2012), A bias-corrected decomposition of the Brier
        score, Quarterly Journal of the Royal Meteorological Society 138.
    """
    rows, left, expected = np.split(sums, 3, axis=1)
    n = rows.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        base = left.sum(axis=1) / n
        observed = np.where(rows > 0, left / rows, 0.0)
        predicted = np.where(rows > 0, expected / rows, 0.0)
        chance = np.where(rows > 1, observed * (1 - observed) / (rows - 1), 0.0)
        noise = noise_copies * (rows * chance).sum(axis=1) / n
        noise_of_base = noise_copies * base * (1 - base) / (n - 1)
        reliability = (rows * (predicted - observed) ** 2).sum(axis=1) / n
        resolution = (rows * (observed - base[:, None]) ** 2).sum(axis=1) / n
        uncertainty = base * (1 - base)
        within = total / n - reliability + resolution - uncertainty
    corrected_parts = (
        reliability - noise,
        resolution - noise + noise_of_base,
        uncertainty + noise_of_base,
        within,
    )
    return dict(zip(BRIER_PARTS, corrected_parts, strict=True))
