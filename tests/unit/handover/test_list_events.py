"""The events of the lists beside the call list: the win-back list of the drawn company."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from churn.contact.night import History, PlannedNight, score_night
from churn.contact.tasks import task_states
from churn.experiments.ledger import publish, read_ledger, stage, tasks_of
from churn.handover.event import CONTACT_PLANNED, CONTACT_WITHDRAWN, Event, PlannedContact, last_events
from churn.handover.events import (
    NO_LONGER_ON_LIST,
    EventTerms,
    NightEvents,
    NightFacts,
    night_events,
)
from churn.scoring.playbook import parse_playbook
from churn.scoring.template_files import TemplateFiles
from tests.night_company import KINDS, night_company

NEXT = date(2024, 2, 7)
TERMS = EventTerms("en", "Europe/Berlin")
PLAYBOOK = """
plays:
  - name: back
    for: gone
    control: 0.5
    when: {days_since_left: {at_most: 90}}
    action: Ask why
    owner: marketing
    channel: email
    due_in_days: 5
    success: returns
    template: note
"""
TEMPLATE = """Subject: Hello

You left {{ days_since_left | int }} days ago{% if monthly_value %}, worth {{ monthly_value }}{% endif %}.
"""
GONE = pd.DataFrame(
    [(f"gone-{k}", date(2024, 1, 1), 30.0, 10.5 + k, 400.0) for k in range(8)],
    columns=["customer_id", "left_on", "days_since_left", "monthly_value", "tenure_days"],
)
NO_CONTACTS = pd.DataFrame(
    columns=[
        *("customer_id", "contacted_at", "contacted_on", "task_id", "play", "variant", "arm"),
        *("channel", "result", "answered_on", "snoozed_until"),
    ],
    dtype=object,
)


@pytest.fixture
def company(tmp_path: Path) -> SimpleNamespace:
    company = night_company(tmp_path)
    templates = TemplateFiles(Path("templates"), {("note", "en"): TEMPLATE})
    company.playbook = parse_playbook(PLAYBOOK, KINDS, "playbook.yaml", templates)
    company.acts = replace(company.acts, churners=GONE)
    return company


def events_of(
    company: SimpleNamespace, planned: PlannedNight, earlier: tuple[Event, ...] = ()
) -> NightEvents:
    assert planned.ledger is not None
    facts = NightFacts(
        cutoff=company.cutoff,
        new_tasks=tasks_of(planned.ledger),
        earlier_tasks=company.history.ledger.tasks,
        states=company.acts.states,
        scores=planned.night.scores,
        signals=company.frame,
        names=company.names,
        playbook=company.playbook,
        lists=planned.side_lists,
    )
    return night_events(facts, TERMS, last_events(earlier), {})


def next_night(company: SimpleNamespace, planned: PlannedNight, churners: pd.DataFrame) -> NightEvents:
    """Return the events of the night a week later, for these customers who are gone."""
    before = events_of(company, planned).events
    assert planned.ledger is not None
    stage(company.params.output, planned.ledger)
    publish(company.params.output, company.cutoff)
    ledger = read_ledger(company.params.output, NEXT)
    no_exits = pd.DataFrame(columns=["customer_id", "happened_on", "why"], dtype=object)
    states = task_states(ledger.tasks, NO_CONTACTS, no_exits, NEXT)
    company.cutoff, company.history = NEXT, History(ledger, ledger.assignments.iloc[:0])
    company.acts = replace(company.acts, states=states, churners=churners)
    return events_of(company, score_night(**vars(company)), before)


def test_each_treated_customer_of_a_list_gets_an_event_with_the_text_that_the_list_knows(company):
    planned = score_night(**vars(company))
    tasks = tasks_of(planned.ledger).set_index("customer_id")

    events = events_of(company, planned).events

    assert {event.data.customer_id for event in events} == set(tasks.index[tasks["arm"] == "treated"])
    assert 0 < len(events) < len(tasks)
    for event in events:
        assert event.type == CONTACT_PLANNED
        assert isinstance(event.data, PlannedContact)
        value = 10.5 + int(event.data.customer_id.removeprefix("gone-"))
        assert event.data.message is not None
        assert event.data.message.strip() == f"You left 30 days ago, worth {value}."
        assert (event.data.play, event.data.due_at) == ("back", date(2024, 2, 5))


def test_an_open_task_of_a_list_needs_no_second_event(company):
    planned = score_night(**vars(company))

    later = next_night(company, planned, GONE.assign(days_since_left=37.0))

    assert later.events == ()


def test_a_customer_who_is_on_the_list_no_more_is_withdrawn_with_the_reason(company):
    planned = score_night(**vars(company))
    treated = sorted(event.data.customer_id for event in events_of(company, planned).events)
    objecting, back, *rest = treated
    assert rest
    company.acts = replace(company.acts, objected_ids=frozenset([objecting]))

    later = next_night(company, planned, GONE[GONE["customer_id"] != back].assign(days_since_left=37.0))

    assert {(event.type, event.data.customer_id) for event in later.events} == {
        (CONTACT_WITHDRAWN, objecting),
        (CONTACT_WITHDRAWN, back),
    }
    because = {event.data.customer_id: event.data.because for event in later.events}
    assert because[back] == NO_LONGER_ON_LIST
    assert "objected" in because[objecting]
