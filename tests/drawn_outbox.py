"""An outbox that a test draws: events, a journal, a receiver with a script, and a clock that is set."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace

from churn.handover.deliver import Clock, Delivery, deliver
from churn.handover.event import (
    CONTACT_PLANNED,
    CONTACT_WITHDRAWN,
    Event,
    PlannedContact,
    WithdrawnContact,
    event_id,
)
from churn.handover.journal import Journal, open_journal
from churn.handover.usefulness import Usefulness
from churn.handover.webhook import Answer, answer_of
from churn.params import OutboxParams
from churn.scoring.playbook import Playbook, parse_playbook
from churn.scoring.template_files import TemplateFiles
from tests.night_company import KINDS, night_company

NIGHT = date(2024, 1, 31)
TODAY = date(2024, 2, 1)
START = datetime(2024, 2, 1, 6, tzinfo=UTC).timestamp()
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER_SECRET = "whsec_" + "B" * 32

TEMPLATE = """Subject: Hello {{ name or "customer" }}

{{ owner }} writes by {{ channel }} before {{ due_at }}: {{ logins_days_since_last | int }} days.
{% for reason in reasons %}- {{ reason }}
{% endfor %}
"""
PLAYBOOK = """
plays:
  - name: write
    when: {logins_days_since_last: {at_least: 10}}
    action: Write a mail
    owner: marketing
    channel: email
    due_in_days: 3
    success: An answer
    template: note
"""


def playbook_with(template: str = TEMPLATE, text: str = PLAYBOOK) -> Playbook:
    templates = TemplateFiles(Path("templates"), {("note", "en"): template})
    return parse_playbook(text, KINDS, "playbook.yaml", templates)


def company_in(folder: Path, playbook: Playbook | None = None) -> SimpleNamespace:
    """Return the drawn company; ann and cem have not logged in for a long time and get the play."""
    company = night_company(folder)
    company.playbook = playbook or playbook_with()
    company.params = company.params.model_copy(
        update={
            "score": company.params.score.model_copy(
                update={"budget": company.params.score.budget.model_copy(update={"contacts": 5})}
            )
        }
    )
    return company


def contact_planned(task: str, sequence: int = 1, **changes: object) -> Event:
    """Return the event that plans the contact of a task; the customer has the name of the task."""
    values: dict[str, object] = {
        "task_id": task,
        "sequence": sequence,
        "customer_id": f"c-{task}",
        "name": "Ann",
        "play": "gone-quiet",
        "variant": None,
        "action": "Write",
        "owner": "marketing",
        "channel": "email",
        "template": None,
        "subject": None,
        "message": None,
        "message_problem": None,
        "reasons": ("40 days since the last login",),
        "planned_on": NIGHT,
        "due_at": date(2024, 2, 5),
        "not_before": datetime(2024, 2, 5, 7, tzinfo=UTC),
        "expires_on": date(2024, 3, 4),
    }
    return Event(
        id=event_id(task, CONTACT_PLANNED, sequence),
        type=CONTACT_PLANNED,
        timestamp=datetime(2024, 1, 31, tzinfo=UTC),
        data=PlannedContact.model_validate(values | changes),
    )


def contact_withdrawn(task: str, sequence: int = 1, because: str = "came back") -> Event:
    return Event(
        id=event_id(task, CONTACT_WITHDRAWN, sequence),
        type=CONTACT_WITHDRAWN,
        timestamp=datetime(2024, 2, 1, tzinfo=UTC),
        data=WithdrawnContact(
            task_id=task, sequence=sequence, customer_id=f"c-{task}", play="gone-quiet", because=because
        ),
    )


@dataclass
class Receiver:
    """A receiver that answers as told, and takes an event whenever it answers 2xx.

    Attributes:
        script: The answers in their order: a status, `lost` (it takes the event and the answer does not
            arrive) or `down`. After the last one it answers 204.
        seen: The ids of the events in the order of their requests; requests without connection are not seen.
        retry_after: The header of answers that are no success.
    """

    script: list[int | str] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    retry_after: str | None = None

    def send(self, event: Event, now: float) -> Answer:
        step = self.script.pop(0) if self.script else 204
        if step == "down":
            return Answer("not sent", "no connection: Connection refused")
        self.seen.append(event.id)
        if step == "lost":
            return Answer("unknown", "no answer: the time is over")
        assert isinstance(step, int)
        return answer_of(step, self.retry_after, now)


@dataclass
class SetClock:
    """A clock that moves only when somebody sleeps."""

    at: float = START
    slept: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.at += seconds

    @property
    def clock(self) -> Clock:
        return Clock(lambda: self.at, self.sleep)


@contextmanager
def journal_in(folder: Path) -> Iterator[Journal]:
    with open_journal(folder) as journal:
        yield journal


def delivered_by(
    folder: Path,
    events: list[Event],
    receiver: Receiver,
    clock: SetClock | None = None,
    *,
    facts: Usefulness | None = None,
    endpoint: str = "endpoint",
    **terms: object,
) -> Delivery:
    """Deliver events of treated customers to a receiver, with the journal of a folder."""
    tasks = frozenset(event.data.task_id for event in events)
    facts = facts or Usefulness(today=TODAY, treated_tasks=tasks)
    with journal_in(folder) as journal:
        return deliver(
            events,
            journal,
            facts,
            OutboxParams.model_validate(terms),
            endpoint,
            receiver.send,
            (clock or SetClock()).clock,
        )
