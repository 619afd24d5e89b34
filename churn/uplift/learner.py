"""The DR learner (doubly robust): an outcome model for each arm, then trees that predict the effect.

The trees are fitted to the pseudo-outcome of each unit. The pseudo-outcome estimates the effect of the
treatment on this unit. The estimate is unbiased if the recorded probability of treatment is right, even if
the outcome models are wrong. Good outcome models only make the pseudo-outcome less noisy. `Y` is the outcome,
`T` in {0, 1} the arm, and `e` the recorded probability. `m1` and `m0` are outcome models that have not seen
the unit. The pseudo-outcome is:

    m1 - m0 + T (Y - m1) / e - (1 - T) (Y - m0) / (1 - e)

If the outcome is bad, such as leaving, the sign of the pseudo-outcome is changed, so an effect above 0 is
always good.

Source: Kennedy (2023), Towards optimal doubly robust estimation of heterogeneous causal effects, Electronic
    Journal of Statistics 17, algorithm 1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from churn.model.scorer import sigmoid
from churn.snapshots.dataset import LabelledRows
from churn.training.fitted_model import FittedModel
from churn.training.trees import FEATURE_FRACTION, LAMBDA_L2, fit_trees, leaves_for, smallest_leaf
from churn.uplift.sample import N_OUTCOME_FOLDS, Floats, Sample

OUTCOME_TREES, OUTCOME_RATE = 100, 0.05
"""The number of trees of an outcome model, and their learning rate."""

EFFECT_TREES, EFFECT_RATE = 100, 0.05
"""The number of trees of the model of the effect, and their learning rate."""

EFFECT_LEAVES = 4
"""The number of leaves of a tree of the effect; the trees are small because a pseudo-outcome is mostly
noise.
"""

EFFECT_LEAF_SHARE = 20
"""The least fraction of the rows in a leaf of the effect: one in twenty."""


@dataclass(frozen=True)
class UpliftModel:
    """A fitted DR learner.

    Attributes:
        control: The outcome models of the control arm, one for each fold; each is fitted to the other folds.
        treatment: The outcome models of the treated arm, one for each fold; each is fitted to the other
            folds.
        effect: The model of the effect; the values of its trees add up to the effect, and not to log-odds.
            The effect of a contact is the rise in the probability of the outcome, or the fall if the outcome
            is bad.
    """

    control: tuple[FittedModel, ...]
    treatment: tuple[FittedModel, ...]
    effect: FittedModel

    def predict_effect(self, rows: LabelledRows, threads: int) -> Floats:
        """Return for each row the effect of a contact; an effect above 0 is good."""
        return self.effect.logits(rows, threads)

    def predict_outcomes(self, rows: LabelledRows, threads: int) -> tuple[Floats, Floats]:
        """Return for each row the probability of the outcome without and with the treatment, from models that
        have not seen the row.
        """
        p_control, p_treatment = (
            np.mean([_probability(model, rows, threads) for model in models], axis=0)
            for models in (self.control, self.treatment)
        )
        return p_control, p_treatment


def fit_uplift(sample: Sample, *, seed: int, threads: int) -> UpliftModel:
    """Fit a DR learner to the rows of a sample.

    Args:
        sample: The rows; in each arm of each fold, there must be rows with the outcome and rows without it.
        seed: The seed with which the trees are fitted.
        threads: The threads to use; they do not change the result.
    """
    p_control, p_treatment = np.zeros(len(sample)), np.zeros(len(sample))
    models: dict[bool, list[FittedModel]] = {False: [], True: []}
    for fold in range(N_OUTCOME_FOLDS):
        inside = sample.outcome_fold == fold
        own = sample.rows.where(inside)
        for arm, outcome in ((False, p_control), (True, p_treatment)):
            model = _fit_outcome(sample.rows.where(~inside & (sample.in_treatment == arm)), seed, threads)
            outcome[inside] = _probability(model, own, threads)
            models[arm].append(model)
    target = pseudo_outcomes(sample, p_control, p_treatment)
    return UpliftModel(
        control=tuple(models[False]),
        treatment=tuple(models[True]),
        effect=_fit_effect(sample.rows, target, seed, threads),
    )


def pseudo_outcomes(sample: Sample, p_control: Floats, p_treatment: Floats) -> Floats:
    """Return the pseudo-outcome of each row; its mean is the effect of the treatment.

    Args:
        sample: The rows of the sample.
        p_control: The probability of the outcome without the treatment, from models that have not seen the
            row.
        p_treatment: The probability of the outcome with the treatment, from models that have not seen the
            row.
    """
    outcome, arm, propensity = sample.rows.left, sample.in_treatment, sample.propensity
    residual = np.where(arm, (outcome - p_treatment) / propensity, -(outcome - p_control) / (1 - propensity))
    return np.asarray(sample.direction * (p_treatment - p_control + residual), dtype=np.float64)


def _fit_outcome(rows: LabelledRows, seed: int, threads: int) -> FittedModel:
    events = min(rows.churners, len(rows) - rows.churners)
    params = _tree_params(seed) | {
        "objective": "binary",
        "num_leaves": leaves_for(events),
        "learning_rate": OUTCOME_RATE,
        "min_child_samples": smallest_leaf(len(rows)),
    }
    return fit_trees(rows, params, OUTCOME_TREES, _any_direction(rows), threads)


def _fit_effect(rows: LabelledRows, target: Floats, seed: int, threads: int) -> FittedModel:
    params = _tree_params(seed) | {
        "objective": "regression",
        "num_leaves": EFFECT_LEAVES,
        "learning_rate": EFFECT_RATE,
        "min_child_samples": max(smallest_leaf(len(rows)), len(rows) // EFFECT_LEAF_SHARE),
    }
    return fit_trees(replace(rows, left=target), params, EFFECT_TREES, _any_direction(rows), threads)


def _tree_params(seed: int) -> dict[str, Any]:
    """Return the LightGBM parameters that are the same for the outcome models and the model of the effect."""
    return {
        "feature_fraction": FEATURE_FRACTION,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "lambda_l2": LAMBDA_L2,
        "cat_smooth": 20.0,
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,
        "verbosity": -1,
    }


def _any_direction(rows: LabelledRows) -> list[int]:
    """Return 0, which means no monotone constraint, for each signal.

    Even if a signal can only raise the risk, it may raise or lower the effect of a contact.
    """
    return [0] * len(rows.names)


def _probability(model: FittedModel, rows: LabelledRows, threads: int) -> Floats:
    return np.asarray(sigmoid(model.logits(rows, threads)), dtype=np.float64)
