"""Fit a model of the effect of a contact; keep it only if a choice of customers by the predicted effect is
better than a choice by the risk (the probability of the outcome without a contact).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from churn.training.fitted_model import FittedModel
from churn.uplift.learner import fit_uplift
from churn.uplift.policy import compare_policies, group_effects, groups_left_alone, predict_held_out
from churn.uplift.result import ArmCount, MeasuredUplift, UpliftReason, UpliftVerdict, judge_comparison
from churn.uplift.sample import MIN_EVENTS, Sample


@dataclass(frozen=True)
class UpliftTerms:
    """The settings by which models are fitted and compared.

    Attributes:
        contact_share: The share of the experiment's units that each policy contacts. A policy is a rule for
            whom to contact.
        seed: The seed with which the trees are fitted.
        threads: The number of threads; it does not change the result.
    """

    contact_share: float
    seed: int
    threads: int


@dataclass(frozen=True)
class SampleFacts:
    """Facts about a sample in addition to its rows.

    Attributes:
        name: The name of the experiment.
        outcome: The name of the outcome.
        control: The name of the control arm.
        treatment: The name of the treated arm.
        unit_of_gain: The unit in which the gain is counted: outcomes or money.
        left_out_counts: For each reason, the number of units that the sample leaves out.
        unequal_covariates: The covariates in which the arms differ more than chance allows.
        obstacle: Why no model may be fitted to the sample; None if a model may be fitted.
    """

    name: str
    outcome: str
    control: str
    treatment: str
    unit_of_gain: Literal["outcomes", "money"]
    left_out_counts: Mapping[str, int]
    unequal_covariates: tuple[str, ...] = ()
    obstacle: UpliftReason | None = None


def measure_uplift(
    sample: Sample, facts: SampleFacts, terms: UpliftTerms
) -> tuple[MeasuredUplift, FittedModel | None]:
    """Return what a sample shows about the effect of a contact, and the model of this effect, if accepted.

    Args:
        sample: The rows of the sample.
        facts: Facts about the sample.
        terms: How the model is fitted and compared.
    """
    arms = {
        name: ArmCount(name=name, n=int(rows.sum()), events=int(sample.rows.left[rows].sum()))
        for name, rows in ((facts.control, ~sample.in_treatment), (facts.treatment, sample.in_treatment))
    }
    obstacle = facts.obstacle
    if obstacle is None and sample.fewest_events() < MIN_EVENTS:
        obstacle = UpliftReason.FEW_EVENTS
    measured = MeasuredUplift(
        name=facts.name,
        outcome=facts.outcome,
        is_wanted=sample.is_wanted,
        unit_of_gain=facts.unit_of_gain,
        control=arms[facts.control],
        treatment=arms[facts.treatment],
        left_out_counts=dict(facts.left_out_counts),
        covariates=sample.rows.names,
        unequal_covariates=facts.unequal_covariates,
        verdict=UpliftVerdict.REFUSE,
        reason=obstacle or UpliftReason.NOT_SHOWN,
        comparison=None,
        groups=(),
        do_not_disturb=0,
        do_not_disturb_up_to=None,
        model_digest=None,
    )
    if obstacle is not None:
        return measured, None
    judged_sample, predictions = predict_held_out(sample, seed=terms.seed, threads=terms.threads)
    comparison = compare_policies(judged_sample, predictions, terms.contact_share)
    verdict, reason = judge_comparison(comparison)
    groups = group_effects(judged_sample, predictions)
    alone = groups_left_alone(groups)
    model = None
    if verdict == UpliftVerdict.ACCEPT:
        model = fit_uplift(sample, seed=terms.seed, threads=terms.threads).effect
    return (
        measured.model_copy(
            update={
                "verdict": verdict,
                "reason": reason,
                "comparison": comparison,
                "groups": groups,
                "do_not_disturb": sum(group.n for group in alone),
                "do_not_disturb_up_to": alone[-1].up_to if alone else None,
            }
        ),
        model,
    )
