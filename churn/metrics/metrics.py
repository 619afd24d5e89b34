"""How good predictions are: every metric on weighted rows, so that a bootstrap is a set of weights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
EPSILON = 1e-15
FLAT = 0.02
BINS = 10


@dataclass(frozen=True)
class Ranking:
    """Rows ordered by falling probability; equal probabilities form one group.

    Sorting once serves every weighting of the same rows.
    """

    order: npt.NDArray[np.intp]
    last: npt.NDArray[np.intp]

    @classmethod
    def of(cls, probability: Floats) -> Ranking:
        """Sort probabilities; `last` holds the place where each group of equals ends."""
        order = np.argsort(-probability, kind="stable")
        ordered = probability[order]
        return cls(order, np.append(np.flatnonzero(np.diff(ordered)), len(ordered) - 1))

    def sums(self, values: Floats) -> Floats:
        """Return running sums at the end of each group, starting with 0."""
        return np.concatenate([[0.0], np.cumsum(values[self.order])[self.last]])


def weights_or_ones(left: Floats, weight: Floats | None) -> Floats:
    """Return the weights, or 1 for every row."""
    return np.ones(len(left)) if weight is None else np.asarray(weight, dtype=np.float64)


def row_log_loss(left: Floats, probability: Floats) -> Floats:
    """Return the log loss of every row; probabilities are kept 1e-15 away from 0 and 1."""
    p = np.clip(probability, EPSILON, 1 - EPSILON)
    return -(left * np.log(p) + (1 - left) * np.log1p(-p))


def log_loss(left: Floats, probability: Floats, weight: Floats | None = None) -> float:
    """Return the mean negative log likelihood.

    Source: Good (1952), Rational decisions, Journal of the Royal Statistical Society B 14.
    """
    return _mean(row_log_loss(left, probability), weights_or_ones(left, weight))


def brier(left: Floats, probability: Floats, weight: Floats | None = None) -> float:
    """Return the mean squared difference between outcome and probability.

    Source: Brier (1950), Verification of forecasts expressed in terms of probability.
    """
    return _mean((left - probability) ** 2, weights_or_ones(left, weight))


def auc(
    left: Floats, probability: Floats, weight: Floats | None = None, ranking: Ranking | None = None
) -> float:
    """Return the chance that a leaver is ranked above a stayer, ties counting half; NaN with one class.

    Source: Hanley and McNeil (1982), The meaning and use of the area under a ROC curve, Radiology 143.
    """
    ranking = ranking or Ranking.of(probability)
    weight = weights_or_ones(left, weight)
    hits = ranking.sums(weight * left)
    return auc_of(hits, ranking.sums(weight) - hits)


def auc_of(hits: Floats, misses: Floats) -> float:
    """Return the area under the curve of running leavers over running stayers."""
    pairs = hits[-1] * misses[-1]
    area = np.sum(np.diff(misses) * (hits[1:] + hits[:-1]) / 2)
    return float(area / pairs) if pairs > 0 else float("nan")


def average_precision(
    left: Floats, probability: Floats, weight: Floats | None = None, ranking: Ranking | None = None
) -> float:
    """Return the precision averaged over the recall gained at each threshold; NaN without leavers.

    Source: Zhu (2004), Recall, precision and average precision, University of Waterloo.
    """
    ranking = ranking or Ranking.of(probability)
    weight = weights_or_ones(left, weight)
    return average_precision_of(ranking.sums(weight * left), ranking.sums(weight))


def average_precision_of(hits: Floats, seen: Floats) -> float:
    """Return the average precision of running leavers among running rows."""
    precision = np.divide(hits[1:], seen[1:], out=np.zeros(len(hits) - 1), where=seen[1:] > 0)
    return float(np.sum(np.diff(hits) * precision) / hits[-1]) if hits[-1] > 0 else float("nan")


def precision_at(
    left: Floats,
    probability: Floats,
    share: float,
    weight: Floats | None = None,
    ranking: Ranking | None = None,
) -> float:
    """Return the share of leavers among the `share` of rows with the highest probability.

    A group of equal probabilities cut by the budget counts as if drawn at random from it.
    """
    ranking = ranking or Ranking.of(probability)
    weight = weights_or_ones(left, weight)
    return precision_of(ranking.sums(weight * left), ranking.sums(weight), share)


def precision_of(hits: Floats, seen: Floats, share: float) -> float:
    """Return the precision where `share` of all rows is seen."""
    budget = share * seen[-1]
    return float(np.interp(budget, seen, hits) / budget) if budget > 0 else float("nan")


def lift_at(left: Floats, probability: Floats, share: float, weight: Floats | None = None) -> float:
    """Return the precision at a contact share over the base rate.

    Source: Ling and Li (1998), Data mining for direct marketing, KDD.
    """
    base = _mean(left, weights_or_ones(left, weight))
    return precision_at(left, probability, share, weight) / base if base > 0 else float("nan")


def lift_ceiling(base_rate: float, share: float) -> float:
    """Return the lift of a perfect ranking.

    >>> lift_ceiling(0.25, 0.1)
    4.0
    """
    return min(1 / share, 1 / base_rate) if base_rate > 0 else float("nan")


def observed_expected(left: Floats, probability: Floats, weight: Floats | None = None) -> float:
    """Return leavers over the sum of their probabilities; 1 where the level is right.

    Source: Steyerberg (2019), Clinical prediction models, 2nd edition, chapter 15.
    """
    weight = weights_or_ones(left, weight)
    expected = float(weight @ probability)
    return float(weight @ left) / expected if expected > 0 else float("nan")


def calibration_line(left: Floats, probability: Floats, weight: Floats | None = None) -> tuple[float, float]:
    """Return intercept and slope of the logistic regression of the outcome on the predicted log-odds.

    The slope is 1 and the intercept 0 for perfect calibration; a slope below 1 means too extreme
    predictions. NaN where predictions hardly vary or the classes are separated.

    Source: Cox (1958), Two further applications of a model for binary regression, Biometrika 45.
    """
    weight = weights_or_ones(left, weight)
    z = log_odds(probability)
    if z.std() < FLAT or not 0 < weight @ left < weight.sum():
        return float("nan"), float("nan")
    line = np.array([0.0, 1.0])
    for _ in range(50):
        step = newton_step(line_sums(left, z, line).T @ weight)
        step *= min(1.0, 4.0 / max(float(np.abs(step).max()), 1e-300))
        line = line + step
        if not np.isfinite(line).all() or np.abs(line).max() > 1e3:
            return float("nan"), float("nan")
        if np.abs(step).max() < 1e-10:
            break
    return float(line[0]), float(line[1])


def log_odds(probability: Floats) -> Floats:
    """Return log(p / (1 - p)), with p kept 1e-15 away from 0 and 1."""
    p = np.clip(probability, EPSILON, 1 - EPSILON)
    return np.log(p) - np.log1p(-p)


def line_sums(left: Floats, z: Floats, line: Floats) -> Floats:
    """Return each row's part of the gradient (2) and information (3) of a logistic line at `line`."""
    p = 1 / (1 + np.exp(-np.clip(line[0] + line[1] * z, -500, 500)))
    rest, spread = left - p, p * (1 - p)
    return np.column_stack([rest, rest * z, spread, spread * z, spread * z * z])


def newton_step(sums: Floats) -> Floats:
    """Return one Newton step from summed gradients and information; the last axis holds the five sums."""
    g0, g1, h00, h01, h11 = np.moveaxis(np.asarray(sums), -1, 0)
    determinant = h00 * h11 - h01 * h01
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.stack([(h11 * g0 - h01 * g1) / determinant, (h00 * g1 - h01 * g0) / determinant], axis=-1)


def equal_count_bins(probability: Floats, bins: int = BINS) -> Ints:
    """Return the bin of every row, about equally many in each; equal probabilities share a bin."""
    edges = np.quantile(probability, np.arange(1, bins) / bins)
    return np.searchsorted(edges, probability, side="left").astype(np.int64)


def calibration_error(left: Floats, probability: Floats, weight: Floats | None = None) -> tuple[float, float]:
    """Return the expected calibration error over ten bins, and its noise floor.

    The floor is the error expected from perfect predictions with as many rows: for a bin of n rows
    the mean of |N(0, sum p (1 - p))| / n.

    Source: Naeini, Cooper and Hauskrecht (2015), Obtaining well calibrated probabilities, AAAI.
    """
    weight = weights_or_ones(left, weight)
    bins = equal_count_bins(probability)
    total = weight.sum()
    gap = np.bincount(bins, weight * (left - probability), BINS)
    noise = np.bincount(bins, weight * probability * (1 - probability), BINS)
    return float(np.abs(gap).sum() / total), float(np.sqrt(2 / np.pi * noise).sum() / total)


def _mean(values: Floats, weight: Floats) -> float:
    total = weight.sum()
    return float(weight @ values / total) if total > 0 else float("nan")
