"""Measure what contacts have changed: each experiment of the ledger against its control group.

Units are analysed as assigned, contacted or not. The outcome of a unit is the label of its customers at the
night of its assignment; only matured outcomes count. The adjustment uses the score of that night, which was
computed from data before the night, and so before the first contact of the unit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn.experiments.assignment import CONTROL_ARM, TREATED_ARM, UNIVERSAL
from churn.experiments.effect import (
    NO_DIFFERENCE,
    AdjustedDifference,
    RateDifference,
    SavedCustomers,
    Verdict,
    adjusted_difference,
    rate_difference,
    saved_customers,
)
from churn.experiments.ledger import Ledger
from churn.experiments.power import DetectableEffect, smallest_effect
from churn.experiments.sequence import (
    NightlyEffect,
    SampleRatio,
    difference_sequence,
    nightly_effect,
    sample_ratio,
)
from churn.metrics.interval import Part

Floats = npt.NDArray[np.float64]

OutcomeAt = Callable[[date, Sequence[str]], npt.NDArray[np.float64]]
"""Returns for a cutoff and customers 1 (left), 0 (stayed) or NaN (no label), in their order."""

UNIT_COLUMNS = ("unit", "arm", "started_on", "score", "value", "customers", "control_share")


class Guard(Part):
    """A side effect of contact: the share of units with an unwanted event within the horizon.

    Attributes:
        name: The event.
        control: The share in the control.
        treatment: The share in the arm that is contacted.
        low: The lower end of the interval of `treatment - control`.
        high: The upper end of the interval of `treatment - control`.
        is_worse: Whether the interval shows more of these events after contact.
    """

    name: str
    control: float | None
    treatment: float | None
    low: float | None
    high: float | None
    is_worse: bool


class RiskBandEffect(Part):
    """The effect in one band of risk; the interval holds for all bands together."""

    band: str
    effect: RateDifference


class MeasuredExperiment(Part):
    """What one experiment shows.

    Attributes:
        name: `universal`, or the name of a play, or a play and its variant.
        kind: The kind of the experiment.
        first_night: The night of the first assignment; None without units.
        last_night: The night of the last assignment whose outcomes have matured.
        immature: The number of units whose outcome is not known yet.
        without_label: The number of units that left in a way that the label does not decide.
        arm_changed: The number of units whose arm changed before their outcome matured; they do not count.
        merged_count: The number of units that turned out to be one person with another unit; they do not
            count.
        ratio: Whether the sizes of the arms agree with the design.
        difference: The difference of the two churn rates.
        adjusted_difference: The difference, adjusted by the score from before the assignment.
        nightly: The difference with an interval that holds at every nightly look.
        savings: The customers and the money that contact saved; None without a difference.
        drives_away: The bands of risk in which contact provably drives customers away.
        guards: The side effects.
        detectable: The smallest effect that these units can show; None without a control.
    """

    name: str
    kind: str
    first_night: date | None
    last_night: date | None
    immature: int
    without_label: int
    arm_changed: int
    merged_count: int
    ratio: SampleRatio | None
    difference: RateDifference
    adjusted_difference: AdjustedDifference | None
    nightly: NightlyEffect | None
    savings: SavedCustomers | None
    drives_away: tuple[RiskBandEffect, ...]
    guards: tuple[Guard, ...]
    detectable: DetectableEffect | None


class Effects(Part):
    """What all experiments of the ledger show.

    Attributes:
        watermark: The day up to which outcomes are known.
        label_id: The label whose outcomes were measured.
        nights: The number of nights in the ledger.
        no_control_because: The reasons that were given for nights without a control group.
        universal: All contacts against the universal control group.
        plays: Each play, and each variant of a play, against its controls.
        sum_of_plays: The customers saved by all plays together, if each play's difference is right. The total
            of the universal group stands beside it, because a sum of the winners overstates.
    """

    watermark: date
    label_id: str
    nights: int
    no_control_because: tuple[str, ...]
    universal: MeasuredExperiment | None
    plays: tuple[MeasuredExperiment, ...]
    sum_of_plays: float | None


@dataclass(frozen=True)
class Outcomes:
    """How the outcomes of units are read.

    Attributes:
        left_at: Returns whether customers left after a cutoff.
        mature_on: Returns the day on which the label of a cutoff is matured.
        watermark: The day up to which the data are complete.
        horizon_days: The days from a cutoff to the end of the label's window.
        events: The days of unwanted events by name: `customer_id` and `day`.
    """

    left_at: OutcomeAt
    mature_on: Callable[[date], date]
    watermark: date
    horizon_days: int
    events: Mapping[str, pd.DataFrame]


def measure(ledger: Ledger, outcomes: Outcomes, label_id: str) -> Effects:
    """Measure all experiments of a ledger.

    Args:
        ledger: The nights.
        outcomes: How the outcomes of units are read.
        label_id: The label whose outcomes are measured.
    """
    shares = {night.cutoff: night.control_share for night in ledger.nights}
    merged_units = _merged_units(ledger)
    universal = None
    if not ledger.assignments.empty:
        units = _universal_units(ledger.assignments)
        universal = _measure_experiment(UNIVERSAL, "universal", units, ledger, merged_units, outcomes)
    plays = []
    tasks = ledger.tasks
    for play in sorted(set(tasks["play"])):
        own = tasks[tasks["play"] == play]
        variants = sorted(set(own["variant"].dropna()))
        for variant in (None, *(variants if len(variants) > 1 else ())):
            rows = own if variant is None else own[own["variant"] == variant]
            name = play if variant is None else f"{play}, variant {variant}"
            units = _play_units(rows, ledger, shares)
            plays.append(_measure_experiment(name, "play", units, ledger, merged_units, outcomes))
    saved = [
        play.savings.customers.value
        for play in plays
        if ", variant " not in play.name and play.savings and play.savings.customers.value is not None
    ]
    reasons = [night.no_control_because for night in ledger.nights if night.no_control_because]
    return Effects(
        watermark=outcomes.watermark,
        label_id=label_id,
        nights=len(ledger.nights),
        no_control_because=tuple(dict.fromkeys(reasons)),
        universal=universal,
        plays=tuple(plays),
        sum_of_plays=float(sum(saved)) if saved else None,
    )


def _universal_units(assignments: pd.DataFrame) -> pd.DataFrame:
    """Return the units of the universal experiment at their first assignment."""
    own = assignments[assignments["experiment"] == UNIVERSAL].drop_duplicates("unit", keep="first")
    units = own.rename(columns={"assigned_on": "started_on", "share": "control_share"})
    return units[list(UNIT_COLUMNS)].reset_index(drop=True)


def _play_units(tasks: pd.DataFrame, ledger: Ledger, shares: Mapping[date, float]) -> pd.DataFrame:
    """Return the units of a play at their first task of the play; a control has tasks too.

    The score is that of the unit's first assignment in any experiment: a later score may already be moved by
    contacts of other plays.
    """
    first_task = tasks.sort_values(["planned_on", "task_id"]).drop_duplicates("unit", keep="first")
    first_assignment = ledger.assignments.drop_duplicates("unit", keep="first").set_index("unit")
    play = first_task["play"].iloc[0]
    own = ledger.assignments[ledger.assignments["experiment"] == play].drop_duplicates("unit", keep="first")
    own_share = own.set_index("unit")["share"].reindex(first_task["unit"]).fillna(0.0).to_numpy()
    universal_share = np.array([shares.get(night, 0.0) for night in first_task["planned_on"]])
    score = first_assignment["score"].reindex(first_task["unit"]).to_numpy(dtype=np.float64)
    return pd.DataFrame(
        {
            "unit": first_task["unit"].to_numpy(dtype=object),
            "arm": first_task["arm"].to_numpy(dtype=object),
            "started_on": first_task["planned_on"].to_numpy(dtype=object),
            "score": score,
            "value": first_task["residual_value"].to_numpy(dtype=np.float64),
            "customers": [[customer] for customer in first_task["customer_id"]],
            "control_share": 1 - (1 - universal_share) * (1 - own_share),
        }
    )


def _measure_experiment(
    name: str,
    kind: str,
    units: pd.DataFrame,
    ledger: Ledger,
    merged_units: frozenset[str],
    outcomes: Outcomes,
) -> MeasuredExperiment:
    is_merged = units["unit"].isin(merged_units).to_numpy()
    changed = _changed_units(ledger.assignments, units, outcomes)
    has_changed = units["unit"].isin(changed).to_numpy() & ~is_merged
    mature_on = {night: outcomes.mature_on(night) for night in set(units["started_on"])}
    is_matured = np.array(
        [mature_on[night] <= outcomes.watermark for night in units["started_on"]], dtype=bool
    )
    matured_units = units[~is_merged & ~has_changed & is_matured].reset_index(drop=True)
    outcome = _left(matured_units, outcomes)
    has_label = ~np.isnan(outcome)
    matured_units, left = matured_units[has_label].reset_index(drop=True), outcome[has_label].astype(bool)
    in_treatment = (matured_units["arm"] == TREATED_ARM).to_numpy(dtype=bool)
    difference = _difference(left, in_treatment)
    n_treatment = int(in_treatment.sum())
    n_control = len(matured_units) - n_treatment
    savings = None
    if difference.difference.value is not None:
        value = matured_units["value"].to_numpy(dtype=np.float64)
        known = value[~np.isnan(value)]
        savings = saved_customers(
            difference.difference, n_treatment, float(known.mean()) if len(known) else 0.0
        )
        if not len(known):
            savings = savings.model_copy(update={"money": NO_DIFFERENCE})
    adjusted_result = None
    if len(matured_units):
        adjusted_result = _adjusted_difference(matured_units, left, in_treatment, ledger.assignments)
    guards = [
        _guard(event, days, matured_units, in_treatment, outcomes) for event, days in outcomes.events.items()
    ]
    churn = difference.control.churn
    return MeasuredExperiment(
        name=name,
        kind=kind,
        first_night=min(units["started_on"], default=None),
        last_night=max(matured_units["started_on"], default=None),
        immature=int((~is_merged & ~has_changed & ~is_matured).sum()),
        without_label=int((~has_label).sum()),
        arm_changed=int(has_changed.sum()),
        merged_count=int(is_merged.sum()),
        ratio=_ratio(units[~is_merged]),
        difference=difference,
        adjusted_difference=adjusted_result,
        nightly=_nightly(matured_units, left, in_treatment, mature_on),
        savings=savings,
        drives_away=_bands_driven_away(matured_units, left, in_treatment),
        guards=tuple(guards),
        detectable=(
            smallest_effect(churn, n_control, n_treatment)
            if churn and 0 < churn < 1 and n_treatment
            else None
        ),
    )


def _merged_units(ledger: Ledger) -> frozenset[str]:
    """Return the units of which a customer is in another unit too: they turned out to be one person."""
    units_of: dict[str, set[str]] = {}
    for unit, customers in zip(ledger.assignments["unit"], ledger.assignments["customers"], strict=True):
        for customer in customers:
            units_of.setdefault(customer, set()).add(unit)
    return frozenset(unit for units in units_of.values() if len(units) > 1 for unit in units)


def _changed_units(assignments: pd.DataFrame, units: pd.DataFrame, outcomes: Outcomes) -> frozenset[str]:
    """Return the units whose universal arm changed before their outcome matured."""
    own = assignments[assignments["experiment"] == UNIVERSAL]
    own = own[own["arm"] != own["unit"].map(own.drop_duplicates("unit").set_index("unit")["arm"])]
    started_on = dict(zip(units["unit"], units["started_on"], strict=True))
    later = own[own["unit"].isin(started_on)]
    return frozenset(
        unit
        for unit, changed_on in zip(later["unit"], later["assigned_on"], strict=True)
        if started_on[unit] < changed_on < outcomes.mature_on(started_on[unit])
    )


def _left(units: pd.DataFrame, outcomes: Outcomes) -> Floats:
    """Return whether a customer of each unit left; NaN if no customer of the unit has a label."""
    left = np.full(len(units), np.nan)
    for night in sorted(set(units["started_on"])):
        rows = np.flatnonzero((units["started_on"] == night).to_numpy())
        customers = [customer for row in rows for customer in units["customers"].iloc[row]]
        owner = np.repeat(rows, [len(units["customers"].iloc[row]) for row in rows])
        outcome = outcomes.left_at(night, customers)
        known = ~np.isnan(outcome)
        np.fmax.at(left, owner[known], outcome[known])
    return left


def _difference(
    left: npt.NDArray[np.bool_], in_treatment: npt.NDArray[np.bool_], alpha: float = 0.05
) -> RateDifference:
    control = ~in_treatment
    return rate_difference(
        int(left[control].sum()),
        int(control.sum()),
        int(left[in_treatment].sum()),
        int(in_treatment.sum()),
        alpha=alpha,
    )


def _adjusted_difference(
    matured_units: pd.DataFrame,
    left: npt.NDArray[np.bool_],
    in_treatment: npt.NDArray[np.bool_],
    assignments: pd.DataFrame,
) -> AdjustedDifference:
    first = assignments.drop_duplicates("unit", keep="first").set_index("unit")["assigned_on"]
    assigned = pd.to_datetime(first.reindex(matured_units["unit"])).to_numpy().astype("datetime64[D]")
    score = matured_units["score"].to_numpy(dtype=np.float64)
    # The score of a night knows the days before its cutoff, so its date is the day before.
    score_date = np.where(np.isnan(score), np.datetime64("NaT"), assigned - np.timedelta64(1, "D"))
    return adjusted_difference(
        left,
        in_treatment,
        score,
        unit=matured_units["unit"].tolist(),
        score_date=score_date.astype("datetime64[D]"),
        first_assigned_date=assigned,
    )


def _nightly(
    matured_units: pd.DataFrame,
    left: npt.NDArray[np.bool_],
    in_treatment: npt.NDArray[np.bool_],
    mature_on: Mapping[date, date],
) -> NightlyEffect | None:
    """Return the effect with an interval for every night on which an outcome matured."""
    if matured_units.empty:
        return None
    ends = np.array([mature_on[night].toordinal() for night in matured_units["started_on"]])
    looks = np.unique(ends)

    def up_to_each_look(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
        return np.searchsorted(np.sort(ends[mask]), looks, side="right").astype(np.int64)

    control = ~in_treatment
    with np.errstate(divide="ignore", invalid="ignore"):
        sequence = difference_sequence(
            up_to_each_look(control & left),
            up_to_each_look(control),
            up_to_each_look(in_treatment & left),
            up_to_each_look(in_treatment),
            n_target=len(matured_units),
        )
    return nightly_effect(sequence)


def _ratio(units: pd.DataFrame) -> SampleRatio | None:
    """Return whether the sizes of the arms agree with the shares of the nights of assignment.

    The check uses all units, matured or not, because an arm may lose units before they mature.
    """
    share = units["control_share"].to_numpy(dtype=np.float64)
    possible = (share > 0) & (share < 1)
    if not possible.any():
        return None
    n_control = int((units["arm"][possible] == CONTROL_ARM).sum())
    return sample_ratio(n_control, int(possible.sum()) - n_control, float(share[possible].mean()))


def _bands_driven_away(
    matured_units: pd.DataFrame, left: npt.NDArray[np.bool_], in_treatment: npt.NDArray[np.bool_]
) -> tuple[RiskBandEffect, ...]:
    """Return the quarters of risk in which contact provably drives customers away.

    The level of the intervals is divided by the number of bands (Bonferroni), so that in at most 5 % of
    experiments without an effect any band is named.
    """
    score = matured_units["score"].to_numpy(dtype=np.float64)
    if len(score) < 4 or np.isnan(score).any():
        return ()
    quarter = np.searchsorted(np.quantile(score, [0.25, 0.5, 0.75]), score, side="left")
    bands = []
    for band in range(4):
        rows = quarter == band
        effect = _difference(left[rows], in_treatment[rows], alpha=0.05 / 4)
        if effect.verdict == Verdict.MORE_LEAVE:
            bands.append(RiskBandEffect(band=f"quarter {band + 1} of 4 by risk", effect=effect))
    return tuple(bands)


def _guard(
    name: str,
    days: pd.DataFrame,
    matured_units: pd.DataFrame,
    in_treatment: npt.NDArray[np.bool_],
    outcomes: Outcomes,
) -> Guard:
    """Compare the share of units with an unwanted event within the horizon after the assignment."""
    days_of = days.groupby("customer_id")["day"].agg(list).to_dict() if len(days) else {}
    has_event = np.zeros(len(matured_units), dtype=bool)
    for row, (night, customers) in enumerate(
        zip(matured_units["started_on"], matured_units["customers"], strict=True)
    ):
        end = night + timedelta(days=outcomes.horizon_days)
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
        is_worse=difference.verdict == Verdict.MORE_LEAVE,
    )
