"""An event about one task (a planned contact), in the form for other systems: its fields, its id and its line
in a file.

`contact.planned` says that the contact must be made. `contact.withdrawn` says that the contact must no longer
be made.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

CONTACT_PLANNED: Literal["contact.planned"] = "contact.planned"
CONTACT_WITHDRAWN: Literal["contact.withdrawn"] = "contact.withdrawn"


class EventPart(BaseModel):
    """A part of an event, in the form in which it is sent."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class PlannedContact(EventPart):
    """The instruction to contact a customer.

    Attributes:
        task_id: The id of the task; answers to the contact come back with this id.
        sequence: 1 for the first plan of the contact, 2 if the contact was withdrawn once and is planned
            again, and so on.
        customer_id: The id of the customer.
        name: The name of the customer, if it is known.
        play: The name of the play.
        variant: The variant of the play, if it has variants.
        action: What to do; None if the playbook no longer has the play.
        owner: The person or the team who makes the contact.
        channel: The channel of the contact.
        template: The name of the template, if the play has one.
        subject: The subject of an e-mail, if the template has one.
        message: The filled template; None if there is no template, or if it cannot be filled.
        message_problem: Why the template cannot be filled for this customer.
        reasons: The reasons why the customer may leave, as sentences.
        planned_on: The cutoff of the night that planned the contact.
        due_at: The day on which the contact is due.
        not_before: The earliest instant (UTC) at which the customer may be contacted.
        expires_on: The first day on which the contact must no longer be made.
        best_hour: The local hour at which the customer is usually active, such as `18:00`; None if the
            data have too few events of the customer.
        best_hour_events: The number of the customer's events from which the best hour is computed. The two
            fields about the best hour are left out if `contact.rhythm.best_hour` is off.
    """

    task_id: str
    sequence: int
    customer_id: str
    name: str | None
    play: str
    variant: str | None
    action: str | None
    owner: str
    channel: str
    template: str | None
    subject: str | None
    message: str | None
    message_problem: str | None
    reasons: tuple[str, ...]
    planned_on: date
    due_at: date
    not_before: datetime
    expires_on: date
    best_hour: str | None = None
    best_hour_events: int | None = None


class WithdrawnContact(EventPart):
    """The withdrawal of a planned contact, which must no longer be made.

    Attributes:
        task_id: The id of the task.
        sequence: The `sequence` of the planned contact that is withdrawn.
        customer_id: The id of the customer.
        play: The name of the play.
        because: Why the contact is withdrawn.
    """

    task_id: str
    sequence: int
    customer_id: str
    play: str
    because: str


class Event(EventPart):
    """An event in the outbox, which holds what other systems should get.

    Attributes:
        id: The id by which a receiver recognises an event that it gets again. The header `webhook-id` has the
            same value.
        type: `contact.planned` or `contact.withdrawn`.
        timestamp: The midnight (UTC) of the night in which the event happened.
        data: The contact that is planned or withdrawn.
    """

    id: str
    type: Literal["contact.planned", "contact.withdrawn"]
    timestamp: datetime
    data: PlannedContact | WithdrawnContact

    @property
    def line(self) -> str:
        """Return the event as a line of a file in the outbox."""
        return _json(self.model_dump(mode="json", exclude={"data": self._absent_fields}))

    @property
    def body(self) -> bytes:
        """Return the bytes that are sent, which are the same at each attempt."""
        fields = self.model_dump(mode="json", exclude={"id": True, "data": self._absent_fields})
        return _json(fields).encode("utf-8")

    @property
    def _absent_fields(self) -> set[str]:
        """Return the names of the fields to leave out of the JSON: the two about the best hour, or none."""
        has_hours = getattr(self.data, "best_hour_events", None) is not None
        return set() if has_hours else {"best_hour", "best_hour_events"}


@dataclass(frozen=True)
class LastEvent:
    """The last event about a task: its type and its `sequence`."""

    type: str
    sequence: int


def event_id(task_id: str, kind: str, sequence: int) -> str:
    """Return the id of an event.

    >>> event_id("t", "contact.planned", 1) == event_id("t", "contact.planned", 1)
    True
    """
    return hashlib.sha256(f"{task_id}|{kind}|{sequence}".encode()).hexdigest()[:32]


def last_events(events: Iterable[Event]) -> dict[str, LastEvent]:
    """Return the last event of each task, by the id of the task."""
    return {event.data.task_id: LastEvent(event.type, event.data.sequence) for event in events}


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
