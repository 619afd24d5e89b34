"""A line of the call list, and the details that are shown when the line is opened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any


@dataclass(frozen=True)
class CustomerNotes:
    """What a night wrote down about a customer on its call list; earlier versions of churn wrote less.

    Attributes:
        families: The family of signals to which each reason belongs.
        usual: The usual level of the signal behind each reason, as text; empty if there is none.
        subject: The subject of the message to the customer; None if the message has no subject.
        message: The text of the message to the customer: the filled template; None if there is no template.
        message_problem: Why the template cannot be filled; None if it can be filled.
        last_events: For each table, the number of days from the last row of the customer to the night.
        stage: The stage of the customer according to the playbook; None if no stage's condition is true.
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
        """Take the notes from a row of a night's call list."""
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
        customer: The id of the customer.
        name: The name of the customer; empty if it is not known.
        probability: The probability of leaving; if the model predicts another event, the probability of this
            event.
        value: The customer's value at risk, in currency; None if it is not known.
        health: The health band; None if the model predicts an event other than leaving.
        reasons: The reasons why the customer may leave, as sentences.
        play: The name of the play.
        action: What the person or the team in `owner` must do.
        success: What the play wants to reach.
        owner: The person or the team who acts.
        channel: The channel of the contact.
        due: The day on which the action is due.
        status: `new`, `open` or `overdue`; empty if an earlier version of churn wrote the files of the night.
        notes: The details that are shown when the line is opened.
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
