"""The arms of a night: which persons are drawn into a control group, and which persons keep the arm of an
earlier night.

An arm is given to a unit: one customer, or all customers who are one person or one account.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn.contact.terms import PlanTerms
from churn.experiments.assignment import ASSIGNMENT_COLUMNS, UNIVERSAL, Draw, assign
from churn.experiments.units import Units
from churn.params import ExperimentsParams
from churn.scoring.night import ScoredCohort
from churn.scoring.play import Play
from churn.scoring.scores import CONTROL_ARM, TREATED_ARM

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.intp]
Objects = npt.NDArray[np.object_]

CONTROL_REASON = "control group: nobody contacts this customer"
"""The reason that is written for a control, who is not contacted."""


@dataclass(frozen=True)
class Arms:
    """The arm of each customer (None if no arm was drawn), the experiment whose control group the customer is
    in, and the new rows of the ledger.
    """

    arm: Objects
    control_of: Objects
    new_rows: pd.DataFrame


def draw_arms(
    cutoff: date,
    scores: ScoredCohort,
    plays: Sequence[Play | None],
    is_eligible: Bools,
    open_rows: Sequence[int],
    earlier: pd.DataFrame,
    units: Units,
    terms: PlanTerms,
) -> Arms:
    """Draw the arms of customers who may be contacted, and look up the arms of customers with an open task.

    An arm belongs to a unit. A unit with an open task already has an arm. The arm is looked up again, because
    the control group may have grown since the task was planned and may now contain the unit.
    """
    names = units.of(scores.customers)
    members = members_of_units(units, scores.customers)
    arm = np.full(len(names), None, dtype=object)
    control_of = np.full(len(names), None, dtype=object)
    rows = np.union1d(np.flatnonzero(is_eligible), np.array(open_rows, dtype=np.intp)).astype(np.intp)
    arm[rows] = TREATED_ARM
    new_rows = []
    for experiment, (share, own) in _experiments(plays, rows, is_eligible, terms.experiments).items():
        draw = Draw(terms.experiments.salt, experiment, cutoff)
        drawn, new = assign(_unit_table(names, own, scores, members), earlier, share=share, draw=draw)
        new_rows.append(new)
        controls = set(drawn.loc[drawn["arm"] == CONTROL_ARM, "unit"])
        is_new_control = np.array([name in controls for name in names[own]], dtype=bool)
        is_new_control &= arm[own] == TREATED_ARM
        arm[own[is_new_control]] = CONTROL_ARM
        control_of[own[is_new_control]] = experiment
    own_rows = earlier[earlier["assigned_on"] == cutoff]
    table = pd.concat([own_rows, *new_rows], ignore_index=True)[list(ASSIGNMENT_COLUMNS)]
    return Arms(arm, control_of, table.drop_duplicates(["experiment", "unit"], keep="last"))


def members_of_units(units: Units, customers: Objects) -> dict[str, list[str]]:
    """Return the sorted ids of all customers of each unit, including customers outside the cohort."""
    members: dict[str, list[str]] = {}
    for customer, unit in units.unit_of.items():
        members.setdefault(unit, []).append(customer)
    for customer in customers:
        if customer not in units.unit_of:
            members.setdefault(str(customer), []).append(str(customer))
    return {unit: sorted(own) for unit, own in members.items()}


def _experiments(
    plays: Sequence[Play | None], rows: Ints, is_eligible: Bools, terms: ExperimentsParams
) -> dict[str, tuple[float, Ints]]:
    """Return for each experiment (by name) the share of its control group and the rows of its customers.

    The universal experiment, whose control group gets no play, comes first. A play with its own control group
    has its own experiment, with all eligible customers of the play, even universal controls. A universal
    control who is also a control of the play counts only as a universal control.
    """
    experiments = {UNIVERSAL: (terms.control.share, rows)}
    names = np.array([play.name if play else "" for play in plays], dtype=object)
    shares = {play.name: play.control for play in plays if play is not None and play.control}
    for name in sorted(shares):
        experiments[name] = (float(shares[name] or 0.0), np.flatnonzero(is_eligible & (names == name)))
    return {name: (share, own) for name, (share, own) in experiments.items() if len(own)}


def _unit_table(
    names: Objects, rows: Ints, scores: ScoredCohort, members: Mapping[str, list[str]]
) -> pd.DataFrame:
    """Return one row for each unit to which a customer in `rows` belongs.

    A row holds the highest probability of the unit's customers in `rows`, the sum of their residual values
    (the money that a customer would still pay), and the ids of all customers of the unit.
    """
    frame = pd.DataFrame(
        {
            "unit": names[rows],
            "score": scores.probability[rows],
            "value": scores.residual_value[rows],
        }
    )
    groups = frame.groupby("unit", sort=True)
    units = list(groups.groups)
    return pd.DataFrame(
        {
            "unit": units,
            "score": groups["score"].max().to_numpy(),
            "value": groups["value"].sum(min_count=1).to_numpy(),
            "customers": [members[str(unit)] for unit in units],
        }
    )
