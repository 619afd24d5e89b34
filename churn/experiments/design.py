"""What each experiment needs before it can answer: units, power, and days at the present rates."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from churn.experiments.assignment import UNIVERSAL
from churn.experiments.experiment_units import ExperimentUnits, Maturity, play_units, universal_units
from churn.experiments.ledger import Ledger
from churn.experiments.power import (
    DetectableEffect,
    SampleSize,
    days_until_answer,
    power_of,
    smallest_effect,
    units_needed,
)
from churn.metrics.interval import Part
from churn.scoring.playbook import Playbook

DEFAULT_DAYS = 90
"""The days ahead for the power and the smallest effect."""

RECENT_NIGHTS = 28
"""The number of latest nights that tell the present rate of new units."""


TRAINING_CHURNERS = 100
"""The churners among the controls from which a training knows the level to a standard error of 10 %."""


@dataclass(frozen=True)
class DesignTerms:
    """What is assumed about an experiment.

    Attributes:
        control_share: The share of the control, between 0 and 1.
        kept_share: The share of churners whom a contact keeps, as assumed; used where no effect is given.
            None for a label of an event: nobody states how many more a contact brings to it.
    """

    control_share: float
    kept_share: float | None


def design_terms(
    playbook: Playbook,
    *,
    universal_share: float,
    kept_share: float | None,
    share: float | None = None,
    measured_shares: Mapping[str, float] | None = None,
) -> dict[str, DesignTerms]:
    """Return what is assumed about each experiment: all contacts, and each play that is not switched off.

    Args:
        playbook: The playbook.
        universal_share: The share of the universal control group.
        kept_share: The share of churners whom a contact keeps, where a play has none of its own; None for a
            label of an event, and then no play has any.
        share: The share of all control groups, instead of those of the playbook.
        measured_shares: The measured share of churners whom a contact keeps, by play; it wins.
    """
    kept = measured_shares or {}
    return {UNIVERSAL: DesignTerms(universal_share, kept_share)} | {
        rule.play.name: DesignTerms(
            share or rule.play.control or universal_share,
            None if kept_share is None else kept.get(rule.play.name, rule.play.accept_share or kept_share),
        )
        for rule in playbook.rules
        if rule.play.pause is None
    }


class ExperimentDesign(Part):
    """What one experiment needs before it can answer.

    Attributes:
        name: `universal`, or the name of a play.
        control_share: The share of the control.
        units: The number of units so far with this share of the control; with another share they do not
            count.
        units_per_day: The number of new units per day; None if the ledger does not show it.
        churn: The predicted churn, or rate of the event, without contact; None without units.
        contacted_share: The share of the units with a planned contact; None without units.
        effect: The difference of churn, or the gain in the rate of the event, to detect; None
            without units, and for an event if no effect is given.
        sample_size: The units that find this effect; None if the churn leaves no room for the effect.
        answer_in_days: The days until so many units have an outcome; None if this cannot be told.
        days: A number of days ahead.
        power: The probability of finding the effect with the units assigned by then; None if the rate is not
            known.
        detectable: The smallest effect that these units find; that of the units so far if the rate is not
            known.
        training_controls: The number of controls that a training needs for the level of contacted customers;
            None for the control of one play, and without units.
        training_in_days: The days until so many controls have an outcome; None if this cannot be told.
        held_out: The number of controls by the end of `days`; None without units, and if the rate is not
            known.
        customers_unsaved: The customers who leave, or miss the event, by then because they were held out,
            with the effect that is looked for; None without `held_out`, and without `sample_size`.
        is_gain: Whether the effect is a gain in the rate of an event.
    """

    name: str
    control_share: float
    units: int
    units_per_day: float | None
    churn: float | None
    contacted_share: float | None
    effect: float | None
    sample_size: SampleSize | None
    answer_in_days: int | None
    days: int
    power: float | None
    detectable: DetectableEffect | None
    training_controls: int | None = None
    training_in_days: int | None = None
    held_out: int | None = None
    customers_unsaved: float | None = None
    is_gain: bool = False


def design_experiments(
    ledger: Ledger,
    terms: Mapping[str, DesignTerms],
    *,
    effect: float | None,
    days: int,
    maturity: Maturity,
    maturity_days: int,
    is_gain: bool = False,
) -> list[ExperimentDesign]:
    """Return what each experiment needs, the universal one first.

    Args:
        ledger: The nights until now.
        terms: What is assumed, by the name of the experiment: `universal`, or a play.
        effect: The difference to look for; None takes the assumed share of churners who stay.
        days: The number of days ahead for the power and the smallest detectable effect.
        maturity: When outcomes are known.
        maturity_days: The days from an assignment until its outcome is known.
        is_gain: Whether the effect is a gain in the rate of an event, and not less churn.
    """
    nights = [night.cutoff for night in ledger.nights]
    with_task = set(ledger.tasks["unit"])
    designs = []
    for name, own in terms.items():
        if name == UNIVERSAL:
            units = universal_units(ledger, maturity)
        else:
            units = play_units(ledger, name, None, maturity)
        contacted_share = float(units.frame["unit"].isin(with_task).mean()) if len(units.frame) else None
        design = _design(name, units, nights, own, contacted_share, effect, days, maturity_days, is_gain)
        designs.append(design)
    return designs


def _design(
    name: str,
    experiment: ExperimentUnits,
    nights: Sequence[date],
    terms: DesignTerms,
    contacted_share: float | None,
    effect: float | None,
    days: int,
    maturity_days: int,
    is_gain: bool,
) -> ExperimentDesign:
    share, scores = terms.control_share, experiment.frame["score"].to_numpy(dtype=np.float64)
    rate = units_per_day(experiment.frame["started_on"].tolist(), nights)
    has_this_share = experiment.control_share is not None and math.isclose(experiment.control_share, share)
    units = len(experiment.frame) if has_this_share else 0
    churn = float(np.nanmean(scores)) if np.isfinite(scores).any() else None
    needed = answer = power = detectable = training = training_days = held_out = customers_unsaved = None
    if churn is not None and contacted_share is not None:
        if effect is None and terms.kept_share is not None:
            effect = churn * terms.kept_share * contacted_share
        n = units + round((rate or 0.0) * days)
        n_control = round(n * share)
        room = 1 - churn if is_gain else churn
        if effect is not None and 0 < effect < room < 1:
            with_contact = churn + effect if is_gain else churn - effect
            needed = units_needed(churn, with_contact, control_share=share)
            answer = _days_for(needed.n - units, rate, maturity_days)
            if rate is not None:
                customers_unsaved = n_control * effect
                power = power_of(churn, with_contact, n_control, n - n_control)
        held_out = None if rate is None else n_control
        if name == UNIVERSAL and churn * contacted_share > 0:
            training = math.ceil(TRAINING_CHURNERS / (churn * contacted_share))
            training_days = _days_for(math.ceil(training / share) - units, rate, maturity_days)
        if 0 < churn < 1 and 0 < n_control < n:
            detectable = smallest_effect(churn, n_control, n - n_control, is_gain=is_gain)
    return ExperimentDesign(
        name=name,
        control_share=share,
        units=units,
        units_per_day=rate,
        churn=churn,
        contacted_share=contacted_share,
        effect=effect,
        sample_size=needed,
        answer_in_days=answer,
        days=days,
        power=power,
        detectable=detectable,
        training_controls=training,
        training_in_days=training_days,
        held_out=held_out,
        customers_unsaved=customers_unsaved,
        is_gain=is_gain,
    )


def _days_for(n_missing: int, rate: float | None, maturity_days: int) -> int | None:
    """Return the days until missing units are assigned and have an outcome; None if it cannot be told."""
    if n_missing <= 0:
        return maturity_days
    return None if rate is None else days_until_answer(n_missing, rate, maturity_days)


def units_per_day(started_on: Sequence[date], nights: Sequence[date]) -> float | None:
    """Return the number of new units a day in the latest nights; None with fewer than two nights.

    The first night does not count: it takes all who were there already, and no later night does.

    Args:
        started_on: The night in which each unit began.
        nights: The nights of the ledger, the oldest first.

    >>> nights = [date(2025, 1, 1), date(2025, 1, 2), date(2025, 1, 5)]
    >>> units_per_day([nights[0]] * 50 + [nights[1]] * 3 + [nights[2]] * 5, nights)
    2.0
    """
    if len(nights) < 2:
        return None
    recent = nights[-RECENT_NIGHTS - 1 :]
    new_units = sum(recent[0] < start <= recent[-1] for start in started_on)
    return new_units / (recent[-1] - recent[0]).days
