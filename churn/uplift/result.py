"""What experiments show about a model of the effect, as `output/uplift/uplift.json` holds it."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Literal

from churn.metrics.interval import Part
from churn.uplift.policy import EffectGroup, PolicyComparison
from churn.uplift.sample import MIN_EVENTS

FORMAT: Literal[1] = 1
"""The version of the file; a file of another version is refused, and not guessed at."""


CONTACTS = "contacts of the ledger"
"""The name of the experiment that the nights themselves make."""


class UpliftVerdict(StrEnum):
    """Whether a model of the effect may choose whom to contact."""

    ACCEPT = "accepted"
    REFUSE = "refused"


class UpliftReason(StrEnum):
    """Why a model is accepted or refused."""

    BETTER = "with as many contacts, the effect chooses better than the risk"
    WORSE = "with as many contacts, the effect chooses worse than the risk"
    NOT_SHOWN = "with as many contacts, it is not shown that the effect chooses better than the risk"
    FEW_EVENTS = (
        f"fewer than {MIN_EVENTS} units with the outcome, or without it, in an arm "
        "(units of one account count once)"
    )
    NO_COVARIATES = "nothing is known about the units from before their assignment: name it under covariates"
    NO_CONTROL = "there is no control group among the units with a task"
    NO_DESIGN = "the probability of the treatment is not recorded: give the sizes of the arms under sizes"
    WRONG_SIZES = "the sizes of the arms do not agree with the design"
    UNEQUAL_ARMS = "the arms differ in what should be known from before the assignment"


class ArmCount(Part):
    """The units of an arm, and how many of them have the outcome."""

    name: str
    n: int
    events: int


class MeasuredUplift(Part):
    """What one experiment shows about a model of the effect.

    Attributes:
        name: The name of the experiment.
        outcome: The outcome.
        is_wanted: Whether the outcome is good.
        unit_of_gain: What a policy earns: `outcomes` or `money`, in both cases for each unit of the sample.
        control: The control.
        treatment: The treated arm.
        left_out_counts: The number of units that do not count, by reason.
        covariates: What was known about each unit before its assignment.
        unequal_covariates: The covariates in which the arms differ more than chance allows: chance makes one
            of them unequal in fewer than 1 of 1,000 experiments.
        verdict: Whether the model may choose whom to contact.
        reason: Why.
        comparison: What the policies earn; None without a model.
        groups: The effect by groups of the predicted effect; empty without a model.
        do_not_disturb: The number of units in groups whose effect is at most 0 for certain.
        do_not_disturb_up_to: The predicted effect up to which a customer is left alone; None if nobody is.
        model_digest: The digest of the stored model; None if none is stored.
    """

    name: str
    outcome: str
    is_wanted: bool
    unit_of_gain: Literal["outcomes", "money"]
    control: ArmCount
    treatment: ArmCount
    left_out_counts: dict[str, int]
    covariates: tuple[str, ...]
    unequal_covariates: tuple[str, ...]
    verdict: UpliftVerdict
    reason: UpliftReason
    comparison: PolicyComparison | None
    groups: tuple[EffectGroup, ...]
    do_not_disturb: int
    do_not_disturb_up_to: float | None
    model_digest: str | None


class UpliftResult(Part):
    """What all experiments show.

    Attributes:
        format: The version of the file.
        as_of: The day up to which outcomes are known; None if the ledger was not read.
        label_id: The label whose outcomes the contacts of the ledger have.
        experiments: The contacts of the ledger first, then the experiments that the company ran by itself.
    """

    format: Literal[1]
    as_of: date | None
    label_id: str
    experiments: tuple[MeasuredUplift, ...]


def judge_comparison(comparison: PolicyComparison) -> tuple[UpliftVerdict, UpliftReason]:
    """Return the verdict on a model and its reason: only an interval above 0 is a proof."""
    low, high = comparison.difference.low, comparison.difference.high
    if low is not None and low > 0:
        return UpliftVerdict.ACCEPT, UpliftReason.BETTER
    if high is not None and high < 0:
        return UpliftVerdict.REFUSE, UpliftReason.WORSE
    return UpliftVerdict.REFUSE, UpliftReason.NOT_SHOWN
