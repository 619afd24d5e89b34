"""Turn scores into calibrated probabilities, with a method selected on out-of-time predictions.

A calibration is a JSON object with its `method` and numbers, as the spec of a bundle holds it and the scorer
applies it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from scipy.optimize import brentq, minimize

from churn.metrics.metrics import Floats, Ints, row_log_loss
from churn.metrics.standard_errors import clustered_difference, clustered_mean
from churn.model.scorer import calibrate_logits, sigmoid

NO_CALIBRATION: dict[str, Any] = {"method": "none"}
MIN_OF_A_CLASS = 30
"""A calibration is fitted on at least this many churners and this many stayers."""
MIN_LATER_CUTOFFS = 2
"""A method must gain at this many later cutoffs at least, or its gain is not expected to last."""
MIN_SHIFT_CUSTOMERS = 100
"""The level is moved only where at least this many customers left, or were expected to leave."""
TWO_SIDED_95 = 1.959964
VENN_ABERS_LEVELS = 200
"""Venn-Abers rounds scores to this many levels of about equally many rows: a short spec and a quick fit."""


@dataclass(frozen=True)
class CalibrationChoice:
    """The selected calibration method, and the comparison with the other methods.

    Attributes:
        method: The selected method.
        log_loss: The out-of-time log loss of each method.
        against_none: For each other method its log loss minus that of none, `difference`, the
            `standard_error` of that over customers, and the largest difference at one cutoff, `worst_cutoff`.
            Below 0 the method is better.
        later_cutoffs: The number of cutoffs whose predictions were calibrated with a fit on earlier cutoffs.
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
        """Return the choice that `as_dict` has written."""
        return cls(facts["chosen"], facts["tried"], facts["against_none"], facts["later_cutoffs"])


def fit_none(logits: Floats, left: Floats) -> dict[str, Any]:
    """Return the calibration that changes nothing."""
    return dict(NO_CALIBRATION)


def fit_platt(logits: Floats, left: Floats) -> dict[str, Any]:
    """Fit `a z + c` on the log-odds z by maximum likelihood, with `a >= 0`.

    Source: Platt (1999), Probabilistic outputs for support vector machines.
    """
    a, c = _fit_logistic(np.column_stack([logits, np.ones(len(logits))]), left, start=(1.0, 0.0))
    return {"method": "platt", "a": a, "c": c}


def fit_beta(logits: Floats, left: Floats) -> dict[str, Any]:
    """Fit `a log p - b log(1 - p) + c` by maximum likelihood, with `a, b >= 0` so that order is kept.

    Source: Kull, Silva Filho and Flach (2017), Beta calibration, AISTATS.
    """
    columns = np.column_stack([-np.logaddexp(0, -logits), np.logaddexp(0, logits), np.ones(len(logits))])
    a, b, c = _fit_logistic(columns, left, start=(1.0, 1.0, 0.0))
    return {"method": "beta", "a": a, "b": b, "c": c}


def fit_venn_abers(logits: Floats, left: Floats) -> dict[str, Any]:
    """Fit an inductive Venn-Abers predictor on scores rounded to levels.

    For a new customer of a level there are two guesses: it stays, or it leaves. Each guess joins the fitted
    rows, and isotonic regression gives the level's probability: `p0` with the guess that it stays, `p1` with
    the guess that it leaves. The scorer answers `p1 / (1 - p0 + p1)`. That is always strictly between 0 and
    1, and never turns an order round, but customers of one level get the same probability.

    Returns:
        `upto`, the upper edge (log-odds) of every step but the last; `p0` and `p1` of every step.

    Source: Vovk and Petej (2014), Venn-Abers predictors, UAI; Vovk, Petej and Fedorova (2015), Large-scale
        probabilistic predictors with and without guarantees of validity, NeurIPS.
    """
    score, score_index, count = np.unique(logits, return_inverse=True, return_counts=True)
    level = np.arange(len(score))
    if len(score) > VENN_ABERS_LEVELS:
        rank = (np.cumsum(count) - count) * VENN_ABERS_LEVELS // len(logits)
        level = np.unique(rank, return_inverse=True)[1]
    rows = np.bincount(level, count).astype(np.float64)
    churners = np.bincount(level[score_index], left).astype(np.float64)
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
    """Return each level's isotonic share of churners after a row with outcome `guess` has joined that level.

    The max-min formula gives it: of all runs of levels that begin at or below the level, the largest of the
    smallest shares over runs that end at or above it.

    Args:
        rows: Rows per level, the levels by rising score; shape (levels,).
        churners: The churners among them; shape (levels,).
        guess: 1.0 where the new row is assumed to leave, 0.0 where it is assumed to stay.

    Source: Robertson, Wright and Dykstra (1988), Order restricted statistical inference, theorem 1.4.4.
    """
    rows_below, churners_below = np.append(0.0, np.cumsum(rows)), np.append(0.0, np.cumsum(churners))
    share = np.empty(len(rows))
    for level in range(len(rows)):
        n = rows_below[level + 1 :] - rows_below[: level + 1, None] + 1.0
        n_churners = churners_below[level + 1 :] - churners_below[: level + 1, None] + guess
        share[level] = (n_churners / n).min(axis=1).max()
    return np.maximum.accumulate(share)


METHODS: dict[str, Callable[[Floats, Floats], dict[str, Any]]] = {
    "none": fit_none,
    "beta": fit_beta,
    "platt": fit_platt,
    "venn_abers": fit_venn_abers,
}


def fit_calibration(method: str, logits: Floats, left: Floats, customer: Ints) -> dict[str, Any]:
    """Fit one of `METHODS`, or `shifted` as a refresh does; with too few of a class change nothing.

    Args:
        method: The name of the method.
        logits: Uncalibrated log-odds, shape (rows,).
        left: Outcomes, shape (rows,).
        customer: An integer per customer, shape (rows,).
    """
    if not enough_of_both(left):
        return dict(NO_CALIBRATION)
    return fit_shift(logits, left, customer) if method == "shifted" else METHODS[method](logits, left)


def enough_of_both(left: Floats) -> bool:
    """Return whether there are at least 30 churners and 30 stayers to calibrate on."""
    return bool(min(left.sum(), len(left) - left.sum()) >= MIN_OF_A_CLASS)


def select_calibration(
    setting: str, logits: Floats, left: Floats, cutoff: Ints, known_on: Ints, customer: Ints
) -> CalibrationChoice:
    """Select the best calibration method by out-of-time log loss.

    Another method than none must have a clear and lasting gain over it. The gain is clear where it exceeds
    its standard error: of several methods that change nothing, one wins by chance most of the time. It is
    lasting where the method gains at every one of at least two cutoffs: levels drift, and rows of one cutoff
    share its drift, which the standard error does not contain. Each cutoff is calibrated with a fit on the
    rows whose labels were known by then.

    Args:
        setting: `auto`, or the method that the parameters name; the comparison is made either way.
        logits: Uncalibrated log-odds, each by a model that had not seen its row; shape (rows,).
        left: Outcomes, shape (rows,).
        cutoff: Days since 1970-01-01, shape (rows,).
        known_on: The day on which each row's label was known, as days since 1970-01-01; shape (rows,).
        customer: A dense integer per customer, shape (rows,).
    """
    choice = _compare(logits, left, cutoff, known_on, customer)
    return choice if setting == "auto" else replace(choice, method=setting)


def _compare(logits: Floats, left: Floats, cutoff: Ints, known_on: Ints, customer: Ints) -> CalibrationChoice:
    folds = [((cutoff < day) & (known_on <= day), cutoff == day) for day in np.unique(cutoff)[1:]]
    folds = [(train, later) for train, later in folds if enough_of_both(left[train])]
    if not folds:
        return CalibrationChoice("none")
    losses = {
        name: [
            row_log_loss(
                left[later], apply_calibration(logits[later], fit_method(logits[train], left[train]))
            )
            for train, later in folds
        ]
        for name, fit_method in METHODS.items()
    }
    log_loss = {name: float(np.concatenate(parts).mean()) for name, parts in losses.items()}
    later_customers = np.concatenate([customer[later] for _, later in folds])
    against_none = {}
    for name in losses.keys() - {"none"}:
        differences = [loss - base_loss for loss, base_loss in zip(losses[name], losses["none"], strict=True)]
        difference, error = clustered_mean(np.concatenate(differences), later_customers)
        worst = max(float(of_cutoff.mean()) for of_cutoff in differences)
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
    """Return calibrated probabilities by the code of the scorer, shape (rows,)."""
    return sigmoid(calibrate_logits(logits, calibration))


def fit_shift(logits: Floats, left: Floats, customer: Ints) -> dict[str, Any]:
    """Fit a number to add to log-odds, so that about as many customers are expected to leave as left.

    Nothing is added with fewer than 100 customers who left, nor where chance alone makes such a difference in
    one of twenty cases. Otherwise it is the shift of maximum likelihood times `1 - 1 / z^2`, where z is the
    difference over its standard error: that share of the difference is expected to last. Customers count as
    independent. Rows do not, because the windows of weekly cutoffs overlap and hold the same churner several
    times.

    Args:
        logits: The log-odds of the rows, shape (rows,).
        left: Their outcomes, shape (rows,).
        customer: An integer per customer, shape (rows,).

    Source: Steyerberg (2019), Clinical prediction models, 2nd edition, chapter 20 (recalibration in the
        large); James and Stein (1961), Estimation with quadratic loss (the factor).
    """
    expected = sigmoid(logits)
    difference, error = clustered_difference(left, expected, customer)
    n_churners = max(_n_customers(left, customer), _n_customers(expected, customer))
    shift = 0.0
    if n_churners >= MIN_SHIFT_CUSTOMERS and abs(difference) > TWO_SIDED_95 * error:
        shift = (1 - (error / difference) ** 2) * level_shift(logits, float(left.sum()))
    return {"method": "shifted", "by": shift, "of": {"method": "none"}}


def _n_customers(chance: Floats, customer: Ints) -> float:
    """Return how many customers leave, each by the largest chance of their rows: the least it can be."""
    customer_index = np.unique(customer, return_inverse=True)[1]
    largest = np.zeros(customer_index.max(initial=-1) + 1)
    np.maximum.at(largest, customer_index, chance)
    return float(largest.sum())


def level_shift(logits: Floats, churners: float) -> float:
    """Return the number to add to log-odds so that `churners` rows are expected to leave.

    The number of rows is kept half a row away from none and from all.
    """
    target = min(max(churners, 0.5), len(logits) - 0.5)
    return float(brentq(lambda shift: float(sigmoid(logits + shift).sum()) - target, -40.0, 40.0))


def add_shift(calibration: Mapping[str, Any], by: float) -> dict[str, Any]:
    """Return a calibration whose log-odds are moved once more; shifts add up.

    >>> add_shift({"method": "shifted", "by": 0.5, "of": {"method": "none"}}, 0.25)
    {'method': 'shifted', 'by': 0.75, 'of': {'method': 'none'}}
    """
    earlier: Mapping[str, Any] = {"by": 0.0, "of": calibration}
    if calibration["method"] == "shifted":
        earlier = calibration
    return {"method": "shifted", "by": earlier["by"] + by, "of": dict(earlier["of"])}


def _fit_logistic(columns: Floats, left: Floats, start: tuple[float, ...]) -> list[float]:
    """Fit a logistic regression whose weights, except the last, are not negative."""

    def loss(weights: Floats) -> tuple[float, Floats]:
        z = columns @ weights
        slope = columns.T @ (sigmoid(z) - left) / len(left)
        return float(np.mean(np.logaddexp(0, z) - left * z)), slope

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
