"""The events of a night, drawn: the six customers of `tests.night_company`."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pyarrow as pa
import pytest

from churn.contact.night import History, score_night
from churn.contact.plan import CONTROL_REASON
from churn.contact.rhythm import BestHour
from churn.contact.tasks import task_states
from churn.experiments.ledger import Ledger, LedgerNight, read_ledger, stage, tasks_of
from churn.experiments.ledger import publish as publish_ledger
from churn.handover.event import Event, last_events
from churn.handover.events import (
    NOT_CONTACTED,
    PLANNED_OTHERWISE,
    EventTerms,
    NightEvents,
    NightFacts,
    night_events,
)
from churn.params import ControlParams
from churn.scoring.night import Trial
from churn.scoring.scores import CONTROL_ARM
from tests.drawn_outbox import company_in, playbook_with
from tests.night_company import acts_of

TERMS = EventTerms("en", "Europe/Berlin")
NEXT = date(2024, 2, 1)


def events_of(
    company: SimpleNamespace,
    earlier: list[Event] | None = None,
    own_events: list[Event] | None = None,
) -> tuple[NightEvents, LedgerNight]:
    planned = score_night(**vars(company))
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
        best_hours=company.acts.best_hours,
    )
    own_by_task = {event.data.task_id: event for event in own_events or ()}
    return night_events(facts, TERMS, last_events(earlier or ()), own_by_task), planned.ledger


def by_customer(events: NightEvents) -> dict[str, Event]:
    return {event.data.customer_id: event for event in events.events}


def next_night(
    folder: Path, page: LedgerNight, exits: list[tuple[str, date, str]] | None = None, **acts: object
) -> SimpleNamespace:
    """Return the company one night later, with the page of the night before in its ledger."""
    stage(folder, page)
    publish_ledger(folder, page.facts.cutoff)
    ledger: Ledger = read_ledger(folder, NEXT)
    company = company_in(folder)
    company.cutoff = NEXT
    company.history = History(ledger, ledger.assignments.iloc[:0])
    columns = ["customer_id", "happened_on", "why"]
    contacts = pd.DataFrame(
        columns=[
            *("customer_id", "contacted_at", "contacted_on", "task_id", "play", "variant", "arm"),
            *("channel", "result", "answered_on", "snoozed_until"),
        ],
        dtype=object,
    )
    contacts = acts.pop("contacts", contacts)
    states = task_states(
        ledger.tasks, contacts, pd.DataFrame(exits or [], columns=columns, dtype=object), NEXT
    )
    company.acts = acts_of(states=states, **acts)
    return company


# --- planned


def test_best_hours_are_in_the_events_only_if_the_night_has_them(tmp_path: Path) -> None:
    plain = by_customer(events_of(company_in(tmp_path))[0])["ann"]
    company = company_in(tmp_path)
    company.acts = acts_of(best_hours={"ann": BestHour(18, 12)})
    own = by_customer(events_of(company)[0])

    data = {who: json.loads(event.body)["data"] for who, event in own.items()}
    assert (data["ann"]["best_hour"], data["ann"]["best_hour_events"]) == ("18:00", 12)
    assert (data["cem"]["best_hour"], data["cem"]["best_hour_events"]) == (None, 0)
    assert Event.model_validate_json(own["ann"].line) == own["ann"]
    assert "best_hour" not in plain.line + plain.body.decode()
    assert plain.id == own["ann"].id


def test_each_treated_customer_with_a_new_task_gets_an_event_with_all_of_the_contact(tmp_path: Path) -> None:
    events, page = events_of(company_in(tmp_path))

    tasks = tasks_of(page).set_index("customer_id")
    ann = by_customer(events)["ann"]
    assert set(by_customer(events)) == {"ann", "cem"} == set(tasks.index)
    assert ann.model_dump(exclude={"id", "data"}) == {
        "type": "contact.planned",
        "timestamp": datetime(2024, 1, 30, 23, tzinfo=UTC),
    }
    assert ann.data.model_dump(exclude={"best_hour", "best_hour_events"}) == {
        "task_id": tasks.loc["ann", "task_id"],
        "sequence": 1,
        "customer_id": "ann",
        "name": "Ann <b>",
        "play": "write",
        "variant": None,
        "action": "Write a mail",
        "owner": "marketing",
        "channel": "email",
        "template": "note",
        "subject": "Hello Ann <b>",
        "message": "marketing writes by email before 2024-02-05: 40 days.\n- 40 days since the last login\n",
        "message_problem": None,
        "reasons": ("40 days since the last login",),
        "planned_on": date(2024, 1, 31),
        "due_at": date(2024, 2, 5),
        "not_before": datetime(2024, 2, 5, 8, tzinfo=UTC),  # the end of the quiet hours
        "expires_on": tasks.loc["ann", "expires_on"],
    }


def test_the_same_night_gives_the_same_bytes_and_lines_are_read_back(tmp_path: Path) -> None:
    first, _ = events_of(company_in(tmp_path))
    second, _ = events_of(company_in(tmp_path))

    lines = [event.line for event in first.events]
    assert lines == [event.line for event in second.events]
    assert [Event.model_validate_json(line) for line in lines] == list(first.events)
    for event in first.events:
        assert "\n" not in event.line
        assert json.loads(event.body) == {
            key: value for key, value in json.loads(event.line).items() if key != "id"
        }


def test_the_task_of_a_control_has_no_event(tmp_path: Path) -> None:
    company = company_in(tmp_path)
    experiments = company.params.experiments.model_copy(update={"control": ControlParams(share=0.5)})
    company.params = company.params.model_copy(update={"experiments": experiments})

    events, page = events_of(company)

    arms = tasks_of(page).set_index("customer_id")["arm"]
    assert set(arms) == {"treated", CONTROL_ARM}
    assert set(by_customer(events)) == set(arms[arms == "treated"].index)
    assert "control" not in "".join(event.line for event in events.events)


def test_a_trial_has_no_page_in_the_ledger_and_so_no_event(tmp_path: Path) -> None:
    company = company_in(tmp_path)

    assert score_night(**vars(company), trial=Trial(("g",), ("w",), ("r",))).ledger is None


def test_a_message_that_cannot_be_filled_is_counted_and_the_contact_is_planned_without_it(
    tmp_path: Path,
) -> None:
    company = company_in(tmp_path, playbook_with("Hello {{ name }}\n"))  # the name of cem is not known

    events, _ = events_of(company)

    ann, cem = (by_customer(events)[who].data for who in ("ann", "cem"))
    [(problem, count)] = events.message_problems.items()
    assert (ann.message, ann.message_problem) == ("Hello Ann <b>\n", None)
    assert (cem.message, cem.message_problem) == (None, problem)
    assert problem.startswith("templates/note.en.txt:1: ")
    assert count == 1


# --- withdrawn, and planned again


def test_an_open_task_needs_no_second_event(tmp_path: Path) -> None:
    before, page = events_of(company_in(tmp_path))

    events, _ = events_of(next_night(tmp_path, page), list(before.events))

    assert events.events == ()
    assert events.n_never_planned == 0


@pytest.mark.parametrize(
    ("change", "because"),
    [
        ({"exits": [("ann", date(2024, 1, 31), "came back")]}, "came back"),
        (
            {"exits": [("ann", date(2024, 1, 31), "opened a ticket before the due date")]},
            "opened a ticket before the due date",
        ),
        ({"objected_ids": frozenset(("ann",))}, "objected to being contacted"),
        ({"suppressed_ids": frozenset(("ann",))}, "on a suppression list"),
    ],
    ids=["came back", "ticket", "objected", "suppressed"],
)
def test_a_planned_contact_that_must_not_take_place_any_more_is_withdrawn(
    tmp_path: Path, change: dict[str, object], because: str
) -> None:
    before, page = events_of(company_in(tmp_path))

    events, _ = events_of(next_night(tmp_path, page, **change), list(before.events))

    [event] = [event for event in events.events if event.type == "contact.withdrawn"]
    planned = by_customer(before)["ann"]
    assert (event.data.task_id, event.data.sequence) == (planned.data.task_id, 1)
    assert event.data.because == because
    assert event.id != planned.id


def test_a_customer_who_has_become_a_control_is_withdrawn_without_naming_the_arm(tmp_path: Path) -> None:
    before, page = events_of(company_in(tmp_path))
    company = next_night(tmp_path, page)
    scores = score_night(**vars(company)).night.scores
    customers = scores["customer_id"].to_pylist()
    for name, of_ann in (("not_contacted_because", CONTROL_REASON), ("task_id", None)):
        values = scores[name].to_pylist()
        values[customers.index("ann")] = of_ann
        position = scores.column_names.index(name)
        scores = scores.set_column(position, scores.schema.field(name), pa.array(values, pa.string()))
    facts = NightFacts(
        cutoff=NEXT,
        new_tasks=company.history.ledger.tasks.iloc[:0],
        earlier_tasks=company.history.ledger.tasks,
        states=company.acts.states,
        scores=scores,
        signals=company.frame,
        names=company.names,
        playbook=company.playbook,
    )

    events = night_events(facts, TERMS, last_events(before.events), {})

    [event] = events.events
    assert (event.type, event.data.customer_id) == ("contact.withdrawn", "ann")
    assert getattr(event.data, "because", "") == NOT_CONTACTED
    assert "control" not in event.line


def test_a_withdrawn_contact_is_withdrawn_once(tmp_path: Path) -> None:
    before, page = events_of(company_in(tmp_path))
    company = next_night(tmp_path, page, objected_ids=frozenset(("ann",)))
    withdrawn, _ = events_of(company, list(before.events))

    again, _ = events_of(company, [*before.events, *withdrawn.events])

    assert len(withdrawn.events) == 1
    assert again.events == ()


def test_a_contact_that_may_take_place_again_is_planned_under_another_id(tmp_path: Path) -> None:
    before, page = events_of(company_in(tmp_path))
    company = next_night(tmp_path, page, objected_ids=frozenset(("ann",)))
    withdrawn, _ = events_of(company, list(before.events))
    company.acts = replace(company.acts, objected_ids=frozenset())

    again, _ = events_of(company, [*before.events, *withdrawn.events])

    [event] = again.events
    first = by_customer(before)["ann"]
    assert (event.type, event.data.task_id, event.data.sequence) == (
        "contact.planned",
        first.data.task_id,
        2,
    )
    assert event.id != first.id
    assert event.data.reasons == first.data.reasons


@pytest.mark.parametrize("result", ["done", "declined", "snoozed", "no answer"])
def test_an_answered_or_snoozed_task_needs_no_event(tmp_path: Path, result: str) -> None:
    before, page = events_of(company_in(tmp_path))
    task = by_customer(before)["ann"].data.task_id
    contacts = pd.DataFrame(
        [
            (
                *("ann", pd.Timestamp("2024-01-31 10:00"), date(2024, 1, 31), task, "write", None, None),
                *("email", result, None, date(2024, 2, 20) if result == "snoozed" else None),
            )
        ],
        columns=[
            *("customer_id", "contacted_at", "contacted_on", "task_id", "play", "variant", "arm"),
            *("channel", "result", "answered_on", "snoozed_until"),
        ],
        dtype=object,
    )

    events, _ = events_of(next_night(tmp_path, page, contacts=contacts), list(before.events))

    assert events.events == ()


def test_an_open_task_of_a_night_without_outbox_is_counted_and_never_handed_over(tmp_path: Path) -> None:
    _, page = events_of(company_in(tmp_path))

    events, _ = events_of(next_night(tmp_path, page))

    assert (events.events, events.n_never_planned) == ((), 2)


# --- the same night scored again


def test_a_night_scored_again_withdraws_what_it_no_longer_plans_and_then_stays_the_same(
    tmp_path: Path,
) -> None:
    first, _ = events_of(company_in(tmp_path))
    company = company_in(tmp_path)
    company.acts = acts_of(objected_ids=frozenset(("ann",)))

    second, _ = events_of(company, own_events=list(first.events))
    third, _ = events_of(company, own_events=list(second.events))

    ann, cem = (by_customer(second)[who] for who in ("ann", "cem"))
    assert (ann.type, cem) == ("contact.withdrawn", by_customer(first)["cem"])
    assert getattr(ann.data, "because", "") == PLANNED_OTHERWISE
    assert third.events == second.events


def test_a_night_scored_a_third_time_plans_the_contact_again_under_another_id(tmp_path: Path) -> None:
    first, _ = events_of(company_in(tmp_path))
    company = company_in(tmp_path)
    company.acts = acts_of(objected_ids=frozenset(("ann",)))
    second, _ = events_of(company, own_events=list(first.events))

    third, _ = events_of(company_in(tmp_path), own_events=list(second.events))
    fourth, _ = events_of(company_in(tmp_path), own_events=list(third.events))

    assert by_customer(third)["ann"].data.sequence == 2
    assert by_customer(third)["cem"] == by_customer(first)["cem"]
    assert fourth.events == third.events
