"""A line of the call list, and what unfolds below it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any


@dataclass(frozen=True)
class CustomerNotes:
    """What a night wrote down about a customer on its call list; a night of an earlier version has less.

    Attributes:
        families: The family of each reason.
        usual: The usual level of the signal of each reason, as text; empty where there is none.
        subject: The subject of the message; None without one.
        message: The filled template; None without a template.
        message_problem: Why the template cannot be filled; None if it can.
        last_events: The days from the last row of the customer to the night, by table.
        stage: The stage of the customer by the playbook; None if no stage holds.
    """

    families: tuple[str, ...] = ()
    usual: tuple[str, ...] = ()
    subject: str | None = None
    message: str | None = None
    message_problem: str | None = None
    last_events: Mapping[str, int] | None = None
    stage: str | None = None

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> CustomerNotes:
        """Take a row of the contacts of a night."""
        events = row.get("last_events")
        return cls(
            families=tuple(row.get("families") or ()),
            usual=tuple(text or "" for text in row.get("usual") or ()),
            subject=row.get("subject"),
            message=row.get("message"),
            message_problem=row.get("message_problem"),
            stage=row.get("stage"),
            last_events=None if events is None else {event["table"]: event["days"] for event in events},
        )


@dataclass(frozen=True)
class ContactBefore:
    """A contact that an earlier night planned for a customer: the night, the play and the channel."""

    night: date
    play: str
    channel: str


@dataclass(frozen=True)
class Call:
    """One line of the call list.

    Attributes:
        customer: The id.
        name: The name; empty if it is unknown.
        probability: The probability of what the label counts.
        value: The value at risk; None if it is unknown.
        health: The health band; None for a label of an event.
        reasons: Why, as sentences.
        play: The name of the play.
        action: What to do.
        success: What the play wants to reach.
        owner: Who does it.
        channel: The channel.
        due: The day on which it is due.
        status: `new`, `open` or `overdue`; empty in a night of an earlier version.
        notes: What unfolds.
    """

    customer: str
    name: str
    probability: float
    value: float | None
    health: int | None
    reasons: tuple[str, ...]
    play: str
    action: str
    success: str
    owner: str
    channel: str
    due: date
    status: str
    notes: CustomerNotes
