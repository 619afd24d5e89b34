"""Whether an event of the outbox is still useful, judged by what is known just before it is sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import pandas as pd

from churn.contact.acts import read_permissions
from churn.contact.consent import contact_refusals
from churn.contact.tasks import task_states
from churn.data.acts import read_contacts
from churn.data.store import Store
from churn.experiments.ledger import read_whole_ledger
from churn.handover.event import (
    CONTACT_PLANNED,
    Event,
    PlannedContact,
    event_id,
)
from churn.handover.journal import Journal
from churn.params import ContactParams
from churn.scoring.scores import TREATED_ARM

TASK_EXPIRED = "the task has expired"
WITHDRAWN_BEFORE = "withdrawn before it was sent"
NEVER_SENT = "withdrawn before it was sent, so there is nothing to withdraw"
NOT_IN_LEDGER = "the ledger has no such task of a treated customer"
TASK_ANSWERED = "the task is answered already"

UNKNOWN_CUSTOMER = "no longer a customer in the data"


@dataclass(frozen=True)
class Usefulness:
    """The facts that decide whether an event is still useful.

    Attributes:
        today: The local day of the delivery.
        treated_tasks: The ids of those tasks in the ledger whose customer is in the treated arm.
        answered_tasks: The ids of the tasks that were answered and need no further contact.
        refusals: Why the customer of a task must not be contacted; the keys are the ids of the tasks.
    """

    today: date
    treated_tasks: frozenset[str]
    answered_tasks: frozenset[str] = frozenset()
    refusals: Mapping[str, str] = field(default_factory=dict)


def useless_because(
    event: Event, facts: Usefulness, withdrawn: Mapping[str, int], journal: Journal
) -> str | None:
    """Return the reason why an event is not sent; None if it is sent.

    Args:
        event: An event that was not delivered yet.
        facts: What is known today.
        withdrawn: The `sequence` number of each task's latest withdrawal, by task id.
        journal: The journal of the attempts to deliver events.
    """
    contact = event.data
    if not isinstance(contact, PlannedContact):
        planned = event_id(contact.task_id, CONTACT_PLANNED, contact.sequence)
        return None if journal.record_of(planned).attempts else NEVER_SENT
    if contact.task_id not in facts.treated_tasks:
        return NOT_IN_LEDGER
    if withdrawn.get(contact.task_id, 0) >= contact.sequence:
        return WITHDRAWN_BEFORE
    if contact.expires_on <= facts.today:
        return TASK_EXPIRED
    if contact.task_id in facts.answered_tasks:
        return TASK_ANSWERED
    return facts.refusals.get(contact.task_id)


def read_usefulness(store: Store, events: Iterable[Event], contact: ContactParams, today: date) -> Usefulness:
    """Read from the store the facts that decide whether events are still useful.

    Objections, suppression lists and consents count as they are known today, and not as they were known in
    the night of an event.

    Args:
        store: The store.
        events: The events that may be sent.
        contact: The section `contact` of the parameters.
        today: The local day of the delivery.

    Raises:
        ParamsError: a suppression list does not exist.
        SourceError: a suppression list or the ledger cannot be read.
    """
    tasks = read_whole_ledger(store.params.output).tasks
    treated = tasks[tasks["arm"] == TREATED_ARM]
    contacts = read_contacts(store, store.tonight)
    answered: set[str] = set()
    if contacts is not None:
        no_exits = pd.DataFrame(columns=["customer_id", "happened_on", "why"], dtype=object)
        states = task_states(treated, contacts.to_pandas(), no_exits, store.tonight).states
        answered = set(states.loc[states["state"].isin(("done", "declined")), "task_id"])
    planned = {event.data.task_id: event.data for event in events if isinstance(event.data, PlannedContact)}
    permissions = read_permissions(store, store.tonight, contact)
    refusals = contact_refusals(
        customers := np.array([data.customer_id for data in planned.values()], dtype=object),
        np.array([data.channel for data in planned.values()], dtype=object),
        has_objected=np.isin(customers, sorted(permissions.objected_ids)),
        is_suppressed=np.isin(customers, sorted(permissions.suppressed_ids)),
        consents=permissions.consents,
        consent_channels=contact.consent_channels,
    )
    refusals[~np.isin(customers, sorted(permissions.customer_ids))] = UNKNOWN_CUSTOMER
    return Usefulness(
        today=today,
        treated_tasks=frozenset(treated["task_id"]),
        answered_tasks=frozenset(answered),
        refusals={
            task_id: str(why) for task_id, why in zip(planned, refusals, strict=True) if why is not None
        },
    )
