"""Mistakes in the user's SQL, and values that do not fit it: the key, the place and the columns are named."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from churn.data.ingest.ingest import ingest
from churn.data.ingest.source_errors import table_errors, unreadable_table
from churn.data.sql import reason_of
from churn.errors import SourceError
from churn.params import Params
from tests.cases import case
from tests.drawn_company import draw, params_of
from tests.unit.data.sources.test_folder import CUSTOMERS, params_with, write

SALES = "client,created,price,qty\nana,13-01-2024,2.5,2\nben,14-01-2024,x,1\n"


def sales(tmp_path: Path, **origin: object) -> Params:
    source = write(tmp_path / "source", {"sales.csv": SALES, "customers.csv": CUSTOMERS})
    return params_with(source, tmp_path, {"customers": {}, "orders": origin}, "orders")


def refusal(params: Params) -> SourceError:
    with pytest.raises(SourceError) as caught:
        ingest(params, lambda _: None)
    return caught.value


MAPPED = {"customer_id": "client", "ordered_at": "created", "amount": "price"}


@pytest.mark.parametrize(
    ("origin", "words"),
    [
        (
            {"from": "sales", "columns": {**MAPPED, "amount": "price * qtty"}},
            [
                "tables.orders",
                "'columns.amount'",
                "(price * qtty): the rows have no column 'qtty'. Did you mean 'qty'?",
                "client, created, price, qty",
            ],
        ),
        (
            {"from": "sales", "columns": MAPPED, "where": "quantity > 0"},
            ["'where'", "the rows have no column 'quantity'. Correct", "client, created, price, qty"],
        ),
        (
            {"query": "select client as customer_id,\n  creatd as ordered_at\nfrom sales"},
            ["'query'", 'Referenced column "creatd" not found'],
        ),
        ({"query": "select client from sale"}, ["'query'", "sale", "Did you mean"]),
        ({"from": "sales", "columns": {**MAPPED, "amount": "price *"}}, ["'columns.amount'", "price *"]),
    ],
)
def test_sql_that_is_wrong_is_reported_with_its_key_its_place_and_the_columns(
    tmp_path: Path, origin: dict[str, object], words: list[str]
) -> None:
    error = refusal(sales(tmp_path, **origin))

    assert error.exit_code == 11
    assert [word for word in words if word not in str(error)] == []


def test_all_wrong_columns_are_reported_together(tmp_path: Path) -> None:
    columns = {"customer_id": "klient", "ordered_at": "created", "amount": "prise"}

    error = refusal(sales(tmp_path, **{"from": "sales", "columns": columns}))

    assert ["columns.customer_id" in error.problems[0], "columns.amount" in error.problems[1]] == [True, True]


@pytest.mark.parametrize(
    ("origin", "reason"),
    [
        (
            {
                "query": "select client as customer_id, strptime(created, '%m-%d-%Y') as ordered_at, "
                "1 as amount from sales"
            },
            "13-01-2024.*Month out of range",
        ),
        ({"from": "sales", "columns": MAPPED, "where": "cast(price as double) > 0"}, "'x'"),
        ({"from": "sales", "columns": {**MAPPED, "amount": "price::DOUBLE * 2"}}, "'x'"),
    ],
)
def test_a_value_that_does_not_fit_the_sql_is_a_mistake_of_the_source(
    tmp_path: Path, origin: dict[str, object], reason: str
) -> None:
    with pytest.raises(
        SourceError,
        match=rf"orders: the rows cannot be read in the way that the parameters describe: "
        rf".*{reason}",
    ) as error:
        ingest(sales(tmp_path, **origin), lambda _: None)

    assert error.value.exit_code == 11


def test_rejected_times_name_their_values_and_time_format(tmp_path: Path) -> None:
    columns = {**MAPPED, "amount": "1"}

    without_format = str(refusal(sales(tmp_path / "a", **{"from": "sales", "columns": columns})))
    wrong_format = {"from": "sales", "columns": columns, "time_format": "%m-%d-%Y"}
    with_format = str(refusal(sales(tmp_path / "b", **wrong_format)))

    assert "'ordered_at is a time' ('13-01-2024', '14-01-2024')" in without_format
    assert "tables.orders.time_format" in without_format
    assert "tables.orders.time_format is '%m-%d-%Y'" in with_format


def test_the_right_time_format_is_silent(tmp_path: Path) -> None:
    origin = {"from": "sales", "columns": {**MAPPED, "amount": "1"}, "time_format": "%d-%m-%Y"}

    assert ingest(sales(tmp_path, **origin), lambda _: None).tables["orders"].rejects == {}


@pytest.mark.parametrize(
    ("time", "utc"),
    [
        ("2023-06-01 06:46:53 -0400", "2023-06-01 10:46:53"),
        ("2023-06-01 06:46:53 +05:30", "2023-06-01 01:16:53"),
        ("2023-06-01T06:46:53.5 Z", "2023-06-01 06:46:53.500000"),
        ("2023-06-01 06:46:53 UTC", "2023-06-01 06:46:53"),
        ("2023-06-01 06:46:53 -04", "2023-06-01 10:46:53"),
    ],
)
def test_an_offset_after_a_blank_is_read(tmp_path: Path, time: str, utc: str) -> None:
    store = draw(tmp_path, logins=f"customer | happened_at\n ana | {time}", since=None).store

    with store.connect() as connection:
        rows = connection.execute(f'SELECT "at"::VARCHAR FROM {store.scan("logins")}').fetchall()

    assert [at for (at,) in rows] == [utc.removesuffix("00000")]


def test_the_shop_export_is_read_with_its_times_and_its_line_breaks(tmp_path: Path) -> None:
    columns = {"customer_id": "Email", "ordered_at": "Created at", "amount": "Total", "row_id": "Name"}
    first = 'select Email as customer_id, min("Created at") as signed_up_at from orders_export_1 group by 1'
    orders = {"from": "orders_export_1", "columns": columns, "where": "Total is not null"}
    tables = {"customers": {"query": first}, "orders": orders}

    store = ingest(params_with(case("shop-orders-export"), tmp_path, tables, "orders"), lambda _: None)

    assert store.tables["orders"].rejects == {}
    with store.connect() as connection:
        first = connection.execute(f'SELECT min("at")::VARCHAR FROM {store.scan("orders")}').fetchone()
    assert first == ("2023-06-01 10:46:53",)


def test_too_little_memory_and_a_stopped_query_have_words_of_their_own() -> None:
    memory = duckdb.OutOfMemoryException("Out of Memory Error: failed to pin block\nPossible solutions: ...")
    with pytest.raises(KeyboardInterrupt), table_errors("orders"):
        raise duckdb.InterruptException("INTERRUPT Error: Interrupted!")

    assert "engine.memory_limit" in str(unreadable_table("orders", memory))


def test_the_reason_is_whole_and_holds_no_sql() -> None:
    with pytest.raises(duckdb.Error) as caught, duckdb.connect() as connection:
        connection.execute("SELECT a, b FROM (SELECT 1 AS a)")

    reason = reason_of(caught.value)

    assert 'Referenced column "b" not found' in reason
    assert "Candidate bindings" in reason
    assert "SELECT" not in reason


def test_a_company_without_mistakes_is_read_without_a_word(tmp_path: Path) -> None:
    lines: list[str] = []

    ingest(params_of(tmp_path, logins="customer | happened_at\n ana | 2024-01-01"), lines.append)

    assert [line for line in lines if "not read" in line or "left out" in line] == []


def test_a_table_that_the_source_cannot_read_is_named_beside_other_mistakes(tmp_path: Path) -> None:
    path = tmp_path / "shop.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            "CREATE TABLE customers AS SELECT 'ana' AS customer_id, DATE '2023-01-01' AS signed_up_at"
        )
        connection.execute("CREATE TABLE sales AS SELECT 'ana' AS client, DATE '2024-01-01' AS created")
        connection.execute("CREATE VIEW broken AS SELECT * FROM sales")
        connection.execute("ALTER TABLE sales RENAME TO old_sales")
    tables = {
        "customers": {"columns": {"signed_up_at": "sign_up"}},
        "orders": {"from": "broken", "columns": {"customer_id": "client", "ordered_at": "created"}},
    }
    params = params_with(tmp_path, tmp_path, tables, "orders").model_copy(
        update={"source": f"duckdb:///{path}"}
    )

    problems = refusal(params).problems

    assert any("tables.orders" in problem and "'from'" in problem for problem in problems)
    assert any("tables.customers" in problem and "sign_up" in problem for problem in problems)
