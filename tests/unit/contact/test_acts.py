"""What is known before a night is planned, read from the store."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pandas as pd
import pytest

from churn.contact.acts import read_acts, state_warnings
from churn.contact.tasks import TaskStates
from churn.data.ingest.ingest import ingest
from churn.errors import ParamsError
from churn.experiments.ledger import empty_ledger
from churn.params import ContactParams, ExperimentsParams
from tests.drawn_company import params_of

CUTOFF = date(2024, 3, 1)


@pytest.fixture
def store(tmp_path):
    params = params_of(
        tmp_path,
        since=None,
        customers="""
            customer | signed_up_at | email   | timezone         | objected_at
            ann      | 2024-01-01   | a@x.org | America/New_York |
            anna     | 2024-01-01   | A@x.org |                  | 2024-05-01
            bob      | 2024-01-01   | b@x.org | Mars             |
            cem      | 2024-01-01   |         |                  |
            dan      | 2024-01-01   |         |                  |
            """,
        logins="customer | happened_at\nann | 2024-01-05\nbob | 2024-02-20\ndan | 2024-01-06",
        tickets="customer | opened_at\ncem | 2024-02-03 10:00\nann | 2024-02-09 10:00",
        consents="""
            customer | given_at         | channel | purpose   | withdrawn_at
            bob      | 2024-02-01 10:00 | phone   | marketing | 2024-02-29 23:59
            cem      | 2024-02-02 10:00 | phone   | marketing | 2024-03-01 00:00
            """,
    )
    return ingest(params, lambda _: None)


def ledger_of(*customers: str):
    rows = [
        {
            "task_id": f"task of {customer}",
            "customer_id": customer,
            "unit": customer,
            "play": "call",
            "arm": "treated",
            "planned_on": date(2024, 2, 1),
            "due_at": date(2024, 2, 5),
            "expires_on": date(2024, 3, 4),
            "churn_probability": 0.5,
        }
        for customer in customers
    ]
    ledger = empty_ledger()
    tasks = pd.DataFrame(rows, columns=ledger.tasks.columns)
    return type(ledger)(ledger.assignments, tasks, ledger.bands, ledger.holdings, ())


ROSTER = pd.DataFrame(
    [("ann", None), ("anna", "pending cancellation"), ("bob", None), ("cem", None), ("dan", "inactive")],
    columns=["customer_id", "excluded_because"],
)


def acts_of(store, ledger=None, **contact):
    return read_acts(
        store,
        CUTOFF,
        ExperimentsParams(),
        ContactParams(**contact),
        ledger or empty_ledger(),
        ROSTER,
    )


def test_an_objection_and_a_suppression_hold_for_the_whole_person(store, tmp_path):
    path = tmp_path / "suppressed.csv"
    path.write_text("customer_id\nanna\nnobody\n")

    acts = acts_of(store, suppression=(path,))

    assert acts.objected_ids == {"ann", "anna"}
    assert acts.suppressed_ids == {"ann", "anna"}
    assert acts.units.unit_of["anna"] == acts.units.unit_of["ann"] == "ann"
    assert any("1 line of the suppression list match" in warning for warning in acts.warnings)


def test_who_has_cancelled_and_still_has_a_contract_is_not_gone(store):
    acts = acts_of(store)

    assert acts.cancelling_ids == {"anna"}
    assert acts.churners["customer_id"].tolist() == ["dan"]


def test_who_was_contacted_in_the_days_of_rest_is_known_also_without_a_task(tmp_path):
    contacts = (
        "customer | contacted_at\nann | 2024-02-02 00:00\nbob | 2024-02-01 23:59\ncem | 2024-03-01 00:00"
    )
    params = params_of(
        tmp_path, since=None, logins="customer | happened_at\nann | 2024-01-05", contacts=contacts
    )

    acts = acts_of(ingest(params, lambda _: None), rest_days=28)

    assert acts.recent_contact_ids == {"ann"}


def test_consents_hold_as_of_the_cutoff_and_unknown_zones_are_named(store):
    acts = acts_of(store)

    assert acts.consents.customers_by_channel == {"phone": frozenset({"cem"})}
    assert acts.zones["ann"] == "America/New_York"
    assert acts.zones["bob"] == store.params.timezone
    assert any("'Mars' is not a time zone" in warning for warning in acts.warnings)


def test_exits_end_tasks_of_customers_who_asked_for_help_or_are_not_at_risk(store):
    acts = acts_of(store, ledger_of("ann", "bob", "cem", "gone"))

    states = acts.states.states.set_index("task_id")
    # The company maps no contacts, so a task without an exit before its due date counts as done.
    assert states["state"].to_dict() == {
        "task of ann": "done",  # the ticket came after the due date
        "task of bob": "done",
        "task of cem": "withdrawn",
        "task of gone": "withdrawn",
    }
    assert states["why"].dropna().to_dict() == {
        "task of cem": "opened a ticket before the due date",
        "task of gone": "no longer at risk",
    }
    assert acts.states.is_assumed


def test_who_was_gone_when_the_task_was_planned_does_not_leave_again(store):
    ledger = ledger_of("gone")
    ledger = replace(ledger, tasks=ledger.tasks.assign(churn_probability=float("nan")))

    assert acts_of(store, ledger).states.states["state"].tolist() == ["done"]


def test_a_suppression_list_that_is_missing_stops_the_night(store, tmp_path):
    with pytest.raises(ParamsError, match="there is no file"):
        acts_of(store, suppression=(tmp_path / "absent.csv",))


def test_contacts_that_a_person_must_look_at_are_warnings_with_a_way_out():
    nothing = TaskStates(pd.DataFrame())
    states = TaskStates(
        pd.DataFrame(),
        n_unmatched=2,
        unknown_results={"maybe": 3},
        n_snoozed_without_date=1,
        contacted_controls=("t1", "t2"),
    )

    warnings = list(state_warnings(states))

    assert list(state_warnings(nothing)) == []
    assert [warning.partition(":")[0] for warning in warnings] == ["contacts"] * 4
    assert "2 (first: t1, t2)" in warnings[0]
    assert "correct `task_id`" in warnings[1]
    assert "done, no answer, declined, snoozed" in warnings[2]
    assert "Give the day" in warnings[3]
