"""Consents and contacts are read as they were known before the cutoff; objections as known today."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import pytest

from churn.data.acts import (
    read_active_hours,
    read_consents,
    read_contact_costs,
    read_contacts,
    read_event_days,
    read_reach,
)
from churn.data.ingest.ingest import ingest
from churn.data.store import Store
from tests.drawn_company import params_of

CUTOFF = date(2024, 3, 1)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    params = params_of(
        tmp_path,
        since=None,
        customers="""
            customer | signed_up_at | email  | timezone         | objected_at
            a        | 2024-01-01   | A@x.de | America/New_York |
            b        | 2024-01-01   |        |                  | 2024-05-01
            """,
        logins="customer | happened_at\na | 2024-01-05",
        consents="""
            customer | given_at         | channel | purpose   | withdrawn_at     | known_at
            a        | 2024-02-01 10:00 | phone   | marketing | 2024-02-29 23:59 | 2024-02-01
            a        | 2024-02-02 10:00 | email   | marketing | 2024-03-01 00:00 | 2024-02-02
            b        | 2024-02-03 23:30 | email   | service   |                  | 2024-03-01
            b        | 2024-03-01 00:00 | email   | service   |                  | 2024-03-01
            """,
        contacts="""
            customer | contacted_at     | task_id | result  | snoozed_until | answered_at
            a        | 2024-02-28 23:30 | t1      | snoozed | 2024-03-20    | 2024-03-01 09:00
            b        | 2024-02-29 10:00 | t2      |         |               | 2024-02-29 11:00
            b        | 2024-03-01 10:00 | t3      | done    |               |
            """,
    )
    return ingest(params, lambda _: None)


def test_consents_are_as_known_before_the_cutoff(store: Store) -> None:
    rows = read_consents(store, CUTOFF).to_pylist()

    assert [(row["customer_id"], row["channel"], row["withdrawn_at"]) for row in rows] == [
        ("a", "phone", datetime(2024, 2, 29, 22, 59)),  # the data are in Berlin's time, the store in UTC
        ("a", "email", None),
    ]
    assert rows[0]["given_at"] == datetime(2024, 2, 1, 9)


def test_contacts_are_as_known_before_the_cutoff_with_local_days(store: Store) -> None:
    contacts = read_contacts(store, CUTOFF)

    assert contacts is not None
    names = ["customer_id", "task_id", "contacted_on", "result", "snoozed_until", "answered_on", "play"]
    assert [tuple(row.values()) for row in contacts.select(names).to_pylist()] == [
        ("a", "t1", date(2024, 2, 28), "snoozed", date(2024, 3, 20), None, None),
        ("b", "t2", date(2024, 2, 29), None, None, date(2024, 2, 29), None),
    ]


def test_costs_of_contacts_are_as_known_before_the_cutoff_and_a_missing_cost_is_not_zero(
    tmp_path: Path,
) -> None:
    params = params_of(
        tmp_path,
        since=None,
        contacts="""
            customer | contacted_at     | task_id | play | arm     | cost  | known_at
            a        | 2024-02-28 10:00 | t1      | call | treated | 3.5   | 2024-02-28 10:00
            a        | 2024-02-28 11:00 |         | mail |         | 0.004 | 2024-02-28 11:00
            a        | 2024-02-28 12:00 |         | mail |         | 0     | 2024-02-28 12:00
            b        | 2024-02-29 23:59 | t2      |      | treated |       | 2024-02-29 23:59
            b        | 2024-02-29 09:00 | t3      | call | Control | 3.5   | 2024-02-29 09:00
            b        | 2024-02-29 10:00 | t4      | call | treated | 9     | 2024-03-01 00:00
            b        | 2024-03-01 00:00 | t5      | call | treated | 9     | 2024-03-01 00:00
            """,
    )

    costs = read_contact_costs(ingest(params, lambda _: None), CUTOFF)

    assert costs is not None
    assert [tuple(row.values()) for row in costs.to_pylist()] == [
        ("a", "t1", "call", 3.5),
        ("a", None, "mail", 0.004),
        ("a", None, "mail", 0.0),
        ("b", "t2", None, None),
    ]


def test_without_a_column_of_costs_there_are_none(store: Store) -> None:
    assert read_contact_costs(store, CUTOFF) is None


def test_objections_are_as_known_today(store: Store) -> None:
    rows = read_reach(store).select(["customer_id", "email", "timezone", "has_objected"]).to_pylist()

    assert rows == [
        {"customer_id": "a", "email": "A@x.de", "timezone": "America/New_York", "has_objected": False},
        {"customer_id": "b", "email": None, "timezone": None, "has_objected": True},
    ]


def test_active_hours_are_local_and_a_date_without_a_time_does_not_count(tmp_path: Path) -> None:
    params = params_of(
        tmp_path,
        since=None,
        customers="""
            customer | signed_up_at | timezone
            a        | 2024-01-01   |
            b        | 2024-01-01   | America/New_York
            """,
        logins="""
            customer | happened_at      | known_at
            a        | 2024-02-05 18:30 | 2024-02-05 18:30
            a        | 2024-02-12 18:59 | 2024-02-12 18:59
            a        | 2024-02-06       | 2024-02-06
            a        | 2024-01-05 09:00 | 2024-01-05 09:00
            a        | 2024-02-07 09:00 | 2024-03-01 09:00
            b        | 2024-02-06 02:30 | 2024-02-06 02:30
            """,
        emails="""
            customer | sent_at          | opened_at
            a        | 2024-02-05 07:00 | 2024-02-05 18:10
            a        | 2024-02-05 07:00 | 2024-03-01 18:10
            """,
        contacts="""
            customer | contacted_at     | answered_at
            b        | 2024-02-06 10:00 | 2024-02-06 21:00
            b        | 2024-02-06 11:00 |
            """,
    )
    store = ingest(params, lambda _: None)
    zones = {"a": "Europe/Berlin", "b": "America/New_York"}

    hours = read_active_hours(store, CUTOFF, zones, since=date(2024, 2, 1))

    assert [tuple(row.values()) for row in hours.to_pylist()] == [
        ("a", 0, 18, 3),  # two logins and a mail on Mondays
        ("b", 0, 20, 1),  # Tuesday 02:30 in Berlin is Monday 20:30 in New York
        ("b", 1, 15, 1),
    ]


def test_a_company_without_these_tables_has_no_contacts_and_no_consents(tmp_path: Path) -> None:
    params = params_of(tmp_path, since=None, logins="customer | happened_at\na | 2024-01-05")
    store = ingest(params, lambda _: None)

    assert read_contacts(store, CUTOFF) is None
    assert len(read_active_hours(store, CUTOFF, {"zoe": "UTC"}, since=date(2024, 1, 1))) == 0
    assert read_consents(store, CUTOFF).num_rows == 0
    assert read_reach(store).column("has_objected").to_pylist() == [False]


def test_event_days_are_local_days_of_what_was_known_from_a_day_on(store: Store) -> None:
    def days(table: str, since: date, column: str | None = None) -> list[tuple[str, str]]:
        rows = read_event_days(store, table, CUTOFF, column, since=since).to_pylist()
        return [(row["customer_id"], str(row["day"])) for row in rows]

    assert days("contacts", date(2024, 1, 1)) == [("a", "2024-02-28"), ("b", "2024-02-29")]
    assert days("contacts", date(2024, 2, 29)) == [("b", "2024-02-29")]
    assert days("contacts", date(2024, 1, 1), "answered_at") == [("b", "2024-02-29")]
    assert days("consents", date(2024, 1, 1), "withdrawn_at") == [("a", "2024-02-29")]
    assert days("orders", date(2024, 1, 1)) == []
    assert days("logins", date(2024, 1, 1), "opened_at") == []
