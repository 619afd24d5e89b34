"""The answer to an access request: all that is held about one customer, and nothing about others."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from churn.contact.access import TrainedModel, read_access
from churn.data.ingest.ingest import ingest
from churn.errors import CallError, SourceError
from churn.experiments.ledger import empty_ledger
from churn.reporting.access_lines import access_json, access_lines
from churn.scoring.sink import night_files, scores_path, write_night
from churn.snapshots.manifest import SnapshotCutoff, SnapshotManifest
from tests.drawn_company import params_of
from tests.drawn_ledger import assigned, drawn, planned, publish_page

NIGHT, EARLIER = date(2024, 3, 1), date(2024, 2, 1)
MODEL = TrainedModel("champion", "7", "digest", (date(2024, 1, 1), date(2024, 1, 8), date(2024, 1, 15)))


def write_ledger_night(output, night, previous, assignments, tasks):
    ledger = drawn(assignments, tasks)
    bands = pd.DataFrame({"customer_id": ["ann", "bob"], "raw_band": [2, 4], "band": [3, 4]})
    holdings = pd.DataFrame({"customer_id": ["bob"], "play": ["call"], "nights": [2]})
    publish_page(output, night, previous, ledger, bands=bands, holdings=holdings)


def write_scores(output):
    scores = pa.table(
        {
            "customer_id": ["ann", "bob"],
            "cutoff": [NIGHT, NIGHT],
            "churn_probability": [0.25, 0.5],
            "not_contacted_because": ["cooldown", None],
            "reason_1": ["no login for 20 days", "a low rating"],
        }
    )
    contacts = pa.table({"rank": [1], "customer_id": ["bob"], "name": ["Bob"]})
    gone = "\ufeffRang;Kundennummer;Spielzug\r\n1;ann;win-back\r\n2;'=1+1;win-back\r\n"
    write_night(output, NIGHT, night_files(scores, "", contacts, {}, lists={"gone": gone}))


def write_snapshot_files(output):
    cutoffs = {}
    for day, left in (("2024-01-01", 0), ("2024-01-08", None), ("2024-01-22", 1)):
        folder = output / "snapshots" / f"cutoff={day}"
        folder.mkdir(parents=True)
        rows = {"customer_id": ["ann", "cem"], "left": pa.array([left, 1], pa.int8())}
        pq.write_table(pa.table(rows), folder / "part.parquet")
        cutoffs[day] = SnapshotCutoff(
            rows=2, left=1, matured=True, window_end=NIGHT, mature_on=NIGHT
        )  # fmt: skip
    manifest = SnapshotManifest(
        cutoffs=cutoffs, signals=(), label_id="label", store_digest="d", watermark=NIGHT
    )
    manifest.write(output / "snapshots")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    params = params_of(
        tmp_path_factory.mktemp("company"),
        watermark="2024-07-02",
        since=None,
        customers="""
            customer | signed_up_at | email   | name | objected_at
            ann      | 2024-01-01   | a@x.org | Ann  | 2024-07-01 12:30
            anna     | 2024-01-01   | A@x.org | Anna |
            bob      | 2024-01-01   | b@x.org | Bob  |
            cem      | 2024-01-01   |         |      |
            """,
        logins="customer | happened_at\nann | 2024-06-30 23:30\nbob | 2024-02-20 10:00",
        payments="customer | due_at | amount | paid_at\nann | 2024-01-31 08:00 | 12.34 | 2024-02-01 09:15",
        tickets="customer | opened_at\nann | 2024-02-03 10:00\nann | nonsense",
        consents="customer | given_at | channel | purpose\nann | 2024-02-01 10:00 | phone | marketing",
        params={"check": {"max_rejects": 0.9}},
    )
    store = ingest(params, lambda _: None)
    person = assigned("anna", "treated", EARLIER, customers=["ann", "anna"])
    task = planned("ann", "treated", "call", EARLIER, due_at=date(2024, 2, 6))
    task |= {
        "expires_on": date(2024, 3, 6),
        "unit": "anna",
        "not_before": datetime(2024, 2, 5, 7, tzinfo=UTC),
    }
    write_ledger_night(params.output, EARLIER, None, [person, assigned("bob", "control", EARLIER)], [task])
    gone = assigned("gone", "treated", NIGHT)
    write_ledger_night(params.output, NIGHT, EARLIER, [gone], [])
    write_scores(params.output)
    write_snapshot_files(params.output)
    return store


def record_of(store, customer, suppression=()):
    return read_access(store, customer, store.params.output, suppression, (MODEL,))


def rows_of(record, name):
    (section,) = (section for section in record.sections if section.name == name)
    return [dict(row) for row in section.rows]


def test_the_rows_of_the_store_have_local_times_names_and_units(store):
    record = record_of(store, "ann")

    (customer,) = rows_of(record, "customers")
    assert customer["name"] == "Ann"
    assert customer["objected_at"] == "2024-07-01 12:30:00+02:00"
    assert rows_of(record, "logins") == [{"happened_at": "2024-06-30 23:30:00+02:00"}]
    assert rows_of(record, "payments") == [
        {
            "due_at": "2024-01-31 08:00:00+01:00",
            "amount": 12.34,
            "paid_at": "2024-02-01 09:15:00+01:00",
        }
    ]
    assert [row["opened_at"] for row in rows_of(record, "rejected rows of tickets")] == ["nonsense"]


def test_the_permissions_hold_objection_consents_and_the_lists_that_name_the_customer(store, tmp_path):
    named, other = tmp_path / "named.csv", tmp_path / "other.csv"
    named.write_text("email\nA@X.org\n")
    other.write_text("customer_id\nbob\n")

    permissions = rows_of(record_of(store, "ann", (named, other)), "consents and objection")

    assert [row["kind"] for row in permissions] == ["objection", "consent", "suppression list"]
    assert permissions[1]["channel"] == "phone"
    assert permissions[2]["file"] == str(named)
    assert rows_of(record_of(store, "cem", (named, other)), "consents and objection") == []


def test_nights_say_the_score_and_why_the_customer_is_or_is_not_contacted(store):
    (ann,) = rows_of(record_of(store, "ann"), "scores")
    (bob,) = rows_of(record_of(store, "bob"), "scores")

    assert (ann["cutoff"], ann["churn_probability"], ann["reason_1"]) == (
        "2024-03-01", 0.25, "no login for 20 days",
    )  # fmt: skip
    assert (ann["call_list"], ann["not_contacted_because"]) == ("not on the call list", "cooldown")
    assert bob["call_list"] == "on the call list, place 1"


def test_the_lists_that_name_the_customer_are_told_without_other_customers(store):
    assert rows_of(record_of(store, "ann"), "lists") == [
        {"cutoff": str(NIGHT), "list": "gone", "Rang": "1", "Spielzug": "win-back"}
    ]
    assert rows_of(record_of(store, "bob"), "lists") == []


def test_the_ledger_tells_the_arm_the_tasks_with_their_states_and_the_bands(store):
    record = record_of(store, "ann")

    (arm,) = rows_of(record, "experiments")
    assert (arm["experiment"], arm["arm"], arm["assigned_on"]) == ("universal", "treated", "2024-02-01")
    assert arm["customers_in_unit"] == 2
    (task,) = rows_of(record, "tasks")
    assert (task["play"], task["due_at"], task["state"], task["since"], task["why"]) == (
        "call", "2024-02-06", "withdrawn", "2024-02-03", "opened a ticket before the due date",
    )  # fmt: skip
    assert task["not_before"] == "2024-02-05 08:00:00+01:00"
    assert "counts as done on its due date" in next(s.note for s in record.sections if s.name == "tasks")
    bands = rows_of(record, "health bands")
    assert [(row["night"], row["band"]) for row in bands] == [("2024-02-01", 3), ("2024-03-01", 3)]
    held = rows_of(record_of(store, "bob"), "nights in a row on which the condition of a play held")
    assert held[0]["nights"] == 2


def test_a_model_learnt_from_the_cutoffs_at_which_the_customer_has_a_label(store):
    record = record_of(store, "ann")

    assert [row["cutoff"] for row in rows_of(record, "snapshots")] == [
        "2024-01-01", "2024-01-08", "2024-01-22",
    ]  # fmt: skip
    assert rows_of(record, "models") == [{"role": "champion", "version": "7", "trained_cutoff": "2024-01-01"}]
    assert rows_of(record_of(store, "bob"), "models") == []
    assert "does not prove that the model learnt from this customer" in record.sections[-1].note


def test_the_answer_names_no_other_customer(store):
    record = record_of(store, "ann")

    for text in (access_json(record), "\n".join(access_lines(record))):
        assert "anna" not in text.casefold()
        assert "bob" not in text.casefold()


def test_a_customer_whom_only_the_ledger_knows_is_shown(store):
    record = record_of(store, "gone")

    assert [row["assigned_on"] for row in rows_of(record, "experiments")] == ["2024-03-01"]
    assert [section.name for section in record.sections if section.rows] == ["experiments"]


def test_an_id_under_which_nothing_is_held_is_refused_without_naming_another(store):
    with pytest.raises(CallError, match=r"'an': .* holds nothing under this id") as refused:
        record_of(store, "an")

    assert refused.value.exit_code == 2
    assert "ann" not in str(refused.value).replace("cannot", "")


def test_text_and_json_give_the_same_rows(store):
    record = record_of(store, "ann")

    answer = json.loads(access_json(record))
    text = list(access_lines(record))

    assert answer["customer_id"] == "ann"
    assert [part["name"] for part in answer["sections"]] == [part.name for part in record.sections]
    assert sum(line.startswith("  - ") for line in text) == sum(len(p["rows"]) for p in answer["sections"])
    assert "tasks: 1 row in" in "\n".join(text)


def test_damaged_scores_are_an_error_with_a_way_out(store, tmp_path):
    path = scores_path(store.params.output, NIGHT)
    sound = path.read_bytes()
    path.write_bytes(sound[:-8] + b"damaged!")
    try:
        with pytest.raises(SourceError, match=r"scores.parquet.*`churn score --cutoff 2024-03-01`"):
            record_of(store, "ann")
    finally:
        path.write_bytes(sound)


def test_a_company_without_nights_and_snapshots_has_empty_parts(tmp_path):
    params = params_of(tmp_path, since=None, logins="customer | happened_at\nann | 2024-02-20 10:00")
    store = ingest(params, lambda _: None)

    record = read_access(store, "ann", params.output, (), ())

    assert [section.name for section in record.sections if section.rows] == ["customers", "logins"]
    assert empty_ledger().tasks.empty
