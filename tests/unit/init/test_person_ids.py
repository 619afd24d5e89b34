"""An id for each order beside an id for each person, and tables that know customers only by e-mail."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from churn.errors import CallError, SourceError
from tests.unit.init.exports import (
    N_CUSTOMERS,
    Rows,
    address,
    draft,
    id_columns,
    ingest_draft,
    members,
    orders,
    write_tables,
)


def guest_orders(person_key: str, person: Callable[[int], Any], **others: Callable[[int], Any]) -> Rows:
    """Return orders with another `customer_id` in each order, beside the id of a person."""
    rows = orders(lambda n: n)
    return [
        {"customer_id": f"g{index}", person_key: person(row["customer_id"])}
        | {name: value(row["customer_id"]) for name, value in others.items()}
        | {name: value for name, value in row.items() if name != "customer_id"}
        for index, row in enumerate(rows)
    ]


@pytest.mark.parametrize(
    ("person_key", "person"),
    [
        ("member_no", lambda n: f"M{n}"),
        ("e_mail", address),
        ("Kunden-Nr", lambda n: n + 7),
        ("loyalty_card", lambda n: f"L{n}"),
    ],
)
def test_the_id_of_a_person_is_chosen_where_each_order_has_an_id_of_its_own(
    tmp_path: Path, person_key: str, person: Callable[[int], Any]
) -> None:
    rows = guest_orders(person_key, person)
    source = write_tables(tmp_path, {"orders": rows})

    written = draft(source)

    assert written.customers.reason.startswith(f"a guess: {person_key} is the id of a customer")
    (warning,) = written.customers.warnings
    assert f"{len(rows):,} ids, but {person_key} in orders has only {N_CUSTOMERS} different values" in warning
    assert "--key 'customer_id'" in warning
    assert ingest_draft(source, tmp_path / "home").tables["orders"].customers == N_CUSTOMERS


def test_the_id_of_a_person_in_the_table_of_customers_is_joined_to_orders_with_other_ids(
    tmp_path: Path,
) -> None:
    rows = guest_orders("person", lambda n: n)
    people = [{"customer_id": row["customer_id"], "customer_unique_id": f"P{row['person']}"} for row in rows]
    for row in rows:
        del row["person"]
    source = write_tables(tmp_path, {"customers": people, "orders": rows})

    store = ingest_draft(source, tmp_path / "home")

    assert store.n_customers == N_CUSTOMERS
    assert (store.tables["orders"].rows, store.tables["orders"].customers) == (len(rows), N_CUSTOMERS)


def test_an_id_of_a_person_is_used_before_an_address_that_tells_the_same_persons(tmp_path: Path) -> None:
    rows = guest_orders("e_mail", address, member_no=lambda n: f"M{n}")

    assert id_columns(draft(write_tables(tmp_path, {"orders": rows})))["orders"] == "member_no"


def test_two_columns_with_other_persons_are_a_question(tmp_path: Path) -> None:
    rows = guest_orders("e_mail", address, user_id=lambda n: f"clerk {n % 10}")
    source = write_tables(tmp_path, {"orders": rows})

    with pytest.raises(
        CallError, match=r"user_id \(10 values\), e_mail \(40 values\)\. Name this column with --key"
    ):
        draft(source)
    assert id_columns(draft(source, key="customer_id"))["orders"] == "-"


def test_customers_who_order_again_keep_their_id_beside_other_ids_and_addresses(tmp_path: Path) -> None:
    rows = [
        {"account_id": row["customer_id"] // 4, "email": address(row["customer_id"] // 2), **row}
        for row in orders(lambda n: n)
    ]

    written = draft(write_tables(tmp_path, {"orders": rows}))

    assert id_columns(written)["orders"] == "-"
    assert not written.customers.warnings


def test_ids_that_all_come_once_are_named_where_no_other_column_has_persons(tmp_path: Path) -> None:
    rows = guest_orders("city", lambda n: f"city {n % 3}")

    (warning,) = draft(write_tables(tmp_path, {"orders": rows})).customers.warnings

    n_ids = f"{len(rows):,}"
    assert f"in orders, only 0 of {n_ids} ids in customer_id have orders at different times" in warning


def renamed(rows: Rows, **names: str) -> Rows:
    return [{names.get(name, name): value for name, value in row.items()} for row in rows]


def test_the_id_of_a_person_is_known_by_its_name_where_orders_have_an_id_with_another_name(
    tmp_path: Path,
) -> None:
    rows = renamed(guest_orders("customer_unique_id", lambda n: f"u{n}"), customer_id="order_customer_id")
    source = write_tables(tmp_path, {"orders": rows})

    written = draft(source)

    assert written.customers.reason.startswith("a guess: customer_unique_id is the id of a customer by its")
    assert "--key 'order_customer_id'" in written.customers.warnings[0]
    assert ingest_draft(source, tmp_path / "home").tables["orders"].customers == N_CUSTOMERS


def test_two_names_for_the_id_of_a_person_are_a_question(tmp_path: Path) -> None:
    rows = renamed(guest_orders("customer_unique_id", lambda n: f"u{n}"), customer_id="customer_master_id")

    with pytest.raises(CallError, match=r"customer_unique_id of orders \(40 values\).*--key"):
        draft(write_tables(tmp_path, {"orders": rows}))


def test_an_id_with_a_longer_name_is_named_with_the_way_out_and_not_chosen(tmp_path: Path) -> None:
    rows = renamed(orders(lambda n: n), customer_id="sales_user_id")

    with pytest.raises(SourceError, match=r"sales_user_id of orders \(40 values in .*Name one with --key"):
        draft(write_tables(tmp_path, {"orders": rows}))


def logins(id_of: Callable[[int], Any]) -> Rows:
    return [
        {"customer_id": id_of(n), "login_at": date(2023, 2, 15) + timedelta(day)}
        for n in range(N_CUSTOMERS)
        for day in range(n % 5, 150, 5)
    ]


def test_orders_known_by_e_mail_get_the_id_from_the_table_of_customers(tmp_path: Path) -> None:
    people = [{**row, "email": address(n).upper()} for n, row in enumerate(members(lambda n: f"K{n}"))]
    rows = orders(address, "e_mail")
    source = write_tables(
        tmp_path, {"customers": people, "orders": rows, "logins": logins(lambda n: f"K{n}")}
    )

    store = ingest_draft(source, tmp_path / "home")

    (warning,) = draft(source).customers.warnings
    assert "the e-mail address in e_mail joins it with customers, which has customer_id" in warning
    assert "left out" not in warning
    assert store.n_customers == N_CUSTOMERS
    assert (store.tables["orders"].rows, store.tables["orders"].customers) == (len(rows), N_CUSTOMERS)
    assert store.tables["logins"].customers == N_CUSTOMERS


def test_an_address_of_two_customers_doubles_no_order_and_is_counted(tmp_path: Path) -> None:
    people = [{**row, "email": address(max(n, 1))} for n, row in enumerate(members(lambda n: f"K{n}"))]
    rows = orders(address, "email")
    n_unclear = sum(row["email"] in (address(0), address(1)) for row in rows)
    source = write_tables(
        tmp_path, {"customers": people, "orders": rows, "logins": logins(lambda n: f"K{n}")}
    )

    store = ingest_draft(source, tmp_path / "home")

    assert f"{n_unclear} of {len(rows):,} rows are left out" in draft(source).customers.warnings[0]
    assert store.tables["orders"].rows == len(rows) - n_unclear


def test_orders_by_e_mail_beside_ids_without_a_bridge_are_not_used_and_the_way_out_is_named(
    tmp_path: Path,
) -> None:
    source = write_tables(tmp_path, {"orders": orders(address, "email"), "logins": logins(str)})

    ((name, reason),) = draft(source).unused_tables

    assert name == "orders"
    assert "use --key 'email'" in reason


def test_orders_of_guests_with_an_address_and_no_id_are_counted(tmp_path: Path) -> None:
    rows = [
        {**row, "email": address(row["customer_id"]), "customer_id": row["customer_id"] if index % 2 else ""}
        for index, row in enumerate(orders(lambda n: n + 1))
    ]

    (warning,) = draft(write_tables(tmp_path, {"orders": rows})).customers.warnings

    assert f"{(len(rows) + 1) // 2:,} of {len(rows):,} rows of orders have an e-mail address" in warning
    assert "--key 'email'" in warning


def test_customers_derived_from_events_are_those_whose_rows_are_used(tmp_path: Path) -> None:
    people = [{"customer_id": f"K{n}", "country": "DE"} for n in range(N_CUSTOMERS)]
    rows = [*orders(lambda n: f"K{n}"), *orders(lambda n: f"test {n % 2}")]
    source = write_tables(tmp_path, {"customers": people, "orders": rows})

    store = ingest_draft(source, tmp_path / "home")

    assert (store.n_customers, store.tables["orders"].customers) == (N_CUSTOMERS, N_CUSTOMERS)
