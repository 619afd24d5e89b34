"""Turn scores into probabilities that hold, chosen on predictions made out of time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from scipy.optimize import minimize

from churn.metrics.metrics import Floats, Ints, row_log_loss
from churn.metrics.standard_errors import clustered_mean
from churn.model.scorer import calibrated, sigmoid
from churn.training.intercept_update import fit_shift
from churn.training.venn_abers import fit_venn_abers

NONE: dict[str, Any] = {"method": "none"}
FEWEST = 30
FEWEST_LATER = 2
"""At so many cutoffs a calibration must have gained before it is trusted to last."""


@dataclass(frozen=True)
class Choice:
    """The calibration method chosen, and what speaks for it.

    Attributes:
        method: The one chosen.
        tried: The out-of-time log loss of each method.
        against_none: For each other method its log loss minus that of none, `difference`, with the
            `standard_error` of that over customers, and the difference at the cutoff that speaks most
            against it, `worst_cutoff`; below 0 the method is better.
        later_cutoffs: How many cutoffs judged what earlier ones had fitted.
    """

    method: str
    tried: Mapping[str, float]
    against_none: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    later_cutoffs: int = 0

    def as_dict(self) -> dict[str, Any]:
        """Return the choice as JSON values."""
        return {
            "chosen": self.method,
            "tried": self.tried,
            "against_none": self.against_none,
            "later_cutoffs": self.later_cutoffs,
        }

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> Choice:
        """Return the choice that `as_dict` told of."""
        return cls(facts["chosen"], facts["tried"], facts["against_none"], facts["later_cutoffs"])


def fit_none(logits: Floats, left: Floats) -> dict[str, Any]:
    """Return the calibration that changes nothing."""
    return dict(NONE)


def fit_platt(logits: Floats, left: Floats) -> dict[str, Any]:
    """Fit `a z + c` on the log-odds z by maximum likelihood, with `a >= 0`.

    Source: Platt (1999), Probabilistic outputs for support vector machines.
    """
    a, c = _fit(np.column_stack([logits, np.ones(len(logits))]), left, start=(1.0, 0.0))
    return {"method": "platt", "a": a, "c": c}


def fit_beta(logits: Floats, left: Floats) -> dict[str, Any]:
    """Fit `a log p - b log(1 - p) + c` by maximum likelihood, with `a, b >= 0` so that order is kept.

    Source: Kull, Silva Filho and Flach (2017), Beta calibration, AISTATS.
    """
    columns = np.column_stack([-np.logaddexp(0, -logits), np.logaddexp(0, logits), np.ones(len(logits))])
    a, b, c = _fit(columns, left, start=(1.0, 1.0, 0.0))
    return {"method": "beta", "a": a, "b": b, "c": c}


METHODS: dict[str, Callable[[Floats, Floats], dict[str, Any]]] = {
    "none": fit_none,
    "beta": fit_beta,
    "platt": fit_platt,
    "venn_abers": fit_venn_abers,
}


def fit(method: str, logits: Floats, left: Floats, customer: Ints) -> dict[str, Any]:
    """Fit one of `METHODS`, or `shifted` as a refresh does; with too few of a class leave the scores alone.

    Args:
        method: Its name.
        logits: Uncalibrated log-odds.
        left: Outcomes.
        customer: An integer per customer.
    """
    if not enough(left):
        return dict(NONE)
    return fit_shift(logits, left, customer) if method == "shifted" else METHODS[method](logits, left)


def enough(left: Floats) -> bool:
    """Return whether there are at least 30 leavers and 30 stayers to calibrate on."""
    return bool(min(left.sum(), len(left) - left.sum()) >= FEWEST)


def choose(logits: Floats, left: Floats, cutoff: Ints, known_on: Ints, customer: Ints) -> Choice:
    """Choose the method with the lowest out-of-time log loss of those that clearly and lastingly beat none.

    Each cutoff is judged with a calibration fitted on the rows whose labels were known by then. A method
    clearly beats none where the paired gain exceeds its standard error: of several methods that change
    nothing one wins by chance most of the time. It lastingly does where it gains at every one of at least
    two cutoffs: levels drift, rows of one cutoff share its drift, and their standard error does not know it.

    Args:
        logits: Uncalibrated log-odds, each predicted by a model that had not seen its row.
        left: Outcomes.
        cutoff: Days since 1970-01-01.
        known_on: The day on which each row's label was known, counted in the same way.
        customer: A dense integer per customer.
    """
    folds = [((cutoff < day) & (known_on <= day), cutoff == day) for day in np.unique(cutoff)[1:]]
    folds = [(fitted, judged) for fitted, judged in folds if enough(left[fitted])]
    if not folds:
        return Choice("none", {})
    losses = {
        name: [
            row_log_loss(left[judged], apply(logits[judged], fit_method(logits[fitted], left[fitted])))
            for fitted, judged in folds
        ]
        for name, fit_method in METHODS.items()
    }
    tried = {name: float(np.concatenate(loss).mean()) for name, loss in losses.items()}
    who = np.concatenate([customer[judged] for _, judged in folds])
    against = {}
    for name in losses.keys() - {"none"}:
        apart = [loss - none for loss, none in zip(losses[name], losses["none"], strict=True)]
        difference, error = clustered_mean(np.concatenate(apart), who)
        worst = max(float(one.mean()) for one in apart)
        against[name] = {"difference": difference, "standard_error": error, "worst_cutoff": worst}
    taken = [
        name
        for name, one in against.items()
        if len(folds) >= FEWEST_LATER
        and one["difference"] < -one["standard_error"]
        and one["worst_cutoff"] < 0
    ]
    return Choice(
        min(sorted(taken), key=lambda name: tried[name], default="none"), tried, against, len(folds)
    )


def choose_as_asked(
    asked: str, logits: Floats, left: Floats, cutoff: Ints, known_on: Ints, customer: Ints
) -> Choice:
    """Choose the method unless params.yaml names one; what each one gives is known either way."""
    choice = choose(logits, left, cutoff, known_on, customer)
    return choice if asked == "auto" else replace(choice, method=asked)


def apply(logits: Floats, calibration: Mapping[str, Any]) -> Floats:
    """Return calibrated probabilities, by the code of the scorer."""
    return sigmoid(calibrated(logits, calibration))


def _fit(columns: Floats, left: Floats, start: tuple[float, ...]) -> list[float]:
    """Fit a logistic regression whose weights, except the last, are not negative."""

    def loss(weights: Floats) -> tuple[float, Floats]:
        z = columns @ weights
        slope = columns.T @ (sigmoid(z) - left) / len(left)
        return float(np.mean(np.logaddexp(0, z) - left * z)), slope

    bounds = [(0.0, None)] * (len(start) - 1) + [(None, None)]
    found = minimize(
        loss,
        np.array(start),
        jac=True,
        method="L-BFGS-B",
        bounds=bounds,
        options={"maxiter": 500, "ftol": 1e-14, "gtol": 1e-9},
    )
    return [float(weight) for weight in found.x]
