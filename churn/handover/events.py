"""The events of a night for other systems: which contacts are planned and which are withdrawn.

An event is about one task of the ledger. `contact.planned` says that the contact must be made.
`contact.withdrawn` says that the contact must no longer be made. The id of an event is a digest of the task,
the type and a number, so the same event always has the same id. The number is 1, and grows only if a contact
that was withdrawn is planned again. The task of a customer in the control group has no event.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any, Literal
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from churn.contact.arms import CONTROL_REASON
from churn.contact.messages import fill_message, message_values
from churn.contact.rhythm import NO_HOUR, BestHour
from churn.contact.side_list import ListEntry, SideList
from churn.contact.tasks import TaskStates
from churn.handover.event import (
    CONTACT_PLANNED,
    CONTACT_WITHDRAWN,
    Event,
    LastEvent,
    PlannedContact,
    WithdrawnContact,
    event_id,
)
from churn.scoring.play import Play
from churn.scoring.playbook import Playbook
from churn.scoring.scores import TREATED_ARM

PLANNED_OTHERWISE = "the night was scored again and does not plan this contact"
NOT_CONTACTED = "no longer to be contacted"
NO_LONGER_ON_LIST = "no longer on the list"

_LIST_FACTS = ("left_on", "days_since_left", "monthly_value", "tenure_days")


@dataclass(frozen=True)
class EventTerms:
    """The settings for the texts of events: the language of the messages, and the time zone of the nights."""

    language: str
    timezone: str


@dataclass(frozen=True)
class NightFacts:
    """What a night knows about customers, as far as events need it.

    Attributes:
        cutoff: The cutoff of the night.
        new_tasks: The tasks that the night plans, in the form of the ledger.
        earlier_tasks: The tasks of earlier nights.
        states: The states of the earlier tasks at the cutoff, such as open or withdrawn.
        scores: The score table of the night.
        signals: The signals of the scored customers, with the column `customer_id`.
        names: The known names of customers.
        playbook: The playbook with its templates.
        lists: The lists other than the call list, such as the list of lost customers.
        best_hours: The hour at which each customer is usually active; None if the parameters do not ask for
            it.
    """

    cutoff: date
    new_tasks: pd.DataFrame
    earlier_tasks: pd.DataFrame
    states: TaskStates
    scores: pa.Table
    signals: pd.DataFrame
    names: Mapping[str, str]
    playbook: Playbook
    lists: Sequence[SideList] = ()
    best_hours: Mapping[str, BestHour] | None = None

    @property
    def list_entries(self) -> dict[str, ListEntry]:
        """Return the customers on any list other than the call list; the keys are the ids of their tasks."""
        entries = (entry for side_list in self.lists for entry in side_list.entries)
        return {entry.task_id: entry for entry in entries if entry.task_id is not None}

    @property
    def withheld_tasks(self) -> dict[str, str]:
        """Return why customers with an open task are kept off their list tonight; the keys are the ids of the
        tasks.
        """
        return {task: why for side_list in self.lists for task, why in side_list.withheld_tasks.items()}


@dataclass(frozen=True)
class NightEvents:
    """The events of a night.

    Attributes:
        events: The events.
        message_problems: For each reason why a template cannot be filled, the number of customers whose
            message has this problem.
        n_never_planned: The number of open tasks that have no event, because the night that planned them had
            no outbox. Other systems do not know such tasks.
    """

    events: tuple[Event, ...]
    message_problems: Mapping[str, int]
    n_never_planned: int


def night_events(
    facts: NightFacts, terms: EventTerms, earlier: Mapping[str, LastEvent], own_events: Mapping[str, Event]
) -> NightEvents:
    """Return the events of a night; the same night gives the same events.

    - For each new task of a treated customer there is an event that plans the contact.
    - A task that an earlier event planned is withdrawn after an exit of its customer (see `EXITS` in
      `churn.contact.tasks`): for example, the customer has left. The task is also withdrawn if the customer
      must no longer be contacted (objection, suppression list, consent). The task is planned again if the
      reason of the withdrawal no longer holds.
    - There is no event for a task in the state done, declined, snoozed or expired.
    - If this night was scored before, the contacts that were planned then but are not planned now are
      withdrawn.

    Args:
        facts: What the night knows about customers and tasks.
        terms: The language of the messages, and the time zone of the nights.
        earlier: The last event of each task in earlier nights.
        own_events: The last event of each task from an earlier run of this same night; empty if the night
            runs for the first time.
    """
    treated = facts.new_tasks[facts.new_tasks["arm"] == TREATED_ARM]
    tasks = {str(task["task_id"]): task for task in _records(treated)}
    status = dict.fromkeys(tasks, _Status("live"))
    old = _earlier_tasks(facts)
    tasks |= old
    customers = {str(task["customer_id"]) for task in tasks.values()}
    scores = _rows_of(facts.scores, customers)
    list_plays = facts.playbook.measured_list_plays
    entries, withheld = facts.list_entries, facts.withheld_tasks
    status |= {
        task_id: _list_status(task, entries, withheld)
        if task["play"] in list_plays
        else _status(task, scores)
        for task_id, task in old.items()
    }
    builder = _Builder(facts, terms, customers, scores)
    events, n_never_planned = [], 0
    for task_id, task in tasks.items():
        mine = own_events.get(task_id)
        last = LastEvent(mine.type, mine.data.sequence) if mine else earlier.get(task_id)
        if last is None and task_id in old:
            n_never_planned += status[task_id].state == "live"
            continue
        kind, sequence = _next(status[task_id].state, last, is_own=mine is not None)
        if kind == CONTACT_PLANNED:
            events.append(builder.plan_contact(task, sequence))
        elif kind == CONTACT_WITHDRAWN:
            events.append(builder.withdraw_contact(task, sequence, status[task_id].because or NOT_CONTACTED))
    for task_id, event in own_events.items():
        if task_id not in tasks:
            events.append(
                builder.withdraw_contact(event.data.model_dump(), event.data.sequence, PLANNED_OTHERWISE)
            )
    return NightEvents(tuple(events), dict(sorted(builder.problems.items())), n_never_planned)


@dataclass(frozen=True)
class _Status:
    """The state of a task tonight: live (the contact may be made), over (the contact is withdrawn, with the
    reason), or settled (the task needs no event).
    """

    state: Literal["live", "over", "settled"]
    because: str | None = None


def _next(
    state: Literal["live", "over", "settled"], last: LastEvent | None, *, is_own: bool
) -> tuple[str | None, int]:
    """Return the type and the number of the event that a task needs tonight; None if it needs no event.

    Args:
        state: The state of the task tonight, as in `_Status`.
        last: The last event about the task.
        is_own: Whether the last event comes from an earlier run of this same night; if so, the same event is
            made again.
    """
    if last is None:
        return (CONTACT_PLANNED, 1) if state == "live" else (None, 0)
    if state == "live":
        if last.type == CONTACT_WITHDRAWN:
            return CONTACT_PLANNED, last.sequence + 1
        return (CONTACT_PLANNED, last.sequence) if is_own else (None, 0)
    if state == "over" and (last.type == CONTACT_PLANNED or is_own):
        return CONTACT_WITHDRAWN, last.sequence
    return None, 0


def _earlier_tasks(facts: NightFacts) -> dict[str, dict[str, Any]]:
    """Return the earlier tasks of treated customers, with their states, without the expired tasks."""
    tasks = facts.earlier_tasks
    is_relevant = (tasks["arm"] == TREATED_ARM) & np.array(
        [day > facts.cutoff for day in tasks["expires_on"]], dtype=bool
    )
    merged = tasks[is_relevant].merge(facts.states.states, on="task_id", how="left")
    return {str(task["task_id"]): task for task in _records(merged.sort_values("task_id"))}


def _status(task: Mapping[str, Any], scores: Mapping[str, Mapping[str, Any]]) -> _Status:
    """Return tonight's state of an earlier task that comes from the call list."""
    if task["state"] == "withdrawn":
        return _Status("over", task["why"])
    if task["state"] not in ("open", "overdue"):
        return _Status("settled")
    row = scores.get(task["customer_id"], {})
    because = row.get("not_contacted_because")
    if row.get("task_id") == task["task_id"] or because is None:
        return _Status("live")
    return _Status("over", NOT_CONTACTED if because == CONTROL_REASON else because)


def _list_status(
    task: Mapping[str, Any], entries: Mapping[str, ListEntry], withheld: Mapping[str, str]
) -> _Status:
    """Return tonight's state of an earlier task that comes from a list other than the call list.

    Args:
        task: The task of an earlier night, with its state.
        entries: The customers on the lists tonight, by the id of their task.
        withheld: Why customers with an open task are on no list tonight; the keys are the ids of the tasks.
    """
    if task["state"] == "withdrawn":
        return _Status("over", task["why"])
    if task["state"] not in ("open", "overdue"):
        return _Status("settled")
    if task["task_id"] in entries:
        return _Status("live")
    because = withheld.get(task["task_id"], NO_LONGER_ON_LIST)
    return _Status("over", NOT_CONTACTED if because == CONTROL_REASON else because)


class _Builder:
    """Makes the events of a night, and counts the templates that cannot be filled."""

    def __init__(
        self,
        facts: NightFacts,
        terms: EventTerms,
        customers: Set[str],
        scores: Mapping[str, Mapping[str, Any]],
    ) -> None:
        self.problems: Counter[str] = Counter()
        self._facts = facts
        self._terms = terms
        self._instant = datetime.combine(facts.cutoff, time(0), ZoneInfo(terms.timezone)).astimezone(UTC)
        self._scores = scores
        self._plays = {rule.play.name: rule.play for rule in facts.playbook.rules}
        signals = facts.signals[facts.signals["customer_id"].isin(customers)]
        self._signals = {str(row["customer_id"]): row for row in _records(signals)}
        self._entries = facts.list_entries
        self._reasons = [name for name in facts.scores.column_names if name.startswith("reason_")]

    def plan_contact(self, task: Mapping[str, Any], sequence: int) -> Event:
        """Return the event that plans the contact of a task."""
        customer, play = str(task["customer_id"]), self._plays.get(task["play"])
        row = self._scores.get(customer, {})
        reasons = tuple(row[name] for name in self._reasons if row.get(name))
        subject, message, problem = self._message(task, play, reasons)
        hours = self._facts.best_hours
        best = None if hours is None else hours.get(customer, NO_HOUR)
        contact = PlannedContact(
            task_id=task["task_id"],
            sequence=sequence,
            customer_id=customer,
            name=self._facts.names.get(customer),
            play=task["play"],
            variant=task["variant"],
            action=play.action_in(self._terms.language) if play else None,
            owner=task["owner"],
            channel=task["channel"],
            template=task["template"],
            subject=subject,
            message=message,
            message_problem=problem,
            reasons=reasons,
            planned_on=task["planned_on"],
            due_at=task["due_at"],
            not_before=pd.Timestamp(task["not_before"]).to_pydatetime(),
            expires_on=task["expires_on"],
            best_hour=best.clock if best else None,
            best_hour_events=best.n_events if best else None,
        )
        return self._event(CONTACT_PLANNED, contact)

    def withdraw_contact(self, task: Mapping[str, Any], sequence: int, because: str) -> Event:
        """Return the event that withdraws the contact of a task."""
        contact = WithdrawnContact(
            task_id=task["task_id"],
            sequence=sequence,
            customer_id=str(task["customer_id"]),
            play=task["play"],
            because=because,
        )
        return self._event(CONTACT_WITHDRAWN, contact)

    def _event(
        self,
        kind: Literal["contact.planned", "contact.withdrawn"],
        contact: PlannedContact | WithdrawnContact,
    ) -> Event:
        return Event(
            id=event_id(contact.task_id, kind, contact.sequence),
            type=kind,
            timestamp=self._instant,
            data=contact,
        )

    def _message(
        self, task: Mapping[str, Any], play: Play | None, reasons: Sequence[str]
    ) -> tuple[str | None, str | None, str | None]:
        """Return the subject and the text of a message, or the reason why the template cannot be filled."""
        customer = str(task["customer_id"])
        values = message_values(
            task,
            self._signals.get(customer, dict.fromkeys(map(str, self._facts.signals.columns))),
            self._scores.get(customer, {}),
            self._facts.names.get(customer),
            reasons,
        )
        if (entry := self._entries.get(task["task_id"])) is not None:
            values |= {name: getattr(entry, name) for name in _LIST_FACTS if getattr(entry, name) is not None}
        templates = self._facts.playbook.templates
        message = fill_message(task, play, templates, self._terms.language, values)
        if message.problem is not None:
            self.problems[message.problem] += 1
        return message.subject, message.body, message.problem


def _rows_of(scores: pa.Table, customers: Set[str]) -> dict[str, dict[str, Any]]:
    """Return the rows of some customers in a score table, by the id of the customer."""
    is_one = pc.is_in(scores["customer_id"], pa.array(sorted(customers), pa.string()))
    return {row["customer_id"]: row for row in scores.filter(is_one).to_pylist()}


def _records(frame: pd.DataFrame) -> Iterator[dict[str, Any]]:
    for record in frame.to_dict("records"):
        yield {str(name): None if value is pd.NaT else value for name, value in record.items()}
