"""Turn scores into calibrated probabilities, by a method that is selected on out-of-time predictions.

A calibration is a JSON object with the name of its `method` and the fitted numbers. The spec of a model
stores the object, and the scorer applies it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq, minimize

from churn.metrics.metrics import Floats, Ints, row_log_loss
from churn.metrics.standard_errors import clustered_difference, clustered_mean
from churn.model.scorer import calibrate_logits, sigmoid

NO_CALIBRATION: dict[str, Any] = {"method": "none"}
MIN_OF_A_CLASS = 30
"""The least number of churners, and the least number of stayers, that the fit of a calibration needs."""
MIN_LATER_CUTOFFS = 2
"""The least number of later cutoffs at which a method must be better; with fewer, the gain may not last."""
MIN_SHIFT_CUSTOMERS = 100
"""A shift of the level needs at least this many customers who left, or who were expected to leave."""
TWO_SIDED_95 = 1.959964
VENN_ABERS_LEVELS = 200
"""The largest number of levels to which Venn-Abers rounds the scores.

The levels have about equally many rows. With few levels the spec is short and the fit is fast.
"""


@dataclass(frozen=True)
class CalibrationChoice:
    """The selected calibration method, and the comparison with the other methods.

    Attributes:
        method: The selected method.
        log_loss: The out-of-time log loss of each method.
        against_none: For each method except `none`, the comparison with no calibration. `difference` is the
            log loss of the method minus the log loss without calibration. A difference below 0 means that
            the method is better. `standard_error` is the standard error of the difference, with customers as
            independent units. `worst_cutoff` is the largest of the differences at single cutoffs.
        later_cutoffs: The number of cutoffs whose predictions were calibrated by a fit on earlier cutoffs.
    """

    method: str
    log_loss: Mapping[str, float] = field(default_factory=dict)
    against_none: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    later_cutoffs: int = 0

    def as_dict(self) -> dict[str, Any]:
        """Return the choice as JSON values."""
        return {
            "chosen": self.method,
            "tried": self.log_loss,
            "against_none": self.against_none,
            "later_cutoffs": self.later_cutoffs,
        }

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> CalibrationChoice:
        """Return the choice from the JSON values of `as_dict`."""
        return cls(facts["chosen"], facts["tried"], facts["against_none"], facts["later_cutoffs"])


def fit_none(logits: Floats, left: Floats, weight: Floats | None = None) -> dict[str, Any]:
    """Return the calibration that changes no probability."""
    return dict(NO_CALIBRATION)


def fit_platt(logits: Floats, left: Floats, weight: Floats | None = None) -> dict[str, Any]:
    """Fit `a z + c` on the log-odds z by maximum likelihood, with `a >= 0`, so that the order of customers
    does not change.

    Source: Platt (1999), Probabilistic outputs for support vector machines.
    """
    a, c = _fit_logistic(np.column_stack([logits, np.ones(len(logits))]), left, (1.0, 0.0), weight)
    return {"method": "platt", "a": a, "c": c}


def fit_beta(logits: Floats, left: Floats, weight: Floats | None = None) -> dict[str, Any]:
    """Fit `a log p - b log(1 - p) + c` by maximum likelihood, with `a, b >= 0`, so that the order of
    customers does not change.

    Source: Kull, Silva Filho and Flach (2017), Beta calibration, AISTATS.
    """
    columns = np.column_stack([-np.logaddexp(0, -logits), np.logaddexp(0, logits), np.ones(len(logits))])
    a, b, c = _fit_logistic(columns, left, (1.0, 1.0, 0.0), weight)
    return {"method": "beta", "a": a, "b": b, "c": c}


def fit_venn_abers(logits: Floats, left: Floats, weight: Floats | None = None) -> dict[str, Any]:
    """Fit an inductive Venn-Abers predictor on scores that are rounded to levels.

    A level is a rounded score. Isotonic regression gives each level two probabilities, `p0` and `p1`. To
    compute the `p0` of a level, an imagined customer who stays is added to this level. For `p1`, the imagined
    customer leaves.
    The scorer returns `p1 / (1 - p0 + p1)`. The returned probability lies strictly between 0 and 1, and it
    never reverses the order of two scores. Customers of one level get the same probability.

    Returns:
        A calibration with `upto`, `p0` and `p1`. Neighbouring levels with equal `p0` and `p1` form one step.
        `upto` holds the upper edge of each step in log-odds; the last step has none. `p0` and `p1` hold
        the two probabilities of each step.

    Source: Vovk and Petej (2014), Venn-Abers predictors, UAI; Vovk, Petej and Fedorova (2015), Large-scale
        probabilistic predictors with and without guarantees of validity, NeurIPS.
    """
    score, score_index, count = np.unique(logits, return_inverse=True, return_counts=True)
    level = np.arange(len(score))
    if len(score) > VENN_ABERS_LEVELS:
        rank = (np.cumsum(count) - count) * VENN_ABERS_LEVELS // len(logits)
        level = np.unique(rank, return_inverse=True)[1]
    row_weight = np.ones(len(left)) if weight is None else weight * (len(left) / weight.sum())
    rows = np.bincount(level[score_index], row_weight).astype(np.float64)
    churners = np.bincount(level[score_index], row_weight * left).astype(np.float64)
    p0, p1 = isotonic_with_guess(rows, churners, 0.0), isotonic_with_guess(rows, churners, 1.0)
    last_of_level = np.flatnonzero(np.diff(level))
    edges = (score[last_of_level] + score[last_of_level + 1]) / 2
    steps = (np.diff(p0) > 0) | (np.diff(p1) > 0)
    step_starts = np.append(True, steps)
    return {
        "method": "venn_abers",
        "upto": edges[steps].tolist(),
        "p0": p0[step_starts].tolist(),
        "p1": p1[step_starts].tolist(),
    }


def isotonic_with_guess(rows: Floats, churners: Floats, guess: float) -> Floats:
    """Return the share of churners at each level of the score, by isotonic regression with one added row.

    Each `level` has a regression of its own: one row with the outcome `guess` is added to this level, and to
    no other level. Let `share(first, last)` be the share of churners in the levels `first` to `last`, with
    the added row. Then the max-min formula gives the share at `level`:
    `max(min(share(first, last) for last >= level) for first <= level)`.

    Args:
        rows: The number of rows in each level, shape (levels,); the levels are in ascending order of score.
        churners: The number of churners in each level, shape (levels,).
        guess: 1.0 if the added row is assumed to leave, 0.0 if it is assumed to stay.

    Source: Robertson, Wright and Dykstra (1988), Order restricted statistical inference, theorem 1.4.4.
    """
    rows_below, churners_below = np.append(0.0, np.cumsum(rows)), np.append(0.0, np.cumsum(churners))
    share = np.empty(len(rows))
    for level in range(len(rows)):
        n = rows_below[level + 1 :] - rows_below[: level + 1, None] + 1.0
        n_churners = churners_below[level + 1 :] - churners_below[: level + 1, None] + guess
        share[level] = (n_churners / n).min(axis=1).max()
    return np.maximum.accumulate(share)


SHIFT_METHOD = "shifted"
"""The calibration of a refreshed champion: the champion's own calibration and a shift of the log-odds."""
Method = Callable[[Floats, Floats, Floats | None], dict[str, Any]]
"""A function that gets log-odds, outcomes and weights, and returns a calibration."""
METHODS: dict[str, Method] = {
    "none": fit_none,
    "beta": fit_beta,
    "platt": fit_platt,
    "venn_abers": fit_venn_abers,
}


def fit_calibration(
    method: str, logits: Floats, left: Floats, customer: Ints, weight: Floats | None = None
) -> dict[str, Any]:
    """Fit a calibration method; if there are too few churners or stayers, return the calibration that changes
    nothing.

    Args:
        method: One of `METHODS`, or `SHIFT_METHOD` for a champion that `train --refresh` adjusts.
        logits: The uncalibrated log-odds, shape (rows,).
        left: Whether the customer of each row left (1 or 0), shape (rows,).
        customer: The index of each row's customer, shape (rows,).
        weight: The weight of each row: how many rows it stands for, shape (rows,); None if each weight is 1.
    """
    if not enough_of_both(left):
        return dict(NO_CALIBRATION)
    if method == SHIFT_METHOD:
        return fit_shift(logits, left, customer, weight)
    return METHODS[method](logits, left, weight)


def enough_of_both(left: Floats) -> bool:
    """Return whether there are at least 30 churners and 30 stayers for the fit of a calibration."""
    return bool(min(left.sum(), len(left) - left.sum()) >= MIN_OF_A_CLASS)


def select_calibration(
    setting: str,
    logits: Floats,
    left: Floats,
    cutoff: Ints,
    known_on: Ints,
    customer: Ints,
    weight: Floats | None = None,
    *,
    is_untreated: bool = False,
) -> CalibrationChoice:
    """Select the best calibration method by out-of-time log loss.

    A method is selected only if it is clearly better than no calibration, and if this gain is likely to last.
    The gain is clear if it exceeds its standard error. A clear gain is required because, among several
    methods without a real gain, one nearly always seems better by chance. The gain is likely to last if there
    are at least two cutoffs, and the method is better at each of them. One cutoff is not enough: the share of
    churners may differ between cutoffs, and the standard error ignores this. To be judged at a cutoff, a
    method is fitted on the rows of earlier cutoffs whose labels were already known.

    Args:
        setting: `auto`, or the name of a method. The methods are compared even if a method is named.
        logits: The uncalibrated log-odds, shape (rows,), each from a model that has not seen the label of the
            row.
        left: Whether the customer of each row left (1 or 0), shape (rows,).
        cutoff: The day number of each row's cutoff, shape (rows,).
        known_on: The day number on which each row's label was known, shape (rows,).
        customer: The index of each row's customer, shape (rows,).
        weight: The weight of each row: how many rows it stands for, shape (rows,); None if each weight is 1.
        is_untreated: Whether the rows of treated customers were left out. If so, `auto` selects `beta`.
    """
    choice = _compare(logits, left, cutoff, known_on, customer, weight)
    if setting == "auto":
        return replace(choice, method="beta") if is_untreated else choice
    return replace(choice, method=setting)


def _compare(
    logits: Floats, left: Floats, cutoff: Ints, known_on: Ints, customer: Ints, weight: Floats | None
) -> CalibrationChoice:
    folds = [((cutoff < day) & (known_on <= day), cutoff == day) for day in np.unique(cutoff)[1:]]
    folds = [(train, later) for train, later in folds if enough_of_both(left[train])]
    if not folds:
        return CalibrationChoice("none")

    def of(mask: npt.NDArray[np.bool_]) -> Floats | None:
        return None if weight is None else weight[mask]

    losses = {
        name: [
            row_log_loss(
                left[later],
                apply_calibration(logits[later], fit_method(logits[train], left[train], of(train))),
            )
            for train, later in folds
        ]
        for name, fit_method in METHODS.items()
    }
    later_weight = None if weight is None else np.concatenate([weight[later] for _, later in folds])
    log_loss = {
        name: float(np.average(np.concatenate(parts), weights=later_weight)) for name, parts in losses.items()
    }
    later_customers = np.concatenate([customer[later] for _, later in folds])
    against_none = {}
    for name in losses.keys() - {"none"}:
        differences = [loss - base_loss for loss, base_loss in zip(losses[name], losses["none"], strict=True)]
        difference, error = clustered_mean(np.concatenate(differences), later_customers, later_weight)
        worst = max(
            float(np.average(of_cutoff, weights=of(later)))
            for of_cutoff, (_, later) in zip(differences, folds, strict=True)
        )
        against_none[name] = {"difference": difference, "standard_error": error, "worst_cutoff": worst}
    better = [
        name
        for name, gain in against_none.items()
        if len(folds) >= MIN_LATER_CUTOFFS
        and gain["difference"] < -gain["standard_error"]
        and gain["worst_cutoff"] < 0
    ]
    best = min(sorted(better), key=lambda name: log_loss[name], default="none")
    return CalibrationChoice(best, log_loss, against_none, len(folds))


def apply_calibration(logits: Floats, calibration: Mapping[str, Any]) -> Floats:
    """Return calibrated probabilities, shape (rows,); they are computed by the code of the scorer."""
    return sigmoid(calibrate_logits(logits, calibration))


def fit_shift(logits: Floats, left: Floats, customer: Ints, weight: Floats | None = None) -> dict[str, Any]:
    """Fit a shift: a number that is added to all log-odds, so that the expected number of churners is about
    the true number.

    The shift is 0 unless at least 100 customers left, or at least 100 were expected to leave. The true number
    minus the expected number of churners is called the difference. The shift is also 0 if the difference is
    not significant at the 5 % level. Otherwise the shift is the maximum likelihood estimate times
    `1 - 1 / z^2`, where z is the difference divided by its standard error. The factor `1 - 1 / z^2` is the
    share of the difference that is expected to last. The independent units are customers, not rows, because
    the windows of weekly cutoffs overlap and contain the same churner several times.

    Args:
        logits: The log-odds, shape (rows,).
        left: Whether the customer of each row left (1 or 0), shape (rows,).
        customer: The index of each row's customer, shape (rows,).
        weight: The weight of each row: how many rows it stands for, shape (rows,); None if each weight is 1.

    Source: Steyerberg (2019), Clinical prediction models, 2nd edition, chapter 20 (recalibration in the
        large); James and Stein (1961), Estimation with quadratic loss (the factor).
    """
    expected = sigmoid(logits)
    row_weight = np.ones(len(left)) if weight is None else weight
    difference, error = clustered_difference(row_weight * left, row_weight * expected, customer)
    n_churners = max(_n_customers(left, customer), _n_customers(expected, customer))
    shift = 0.0
    if n_churners >= MIN_SHIFT_CUSTOMERS and abs(difference) > TWO_SIDED_95 * error:
        n_weighted = float((row_weight * left).sum())
        shift = (1 - (error / difference) ** 2) * level_shift(logits, n_weighted, weight)
    return {"method": "shifted", "by": shift, "of": {"method": "none"}}


def _n_customers(chance: Floats, customer: Ints) -> float:
    """Return a lower bound for the expected number of customers who leave.

    For each customer, the largest probability in the customer's rows is taken. The bound is the sum of these
    probabilities.
    """
    customer_index = np.unique(customer, return_inverse=True)[1]
    largest = np.zeros(customer_index.max(initial=-1) + 1)
    np.maximum.at(largest, customer_index, chance)
    return float(largest.sum())


def level_shift(logits: Floats, churners: float, weight: Floats | None = None) -> float:
    """Return the number that must be added to the log-odds so that the expected number of churners is
    `churners`.

    `churners` is limited to the range from 0.5 to the number of rows minus 0.5. If the rows have weights,
    `churners`, the expected number and the number of rows are sums of weights.
    """
    row_weight = np.ones(len(logits)) if weight is None else weight
    target = min(max(churners, 0.5), float(row_weight.sum()) - 0.5)

    def excess(shift: float) -> float:
        expected = sigmoid(logits + shift)
        return float((expected if weight is None else row_weight * expected).sum()) - target

    return float(brentq(excess, -40.0, 40.0))


def add_shift(calibration: Mapping[str, Any], by: float) -> dict[str, Any]:
    """Return the calibration with one more shift of its log-odds; an earlier shift and this one are summed.

    >>> add_shift({"method": "shifted", "by": 0.5, "of": {"method": "none"}}, 0.25)
    {'method': 'shifted', 'by': 0.75, 'of': {'method': 'none'}}
    """
    earlier: Mapping[str, Any] = {"by": 0.0, "of": calibration}
    if calibration["method"] == "shifted":
        earlier = calibration
    return {"method": "shifted", "by": earlier["by"] + by, "of": dict(earlier["of"])}


def _fit_logistic(
    columns: Floats, left: Floats, start: tuple[float, ...], row_weight: Floats | None
) -> list[float]:
    """Fit a logistic regression whose coefficients are at least 0; only the last may be negative."""
    share = None if row_weight is None else row_weight / row_weight.sum()

    def loss(weights: Floats) -> tuple[float, Floats]:
        z = columns @ weights
        losses = np.logaddexp(0, z) - left * z
        if share is not None:
            return float(share @ losses), columns.T @ (share * (sigmoid(z) - left))
        slope = columns.T @ (sigmoid(z) - left) / len(left)
        return float(np.mean(losses)), slope

    bounds = [(0.0, None)] * (len(start) - 1) + [(None, None)]
    result = minimize(
        loss,
        np.array(start),
        jac=True,
        method="L-BFGS-B",
        bounds=bounds,
        options={"maxiter": 500, "ftol": 1e-14, "gtol": 1e-9},
    )
    return [float(weight) for weight in result.x]
