"""What experiments show about a model of the effect of contacts: the types in `output/uplift/uplift.json`."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Literal

from churn.metrics.interval import Part
from churn.uplift.policy import EffectGroup, PolicyComparison
from churn.uplift.sample import MIN_EVENTS

FORMAT: Literal[1] = 1
"""The version of the file; a file of another version is refused, because its meaning is not known."""


CONTACTS = "contacts of the ledger"
"""The name of the experiment that consists of the contacts of the nights."""


class UpliftVerdict(StrEnum):
    """Whether a model of the effect of contacts may choose whom to contact."""

    ACCEPT = "accepted"
    REFUSE = "refused"


class UpliftReason(StrEnum):
    """Why a model of the effect of contacts is accepted or refused."""

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
    """The number of units in an arm, and how many of them have the outcome."""

    name: str
    n: int
    events: int


class MeasuredUplift(Part):
    """What one experiment shows about a model of the effect of contacts.

    Attributes:
        name: The name of the experiment.
        outcome: The name of the outcome.
        is_wanted: Whether the outcome is good for the company.
        unit_of_gain: Whether a policy's gain is counted in `outcomes` or in `money`. The gain is a mean over
            all units of the sample, contacted or not.
        control: The number of units in the control arm, and how many of them have the outcome.
        treatment: The number of units in the treated arm, and how many of them have the outcome.
        left_out_counts: For each reason, the number of units that the sample leaves out.
        covariates: What was known about each unit before its assignment to an arm.
        unequal_covariates: The covariates in which the arms differ more than chance allows. In a sound
            experiment, the chance that at least one covariate is listed here is below 1 in 1,000.
        verdict: Whether the model may choose whom to contact.
        reason: Why the model is accepted or refused.
        comparison: The gains of three policies (rules for whom to contact); None if no model was fitted.
        groups: The effect in each group of units with a similar predicted effect; empty if no model was
            fitted.
        do_not_disturb: The number of units in groups for which the effect is shown to be at most 0.
        do_not_disturb_up_to: A customer is not contacted if the predicted effect is at most this value; None
            if nobody is left out for this reason.
        model_digest: The digest of the stored model; None if no model is stored.
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
        format: The version of the format of the file.
        as_of: The day up to which outcomes are known; None if the ledger was not read.
        label_id: The id of the label that gives the outcomes of the contacts in the ledger.
        experiments: First the contacts in the ledger, then the experiments that the company ran by itself.
    """

    format: Literal[1]
    as_of: date | None
    label_id: str
    experiments: tuple[MeasuredUplift, ...]


def judge_comparison(comparison: PolicyComparison) -> tuple[UpliftVerdict, UpliftReason]:
    """Return the verdict on a model, and its reason.

    A model is accepted only if the whole interval of `comparison.difference` is above 0. This difference is
    the gain from choosing by the predicted effect minus the gain from choosing by the risk.
    """
    low, high = comparison.difference.low, comparison.difference.high
    if low is not None and low > 0:
        return UpliftVerdict.ACCEPT, UpliftReason.BETTER
    if high is not None and high < 0:
        return UpliftVerdict.REFUSE, UpliftReason.WORSE
    return UpliftVerdict.REFUSE, UpliftReason.NOT_SHOWN
