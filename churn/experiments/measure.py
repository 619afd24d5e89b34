"""Measure what contacts have changed: compare the arms of each experiment in the ledger.

Each unit counts in the arm to which it was assigned, whether it was contacted or not. The outcome of a unit
is whether one of its customers left, or had the label's event. The outcome is read in the label window of one
night: the night in which the unit entered the experiment. Only matured outcomes count. The difference between
the arms is also computed with an adjustment for the score that each unit had at its first assignment. This
score was computed from data before the first assignment, so it is older than any contact.
"""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn.experiments.assignment import UNIVERSAL
from churn.experiments.effect import (
    ALPHA,
    NO_DIFFERENCE,
    AdjustedDifference,
    RateDifference,
    SavedCustomers,
    as_gain,
    rate_difference,
    saved_customers,
    scale_interval,
)
from churn.experiments.experiment_units import ExperimentUnits, Maturity, play_units, universal_units
from churn.experiments.ledger import Ledger
from churn.experiments.play_success import SuccessOf
from churn.experiments.power import smallest_effect
from churn.experiments.regression import adjusted_difference
from churn.experiments.result import Effects, Guard, MeasuredExperiment, RiskBandEffect
from churn.experiments.sequence import (
    RATIO_ALPHA,
    NightlyEffect,
    SampleRatio,
    difference_sequence,
    nightly_effect,
    sample_ratio,
    sample_ratio_sequence,
)
from churn.experiments.unit_outcomes import Outcomes
from churn.metrics.interval import Interval
from churn.scoring.scores import CONTROL_ARM, TREATED_ARM

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

NIGHTLY_TARGET = 1000
"""The number of units at which the interval for looks in every night is narrowest.

The number is fixed before the start. If it followed the number of units, the interval would no longer hold
for all looks together. From 150 to 100,000 units, the interval is at most one fifth wider than with the best
number.
"""

N_RISK_BANDS = 4


def measure(
    ledger: Ledger,
    outcomes: Outcomes,
    label_id: str,
    success_of: SuccessOf = lambda *_: None,
    event: str | None = None,
) -> Effects:
    """Measure the effect of contact in all experiments of a ledger.

    Args:
        ledger: The nights.
        outcomes: How to read the outcomes of units.
        label_id: The label whose outcomes are measured.
        success_of: A function that computes how often a play reached its criterion of success; by default
            nothing is computed.
        event: The name of the event that the label counts; the effect is then a gain in the rate of the
            event. The name is None if the label counts who leaves.
    """
    universal, is_event = None, event is not None
    if (ledger.assignments["experiment"] == UNIVERSAL).any():
        units = universal_units(ledger, outcomes.maturity)
        universal = _measure_experiment(None, None, units, outcomes, is_event)
    plays = []
    for play in sorted(set(ledger.tasks["play"])):
        variants = sorted(set(ledger.tasks.loc[ledger.tasks["play"] == play, "variant"].dropna()))
        for variant in (None, *(variants if len(variants) > 1 else ())):
            units = play_units(ledger, play, variant, outcomes.maturity)
            success = success_of(play, units.frame)
            plays.append(
                _measure_experiment(play, variant, units, outcomes, is_event).model_copy(
                    update={"success": success}
                )
            )
    whole_plays = [play for play in plays if play.variant is None]
    list_plays = _plays_beside_the_universal(ledger)
    summed = [play for play in whole_plays if _customers_of(play) and play.name not in list_plays]
    customers = [_customers_of(play) for play in summed]
    counts = [interval.value for interval in customers if interval and interval.value is not None]
    reasons = [night.no_control_because for night in ledger.nights if night.no_control_because]
    return Effects(
        watermark=outcomes.maturity.watermark,
        label_id=label_id,
        nights=len(ledger.nights),
        no_control_because=tuple(dict.fromkeys(reasons)),
        universal=universal,
        plays=tuple(plays),
        sum_of_plays=sum(counts) if customers else None,
        plays_without_difference=tuple(play.name for play in whole_plays if play not in summed),
        event=event,
    )


def _customers_of(experiment: MeasuredExperiment) -> Interval | None:
    """Return how many customers stayed, or had the predicted event, because of a contact.

    The number has an interval. If no difference between the arms could be measured, None is returned.
    """
    return experiment.savings.customers if experiment.savings else experiment.gain


def _plays_beside_the_universal(ledger: Ledger) -> set[str]:
    """Return the plays that have no unit in the universal experiment.

    These plays belong to lists beside the call list, such as the list of lost customers. The effect measured
    in the universal experiment does not include these plays. If there is no universal experiment, there is no
    such effect, and no play is returned.
    """
    universal = set(ledger.assignments.loc[ledger.assignments["experiment"] == UNIVERSAL, "unit"])
    if not universal:
        return set()
    return {
        str(play) for play, units in ledger.tasks.groupby("play")["unit"] if not units.isin(universal).any()
    }


def _measure_experiment(
    play: str | None, variant: str | None, units: ExperimentUnits, outcomes: Outcomes, is_event: bool
) -> MeasuredExperiment:
    is_matured = outcomes.maturity.is_matured(units.frame["started_on"].tolist())
    matured_units = units.frame[is_matured].reset_index(drop=True)
    outcome = _left(matured_units, outcomes)
    has_label = ~np.isnan(outcome)
    matured_units, left = matured_units[has_label].reset_index(drop=True), outcome[has_label].astype(bool)
    in_treatment = (matured_units["arm"] == TREATED_ARM).to_numpy(dtype=bool)
    difference = _difference(left, in_treatment)
    value = matured_units["value"].to_numpy(dtype=np.float64)
    churn, n_control = difference.control.churn, difference.control.n
    detectable = None
    if churn and churn < 1 and difference.treatment.n:
        detectable = smallest_effect(churn, n_control, difference.treatment.n, is_gain=is_event)
    adjusted = nightly = gain = None
    if len(matured_units):
        adjusted = _adjusted_difference(matured_units, left, in_treatment)
        nightly = _nightly(matured_units, left, in_treatment, outcomes.maturity)
    if is_event:
        difference = as_gain(difference)
        adjusted = None if adjusted is None else as_gain(adjusted)
        nightly = None if nightly is None else as_gain(nightly)
        if difference.difference.value is not None:
            gain = scale_interval(difference.difference, difference.treatment.n)
    return MeasuredExperiment(
        name=", variant ".join(filter(None, (play or UNIVERSAL, variant))),
        play=play,
        variant=variant,
        control_share=units.control_share,
        first_night=min(units.frame["started_on"], default=None),
        last_night=max(matured_units["started_on"], default=None),
        next_outcome_on=min(
            map(outcomes.maturity.mature_on, set(units.frame["started_on"][~is_matured])), default=None
        ),
        immature=int((~is_matured).sum()),
        without_label=int((~has_label).sum()),
        without_value=int(np.isnan(value).sum()),
        arm_changed=units.arm_changed,
        merged_count=units.merged_count,
        other_share=units.other_share,
        without_control=units.without_control,
        after_other_play=units.after_other_play,
        ratio=_ratio(units),
        difference=difference,
        adjusted_difference=adjusted,
        nightly=nightly,
        savings=None if is_event else _savings(difference, value),
        gain=gain,
        drives_away=_bands_driven_away(matured_units, left, in_treatment, is_event),
        guards=tuple(
            _guard(event, days, matured_units, in_treatment, outcomes.horizon_days)
            for event, days in outcomes.events.items()
        ),
        detectable=detectable,
        success=None,
    )


def _left(units: pd.DataFrame, outcomes: Outcomes) -> Floats:
    """Return for each unit whether one of its customers left; NaN if none of its customers has a label."""
    left = np.full(len(units), np.nan)
    started_on = units["started_on"].to_numpy(dtype=object)
    members = units["customers"].tolist()
    for night in sorted(set(started_on)):
        rows = np.flatnonzero(started_on == night)
        customers = [customer for row in rows for customer in members[row]]
        owner = np.repeat(rows, [len(members[row]) for row in rows])
        np.fmax.at(left, owner, outcomes.left_at(night, customers))
    return left


def _difference(left: Bools, in_treatment: Bools, alpha: float = ALPHA) -> RateDifference:
    control = ~in_treatment
    return rate_difference(
        int(left[control].sum()),
        int(control.sum()),
        int(left[in_treatment].sum()),
        int(in_treatment.sum()),
        alpha=alpha,
    )


def _savings(difference: RateDifference, value: Floats) -> SavedCustomers | None:
    """Return how many customers and how much money contact saved.

    The money is missing, not 0, if no unit has a known value, or if the mean value is negative. The value of
    a unit is what it would still pay.
    """
    if difference.difference.value is None:
        return None
    known = value[~np.isnan(value)]
    mean = float(known.mean()) if len(known) else 0.0
    savings = saved_customers(difference.difference, difference.treatment.n, max(mean, 0.0))
    if not len(known) or mean < 0:  # units that cost more than they bring have no money that could be saved
        return savings.model_copy(update={"money": NO_DIFFERENCE})
    return savings


def _adjusted_difference(matured_units: pd.DataFrame, left: Bools, in_treatment: Bools) -> AdjustedDifference:
    scored_on = pd.to_datetime(matured_units["scored_on"]).to_numpy().astype("datetime64[D]")
    score = matured_units["score"].to_numpy(dtype=np.float64)
    return adjusted_difference(
        left,
        in_treatment,
        score,
        unit=matured_units["unit"].tolist(),
        score_date=np.where(np.isnan(score), np.datetime64("NaT"), score_dates(scored_on)),
        first_assigned_date=scored_on,
    )


def score_dates(nights: npt.NDArray[np.datetime64]) -> npt.NDArray[np.datetime64]:
    """Return the date of each night's score: the last day before the cutoff, because the score knows only
    earlier days.

    >>> score_dates(np.array(["2025-03-01"], dtype="datetime64[D]")).tolist()
    [datetime.date(2025, 2, 28)]
    """
    return nights - np.timedelta64(1, "D")


def _nightly(
    matured_units: pd.DataFrame, left: Bools, in_treatment: Bools, maturity: Maturity
) -> NightlyEffect:
    """Return the effect of contact on all matured units; its interval is valid even if read every night."""
    mature_on = {night: maturity.mature_on(night).toordinal() for night in set(matured_units["started_on"])}
    ends = np.array([mature_on[night] for night in matured_units["started_on"]])
    looks = np.unique(ends)

    def up_to_each_look(mask: Bools) -> npt.NDArray[np.int64]:
        return np.searchsorted(np.sort(ends[mask]), looks, side="right").astype(np.int64)

    sequence = difference_sequence(
        up_to_each_look(~in_treatment & left),
        up_to_each_look(~in_treatment),
        up_to_each_look(in_treatment & left),
        up_to_each_look(in_treatment),
        n_target=NIGHTLY_TARGET,
    )
    return nightly_effect(sequence)


def _ratio(units: ExperimentUnits) -> SampleRatio | None:
    """Return whether the numbers of units in the arms agree with the planned share of the control group.

    The check uses all units, matured or not, because units may already be missing from an arm before they
    mature. The p-value of the check is valid even if somebody looks at it every night.
    """
    if units.control_share is None:
        return None
    is_control = (units.frame["arm"] == CONTROL_ARM).to_numpy(dtype=bool)
    starts = units.frame["started_on"].to_numpy(dtype=object)
    looks = np.array(sorted(set(starts)), dtype=object)

    def up_to_each_look(mask: Bools) -> npt.NDArray[np.int64]:
        return np.searchsorted(np.sort(starts[mask]), looks, side="right").astype(np.int64)

    p_values = sample_ratio_sequence(
        up_to_each_look(is_control), up_to_each_look(~is_control), units.control_share
    )
    ratio = sample_ratio(int(is_control.sum()), int((~is_control).sum()), units.control_share)
    p_value = float(p_values[-1])
    return ratio.model_copy(update={"p_value": p_value, "alarm": p_value < RATIO_ALPHA})


def _bands_driven_away(
    matured_units: pd.DataFrame, left: Bools, in_treatment: Bools, is_event: bool
) -> tuple[RiskBandEffect, ...]:
    """Return the bands of risk in which contact is shown to do harm.

    The score divides the units into four bands of about equal size. Contact does harm if it drives customers
    away. If the label is an event, contact does harm if it lowers the share of customers who have the event.
    The error level of each interval is divided by the number of bands (Bonferroni). So if contact has no
    effect, at most 5 % of the experiments show harm in any band. Units without a score are in no band.
    """
    score = matured_units["score"].to_numpy(dtype=np.float64)
    has_score = ~np.isnan(score)
    if not has_score.any():
        return ()
    edges = np.quantile(score[has_score], np.arange(1, N_RISK_BANDS) / N_RISK_BANDS)
    quarter = np.searchsorted(edges, score, side="left")
    bands = []
    for band in range(N_RISK_BANDS):
        rows = has_score & (quarter == band)
        effect = _difference(left[rows], in_treatment[rows], alpha=ALPHA / N_RISK_BANDS)
        effect = as_gain(effect) if is_event else effect
        if effect.verdict is not None and effect.verdict.is_harm:
            order = "probability" if is_event else "risk"
            name = f"quarter {band + 1} of {N_RISK_BANDS} by {order}"
            bands.append(RiskBandEffect(band=name, effect=effect))
    return tuple(bands)


def _guard(
    name: str, days: pd.DataFrame, matured_units: pd.DataFrame, in_treatment: Bools, horizon_days: int
) -> Guard:
    """Compare both arms in the share of units that had an unwanted event between the start and the end of the
    label window.
    """
    days_of = days.groupby("customer_id")["day"].agg(list).to_dict() if len(days) else {}
    has_event = np.zeros(len(matured_units), dtype=bool)
    for row, (night, customers) in enumerate(
        zip(matured_units["started_on"], matured_units["customers"], strict=True)
    ):
        end = night + timedelta(days=horizon_days)
        has_event[row] = any(
            night <= day < end for customer in customers for day in days_of.get(customer, ())
        )
    difference = _difference(has_event, in_treatment)
    low, high = difference.difference.low, difference.difference.high
    return Guard(
        name=name,
        control=difference.control.churn,
        treatment=difference.treatment.churn,
        low=None if high is None else -high,
        high=None if low is None else -low,
        is_worse=difference.verdict is not None and difference.verdict.is_harm,
    )
