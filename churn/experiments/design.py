"""What each experiment needs before it can answer: how many units, which power, and how many days at the
present rate of new units.
"""

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
"""The number of days ahead for which the power and the smallest effect are computed."""

RECENT_NIGHTS = 28
"""The number of latest nights from which the present rate of new units is computed."""


TRAINING_CHURNERS = 100
"""The number of churners among the controls that a training needs: they fix the level of the probabilities to
a standard error of 10 %.
"""


@dataclass(frozen=True)
class DesignTerms:
    """What is assumed about an experiment.

    Attributes:
        control_share: The share of units in the control group, between 0 and 1.
        kept_share: The assumed share of churners whom a contact keeps; used if no effect is given. The share
            is None for a label of an event, because no parameter states by how much a contact raises the
            share of customers with the event.
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
    """Return what is assumed about the universal experiment and the experiments of all unpaused plays.

    Args:
        playbook: The playbook.
        universal_share: The share of units in the universal control group.
        kept_share: The assumed share of churners whom a contact keeps; a play with its own `accept_share` in
            the playbook uses that share instead. If the label counts another event than leaving, such as an
            upgrade, `kept_share` is None, and no experiment has a share of kept churners.
        share: The share of units in the control group of each play. If None, the playbook gives the share of
            each play; for a play without a share in the playbook, `universal_share` is taken.
        measured_shares: The measured share of churners whom a contact keeps, by play; it replaces the assumed
            share.
    """
    shares_by_play = measured_shares or {}
    return {UNIVERSAL: DesignTerms(universal_share, kept_share)} | {
        rule.play.name: DesignTerms(
            share or rule.play.control or universal_share,
            None
            if kept_share is None
            else shares_by_play.get(rule.play.name, rule.play.accept_share or kept_share),
        )
        for rule in playbook.rules
        if rule.play.pause is None
    }


class ExperimentDesign(Part):
    """What one experiment needs before it can answer.

    Attributes:
        name: `universal`, or the name of a play.
        control_share: The share of units in the control group.
        units: The number of units that have entered the experiment so far. Units that entered while the
            control group had another share than `control_share` do not count.
        units_per_day: The number of new units per day; None if the ledger does not show it.
        churn: The predicted churn without contact, or the predicted rate of the event; None if there are no
            units.
        contacted_share: The share of units with a planned contact; None if there are no units.
        effect: The effect to detect: by how much contacts lower the churn, or raise the rate of the event
            that the label counts. If the user gives no effect, it is computed from `churn`, and is None
            if there are no units or if the label counts an event.
        sample_size: The number of units that the experiment needs to find `effect` with a probability of
            80 %. It is None if there are no units, or if `effect` is None or too large, for example larger
            than the churn.
        answer_in_days: The days until enough units (see `sample_size`) have known outcomes; None if this
            cannot be computed.
        days: The number of days ahead for which `power`, `detectable` and `held_out` are computed.
        power: The probability that the experiment finds `effect` if units enter for `days` more days; None if
            `sample_size` is None, or if the rate of new units is not known.
        detectable: The smallest effect that the experiment finds with a probability of 80 % if units enter
            for `days` more days. If the rate of new units is not known, only the units that have entered
            until now count.
        training_controls: The number of controls that `churn train` needs: they show how often contacted
            customers would leave without the contact. If the control group belongs to a single play, or if
            no unit has a planned contact, the number is None.
        training_in_days: The days until enough controls (see `training_controls`) have known outcomes; None
            if this cannot be computed.
        held_out: The number of controls after `days` more days; None if there are no units, or if the rate of
            new units is not known.
        customers_unsaved: The number of customers who leave, or miss the event, within `days` because they
            are controls. The effect to detect is assumed to be the true effect. The number is None if
            `sample_size` is None, or if the rate of new units is not known.
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
    """Return what each experiment needs before it can answer; the experiment on all contacts comes first.

    Args:
        ledger: The decisions of all nights until now.
        terms: What is assumed about each experiment; the key is `universal` or the name of a play.
        effect: The effect to detect: the reduction of churn, or the gain in the rate of the event. If None,
            it is computed from the assumed share of churners whom a contact keeps.
        days: The number of days ahead for which the power and the smallest detectable effect are computed.
        maturity: When outcomes are known.
        maturity_days: The days from an assignment until its outcome is known.
        is_gain: Whether the effect is a gain in the rate of an event; otherwise it is a reduction of churn.
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
    """Return the days until `n_missing` more units are assigned and their outcomes are known; None if this
    cannot be computed.
    """
    if n_missing <= 0:
        return maturity_days
    return None if rate is None else days_until_answer(n_missing, rate, maturity_days)


def units_per_day(started_on: Sequence[date], nights: Sequence[date]) -> float | None:
    """Return the number of new units per day in the latest nights; None if there are fewer than two nights.

    The first night does not count, because it assigns all customers who were already there.

    Args:
        started_on: The night in which each unit entered the experiment.
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
