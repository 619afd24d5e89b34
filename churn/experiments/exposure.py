"""Find out which customers were treated (contacted) in a period, and compute a weight for each customer.

A label says what a customer did. The label of a treated customer does not show what the customer would have
done without the contact. The controls show what would have happened without the contact, because chance
decided which of the customers became controls. So the controls represent the treated customers. The weight
of a customer says how many customers this customer represents. A treated customer has the weight 0, a control
with a task in the period has the weight `1 / P(untreated)`, and every other customer has the weight 1. The
ledger recorded the probabilities; none of them is estimated.

Source: Horvitz and Thompson (1952), A generalization of sampling without replacement from a finite universe,
    Journal of the American Statistical Association 47; Robins, Hernán and Brumback (2000), Marginal
    structural models and causal inference in epidemiology, Epidemiology 11.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from math import prod

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn.errors import SourceError, Stop
from churn.experiments.assignment import UNIVERSAL
from churn.experiments.ledger import FOLDER, Ledger, read_whole_ledger
from churn.labels.outcomes import label_window
from churn.params import LabelParams, Params
from churn.scoring.scores import CONTROL_ARM, TREATED_ARM
from churn.snapshots.exposure import CutoffExposure
from churn.snapshots.read import Snapshots, read_snapshots

Floats = npt.NDArray[np.float64]
Objects = npt.NDArray[np.object_]

NO_CONTROLS = "no_controls"
"""The key of `evaluate.accept` under which a person writes why it is acceptable that no control represents
some treated customers.
"""

MAX_LISTED = 5
"""The number of examples that a message lists."""


@dataclass(frozen=True)
class UnitWeights:
    """The weights of the units that have a task in a period; every other unit has the weight 1.

    Attributes:
        weight_of: The weight of each unit: 0 for a treated unit, `1 / P(untreated)` for a control.
        without_controls: The ids of the treated units whose recorded P(untreated) is 0. Such a unit could not
            become a control, so no control stands for it.
    """

    weight_of: Mapping[str, float]
    without_controls: frozenset[str]

    @property
    def treated_units(self) -> frozenset[str]:
        """Return the units that were treated."""
        return frozenset(unit for unit, weight in self.weight_of.items() if weight == 0)


class TaskHistory:
    """The tasks of a ledger, and the probability that a unit is not contacted because it is a control."""

    def __init__(self, ledger: Ledger) -> None:
        """Collect the recorded shares of the control groups.

        Args:
            ledger: The ledger: the tasks of all nights, and the arms of the units.
        """
        self._tasks = ledger.tasks
        self._list_plays = frozenset(play for night in ledger.nights for play in night.list_plays)
        self._unit_of = ledger.unit_of
        rows = ledger.assignments
        self._draws = set(zip(rows["experiment"], rows["unit"], strict=True))
        self._shares: dict[str, dict[date, float]] = {}
        for experiment, day, share in zip(
            rows["experiment"], rows["assigned_on"], rows["share"], strict=True
        ):
            self._shares.setdefault(str(experiment), {})[day] = float(share)
        for night in ledger.nights:
            self._shares.setdefault(UNIVERSAL, {})[night.cutoff] = night.control_share

    def unit(self, customer: str) -> str:
        """Return the unit of a customer; a customer who was never assigned to an arm is its own unit."""
        return self._unit_of.get(customer, customer)

    def planned_in(self, first: date, end: date) -> pd.DataFrame:
        """Return the tasks that were planned in `[first, end)`."""
        tasks = self._tasks
        return tasks[(tasks["planned_on"] >= first) & (tasks["planned_on"] < end)]

    def open_in(self, first: date, end: date) -> pd.DataFrame:
        """Return the tasks that somebody could do on a day of `[first, end)`."""
        tasks = self._tasks
        return tasks[(tasks["planned_on"] < end) & (tasks["expires_on"] > first)]

    def weights(self, tasks: pd.DataFrame) -> UnitWeights:
        """Return the weight of each unit that has a task in `tasks`."""
        treated = {unit for unit, arm in zip(tasks["unit"], tasks["arm"], strict=True) if arm == TREATED_ARM}
        weight_of: dict[str, float] = {}
        without_controls = set()
        for unit, alone in self.untreated_probability(tasks).items():
            weight_of[unit] = 0.0 if unit in treated else 1 / alone if alone > 0 else 1.0
            if unit in treated and alone == 0:
                without_controls.add(unit)
        return UnitWeights(weight_of, frozenset(without_controls))

    def untreated_probability(self, tasks: pd.DataFrame) -> dict[str, float]:
        """Return the recorded probability, for each unit, that none of its `tasks` leads to a contact.

        A unit is not contacted if, for each of its tasks, it is in the universal control group or in the
        control group of the play. For the universal control group, and for each play, the unit has one
        position, a random number in [0, 1). The unit is in a control group if its position for this group is
        below the group's share of the units.

        Let `u` be the share of the universal control group. Let each `c` be the share of one play's own
        control group, 0 if the play has none. The positions of a unit are independent, so
        `P(untreated) = u + (1 - u) * c_1 * c_2 * …`. The share of a control group may change between two
        tasks of a unit. Then the unit is in this group for both tasks only if its position is below the
        smaller share (see `_left_alone`).

        The formula covers the tasks of the call list. Other lists, such as the list of lost customers, have
        no universal control group; only their plays have control groups. For each play that gave the unit a
        task on another list, `P(untreated)` is multiplied by the play's share `c`.
        """
        own_tasks: dict[str, list[tuple[float, str, float]]] = {}
        of_lists: dict[str, dict[str, float]] = {}
        for unit, play, day in zip(tasks["unit"], tasks["play"], tasks["planned_on"], strict=True):
            share = self._share(play, unit, day)
            if play in self._list_plays:
                least = of_lists.setdefault(unit, {})
                least[play] = min(share, least.get(play, 1.0))
            else:
                own_tasks.setdefault(unit, []).append((self._share(UNIVERSAL, unit, day), play, share))
        return {
            unit: (_left_alone(own_tasks[unit]) if unit in own_tasks else 1.0)
            * prod(of_lists.get(unit, {}).values())
            for unit in (*own_tasks, *(unit for unit in of_lists if unit not in own_tasks))
        }

    def _share(self, experiment: str, unit: str, day: date) -> float:
        """Return the share of an experiment's control group, as last recorded on or before a day.

        The share is 0 if the unit was not drawn in this experiment, or if no share was recorded by that day.
        """
        if (experiment, unit) not in self._draws:
            return 0.0
        shares = self._shares[experiment]
        latest = max((recorded_on for recorded_on in shares if recorded_on <= day), default=None)
        return 0.0 if latest is None else shares[latest]


def _left_alone(tasks: Sequence[tuple[float, str, float]]) -> float:
    """Return the probability that a unit is a control for all of its tasks.

    A unit has one random position in [0, 1) for the universal control group, and one for each play. The unit
    is a universal control if its position for the universal control group is below the share of this group.
    Otherwise, the unit must be in the play's own control group: its position for the play must be below the
    share of the play's group. All shares can differ between the tasks of a unit. If a unit must be in a
    play's own group for several tasks, its position must be below the smallest share of this group.

    Args:
        tasks: For each task the share of the universal control group, the play, and the share of the play's
            own control group.

    >>> round(_left_alone([(0.1, "call", 0.0)]), 3), round(_left_alone([(0.1, "call", 0.5)]), 3)
    (0.1, 0.55)
    >>> round(_left_alone([(0.1, "call", 0.0), (0.2, "call", 0.0)]), 3)
    0.1
    """
    edges = [0.0, *sorted({universal for universal, _, _ in tasks}), 1.0]
    total = 0.0
    for low, high in pairwise(edges):
        least: dict[str, float] = {}
        for universal, play, share in tasks:
            if universal <= low:
                least[play] = min(share, least.get(play, 1.0))
        total += (high - low) * prod(least.values())
    return total


def check_ledger(ledger: Ledger) -> None:
    """Check that the probabilities and arms of a ledger can be used.

    Raises:
        SourceError: the share of a control group is not in [0, 1), an arm is wrong, a unit was drawn twice,
            two tasks have one id, or a task has no assignment. The arm must be control if the drawn position
            is below the share, otherwise treated. The error lists all mistakes.
    """
    rows, tasks = ledger.assignments, ledger.tasks
    share, position = rows["share"].to_numpy(np.float64), rows["position"].to_numpy(np.float64)
    names = [
        f"{experiment} {unit}" for experiment, unit in zip(rows["experiment"], rows["unit"], strict=True)
    ]
    is_share = (share >= 0) & (share < 1)
    expected = np.where(position < share, CONTROL_ARM, TREATED_ARM)
    positions: dict[str, set[float]] = {}
    for name, own in zip(names, position, strict=True):
        positions.setdefault(name, set()).add(float(own))
    drawn = set(rows["unit"])
    task_ids = Counter(tasks["task_id"])
    problems = [
        _problem(
            "assignments",
            [
                f"{name} ({value:g})"
                for name, value, fits in zip(names, share, is_share, strict=True)
                if not fits
            ],
            "have a share of the control group that is not in [0, 1), so no customer could be treated",
        ),
        _problem(
            "assignments",
            [
                f"{name} ({arm}, position {own:.3f}, share {value:g})"
                for name, arm, own, value, arm_expected, fits in zip(
                    names, rows["arm"], position, share, expected, is_share, strict=True
                )
                if fits and arm != arm_expected
            ],
            "have an arm that does not follow from their position: a position below the share is a control",
        ),
        _problem(
            "assignments",
            [name for name, own in positions.items() if len(own) > 1],
            "were drawn twice: one unit has two positions, so an id was used again for another unit",
        ),
        _problem(
            "tasks",
            [task_id for task_id, count in task_ids.items() if count > 1],
            "are ids of several tasks: an id was used again",
        ),
        _problem(
            "tasks",
            sorted({str(unit) for unit in tasks["unit"]} - drawn),
            "have a task but no assignment: rows of the ledger are missing",
        ),
    ]
    if mistakes := [problem for problem in problems if problem]:
        raise SourceError(*mistakes)


def _problem(table: str, examples: Sequence[str], words: str) -> str:
    if not examples:
        return ""
    listed = ", ".join(examples[:MAX_LISTED])
    more = f" and {len(examples) - MAX_LISTED:,} more" if len(examples) > MAX_LISTED else ""
    return (
        f"{FOLDER}/: {table}.parquet: {listed}{more} {words}. Restore the ledger from a copy: the "
        "weights of the controls are computed from the ledger, so they would be wrong."
    )


def without_treated(
    snapshots: Snapshots,
    ledger: Ledger,
    *,
    label: LabelParams,
    late_days: int,
    reason: str | None,
    accept_key: str,
) -> Snapshots:
    """Return the snapshots without the rows of treated customers, and with a weight for each remaining row.

    A customer who is no control counts as treated if the customer has a task that was planned before the end
    of the period `[cutoff, cutoff + gap + horizon)` and had not expired at the cutoff. It does not matter
    whether or when anybody did this task. If no customer has such a task, the snapshots are returned
    unchanged.

    Args:
        snapshots: All snapshots whose labels are known (matured).
        ledger: The ledger: the tasks of all nights, and the arms of the units.
        label: The definition of the label.
        late_days: The largest number of days between the day of a row and its arrival in the data.
        reason: Why a person accepts that some treated customers have no comparable controls; None if no
            reason is given.
        accept_key: The file and the key under which a person writes `reason`; messages name them.

    Raises:
        SourceError: the ledger contradicts itself.
        Stop: some treated customers have no comparable controls, and no reason is given.
    """
    check_ledger(ledger)
    if ledger.tasks.empty:
        return snapshots
    history = TaskHistory(ledger)
    members: dict[str, list[int]] = {}
    for code, customer in enumerate(snapshots.customers):
        members.setdefault(history.unit(customer), []).append(code)
    weight = np.ones(len(snapshots.rows))
    cutoffs: list[CutoffExposure] = []
    rows_alone: dict[date, int] = {}
    for cutoff in snapshots.cutoffs:
        end = label_window(cutoff, label, late_days).end
        units = history.weights(history.open_in(cutoff, end))
        by_customer, alone = np.ones(len(snapshots.customers)), np.zeros(len(snapshots.customers), dtype=bool)
        for unit, own in units.weight_of.items():
            for code in members.get(unit, ()):
                by_customer[code], alone[code] = own, unit in units.without_controls
        mask = snapshots.rows_at(cutoff)
        codes = snapshots.rows.customer[mask]
        weight[mask] = by_customer[codes]
        exposure = CutoffExposure.of(cutoff, weight[mask])
        cutoffs.append(exposure)
        if n_unmatched := int(alone[codes].sum()):
            rows_alone[cutoff] = n_unmatched
    n_treated, n_controls = sum(own.treated_rows for own in cutoffs), sum(own.control_rows for own in cutoffs)
    if n_treated and not n_controls:
        rows_alone = {own.cutoff: own.treated_rows for own in cutoffs if own.treated_rows}
    if rows_alone and not reason:
        raise Stop(_no_controls(rows_alone, accept_key))
    return snapshots.without_treated(weight, cutoffs, reason if rows_alone else None)


def read_untreated(params: Params, known_by: date | None = None) -> Snapshots:
    """Read the snapshots without the rows of treated customers, and with a weight for each remaining row.

    `without_treated` defines who counts as treated. If there is no ledger, the snapshots are the same as
    `read_snapshots` returns.

    Args:
        params: The parameters.
        known_by: Only labels that were known by this date are used; if None, all matured labels are used.

    Raises:
        CallError: there are no snapshots, they do not fit the parameters, or the data are not complete up to
            `known_by`.
        SourceError: a file of the snapshots or of the ledger is damaged, or the ledger contradicts itself.
        Stop: no label is known yet, or some treated customers have no comparable controls. The user can
            accept missing controls with a reason under `evaluate.accept`.
    """
    return without_treated(
        read_snapshots(params, known_by),
        read_whole_ledger(params.output),
        label=params.label,
        late_days=params.snapshot.late_days,
        reason=params.evaluate.accept.get(NO_CONTROLS),
        accept_key=f"{params.file}: evaluate.accept",
    )


def _no_controls(rows_alone: Mapping[date, int], accept_key: str) -> str:
    listed = ", ".join(f"{cutoff} ({count:,})" for cutoff, count in list(rows_alone.items())[:MAX_LISTED])
    more = f" and {len(rows_alone) - MAX_LISTED} more cutoffs" if len(rows_alone) > MAX_LISTED else ""
    return (
        f"ledger: there are no comparable controls for the treated customers at {listed}{more}. There "
        "are two possible reasons. Perhaps there was no control group for these customers: P(untreated) is "
        "0. Or no customer of the control group had a task in the label window, as the treated customers "
        "had. So the data do not show how many of these customers would have left without the contact, and "
        "a model cannot learn this share. Keep a control group (experiments.control.share) and wait until "
        "its outcomes are known. Or accept that there are no controls, and write the reason under "
        f"{accept_key}.{NO_CONTROLS}: then the rows of the treated customers are left out, and no other rows "
        "get a higher weight in their place."
    )
