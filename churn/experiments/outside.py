"""Measure experiments that the company ran by itself: several treated arms against one control arm.

A difference above 0 is always better for the company: more of a wanted outcome, such as a visit, or less of
an unwanted one, such as leaving. Each interval is valid for one comparison, and only if you look at it once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import chisquare

from churn.experiments.effect import (
    MIN_CHURNERS,
    IntervalMethod,
    NoVerdict,
    Verdict,
    rate_difference,
    scale_interval,
    verdict_of,
)
from churn.experiments.outside_rows import OutsideUnits
from churn.experiments.power import DetectableEffect, smallest_effect
from churn.experiments.regression import account_rate_difference, adjusted_difference
from churn.experiments.sequence import RATIO_ALPHA
from churn.experiments.unit_outcomes import LabelOutcomes
from churn.metrics.interval import Interval, Part
from churn.params import OutsideParams

Bools = npt.NDArray[np.bool_]


class Improvement(StrEnum):
    """What an interval shows about the outcome of the treated units."""

    BETTER = "better"
    WORSE = "worse"
    NOT_SHOWN = "no difference shown"


class NoImprovement(StrEnum):
    """Why there is no verdict about the outcome of the treated units."""

    EMPTY_ARM = "no units in an arm"
    FEW_OUTCOMES = f"fewer than {MIN_CHURNERS} units with the outcome, or without it, in an arm"
    FEW_ACCOUNTS = "too few accounts in an arm"


class ArmOutcome(Part):
    """The outcome of the units that were assigned to one arm.

    Attributes:
        name: The name of the arm in the data.
        n: The number of units.
        events: The number of units with the outcome.
        share: `events / n`; None if there are no units.
    """

    name: str
    n: int
    events: int
    share: float | None


class ArmEffect(Part):
    """The outcome of one treated arm, compared with the control arm.

    Attributes:
        treatment: The treated arm.
        difference: The difference between the two arms' shares of units with the outcome, with its interval;
            above 0, the treated arm is better. The difference has no value if an arm is empty.
        method: How the interval is computed.
        adjusted_difference: The same difference, adjusted by a score that was computed before the assignment;
            None if there are no scores.
        units_without_score: The number of units without a score; None if there is no column of scores.
        gain: The number of treated units that have a better outcome because of the treatment; negative if the
            treatment does harm.
        verdict: What the interval shows; None if there is no verdict.
        no_verdict_because: Why there is no verdict; None if there is one.
        detectable: The smallest difference that an experiment with arms of these sizes finds. The value is
            None if an arm is empty, or if all or none of the control units have the outcome. The value is
            also None if whole accounts were assigned to the arms, because nobody knows in advance how similar
            the units of an account are.
    """

    treatment: ArmOutcome
    difference: Interval
    method: IntervalMethod
    adjusted_difference: Interval | None
    units_without_score: int | None
    gain: Interval
    verdict: Improvement | None
    no_verdict_because: NoImprovement | None
    detectable: DetectableEffect | None


class ArmSizes(Part):
    """The sizes of all arms compared with the planned shares.

    Attributes:
        counts: The number of units in each arm, the control arm first; accounts are counted if whole accounts
            were assigned to the arms.
        design: The planned share of each arm.
        p_value: The probability that chance alone gives sizes as far from the planned shares as these, or
            further. The p-value is valid only if you look at the sizes once.
        alarm: Whether the p-value is below .001; then units are missing from an arm, or are in the wrong arm.
    """

    counts: tuple[int, ...]
    design: tuple[float, ...]
    p_value: float
    alarm: bool


class OutsideExperiment(Part):
    """The result of an experiment that the company ran by itself.

    Attributes:
        name: The name of the experiment in params.yaml.
        outcome: The name of the column of the outcome, or `label`.
        is_wanted: Whether the outcome is good for the company.
        control: The outcome in the control arm.
        effects: Each treated arm, compared with the control arm.
        sizes: The sizes of the arms compared with the planned shares; None if params.yaml does not state
            these shares.
        left_out_count: The number of rows in arms that params.yaml leaves out.
        immature: The number of units whose label is not known yet.
        without_label: The number of units that have no label, for example because they had already left
            before the assignment.
        event: The name of the label's wanted event; None if the outcome is not the label, or if the label
            states who leaves.
    """

    name: str
    outcome: str
    is_wanted: bool
    control: ArmOutcome
    effects: tuple[ArmEffect, ...]
    sizes: ArmSizes | None
    left_out_count: int
    immature: int
    without_label: int
    event: str | None = None


@dataclass(frozen=True)
class OutcomeSample:
    """The units with a known outcome.

    Attributes:
        arm: The arm of each unit.
        event: Whether the outcome happened to the unit.
        rows: The index of each unit in the arrays of `OutsideUnits`.
    """

    arm: npt.NDArray[np.object_]
    event: Bools
    rows: npt.NDArray[np.intp]


def measure_outside(
    experiment: OutsideParams,
    units: OutsideUnits,
    labels: LabelOutcomes | None = None,
    event: str | None = None,
) -> OutsideExperiment:
    """Measure an experiment that the company ran by itself.

    Args:
        experiment: The experiment, as params.yaml states it.
        units: The units of the experiment.
        labels: The labels of customers, and the days on which they become known; needed only if the outcome
            is `label`.
        event: The name of the label's wanted event; None if the label states who leaves.

    Raises:
        Stop: the score of a unit is from the time of its assignment or later, or an account is in two arms.
    """
    sample, immature, without_label = sample_of(units, labels)
    label_event = event if experiment.has_label else None
    is_wanted = bool(experiment.wanted) or label_event is not None
    control, *treated = (_arm(sample, name) for name in experiment.arms)
    return OutsideExperiment(
        name=experiment.name,
        outcome=experiment.outcome,
        is_wanted=is_wanted,
        control=control,
        effects=tuple(_effect(sample, units, control, arm, is_wanted) for arm in treated),
        sizes=_sizes(units, experiment),
        left_out_count=units.left_out_count,
        immature=immature,
        without_label=without_label,
        event=label_event,
    )


def sample_of(units: OutsideUnits, labels: LabelOutcomes | None) -> tuple[OutcomeSample, int, int]:
    """Return the units with a known outcome, and two counts of the units without a known outcome.

    The first counts the units whose label is not known yet, the second counts the units that have no label.

    Args:
        units: The units of an experiment.
        labels: The labels of customers, and the days on which they become known; needed only if the outcome
            is `label`.
    """
    if units.outcome is not None:
        return OutcomeSample(units.arm, units.outcome, np.arange(len(units.unit))), 0, 0
    if labels is None or units.assigned_at is None:
        raise ValueError("the outcome 'label' needs labels and times of assignment")
    nights = nights_of(units)
    is_matured = labels.maturity.is_matured(nights.tolist())
    left = np.full(len(units.unit), np.nan)
    for night in sorted(set(nights[is_matured])):
        own = np.flatnonzero(is_matured & (nights == night))
        left[own] = labels.left_at(night, units.unit[own].tolist())
    without_label = int((is_matured & np.isnan(left)).sum())
    rows = np.flatnonzero(~np.isnan(left))
    return OutcomeSample(units.arm[rows], left[rows] == 1, rows), int((~is_matured).sum()), without_label


def nights_of(units: OutsideUnits) -> npt.NDArray[np.object_]:
    """Return the cutoff of each unit's label: the midnight before its assignment.

    This cutoff is before the contact, so the contact cannot change which units have a label.
    """
    if units.assigned_at is None:
        return np.empty(0, dtype=object)
    days = pd.DatetimeIndex(units.assigned_at).date
    return np.asarray(days, dtype=object)


def label_nights(units: Sequence[OutsideUnits]) -> set[date]:
    """Return the cutoffs of all units in experiments whose outcome is the label."""
    return {night for part in units if part.outcome is None for night in nights_of(part)}


def _arm(sample: OutcomeSample, name: str) -> ArmOutcome:
    rows = sample.arm == name
    n, events = int(rows.sum()), int(sample.event[rows].sum())
    return ArmOutcome(name=name, n=n, events=events, share=events / n if n else None)


def _effect(
    sample: OutcomeSample, units: OutsideUnits, control: ArmOutcome, treatment: ArmOutcome, is_wanted: bool
) -> ArmEffect:
    in_pair = np.isin(sample.arm.astype(str), (control.name, treatment.name))
    rows, event = sample.rows[in_pair], sample.event[in_pair]
    in_treatment = sample.arm[in_pair] == treatment.name
    is_bad = ~event if is_wanted else event
    account = None if units.account is None else units.account[rows].astype(str).tolist()
    if account is None:
        bad = {arm.name: arm.n - arm.events if is_wanted else arm.events for arm in (control, treatment)}
        plain = rate_difference(bad[control.name], control.n, bad[treatment.name], treatment.n)
    else:
        plain = account_rate_difference(is_bad, in_treatment, account)
    reason = _no_verdict(control, treatment, event, in_treatment, account)
    if reason is None and plain.no_verdict_because == NoVerdict.FEW_UNITS:
        reason = NoImprovement.FEW_ACCOUNTS
    low, high = plain.difference.low, plain.difference.high
    adjusted = missing = None
    if units.score is not None and units.score_at is not None and units.assigned_at is not None:
        result = adjusted_difference(
            is_bad,
            in_treatment,
            units.score[rows],
            unit=units.unit[rows].tolist(),
            score_date=units.score_at[rows],
            first_assigned_date=units.assigned_at[rows],
            account=account,
        )
        adjusted, missing = result.difference, result.units_without_score
    detectable = None
    bad_share = None if control.share is None else 1 - control.share if is_wanted else control.share
    if account is None and bad_share is not None and 0 < bad_share < 1 and treatment.n:
        detectable = smallest_effect(bad_share, control.n, treatment.n)
    return ArmEffect(
        treatment=treatment,
        difference=plain.difference,
        method=plain.method,
        adjusted_difference=adjusted,
        units_without_score=missing,
        gain=scale_interval(plain.difference, treatment.n),
        verdict=None if reason or low is None or high is None else IMPROVEMENTS[verdict_of(low, high)],
        no_verdict_because=reason,
        detectable=detectable,
    )


IMPROVEMENTS = {
    Verdict.FEWER_LEAVE: Improvement.BETTER,
    Verdict.MORE_LEAVE: Improvement.WORSE,
    Verdict.NOT_SHOWN: Improvement.NOT_SHOWN,
}


def _no_verdict(
    control: ArmOutcome,
    treatment: ArmOutcome,
    event: Bools,
    in_treatment: Bools,
    account: Sequence[str] | None,
) -> NoImprovement | None:
    """Return why there is no verdict; None if the arms are large enough.

    Each arm needs at least 20 units with the outcome and at least 20 units without it. With fewer units, the
    interval of the difference would be too short. If whole accounts were assigned to the arms, accounts are
    counted instead of units.
    """
    if not control.n or not treatment.n:
        return NoImprovement.EMPTY_ARM
    names = np.arange(len(event)) if account is None else np.asarray(account)
    counts = [
        len(np.unique(names[arm & happened]))
        for arm in (in_treatment, ~in_treatment)
        for happened in (event, ~event)
    ]
    return NoImprovement.FEW_OUTCOMES if min(counts) < MIN_CHURNERS else None


def _sizes(units: OutsideUnits, experiment: OutsideParams) -> ArmSizes | None:
    """Return the sizes of the arms compared with the planned shares; None if no shares are planned.

    Units without a label count too. If whole accounts were assigned to the arms, accounts are counted,
    because the units of one account were not drawn one by one.
    """
    if experiment.sizes is None:
        return None
    drawn = units.unit if units.account is None else units.account
    counts = np.array([len(set(drawn[units.arm == name])) for name in experiment.arms])
    weights = np.array([experiment.sizes[name] for name in experiment.arms])
    design = weights / weights.sum()
    p_value = float(chisquare(counts, counts.sum() * design).pvalue)
    return ArmSizes(
        counts=tuple(int(count) for count in counts),
        design=tuple(float(share) for share in design),
        p_value=p_value,
        alarm=p_value < RATIO_ALPHA,
    )
