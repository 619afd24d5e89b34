"""What the report shows of a customer on the call list, drawn."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from churn.contact.notes import add_notes
from churn.scoring.call_list import contacts_table
from churn.scoring.playbook import Playbook, read_playbook
from churn.scoring.reasons import Reason
from churn.scoring.scores import Task

PLAYBOOK = """
plays:
  - name: quiet
    when: {logins_days_since_last: {at_least: 14}}
    action: Call
    owner: success
    channel: email
    due_in_days: 3
    success: They log in
    template: quiet
"""
TEMPLATE = "Subject: Hello {{ name or 'there' }}\n\n{{ logins_days_since_last }} days, health {{ health }}.\n"


@pytest.fixture
def playbook(tmp_path: Path) -> Playbook:
    (tmp_path / "playbook.yaml").write_text(PLAYBOOK)
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "quiet.en.txt").write_text(TEMPLATE)
    return read_playbook(tmp_path / "playbook.yaml", {"logins_days_since_last": "number"}, "en", set())


def task_of(template: str | None) -> Task:
    return Task(
        task_id="t",
        play="quiet",
        action="Call",
        owner="success",
        channel="email",
        due_at=date(2024, 2, 3),
        success=None,
        template=template,
        variant=None,
        arm="treated",
        planned_on=date(2024, 1, 31),
        status="new",
    )


def test_each_customer_has_levels_message_and_last_events(playbook: Playbook) -> None:
    #                      customer, logins, orders
    signals = pd.DataFrame(
        [("ann", 20.7, 3.0), ("bob", float("nan"), 5.0), ("cem", 1.0, 1.0)],
        columns=["customer_id", "logins_days_since_last", "orders_days_since_last"],
    )
    scores = pa.table({"customer_id": ["ann", "bob", "cem"], "health": [1, 2, 3]})
    silent = Reason("silent", "logins_days_since_last", "activity", 0.5, "4")
    reasons = [(silent, Reason("small", "company_size", "profile", 0.1)), ()]

    notes = add_notes(
        contacts_table(["ann", "bob"], {"ann": "Ann"}),
        [task_of("quiet"), task_of("quiet")],
        reasons,
        ["lapsing", None],
        scores,
        signals,
        playbook,
        "en",
    ).to_pylist()

    ann, bob = notes
    assert (ann["rank"], ann["customer_id"], ann["name"]) == (1, "ann", "Ann")
    assert (ann["stage"], bob["stage"]) == ("lapsing", None)
    assert (ann["families"], ann["usual"]) == (["activity", "profile"], ["4", ""])
    assert (ann["subject"], ann["message"]) == ("Hello Ann", "20.7 days, health 1.\n")
    assert ann["last_events"] == [{"table": "logins", "days": 20}, {"table": "orders", "days": 3}]
    assert (bob["families"], bob["message"]) == ([], None)
    assert bob["message_problem"].startswith("templates/quiet.en.txt:3: the template cannot be filled")
    assert bob["last_events"] == [{"table": "orders", "days": 5}]


def test_a_play_without_a_template_has_no_message_and_no_problem(playbook: Playbook) -> None:
    signals = pd.DataFrame({"customer_id": ["ann"], "logins_days_since_last": [20.0]})
    scores = pa.table({"customer_id": ["ann"], "health": [1]})

    (note,) = add_notes(
        contacts_table(["ann"], {}), [task_of(None)], [()], [None], scores, signals, playbook, "en"
    ).to_pylist()

    assert (note["message"], note["message_problem"]) == (None, None)


def test_the_last_events_of_the_companys_own_tables_are_noted(playbook: Playbook) -> None:
    signals = pd.DataFrame({"customer_id": ["ann"], "visits_days_since_last": [4.9]})
    scores = pa.table({"customer_id": ["ann"], "health": [1]})
    call = contacts_table(["ann"], {})

    with_visits, without = (
        add_notes(call, [task_of(None)], [()], [None], scores, signals, playbook, "en", events).to_pylist()[0]
        for events in (("visits",), ())
    )

    assert with_visits["last_events"] == [{"table": "visits", "days": 4}]
    assert without["last_events"] == []


def test_an_empty_call_list_has_the_columns(playbook: Playbook) -> None:
    signals = pd.DataFrame({"customer_id": ["ann"]})
    scores = pa.table({"customer_id": ["ann"], "health": [1]})

    notes = add_notes(contacts_table([], {}), [], [], [], scores, signals, playbook, "en")

    assert notes.num_rows == 0
    assert "last_events" in notes.column_names
