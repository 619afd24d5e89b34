"""The lists beside the call list: who is on them, who is withheld, and that they change no comparison."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import date

import pandas as pd
import pyarrow.parquet as pq
import pytest

from churn.contact.arms import CONTROL_REASON
from churn.contact.consent import OBJECTED, ON_SUPPRESSION_LIST
from churn.contact.night import History, score_night
from churn.contact.side_list import HAS_CALL_PLAY, HAS_TASK, STILL_A_CUSTOMER, control_units, units_with_tasks
from churn.contact.tasks import task_states
from churn.experiments.ledger import tasks_of
from churn.experiments.units import Units
from churn.params import ControlParams, CsvParams
from churn.scoring.night import Trial
from churn.scoring.playbook import parse_playbook
from tests.drawn_ledger import assigned, drawn, planned
from tests.night_company import CUTOFF, acts_of

PLAYBOOK = """
plays:
  - name: call
    when: {health: {at_most: 2}}
    action: Call
    owner: customer success
    channel: phone
    due_in_days: 2
    success: stays
  - name: thanks
    for: advocates
    when: {health: {at_least: 1}}
    action: {en: Say thanks, de: Danken}
    owner: marketing
    channel: email
    due_in_days: 5
    success: stays
  - name: back
    for: gone
    when: {days_since_left: {at_most: 90}}
    action: {en: Ask why, de: Nach dem Grund fragen}
    owner: marketing
    channel: email
    due_in_days: 5
    success: returns
"""
LATER = date(2024, 2, 19)
KINDS = {"logins_days_since_last": "number"}
GONE = pd.DataFrame(
    [
        ("fil", date(2024, 1, 1), 30.0, 20.0, 400.0),
        ("gus", date(2023, 12, 1), 61.0, None, 500.0),
        ("hal", date(2023, 12, 20), 42.0, 90.5, 100.0),
        ("ida", date(2023, 10, 1), 122.0, 500.0, 600.0),
    ],
    columns=["customer_id", "left_on", "days_since_left", "monthly_value", "tenure_days"],
)


@pytest.fixture
def lists(company):
    """The company with a play for each list; ann and cem get calls, the others are content."""
    company.playbook = parse_playbook(PLAYBOOK, KINDS)
    company.acts = replace(company.acts, churners=GONE)
    profit = company.params.evaluate.profit.model_copy(update={"contact_cost": 0.0})
    evaluate = company.params.evaluate.model_copy(update={"profit": profit})
    company.params = company.params.model_copy(update={"evaluate": evaluate})
    return company


def night_of(company):
    return score_night(**vars(company))


def on(planned, name):
    """Return the ids on a list, in order."""
    lines = csv.DictReader(io.StringIO(planned.lists[name].removeprefix("\ufeff")))
    return [line["customer_id"] for line in lines]


def withheld(planned, name):
    return planned.night.facts["lists"][name]["withheld"]


def test_advocates_are_those_without_a_task_and_those_who_are_gone_come_by_their_value(lists):
    planned = night_of(lists)

    assert set(on(planned, "advocates")) == {"bob", "dea", "eva"}
    assert on(planned, "advocates")[0] == "bob"  # the best health
    assert on(planned, "gone") == ["hal", "fil", "gus"]  # ida left too long ago
    assert withheld(planned, "advocates") == {HAS_CALL_PLAY: 2}
    assert planned.night.facts["lists"]["gone"]["effect"].startswith("not measured")


def test_a_list_says_what_is_known_in_the_language_and_the_form_of_the_team(lists):
    score = {"language": "de", "csv": CsvParams(separator=";", decimal=",")}
    lists.params = lists.params.model_copy(update={"score": lists.params.score.model_copy(update=score)})

    lines = night_of(lists).lists["gone"].splitlines()

    assert lines[0].startswith("\ufeffRang;Kundennummer;Name;gegangen am;Tage seither;Wert im Monat;")
    assert lines[1].startswith("1;hal;;2023-12-20;42;90,50;100;back;Nach dem Grund fragen;marketing;email;")
    assert lines[3].startswith("3;gus;;2023-12-01;61;;500;")


def test_refusals_hold_on_every_list(lists):
    acts = {"objected_ids": frozenset(("bob", "hal")), "suppressed_ids": frozenset(("dea", "gus"))}
    lists.acts = replace(lists.acts, **acts)

    planned = night_of(lists)

    assert on(planned, "advocates") == ["eva"]
    assert on(planned, "gone") == ["fil"]
    assert withheld(planned, "gone") == {OBJECTED: 1, ON_SUPPRESSION_LIST: 1}


def test_a_channel_that_needs_consent_needs_it_on_the_lists_too(lists):
    contact = lists.params.contact.model_copy(update={"consent_channels": ("phone", "email")})
    lists.params = lists.params.model_copy(update={"contact": contact})

    planned = night_of(lists)

    assert on(planned, "gone") == []
    assert withheld(planned, "gone") == {"no consent for email": 3}


def test_a_unit_of_a_control_group_is_on_no_list_and_its_rest_ends_never(lists):
    assignments = pd.DataFrame(
        {
            "experiment": "all contacts",
            "unit": ["bob", "fil", "eva"],
            "arm": ["control", "control", "treated"],
            "position": 0.5,
            "share": 0.1,
            "assigned_on": date(2023, 1, 1),
            "stratum": "",
            "score": 0.1,
            "value": 1.0,
            "customers": [["bob"], ["fil"], ["eva"]],
        }
    )
    lists.history = replace(lists.history, ledger=replace(lists.history.ledger, assignments=assignments))

    planned = night_of(lists)

    assert set(on(planned, "advocates")) == {"dea", "eva"}
    assert on(planned, "gone") == ["hal", "gus"]
    assert withheld(planned, "gone") == {CONTROL_REASON: 1}


def test_of_one_person_one_customer_is_listed_and_nobody_who_is_still_a_customer(lists):
    units = Units({"bob": "bob", "eva": "bob", "hal": "dea", "dea": "dea", "fil": "fil", "gus": "fil"}, 0, {})
    lists.acts = replace(lists.acts, units=units)

    planned = night_of(lists)

    assert on(planned, "advocates").count("bob") == 1
    assert "eva" not in on(planned, "advocates")
    assert on(planned, "gone") == ["fil"]
    assert withheld(planned, "gone") == {
        "another customer of the same person is on this list": 1,
        STILL_A_CUSTOMER: 1,
    }


def test_who_still_has_a_cancelled_contract_under_another_id_is_not_gone(lists):
    units = Units({"hal": "hal", "kim": "hal"}, 0, {})
    lists.acts = replace(lists.acts, units=units, cancelling_ids=frozenset(["kim"]))

    planned = night_of(lists)

    assert on(planned, "gone") == ["fil", "gus"]
    assert withheld(planned, "gone") == {STILL_A_CUSTOMER: 1}


def test_who_has_a_task_is_on_no_list_until_the_rest_is_over(lists):
    tasks = [
        planned("bob", "treated", "call", date(2024, 1, 2), due_at=date(2024, 1, 4), expires_on=CUTOFF),
        planned("hal", "control", "call", date(2024, 1, 20), due_at=date(2024, 1, 22), expires_on=LATER),
    ]
    lists.history = replace(lists.history, ledger=drawn([], tasks, {}))

    night = night_of(lists)

    assert "bob" in on(night, "advocates")
    assert on(night, "gone") == ["fil", "gus"]
    assert withheld(night, "gone") == {HAS_TASK: 1}


def test_a_unit_that_was_merged_since_is_still_a_control_and_still_has_its_task():
    acts = acts_of(units=Units({"hal": "dea"}, 0, {}))
    task = planned("hal", "treated", "call", expires_on=LATER)
    ledger = drawn([assigned("hal", "control"), assigned("bob", "treated")], [task])

    assert control_units(ledger.assignments, acts) == {"hal", "dea"}
    assert units_with_tasks(ledger.tasks, CUTOFF, acts) == {"hal", "dea"}


def test_an_unknown_value_comes_after_a_value_of_0(lists):
    churners = GONE.assign(monthly_value=[0.0, None, 90.5, 500.0], days_since_left=[30.0, 10.0, 42.0, 122.0])
    lists.acts = replace(lists.acts, churners=churners)

    assert on(night_of(lists), "gone") == ["hal", "fil", "gus"]


def test_who_was_contacted_rests(lists):
    lists.acts = replace(lists.acts, recent_contact_ids=frozenset(("bob", "gus")))

    planned = night_of(lists)

    assert "bob" not in on(planned, "advocates")
    assert on(planned, "gone") == ["hal", "fil"]
    assert withheld(planned, "gone") == {"contacted in the last 28 days": 1}


def test_the_lists_change_neither_the_ledger_nor_the_call_list(lists):
    control = ControlParams(share=0.5)
    experiments = lists.params.experiments.model_copy(update={"control": control})
    lists.params = lists.params.model_copy(update={"experiments": experiments})
    with_lists = night_of(lists)
    only_calls = PLAYBOOK.split("  - name: thanks")[0]
    lists.playbook = parse_playbook(only_calls, KINDS)

    without = night_of(lists)

    same = ("assignments.parquet", "tasks.parquet", "bands.parquet")
    assert {name: with_lists.ledger.contents[name] for name in same} == {
        name: without.ledger.contents[name] for name in same
    }
    assert with_lists.night.calls == without.night.calls
    assert without.lists == {}


def test_a_trial_has_no_lists(lists):
    lists.trial = Trial(("beats_rfm",), ("why",), ("rule",))

    planned = night_of(lists)

    assert planned.lists == {}
    assert planned.night.facts["lists"] == {}


def test_the_dry_run_counts_the_lists_too(lists):
    lines = night_of(lists).dry_run

    thanks = next(line for line in lines if " thanks " in line)
    back = next(line for line in lines if " back " in line)
    assert thanks.split()[-3:] == ["5", "5", "3"]
    assert back.split()[-3:] == ["3", "3", "3"]


# --- a list with a control group plans tasks

MEASURED = PLAYBOOK.replace("for: gone", "for: gone\n    control: 0.5")
NEXT = date(2024, 2, 7)


@pytest.fixture
def measured(lists):
    """The list of those who are gone has a control group."""
    lists.playbook = parse_playbook(MEASURED, KINDS)
    return lists


def list_tasks(planned):
    tasks = tasks_of(planned.ledger)
    return tasks[tasks["play"] == "back"].set_index("customer_id")


def lines_of(planned, name):
    return list(csv.DictReader(io.StringIO(planned.lists[name].removeprefix("\ufeff"))))


def test_each_new_customer_of_either_arm_has_a_task_and_only_the_treated_are_listed(measured):
    night = night_of(measured)

    tasks, arms = list_tasks(night), list_tasks(night)["arm"]
    assert set(arms.index) == {"hal", "fil", "gus"}
    assert set(arms) == {"treated", "control"}
    assert on(night, "gone") == [who for who in ("hal", "fil", "gus") if arms[who] == "treated"]
    assert set(tasks["due_at"]) == {date(2024, 2, 5)}
    assert tasks["churn_probability"].isna().all()
    assert set(tasks.loc[arms == "control", "control_of"]) == {"back"}
    assert withheld(night, "gone") == {CONTROL_REASON: int((arms == "control").sum())}
    facts = night.night.facts["lists"]
    assert (facts["gone"]["new"], facts["gone"]["controls"]) == (
        (arms == "treated").sum(), (arms == "control").sum(),
    )  # fmt: skip
    assert facts["gone"]["effect"] == "measured by `churn measure`: back"
    line = lines_of(night, "gone")[0]
    assert (line["due_at"], line["listed_since"]) == ("2024-02-05", "2024-01-31")
    assert line["task_id"] == tasks.loc[line["customer_id"], "task_id"]
    assert "due_at" not in lines_of(night, "advocates")[0]


def test_a_repeated_night_gives_the_same_page(measured):
    first = night_of(measured)
    own = read_assignments(first)
    measured.history = replace(measured.history, own_assignments=own)

    again = night_of(measured)

    assert again.ledger.contents["tasks.parquet"] == first.ledger.contents["tasks.parquet"]
    assert again.ledger.contents["assignments.parquet"] == first.ledger.contents["assignments.parquet"]
    assert again.lists == first.lists


def read_assignments(planned):
    table = pq.read_table(io.BytesIO(planned.ledger.contents["assignments.parquet"]))
    frame = table.to_pandas()
    frame["customers"] = [list(customers) for customers in frame["customers"]]
    return frame


def next_night(company, planned, contacts=None):
    """Let the company be a week later, with the page of the night before."""
    tasks, ledger = tasks_of(planned.ledger), company.history.ledger
    ledger = replace(ledger, tasks=tasks, assignments=read_assignments(planned))
    states = task_states(
        tasks, contacts, pd.DataFrame(columns=["customer_id", "happened_on", "why"], dtype=object), NEXT
    )
    company.cutoff = NEXT
    company.history = History(ledger, ledger.assignments.iloc[:0])
    company.acts = replace(company.acts, states=states)
    return night_of(company)


CONTACT_COLUMNS = [
    *("customer_id", "contacted_at", "contacted_on", "task_id", "play", "variant", "arm"),
    *("channel", "result", "answered_on", "snoozed_until"),
]
NO_CONTACTS = pd.DataFrame(columns=CONTACT_COLUMNS, dtype=object)


def test_an_open_task_keeps_its_customer_and_its_date_on_the_list_in_both_arms(measured):
    first = night_of(measured)
    arms = list_tasks(first)["arm"]

    second = next_night(measured, first, NO_CONTACTS)

    assert list_tasks(second).empty
    assert on(second, "gone") == on(first, "gone")
    assert lines_of(second, "gone")[0]["due_at"] == "2024-02-05"
    assert withheld(second, "gone") == {CONTROL_REASON: int((arms == "control").sum())}
    assert second.night.facts["came_off"] == {}
    assert "back" not in second.night.calls


def test_who_was_contacted_rests_and_the_control_stays_a_control(measured):
    first = night_of(measured)
    who = on(first, "gone")[0]
    row = dict.fromkeys(CONTACT_COLUMNS) | {
        "customer_id": who, "contacted_at": pd.Timestamp(2024, 2, 5), "contacted_on": date(2024, 2, 5),
        "task_id": list_tasks(first).loc[who, "task_id"], "result": "done",
    }  # fmt: skip

    second = next_night(measured, first, pd.DataFrame([row]))

    assert who not in on(second, "gone")
    assert withheld(second, "gone")[HAS_TASK] == 1


def test_a_budget_bounds_the_new_contacts_of_both_arms(measured):
    measured.playbook = parse_playbook(MEASURED.replace("control: 0.5", "control: 0.5\n    budget: 1"), KINDS)

    night = night_of(measured)

    assert list(list_tasks(night).index) == ["hal"]  # the most valuable
    assert withheld(night, "gone")["no place left for back"] == 2


def test_a_control_of_the_call_list_is_in_no_arm_of_a_list(measured):
    ledger = drawn([assigned("hal", "control", date(2023, 1, 1))], [], {})
    measured.history = replace(measured.history, ledger=ledger)

    night = night_of(measured)

    assert set(list_tasks(night).index) == {"fil", "gus"}


def test_the_call_list_does_not_see_the_tasks_of_a_list(measured):
    measured.playbook = parse_playbook(
        MEASURED.replace("for: advocates", "for: advocates\n    control: 0.5"), KINDS
    )
    first = night_of(measured)
    tasks = tasks_of(first.ledger)

    second = next_night(measured, first, NO_CONTACTS)

    assert set(tasks[tasks["play"] == "thanks"]["customer_id"]) == {"bob", "dea", "eva"}
    assert "thanks" not in second.night.calls
