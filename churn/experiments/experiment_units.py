"""Choose the units of the ledger that count in an experiment: its arms must differ only by the contact.

The control share of a night is the planned share of controls among its units.

A unit does not count in two cases:

- The unit turned out to be the same person as another unit.
- A new control share put the unit into the other arm before its outcome was known, so the outcome belongs to
  neither arm.

Each unit has a position, a number in [0, 1), and is a control if the position is below the control share. So
a unit changes its arm if its position lies between the old and the new control share. This module computes
these changes, because the ledger does not show all of them: a unit that has left the company gets no later
rows.

Units with different control shares are not counted together. Otherwise, nights with a higher control share
would weigh more among the controls than among the other units. So a difference in churn between nights
would look like an effect of the contact. If there are several control shares, only the units of one control
share are used: the share that is most frequent among the units whose outcomes have matured.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn.experiments.assignment import UNIVERSAL
from churn.experiments.ledger import Ledger

UNIT_COLUMNS = ("unit", "arm", "started_on", "score", "scored_on", "value", "customers", "control_share")


@dataclass(frozen=True)
class ExperimentUnits:
    """The units that count in an experiment, and how many do not count.

    Attributes:
        frame: One row for each unit, with the columns `UNIT_COLUMNS`. `started_on` is the night in which the
            unit entered this experiment. `scored_on` is the night of the unit's first assignment in any
            experiment, and `score` is the unit's score in that night.
        control_share: The planned share of controls among these units; None if no unit could be a control.
        merged_count: The number of units that turned out to be the same person as another unit.
        arm_changed: The number of units that a new control share put into the other arm before their outcome
            was known. These units do not count.
        other_share: The number of units that do not count because their control share differs from
            `control_share`. Units with the control share 0 are counted in `without_control` instead.
        without_control: The number of units that entered the experiment in nights when it had no control
            group, for example before the group was switched on. Such units could not be controls when they
            entered, and a unit enters an experiment only once.
        after_other_play: The number of units that had a task of another play before their first task of this
            play. They do not count, because the contact by the other play may have changed who gets this
            play.
    """

    frame: pd.DataFrame
    control_share: float | None
    merged_count: int
    arm_changed: int
    other_share: int
    without_control: int = 0
    after_other_play: int = 0


@dataclass(frozen=True)
class Maturity:
    """When the outcomes of units are known.

    Attributes:
        mature_on: Returns the day from which the outcomes of a cutoff are known.
        watermark: The day up to which the data are complete.
    """

    mature_on: Callable[[date], date]
    watermark: date

    def is_matured(self, nights: Sequence[date]) -> npt.NDArray[np.bool_]:
        """Return for each night whether the outcomes of its units are known."""
        mature_on = {night: self.mature_on(night) for night in set(nights)}
        return np.array([mature_on[night] <= self.watermark for night in nights], dtype=bool)


def universal_units(ledger: Ledger, maturity: Maturity) -> ExperimentUnits:
    """Return the units of the universal experiment, whose controls get no play.

    Each unit enters the experiment with its first assignment.
    """
    own = ledger.assignments[ledger.assignments["experiment"] == UNIVERSAL]
    own = own.drop_duplicates("unit", keep="first").reset_index(drop=True)
    units = own[["unit", "arm", "value", "customers"]].assign(started_on=own["assigned_on"])
    return _countable(units, ledger, UNIVERSAL, maturity)


def play_units(ledger: Ledger, play: str, variant: str | None, maturity: Maturity) -> ExperimentUnits:
    """Return the units of a play, or of one variant of it; controls have tasks too.

    Each unit enters the experiment with its first task of the play. If the play has its own control group,
    the units of this group are the controls; the units of the universal control group are left out. If the
    play has no control group of its own, the units of the universal control group are the controls. In
    this case, units with an earlier task of another play are left out, because contact by one play may change
    who gets the next play.

    Args:
        ledger: The decisions of the nights.
        play: The name of the play.
        variant: The variant of the play; None for all variants.
        maturity: When outcomes are known.
    """
    tasks = ledger.tasks.sort_values(["planned_on", "task_id"])
    own = tasks[tasks["play"] == play].drop_duplicates("unit", keep="first")
    if variant is not None:
        own = own[own["variant"] == variant]
    rows = ledger.assignments[ledger.assignments["experiment"] == play]
    has_own_control = bool(((rows["share"] > 0) & (rows["share"] < 1)).any())
    after_other_play = 0
    if has_own_control:
        own = own[own["control_of"] != UNIVERSAL]
    else:
        first_task = set(tasks.drop_duplicates("unit", keep="first")["task_id"])
        is_first = own["task_id"].isin(first_task)
        after_other_play = int((~is_first).sum())
        own = own[is_first]
    own = own.reset_index(drop=True)
    units = own[["unit", "arm"]].assign(
        value=own["residual_value"],
        customers=pd.Series([[customer] for customer in own["customer_id"]], dtype=object),
        started_on=own["planned_on"],
    )
    return _countable(units, ledger, play if has_own_control else UNIVERSAL, maturity, after_other_play)


def first_task_units(ledger: Ledger, tasks: pd.DataFrame, maturity: Maturity) -> ExperimentUnits:
    """Return the units of an experiment; each unit enters it with its first task in the ledger.

    The controls are the units of the universal control group. No unit was contacted before its first task. So
    in the night of the first task, the two arms still differ only by chance.

    Args:
        ledger: The nights.
        tasks: The first task of each unit in the ledger.
        maturity: When outcomes are known.
    """
    units = tasks[["unit", "arm"]].assign(
        value=tasks["residual_value"],
        customers=pd.Series([[customer] for customer in tasks["customer_id"]], dtype=object),
        started_on=tasks["planned_on"],
    )
    return _countable(units, ledger, UNIVERSAL, maturity)


def _countable(
    units: pd.DataFrame, ledger: Ledger, experiment: str, maturity: Maturity, after_other_play: int = 0
) -> ExperimentUnits:
    """Keep the units that count; add the score and the control share of each unit."""
    units = _with_first_scores(units, ledger.assignments)
    is_merged = units["unit"].isin(_merged_units(ledger)).to_numpy(dtype=bool)
    lowest, highest = _ranges_of_shares(units["started_on"], _shares_by_night(ledger, experiment), maturity)
    own = ledger.assignments[ledger.assignments["experiment"] == experiment].drop_duplicates("unit")
    position = own.set_index("unit")["position"].reindex(units["unit"]).to_numpy(dtype=np.float64)
    has_changed = (lowest <= position) & (position < highest) & ~is_merged
    share = np.where(lowest == highest, lowest, lowest / (lowest + 1 - highest))
    units = units.assign(control_share=share)
    counts = ~is_merged & ~has_changed
    possible = counts & (share > 0) & (share < 1)
    chosen_share = _share_with_most_units(units[possible], maturity)
    is_left_out = counts & (share != chosen_share) if chosen_share is not None else np.zeros(len(units), bool)
    return ExperimentUnits(
        frame=units.loc[counts & ~is_left_out, list(UNIT_COLUMNS)].reset_index(drop=True),
        control_share=chosen_share,
        merged_count=int(is_merged.sum()),
        arm_changed=int(has_changed.sum()),
        other_share=int((is_left_out & (share > 0)).sum()),
        without_control=int((is_left_out & (share <= 0)).sum()),
        after_other_play=after_other_play,
    )


def _with_first_scores(units: pd.DataFrame, assignments: pd.DataFrame) -> pd.DataFrame:
    """Add the score of each unit's first assignment in any experiment, and the night of this score.

    Contacts may already have changed a later score.
    """
    first = assignments.drop_duplicates("unit", keep="first").set_index("unit").reindex(units["unit"])
    return units.assign(
        score=first["score"].to_numpy(dtype=np.float64),
        scored_on=first["assigned_on"].to_numpy(dtype=object),
    )


def _merged_units(ledger: Ledger) -> frozenset[str]:
    """Return the units that share a customer with another unit; such units are one and the same person."""
    units_of: dict[str, set[str]] = {}
    for unit, customers in zip(ledger.assignments["unit"], ledger.assignments["customers"], strict=True):
        for customer in customers:
            units_of.setdefault(customer, set()).add(unit)
    return frozenset(unit for units in units_of.values() if len(units) > 1 for unit in units)


def _shares_by_night(ledger: Ledger, experiment: str) -> dict[date, float]:
    """Return the control share of each night, as far as the ledger shows it."""
    if experiment == UNIVERSAL:
        return {night.cutoff: night.control_share for night in ledger.nights}
    own = ledger.assignments[ledger.assignments["experiment"] == experiment]
    return dict(zip(own["assigned_on"], own["share"], strict=True))


def _ranges_of_shares(
    started_on: pd.Series, shares: Mapping[date, float], maturity: Maturity
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return each unit's lowest and highest control share from its start until its outcome is known."""
    ranges: dict[date, tuple[float, float]] = {}
    for start in set(started_on):
        earlier = max((night for night in shares if night <= start), default=None)
        end = maturity.mature_on(start)
        seen = [share for night, share in shares.items() if night == earlier or start < night < end]
        # In a night in which a play had no control group yet, no unit could be its control.
        ranges[start] = (min(seen), max(seen)) if earlier is not None else (0.0, 0.0)
    pairs = [ranges[start] for start in started_on]
    return (
        np.array([low for low, _ in pairs], dtype=np.float64),
        np.array([high for _, high in pairs], dtype=np.float64),
    )


def _share_with_most_units(units: pd.DataFrame, maturity: Maturity) -> float | None:
    """Return the control share that is most frequent among the units whose outcomes have matured.

    If two control shares are equally frequent, the one that is more frequent among all units is taken. If
    both shares also have equally many units in total, the share of the unit that started last is taken.
    """
    if units.empty:
        return None
    is_matured = maturity.is_matured(units["started_on"].tolist())
    groups = units.assign(is_matured=is_matured).groupby("control_share")
    table = pd.DataFrame(
        {"matured": groups["is_matured"].sum(), "n": groups.size(), "start": groups["started_on"].max()}
    )
    return float(table.sort_values(["matured", "n", "start"]).index[-1])
