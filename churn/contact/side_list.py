"""A further list of a night, apart from the call list: who is on it, and the tasks of both arms.

A list names candidates for a contact. A play with its own control group writes a task into the ledger for
each new customer on its list, whether treated or a control. A treated customer then stays on the list with
one due date until the task ends. After the task, the customers of both arms rest (no play contacts them for
some days), and `churn measure` compares the arms. A play without its own control group plans no task, and its
effect is not measured. With or without such tasks, the arms of the call list can be compared, for two
reasons:

1. A unit of the universal control group is on no list. A unit in the control group of one play is not listed
   for any other play. Before the night on which a unit is drawn into a control group, the unit can be on a
   list. The arms can still be compared, because the draw does not depend on the lists.
2. A unit that has a task, or rests after a task, is not put on a list. This rule is the same for treated
   units and for controls. There is one exception: a treated customer with an open task from a list stays on
   this list.

The rules of consent, objections and suppression lists are the same as for the call list. A customer with a
contact in the table `contacts` is not put on a list until the days of rest after this contact are over.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn.contact.arms import CONTROL_REASON, members_of_units
from churn.contact.channels import permitted_channels
from churn.contact.limits import expiry_of, no_place_left_for
from churn.contact.listing import OPEN_STATES
from churn.contact.new_tasks import task_id, working_calendar
from churn.contact.terms import Acts, PlanTerms
from churn.contact.working_days import QuietHours, not_before
from churn.experiments.assignment import ASSIGNMENT_COLUMNS, Draw, assign
from churn.experiments.ledger import TABLES
from churn.experiments.units import UnitKind
from churn.scoring.play import Audience, Play
from churn.scoring.playbook import Playbook
from churn.scoring.scores import CONTROL_ARM, TREATED_ARM

Objects = npt.NDArray[np.object_]

HAS_TASK = "on the call list, or rests after it"
HAS_CALL_PLAY = "a play of the call list applies"
STILL_A_CUSTOMER = "still a customer under another id"


@dataclass(frozen=True)
class ListEntry:
    """A customer on a list, with the play and the channel; a value that is not known is None or NaN.

    `due_at`, `listed_since` and `task_id` are the values of the task; they are None if the play plans no
    task.
    """

    customer_id: str
    play: Play
    channel: str
    tenure_days: float | None
    health: float | None = None
    left_on: date | None = None
    days_since_left: float | None = None
    monthly_value: float | None = None
    probability: float = np.nan
    value: float = np.nan
    due_at: date | None = None
    listed_since: date | None = None
    task_id: str | None = None


@dataclass(frozen=True)
class ListNight:
    """What is needed to make the lists of a night.

    Attributes:
        cutoff: The cutoff of the night.
        playbook: The playbook.
        assignments: The assignments of units to arms, from earlier nights and from this night.
        tasks: The tasks of earlier nights and of the call list of this night.
        list_tasks: The tasks from the lists of earlier nights, with their states.
        acts: What is known about customers and earlier contacts.
        terms: The settings of the plan of contacts.
    """

    cutoff: date
    playbook: Playbook
    assignments: pd.DataFrame
    tasks: pd.DataFrame
    list_tasks: pd.DataFrame
    acts: Acts
    terms: PlanTerms


@dataclass(frozen=True)
class SideList:
    """A further list of a night, apart from the call list.

    Attributes:
        audience: The name of the list, such as `advocates`.
        entries: The customers on the list, in order.
        plays: The number of customers with each play, before any customer is withheld.
        withheld: The number of customers who are kept off the list, by reason.
        measured_plays: The plays of the list that have their own control group, so that their effect is
            measured.
        new_assignments: The new rows of the ledger with the arms of `measured_plays`.
        new_tasks: The new rows of the ledger with the tasks of `measured_plays`, in both arms.
        withheld_tasks: The reasons why customers with an open task are not on the list tonight; the keys are
            the ids of the tasks.
    """

    audience: Audience
    entries: tuple[ListEntry, ...]
    plays: Mapping[str, int]
    withheld: Mapping[str, int]
    measured_plays: tuple[str, ...] = ()
    new_assignments: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=ASSIGNMENT_COLUMNS))
    new_tasks: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=TABLES["tasks"].names))
    withheld_tasks: Mapping[str, str] = field(default_factory=dict)

    def plan_counts(self) -> dict[str, tuple[int, int]]:
        """Return for each play the number of customers who have it, and the number of them who are on the
        list.
        """
        listed = Counter(entry.play.name for entry in self.entries)
        return {play: (count, listed[play]) for play, count in self.plays.items()}

    def as_facts(self) -> dict[str, Any]:
        """Return how many customers are on the list or kept off it, and whether its effect is measured."""
        return {
            "customers": len(self.entries),
            "plays": dict(self.plays),
            "withheld": dict(self.withheld),
            "effect": self._effect,
        } | (self._counts_of_tasks() if self.measured_plays else {})

    @property
    def _effect(self) -> str:
        if not self.measured_plays:
            return "not measured: a list has no control group of its own"
        return f"measured by `churn measure`: {', '.join(self.measured_plays)}"

    def _counts_of_tasks(self) -> dict[str, int]:
        is_control = self.new_tasks["arm"] == CONTROL_ARM
        return {"new": int((~is_control).sum()), "controls": int(is_control.sum())}


def units_with_tasks(tasks: pd.DataFrame, cutoff: date, acts: Acts) -> set[str]:
    """Return the units with a task that has not expired at the cutoff; the arm makes no difference."""
    live = tasks[pd.to_datetime(tasks["expires_on"]) > pd.Timestamp(cutoff)]
    return {*live["unit"], *acts.units.of(live["customer_id"].to_numpy(dtype=object))}


def control_units(assignments: pd.DataFrame, acts: Acts) -> set[str]:
    """Return the units that were ever drawn into a control group, and the units to which their customers
    belong tonight.
    """
    own = assignments[assignments["arm"] == CONTROL_ARM]
    customers = [customer for members in own["customers"] for customer in members]
    return {*own["unit"], *acts.units.of(customers)}


def side_list(
    audience: Audience, candidates: Sequence[ListEntry], other_units: set[str], night: ListNight
) -> SideList:
    """Return the list of the candidates who may be contacted, in their order; only one customer of each unit
    is on it.
    """
    acts, terms = night.acts, night.terms
    customers = np.array([entry.customer_id for entry in candidates], dtype=object)
    units = acts.units.of(customers)
    gates = _Gates.of(audience, other_units, {entry.play.name: entry.play for entry in candidates}, night)
    channels, refusals = permitted_channels(customers, [entry.play for entry in candidates], acts, terms)
    reasons: list[str | None] = []
    entries: list[ListEntry] = []
    for entry, unit, channel, refusal in zip(candidates, units, channels, refusals, strict=True):
        task = gates.live_tasks.get(entry.customer_id)
        is_carried = task is not None and task["play"] == entry.play.name
        reason = refusal or gates.reason_of(str(unit), entry.play, task if is_carried else None)
        if reason is None and channel is None:
            reason = "no channel"
        if reason is None:
            gates.listed_units.add(str(unit))
        reasons.append(reason)
        entries.append(_with_task(entry, channel or "", task if is_carried else None))
    withheld_tasks = {
        entry.task_id: reason
        for entry, reason in zip(entries, reasons, strict=True)
        if entry.task_id is not None and reason is not None
    }
    is_new = [
        reason is None and entry.play.is_measured_list and entry.task_id is None
        for entry, reason in zip(entries, reasons, strict=True)
    ]
    new_rows = np.flatnonzero(np.array(is_new, dtype=bool))
    arms, assignments = _draw_arms([entries[row] for row in new_rows.tolist()], units[new_rows], night)
    tasks = []
    n_by_play: Counter[str] = Counter()
    calendar = working_calendar(terms.contact)
    for row, arm in zip(new_rows.tolist(), arms, strict=True):
        play = entries[row].play
        if play.budget is not None and n_by_play[play.name] >= play.budget:
            reasons[row] = no_place_left_for(play.name)
            continue
        n_by_play[play.name] += 1
        due_at = calendar.due_date(night.cutoff, play.due_in_days)
        own_id = task_id(play.name, entries[row].customer_id, night.cutoff)
        entries[row] = replace(entries[row], due_at=due_at, listed_since=night.cutoff, task_id=own_id)
        tasks.append(_task_row(entries[row], str(units[row]), arm, night))
        if arm == CONTROL_ARM:
            reasons[row] = CONTROL_REASON
    plays = Counter(entry.play.name for entry in candidates)
    withheld = Counter(reason for reason in reasons if reason is not None)
    names = [
        rule.play.name
        for rule in night.playbook.rules
        if rule.play.audience == audience and rule.play.is_measured_list and rule.play.pause is None
    ]
    return SideList(
        audience,
        tuple(entry for entry, reason in zip(entries, reasons, strict=True) if reason is None),
        dict(sorted(plays.items())),
        dict(sorted(withheld.items())),
        tuple(names),
        assignments,
        pd.DataFrame(tasks, columns=TABLES["tasks"].names),
        withheld_tasks,
    )


@dataclass(frozen=True)
class _Gates:
    """Which customers are kept off a list, in both arms of the play."""

    why_other: str
    other_units: set[str]
    controls_by_play: Mapping[str, set[str]]
    busy_units: set[str]
    recent_units: set[str]
    live_tasks: Mapping[str, Mapping[str, Any]]
    terms: PlanTerms
    listed_units: set[str] = field(default_factory=set)

    @classmethod
    def of(
        cls, audience: Audience, other_units: set[str], plays: Mapping[str, Play], night: ListNight
    ) -> _Gates:
        """Collect what keeps customers off a list.

        The customers in the own control group of a play are collected for the other plays of the list, but
        not for this play: `reason_of` keeps them off this play, because their open task has the arm
        `control`.
        """
        acts, assignments = night.acts, night.assignments
        live = night.list_tasks[night.list_tasks["state"].isin(OPEN_STATES)]
        return cls(
            STILL_A_CUSTOMER if audience == "gone" else HAS_CALL_PLAY,
            other_units,
            {
                name: control_units(assignments[assignments["experiment"] != name], acts)
                if play.is_measured_list
                else control_units(assignments, acts)
                for name, play in plays.items()
            },
            units_with_tasks(night.tasks, night.cutoff, acts),
            set(acts.units.of(np.array(sorted(acts.recent_contact_ids), dtype=object))),
            {
                str(task["customer_id"]): {str(key): value for key, value in task.items()}
                for task in live.to_dict("records")
            },
            night.terms,
        )

    def reason_of(self, unit: str, play: Play, task: Mapping[str, Any] | None) -> str | None:
        """Return why a candidate is kept off the list; None for a candidate who is new on the list or stays
        on it.

        Args:
            unit: The unit of the candidate: the person, the account or the customer.
            play: The play of the candidate.
            task: The open task of the candidate for this play; None if there is none.
        """
        if unit in self.other_units:
            return self.why_other
        if unit in self.controls_by_play[play.name]:
            return CONTROL_REASON
        if task is not None:
            if task["arm"] == CONTROL_ARM:
                return CONTROL_REASON
            is_snoozed = task["state"] == "snoozed"
            return f"snoozed until {task['snoozed_until'].date()}" if is_snoozed else None
        if unit in self.busy_units:
            return HAS_TASK
        if unit in self.recent_units:
            return recently_contacted(self.terms.contact.rest_days)
        if unit in self.listed_units:
            return same_unit_on_list(self.terms.experiments.unit)
        return None


def _with_task(entry: ListEntry, channel: str, task: Mapping[str, Any] | None) -> ListEntry:
    """Return an entry with its channel, and with the dates of its open task."""
    if task is None:
        return replace(entry, channel=channel)
    return replace(
        entry,
        channel=task["channel"],
        due_at=task["due_at"].date(),
        listed_since=task["planned_on"].date(),
        task_id=task["task_id"],
    )


def _draw_arms(
    entries: Sequence[ListEntry], units: Objects, night: ListNight
) -> tuple[list[str], pd.DataFrame]:
    """Assign an arm to each customer who is new on a list; return the arms and the new rows of the ledger."""
    arms = [TREATED_ARM] * len(entries)
    frames = [pd.DataFrame(columns=ASSIGNMENT_COLUMNS)]
    names = np.array([entry.play.name for entry in entries], dtype=object)
    members = members_of_units(night.acts.units, np.array([e.customer_id for e in entries], dtype=object))
    for name in sorted(set(names)):
        rows = np.flatnonzero(names == name)
        own = [entries[row] for row in rows.tolist()]
        table = pd.DataFrame(
            {
                "unit": units[rows],
                "score": [entry.probability for entry in own],
                "value": [entry.value for entry in own],
                "customers": [members[str(unit)] for unit in units[rows]],
            }
        )
        draw = Draw(night.terms.experiments.salt, name, night.cutoff)
        drawn, new = assign(table, night.assignments, share=float(own[0].play.control or 0.0), draw=draw)
        frames.append(new)
        for row, arm in zip(rows.tolist(), drawn["arm"], strict=True):
            arms[row] = str(arm)
    return arms, pd.concat([frame for frame in frames if len(frame)] or frames)


def _task_row(entry: ListEntry, unit: str, arm: str, night: ListNight) -> dict[str, Any]:
    """Return the new task of a customer on a list as a row of the ledger."""
    contact, play = night.terms.contact, entry.play
    assert entry.due_at is not None
    quiet = QuietHours.of(contact.quiet_hours.begin, contact.quiet_hours.end)
    zone = night.acts.zones.get(entry.customer_id, night.terms.timezone)
    costs = night.terms.of_play(play)
    return {
        "task_id": entry.task_id,
        "customer_id": entry.customer_id,
        "unit": unit,
        "play": play.name,
        "variant": None,
        "arm": arm,
        "control_of": play.name if arm == CONTROL_ARM else None,
        "owner": play.owner,
        "channel": entry.channel,
        "template": play.template,
        "planned_on": night.cutoff,
        "due_at": entry.due_at,
        "expires_on": expiry_of(entry.due_at, contact.rest_days),
        "not_before": not_before(entry.due_at, zone, quiet),
        "churn_probability": entry.probability,
        "expected_profit": np.nan,
        "residual_value": entry.value,
        "cost": costs.contact_cost,
        "incentive": costs.incentive_cost,
        "first_reason_family": None,
    }


def recently_contacted(days: int) -> str:
    """Return the reason that keeps a unit off a list if `contacts` names the unit in the last `days` days."""
    return f"contacted in the last {days} days"


def same_unit_on_list(unit: UnitKind) -> str:
    """Return the reason for keeping a customer off a list on which the same person or account already stands.

    >>> same_unit_on_list("person")
    'another customer of the same person is on this list'
    """
    return f"another customer of the same {unit} is on this list"
