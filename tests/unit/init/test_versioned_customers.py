"""A table of customers may be a history: several versions of each customer, with their begin and end."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest

from churn.init.entry import open_questions
from tests.cases import case
from tests.unit.init.exports import N_CUSTOMERS, Rows, draft, ingest_draft, members, orders, write_tables


def test_a_snapshot_of_customers_gives_the_customers_and_the_history_of_the_plan(tmp_path: Path) -> None:
    source = case("customers-as-history")

    written = draft(source, home=tmp_path)

    assert written.customers.reason.startswith("likely: ")
    assert "the sign-up is created_at" in written.customers.reason
    assert list(written.customers.body["history"]) == ["plan"]
    assert written.customers.body["history"]["plan"]["missing"] == {"valid_to": ["9999-12-31"]}
    assert not written.unused_tables
    store = ingest_draft(source, tmp_path / "home")
    counts = {name: (table.rows, sum(table.rejects.values())) for name, table in store.tables.items()}
    assert counts == {"customers": (150, 0), "orders": (4528, 0), "customers.plan": (288, 0)}
    assert store.tables["customers.plan"].missing["valid_to_day"] == 150


def versions(names: tuple[str, str, str], sign_up: str | None) -> Rows:
    """Draw three versions of each customer; the last one is open."""
    key, begin, end = names
    rows = []
    for n in range(N_CUSTOMERS):
        days = [date(2023, 1, 1) + timedelta(n + 100 * version) for version in range(3)]
        for version, day in enumerate(days):
            row = {key: f"K{n}", begin: day, end: days[version + 1] if version < 2 else "", "city": n % 3}
            row |= {"tariff": "SML"[(n + version) % 3], "is_current": int(version == 2)}
            rows.append(row | ({sign_up: date(2022, 12, 1) + timedelta(n)} if sign_up else {}))
    return rows


@pytest.mark.parametrize(
    ("table", "names", "sign_up", "reason"),
    [
        ("dim_customer", ("customer_id", "effective_from", "effective_to"), None, "a guess: "),
        ("Kundenhistorie", ("KundenNr", "gültig ab", "gültig bis"), "Angelegt am", "likely: "),
    ],
)
def test_each_customer_is_one_row_with_the_history_of_what_changes(
    tmp_path: Path, table: str, names: tuple[str, str, str], sign_up: str | None, reason: str
) -> None:
    tables = {table: versions(names, sign_up), "orders": orders(lambda n: f"K{n}")}
    source = write_tables(tmp_path, tables)

    written = draft(source)

    assert written.customers.reason.startswith(reason)
    assert "first row" not in written.customers.reason
    assert list(written.customers.body["history"]) == ["tariff"]
    store = ingest_draft(source, tmp_path / "home")
    counts = {name: (table.rows, sum(table.rejects.values())) for name, table in store.tables.items()}
    assert counts == {
        "customers": (N_CUSTOMERS, 0),
        "orders": (len(tables["orders"]), 0),
        "customers.tariff": (3 * N_CUSTOMERS, 0),
    }


@pytest.mark.parametrize(
    ("value", "is_constant"),
    [
        (lambda n, version: f"shop {n % 2}" if version == 2 else "", False),
        (lambda n, version: f"shop {n % 2}" if n % 3 else "", True),
    ],
    ids=["known in the last version only", "known in all versions or in none"],
)
def test_a_value_that_comes_in_a_later_version_is_a_history(
    tmp_path: Path, value: Callable[[int, int], str], is_constant: bool
) -> None:
    rows = versions(("customer_id", "valid_from", "valid_to"), "created_at")
    rows = [{**row, "store": value(index // 3, index % 3)} for index, row in enumerate(rows)]
    source = write_tables(tmp_path, {"dim_customer": rows, "orders": orders(lambda n: f"K{n}")})

    written = draft(source)

    assert ("store" in written.customers.body["query"]) == is_constant
    assert ("store" in written.customers.body["history"]) == (not is_constant)


@pytest.mark.parametrize("no_day", ["1900-01-01", ""])
def test_versions_that_have_no_day_give_no_sign_up(tmp_path: Path, no_day: str) -> None:
    rows = versions(("customer_id", "valid_from", "valid_to"), None)
    rows = [
        {**row, "valid_from": row["valid_from"] if index % 3 else no_day} for index, row in enumerate(rows)
    ]
    source = write_tables(tmp_path, {"dim_customer": rows, "orders": orders(lambda n: f"K{n}")})

    written = draft(source)

    assert written.customers.reason == (
        "a guess: the rows of dim_customer are versions of customers, so each customer_id is one customer; "
        f"the sign-up is the first row in the other tables, as valid_from has no day in {N_CUSTOMERS} rows"
    )
    assert "min(seen) as signed_up_at" in written.customers.body["query"]


def test_contracts_with_a_begin_and_an_end_are_no_versions_of_customers(tmp_path: Path) -> None:
    contracts = versions(("customer_id", "valid_from", "valid_to"), None)
    tables = {"customer_contracts": contracts, "orders": orders(lambda n: f"K{n}")}

    written = draft(write_tables(tmp_path, tables))

    assert set(written.tree()["tables"]) == {"customers", "orders", "subscriptions"}
    assert "history" not in written.customers.body


def test_a_table_of_customers_is_used_as_it_is_beside_its_history(tmp_path: Path) -> None:
    history = versions(("customer_id", "valid_from", "valid_to"), None)
    people = members(lambda n: f"K{n}")
    tables = {"customers": people, "customer_history": history, "orders": orders(lambda n: f"K{n}")}

    written = draft(write_tables(tmp_path, tables))

    assert written.customers.reason.startswith("sure: ")
    assert "query" not in written.customers.body


def test_versions_in_parts_that_differ_in_a_column_are_a_question(tmp_path: Path) -> None:
    rows = versions(("customer_id", "valid_from", "valid_to"), "created_at")
    parts = {"dim_customer_1": rows[::2], "dim_customer_2": [{**row, "shop": "s"} for row in rows[1::2]]}

    written = draft(write_tables(tmp_path, {**parts, "orders": orders(lambda n: f"K{n}")}))

    questions = open_questions(written.customers.body)
    assert [question.split(":")[0] for question in questions] == ["query", "history.tariff.query"]
    assert all("shop as text only in dim_customer_2" in question for question in questions)
