"""Customers without an id are found by their e-mail address, and the lines of an order become one row."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from churn.errors import SourceError
from tests.cases import case
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


@pytest.mark.parametrize("key", [None, "Email"])
def test_a_shop_export_has_one_row_for_each_order_of_an_address(tmp_path: Path, key: str | None) -> None:
    written = draft(case("shop-orders-export"), key=key, home=tmp_path)

    assert written.customers.reason.startswith("a guess: ")
    assert ("the e-mail address in Email is the id" in written.customers.reason) == (key is None)
    assert len(written.customers.warnings) == (key is None)
    store = ingest_draft(case("shop-orders-export"), tmp_path / "home", key)
    assert store.n_customers == 146
    table = store.tables["orders"]
    assert (table.rows, table.customers, sum(table.rejects.values())) == (4528, 146, 0)


def test_addresses_of_two_tables_are_read_in_one_spelling_and_rows_without_one_are_counted(
    tmp_path: Path,
) -> None:
    people = members(lambda n: address(n).upper() if n % 4 else f" {address(n)}", "E-Mail-Adresse")
    rows = orders(lambda n: address(n).title() if n % 5 else address(n), "E-Mail")
    rows += [{**row, "order_no": f"guest {n}", "E-Mail": " "} for n, row in enumerate(rows[:50])]
    rows += [{**rows[0], "order_no": "twice", "E-Mail": address(0).upper()}]
    source = write_tables(tmp_path, {"Kunden": people, "Bestellungen": rows})

    written = draft(source)

    assert written.customers.body["from"] == "Kunden"
    guess, *words = written.customers.warnings
    assert "no column holds ids of customers" in guess
    assert words == [
        "one address in E-Mail of Bestellungen is spelt in several ways, such as 'C0@EXAMPLE.COM' and "
        "'c0@example.com': each is one customer",
        f"50 of {len(rows):,} rows of Bestellungen have no address in E-Mail: they are left out, apart "
        "from lines of an order that has an address in another line",
    ]
    store = ingest_draft(source, tmp_path / "home")
    assert (store.n_customers, store.tables["orders"].customers) == (N_CUSTOMERS, N_CUSTOMERS)
    assert store.tables["orders"].rows == len(rows) - 50


def test_an_id_is_used_where_there_is_one_beside_the_address(tmp_path: Path) -> None:
    people = [{**row, "email": address(n)} for n, row in enumerate(members(lambda n: f"K{n}"))]
    rows = [{**row, "email": "guest@example.com"} for row in orders(lambda n: f"K{n}")]

    written = draft(write_tables(tmp_path, {"customers": people, "orders": rows}))

    assert id_columns(written) == {"customers": "-", "orders": "-"}
    assert written.customers.reason.startswith("sure: ")
    assert not written.customers.warnings


def test_a_column_of_another_content_is_no_address(tmp_path: Path) -> None:
    source = write_tables(tmp_path, {"orders": orders(lambda n: ("yes", "no", "later")[n % 3], "email")})

    with pytest.raises(SourceError, match="no column holds ids of customers"):
        draft(source)


def lines(total: Callable[[int, int], float | str]) -> Rows:
    """Draw orders of two lines each; `total` gives the total of a line from its order and its index."""
    return [
        {
            "Order": f"#{1000 + n}",
            "Customer Email": address(n % N_CUSTOMERS),
            "Paid at": datetime(2023, 3, 2) + timedelta(hours=9 * n),
            "Created at": datetime(2023, 3, 1) + timedelta(hours=9 * n),
            "Total": total(n, line),
        }
        for n in range(900)
        for line in range(2)
    ]


@pytest.mark.parametrize(
    ("total", "amount"),
    [
        (lambda n, line: "" if line else 50.0 + n, 50.0),
        (lambda n, line: 50.0 + n, 50.0),
        (lambda n, line: 50.0 + n + line, 101.0),
        (lambda n, line: 50.0, 100.0),
    ],
    ids=["in the first line", "in each line", "of the line", "one price of all lines"],
)
def test_the_total_of_an_order_counts_once(
    tmp_path: Path, total: Callable[[int, int], float | str], amount: float
) -> None:
    source = write_tables(tmp_path, {"orders_export": lines(total)})

    store = ingest_draft(source, tmp_path / "home")

    rows = pq.read_table(sorted(store.folder.glob("**/orders/**/*.parquet"))[0]).to_pylist()
    first = min(rows, key=lambda row: row["at"])
    assert store.tables["orders"].rows == 900
    assert (first["amount"], first["at"].date()) == (100 * amount, date(2023, 3, 1))


def test_the_lines_of_an_order_have_the_address_of_its_first_line(tmp_path: Path) -> None:
    rows = lines(lambda n, line: 50.0 + n + line)
    for row in rows[1::2]:
        row["Customer Email"] = ""
    source = write_tables(
        tmp_path, {"orders_export": [*rows, {**rows[0], "Order": "#9", "Customer Email": ""}]}
    )

    store = ingest_draft(source, tmp_path / "home")

    stored = pq.read_table(sorted(store.folder.glob("**/orders/**/*.parquet"))[0])["amount"].to_pylist()
    assert (len(stored), min(stored), sum(store.tables["orders"].rejects.values())) == (900, 10_100, 0)


def test_orders_with_an_address_belong_to_customers_whose_table_also_has_an_id(tmp_path: Path) -> None:
    people = [{"Customer ID": 7000 + n, "Email": address(n), "spent": n} for n in range(N_CUSTOMERS)]
    source = write_tables(
        tmp_path, {"customers_export": people, "orders_export": lines(lambda n, line: 50.0 + n)}
    )

    store = ingest_draft(source, tmp_path / "home")

    assert (store.n_customers, store.tables["orders"].rows) == (N_CUSTOMERS, 900)


def test_lines_without_an_address_count_where_customers_have_a_table_of_their_own(tmp_path: Path) -> None:
    people = [{**row, "Customer ID": 7000 + n} for n, row in enumerate(members(address, "Email"))]
    rows = lines(lambda n, line: 50.0 + n + line)
    for row in rows[1::2]:
        row["Customer Email"] = ""
    for row in rows[::18]:
        row["Customer Email"] = "guest@example.com"
    source = write_tables(tmp_path, {"customers_export": people, "orders_export": rows})

    store = ingest_draft(source, tmp_path / "home")

    stored = pq.read_table(sorted(store.folder.glob("**/orders/**/*.parquet"))[0])["amount"].to_pylist()
    assert sorted(stored) == [100 * (101 + 2 * n) for n in range(900) if n % 9]
    assert (store.n_customers, store.tables["orders"].rejects) == (N_CUSTOMERS, {})
