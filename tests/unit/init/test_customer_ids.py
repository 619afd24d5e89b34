"""Who is a customer: the key that the user names, and ids that are spelt differently in two tables."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from churn.data.ingest.ingest import ingest
from churn.errors import CallError
from churn.init.params_file import params_text
from churn.params import load_params
from pipelines import cli
from tests.cases import case
from tests.unit.init.exports import N_CUSTOMERS, Rows, draft, id_columns, members, orders, write_tables


def test_ids_in_another_case_stay_the_ids_of_the_table_of_customers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "params.yaml"

    code = cli.main("init", ["--params", str(path), "--source", str(case("ids-in-other-case"))])

    warning = capsys.readouterr().err
    assert code == 0
    assert "ids are spelt differently in customers and orders" in warning
    assert "C1000@Example.com and c1000@example.com" in warning
    store = ingest(load_params(path), lambda _: None)
    assert store.n_customers == 150
    assert (store.tables["orders"].rows, store.tables["orders"].customers) == (4528, 146)


ALL_CHANGES = "ltrim(replace(lower(customer_id), ' ', ''), '0')"


@pytest.mark.parametrize(
    ("customer_spelling", "order_spelling", "sql", "order_sql"),
    [
        (lambda n: f"{n + 1:06}", lambda n: n + 1, "ltrim(customer_id, '0')", "-"),
        (lambda n: f"KD {n + 100}", lambda n: f"KD{n + 100}", "replace(customer_id, ' ', '')", None),
        (lambda n: f"kd-{n + 100}", lambda n: f"Kd-{n + 100}", "lower(customer_id)", None),
        (lambda n: f"0{n + 100} x", lambda n: f"{n + 100}X", ALL_CHANGES, None),
    ],
    ids=["lost zeros", "blanks", "first letter", "all three"],
)
def test_the_smallest_change_of_spelling_is_written_and_named(
    tmp_path: Path,
    customer_spelling: Callable[[int], Any],
    order_spelling: Callable[[int], Any],
    sql: str,
    order_sql: str | None,
) -> None:
    source = write_tables(
        tmp_path, {"customers": members(customer_spelling), "orders": orders(order_spelling)}
    )

    written = draft(source)

    assert id_columns(written) == {"customers": sql, "orders": order_sql or sql}
    (warning,) = written.customers.warnings
    assert f"such as {order_spelling(0)} and {customer_spelling(0)}" in warning


@pytest.mark.parametrize(
    "spelling",
    [lambda n: f"C{n}", lambda n: n + 1, lambda n: f"{'aB' if n % 2 else 'Ab'}{n // 2}", lambda n: f"0{n}"],
    ids=["codes", "numbers", "case-sensitive codes", "zeros"],
)
def test_ids_that_are_equal_as_they_are_are_read_as_they_are(
    tmp_path: Path, spelling: Callable[[int], Any]
) -> None:
    source = write_tables(tmp_path, {"customers": members(spelling), "orders": orders(spelling)})

    written = draft(source)

    assert id_columns(written) == {"customers": "-", "orders": "-"}
    assert not written.customers.warnings


def test_no_spelling_makes_two_customers_one(tmp_path: Path) -> None:
    customers = members(lambda n: f"{'ab' if n % 2 else 'AB'}{n // 2}")
    rows = [*orders(lambda n: f"Ab{n // 2}"), *orders(lambda n: f"ab{n // 2}")]
    source = write_tables(tmp_path, {"customers": customers, "orders": rows})

    written = draft(source)

    assert set(id_columns(written).values()) == {"-"}
    assert not written.customers.warnings


def test_one_spelling_joins_customers_orders_and_the_history_of_an_attribute(tmp_path: Path) -> None:
    plans = [
        {"customer_id": f"C{n}", "valid_from": date(2023, 1, 1) + timedelta(n), "plan": "SML"[n % 3]}
        for n in range(N_CUSTOMERS)
    ]
    tables = {"customers": members(lambda n: f"C{n}"), "orders": orders(lambda n: f"c{n}")}
    path = tmp_path / "params.yaml"

    written = draft(write_tables(tmp_path, {**tables, "plan_history": plans}))

    path.write_text(params_text(written, "raw"))
    store = ingest(load_params(path), lambda _: None)
    counts = {name: (table.customers, sum(table.rejects.values())) for name, table in store.tables.items()}
    assert counts == dict.fromkeys(("customers", "orders", "customers.plan"), (N_CUSTOMERS, 0))


@pytest.fixture
def club(tmp_path: Path) -> Path:
    """Tables whose key no pattern of names finds."""
    people = [
        {**row, "postcode": row["Member No"] % 7} for row in members(lambda n: n + 500, key="Member No")
    ]
    return write_tables(tmp_path, {"passes": people, "till": orders(lambda n: n + 500, key="Member No")})


def test_the_user_names_the_key(tmp_path: Path, club: Path) -> None:
    written = draft(club, key="member no")

    assert written.customers.body["from"] == "passes"
    assert id_columns(written) == {"customers": "Member No", "orders": "Member No"}


def test_the_named_key_is_used_where_another_id_has_a_likelier_name(tmp_path: Path) -> None:
    rows = [
        {"account_id": n % 3, "loyalty": row["loyalty"], **row}
        for n, row in enumerate(orders(str, "loyalty"))
    ]
    source = write_tables(tmp_path, {"orders": rows})

    assert id_columns(draft(source))["orders"] == "account_id"
    assert id_columns(draft(source, key="Loyalty"))["orders"] == "loyalty"


def with_row_keys(rows: Rows) -> Rows:
    return [{"id": n + 1, **row} for n, row in enumerate(rows)]


@pytest.mark.parametrize("people", ["customers", "passes"])
@pytest.mark.parametrize("events", ["orders", "till"])
def test_the_named_id_is_the_key_of_customers_and_of_no_other_table(
    tmp_path: Path, people: str, events: str
) -> None:
    tables = {
        people: members(lambda n: n + 1, key="id"),
        events: with_row_keys(orders(lambda n: n + 1 if n else 999)),
        "products": [{"id": n + 1, "created_at": date(2023, 1, 1) + timedelta(n)} for n in range(9)],
    }

    written = draft(write_tables(tmp_path, tables), key="id")

    assert written.customers.body.get("from", "customers") == people
    assert id_columns(written) == {"customers": "id", "orders": "-"}
    assert written.unused_tables == (
        ("products", "no column holds ids of customers, which are in 'id' by --key"),
    )


@pytest.mark.parametrize("spelling", [lambda n: n + 1, lambda n: f"C{n}"], ids=["numbers", "codes"])
def test_the_named_id_is_used_in_a_table_with_several_rows_of_one_id(
    tmp_path: Path, spelling: Callable[[int], Any]
) -> None:
    rows = [{**row, "user_id": f"staff {row['order_no'][-1]}"} for row in orders(spelling, "id")]
    source = write_tables(tmp_path, {"customers": members(spelling, key="id"), "orders": rows})

    assert id_columns(draft(source, key="id")) == {"customers": "id", "orders": "id"}


def test_rounded_ids_beside_a_named_id_of_rows_are_found(tmp_path: Path) -> None:
    days = [{"client_id": f"{(41 + n // 9) / 10:.2f}E+14", "login_at": date(2023, 3, 1)} for n in range(90)]
    tables = {
        "customers": members(lambda n: n + 1, key="id"),
        "orders": with_row_keys(orders(lambda n: n + 1)),
    }
    source = write_tables(tmp_path, {**tables, "logins": with_row_keys(days)})

    reasons = dict(draft(source, key="id").unused_tables)

    assert reasons["logins"].startswith("a spreadsheet has rounded its ids in client_id, such as 4.10E+14")


def test_a_named_id_that_is_only_a_key_of_rows_is_refused(tmp_path: Path) -> None:
    source = write_tables(tmp_path, {"orders": with_row_keys(orders(lambda n: f"C{n}"))})

    with pytest.raises(CallError, match=r"--key 'id'.*cannot hold ids of customers.*orders.*customer_id"):
        draft(source, key="id")


def test_a_table_with_ids_of_another_kind_is_not_used_with_the_named_key(tmp_path: Path) -> None:
    logins = [{"user_id": f"U{n}", "login_at": row["ordered_at"]} for n, row in enumerate(orders(str))]
    source = write_tables(tmp_path, {"orders": orders(lambda n: f"M{n}", "loyalty"), "logins": logins})

    written = draft(source, key="loyalty")

    assert set(written.tree()["tables"]) == {"customers", "orders"}
    assert written.unused_tables == (
        ("logins", "no column holds ids of customers, which are in 'loyalty' by --key"),
    )


@pytest.mark.parametrize("key", ["Member", "nothing like it"])
def test_a_key_that_no_table_has_is_refused_with_the_columns_there_are(
    tmp_path: Path, club: Path, capsys: pytest.CaptureFixture[str], key: str
) -> None:
    params_file = tmp_path / "params.yaml"

    code = cli.main("init", ["--params", str(params_file), "--source", str(club), "--key", key])

    message = capsys.readouterr().err
    assert code == 2
    assert f"--key '{key}': no table has a column of this name" in message
    assert "passes: Member No, signed_up_at, country, postcode; till: order_no, Member No" in message
    assert ("Did you mean 'Member No'?" in message) == (key == "Member")
    assert not params_file.exists()


def test_ids_of_a_spreadsheet_are_refused_with_the_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, source = tmp_path / "params.yaml", case("ids-from-a-spreadsheet")

    code = cli.main("init", ["--params", str(path), "--source", str(source)])

    message = capsys.readouterr().err
    assert code == 11
    for table in ("customers", "orders"):
        assert f"{table}: a spreadsheet has rounded its ids in customer_id, such as 4.50000E+12" in message
    assert "export the ids again, as text" in message
    assert not path.exists()


@pytest.mark.parametrize(
    "spelling",
    [
        lambda n: f"{(41 + n // 9) / 10:.2f}E+14",
        lambda n: f"{(41 + n // 9) / 10}".replace(".", ",") + "E+14",
        lambda n: (8_412_345_678_901_20 + n) * 1000,
        lambda n: f"{n % 10}.25E+11" if n % 9 == 0 else f"K{n}",
    ],
    ids=["two decimals", "decimal comma", "fifteen digits", "among other ids"],
)
def test_a_table_with_rounded_ids_is_not_used(tmp_path: Path, spelling: Callable[[int], Any]) -> None:
    days = [date(2023, 3, 1) + timedelta(day) for day in range(0, 99, 7)]
    logins = [{"client_id": spelling(n), "login_at": day} for n in range(N_CUSTOMERS) for day in days]
    tables = {"customers": members(lambda n: f"K{n}"), "orders": orders(lambda n: f"K{n}")}

    written = draft(write_tables(tmp_path, {**tables, "logins": logins}))

    ((name, reason),) = written.unused_tables
    assert name == "logins"
    assert reason.startswith("a spreadsheet has rounded its ids in client_id, such as")


@pytest.mark.parametrize(
    "spelling",
    [lambda n: f"12E{n}", lambda n: 4_500_000_000_123 + n, lambda n: 45_000_000_000_001_230 + n],
    ids=["codes with an E", "thirteen digits", "seventeen digits"],
)
def test_long_ids_with_all_their_digits_are_ids(tmp_path: Path, spelling: Callable[[int], Any]) -> None:
    source = write_tables(tmp_path, {"customers": members(spelling), "orders": orders(spelling)})

    written = draft(source)

    assert id_columns(written) == {"customers": "-", "orders": "-"}
    assert not written.unused_tables


@pytest.mark.parametrize(
    ("history", "own_id", "people_id"),
    [("client_history", "id", "client_id"), ("Kundenstamm_Kunden_Verlauf", "id", "KundenNr")],
)
def test_the_row_key_of_a_history_is_no_id_of_customers(
    tmp_path: Path, history: str, own_id: str, people_id: str
) -> None:
    rows = [
        {
            own_id: n + 1,
            people_id: n // 3 + 1,
            "valid_from": date(2023, 1, 1) + timedelta(n),
            "plan": "SM"[n % 2],
        }
        for n in range(3 * N_CUSTOMERS)
    ]
    tables = {"zz_clients": members(lambda n: n + 1, key="id"), "orders": orders(lambda n: n + 1)}

    written = draft(write_tables(tmp_path, {history: rows, **tables}))

    assert written.customers.body["from"] == "zz_clients"


def test_rows_before_a_migrated_sign_up_are_named(tmp_path: Path) -> None:
    written = draft(case("migrated-sign-up"), home=tmp_path)

    (warning,) = written.customers.warnings
    assert "2,962 of 4,528 rows of orders lie before the sign-up (signed_up_at)" in warning
    assert "the earlier of signed_up_at and the first row of orders" in warning


@pytest.mark.parametrize(("days", "n_warnings"), [(300, 1), (-20, 0)], ids=["migrated", "honest"])
def test_a_sign_up_after_the_orders_is_named_and_one_before_them_is_not(
    tmp_path: Path, days: int, n_warnings: int
) -> None:
    people = members(lambda n: n + 1)
    for row in people:
        row["signed_up_at"] = date(2023, 2, 15) + timedelta(days)
    source = write_tables(tmp_path, {"customers": people, "orders": orders(lambda n: n + 1)})

    assert len(draft(source).customers.warnings) == n_warnings


def test_a_snapshot_without_a_sign_up_or_a_name_of_customers_is_no_events(tmp_path: Path) -> None:
    snapshot = [
        {
            "customer_id": f"C{n // 2}",
            "plan": "SM"[n % 2],
            "dbt_valid_from": date(2023, 1, 1) + timedelta(n),
            "dbt_valid_to": date(2024, 1, 1) if n % 2 else "",
        }
        for n in range(2 * N_CUSTOMERS)
    ]
    source = write_tables(tmp_path, {"tariffs": snapshot, "orders": orders(lambda n: f"C{n}")})

    written = draft(source)

    reason = "it is a history of attributes: map each attribute under tables.customers.history"
    assert written.unused_tables == (("tariffs", reason),)
    assert set(written.tree()["tables"]) == {"customers", "orders"}
    assert not written.events
