"""Ingest keeps the good rows, counts the bad by rule, and stops above the stated share."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest

from churn.data.check import described
from churn.data.freshness import is_fresh
from churn.data.ingest import ingest
from churn.data.store import Store, day_of
from churn.errors import ChurnError, ParamsError, SourceError
from churn.params import Params
from tests.worlds import draw, params_of

LENIENT = {"check": {"max_rejects": 1.0}}

CUSTOMERS = """
    customer | signed_up_at
    ana      | 2023-01-01
    ben      | 2023-02-01
"""


def rows(store: Store, table: str, columns: str) -> list[tuple[object, ...]]:
    with store.connect() as connection:
        return connection.execute(f"SELECT {columns} FROM {store.scan(table)} ORDER BY ALL").fetchall()


def refusal(params: Params) -> ChurnError:
    with pytest.raises(ChurnError) as caught:
        ingest(params, lambda _: None)
    return caught.value


@pytest.mark.parametrize(
    ("table", "drawn", "rule"),
    [
        ("logins", "customer | happened_at\n ana | 2024-01-01 \n | 2024-01-01", "customer_id is present"),
        ("logins", "customer | happened_at\n ana | 2024-01-01 \n ana |", "happened_at is present"),
        ("logins", "customer | happened_at\n ana | 2024-01-01 \n ana | last week", "happened_at is a time"),
        (
            "logins",
            "customer | happened_at\n ana | 2024-01-01 \n ana | 1970-01-01 00:00",
            "happened_at is after 1970-01-01",
        ),
        (
            "logins",
            "customer | happened_at\n ana | 2024-01-01 \n ana | 2031-01-01",
            "happened_at is at most a year ahead",
        ),
        (
            "logins",
            "customer | happened_at\n ana | 2024-01-01 \n zoe | 2024-01-01",
            "customer_id is in customers",
        ),
        (
            "logins",
            "customer | happened_at | row_id\n ana | 2024-01-01 | 7 \n ana | 2024-01-02 | 7",
            "row_id is not repeated",
        ),
        (
            "surveys",
            "customer | asked_at | rating\n ana | 2024-01-01 | 9\n ana | 2024-01-01 | 11",
            "rating is between 0 and 10",
        ),
        (
            "orders",
            "customer | ordered_at | amount\n ana | 2024-01-01 | 9\n ana | 2024-01-01 | -9",
            "amount is at least 0",
        ),
        (
            "orders",
            "customer | ordered_at | amount\n ana | 2024-01-01 | 9\n ana | 2024-01-01 | nine",
            "amount is a number",
        ),
        (
            "emails",
            "customer | sent_at | opened_at\n ana | 2024-01-02 | 2024-01-03 \n ana | 2024-01-02 | 2024-01-01",
            "opened_at is not before sent_at",
        ),
    ],
)
def test_a_bad_row_is_counted_by_rule_and_stored_apart(
    tmp_path: Path, table: str, drawn: str, rule: str
) -> None:
    world = draw(tmp_path, customers=CUSTOMERS, since=None, params=LENIENT, **{table: drawn})

    assert world.store.tables[table].rows == 1
    assert dict(world.store.tables[table].rejects) == {rule: 1}
    bad = tmp_path / "output" / "rejects" / f"{table}.parquet"
    assert duckdb.sql(f"SELECT rule FROM read_parquet('{bad}')").fetchall() == [(rule,)]


def test_a_repeated_customer_keeps_the_first_sign_up(tmp_path: Path) -> None:
    world = draw(
        tmp_path,
        customers="customer | signed_up_at\n ana | 2023-05-01\n ana | 2023-01-01",
        logins="customer | happened_at\n ana | 2024-01-01",
        since=None,
        params=LENIENT,
    )

    assert rows(world.store, "customers", "customer_id, day") == [("ana", 19358)]
    assert dict(world.store.tables["customers"].rejects) == {"customer_id is not repeated": 1}


def test_too_many_bad_rows_stop_the_work_but_are_kept_to_look_at(tmp_path: Path) -> None:
    params = params_of(
        tmp_path,
        customers=CUSTOMERS,
        since=None,
        logins="customer | happened_at\n ana | soon\n ben | 2024-01-01",
    )

    error = refusal(params)

    assert error.exit_code == 11
    assert "logins: 1 of 2 rows (50.0%) are unfit, more than check.max_rejects (5.0%)" in str(error)
    assert (tmp_path / "output" / "rejects" / "logins.parquet").exists()
    assert not (tmp_path / "output" / "store").exists()


def test_equal_rows_are_two_events_and_are_counted(tmp_path: Path) -> None:
    drawn = "customer | happened_at\n ana | 2024-01-01 10:00\n ana | 2024-01-01 10:00"

    kept = draw(tmp_path / "kept", customers=CUSTOMERS, since=None, logins=drawn)
    dropped = draw(
        tmp_path / "dropped",
        customers=CUSTOMERS,
        since=None,
        logins=drawn,
        params={"tables": {"customers": {}, "logins": {"distinct": True}}},
    )

    assert kept.store.tables["logins"].rows == 2
    assert any("equal rows: 1" in line for line in described(kept.store))
    assert dropped.store.tables["logins"].rows == 1


@pytest.mark.parametrize(
    ("said", "utc", "day"),
    [
        ("2024-07-01 00:30", "2024-06-30 22:30:00", "2024-07-01"),
        ("2024-01-01 00:30", "2023-12-31 23:30:00", "2024-01-01"),
        ("2024-06-30T22:30:00Z", "2024-06-30 22:30:00", "2024-07-01"),
        ("2024-06-30 20:30:00-02:00", "2024-06-30 22:30:00", "2024-07-01"),
        ("2024-03-31 02:30", "2024-03-31 01:30:00", "2024-03-31"),
        ("2024-07-01", "2024-06-30 22:00:00", "2024-07-01"),
    ],
)
def test_times_are_stored_in_utc_beside_the_local_day(tmp_path: Path, said: str, utc: str, day: str) -> None:
    drawn = f"customer | happened_at\n ana | {said}"
    world = draw(tmp_path, customers=CUSTOMERS, since=None, logins=drawn)

    [(at, number)] = rows(world.store, "logins", '"at", day')

    assert str(at) == utc
    assert str(day_of(number)) == day


def test_codes_with_leading_zeros_stay_whole(tmp_path: Path) -> None:
    world = draw(
        tmp_path,
        customers="customer | signed_up_at\n 007 | 2023-01-01\n 070 | 2023-01-01",
        logins="customer | happened_at\n 007 | 2024-01-01",
        since=None,
    )

    assert rows(world.store, "customers", "customer_id") == [("007",), ("070",)]
    assert world.store.tables["logins"].rows == 1


def test_money_is_stored_in_cents(tmp_path: Path) -> None:
    drawn = "customer | ordered_at | amount\n ana | 2024-01-01 | 0.29\n ana | 2024-01-01 | 19.999"
    world = draw(tmp_path, customers=CUSTOMERS, since=None, orders=drawn)

    assert rows(world.store, "orders", "amount") == [(29,), (2000,)]


def test_columns_queries_and_formats_map_a_foreign_source(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "sales.csv").write_text("id;ts;price;qty\n1;22-04-2014 03:53;2.5;2\n1;23-04-2014 10:00;1;0\n")
    params = Params.model_validate(
        {
            "source": str(source),
            "tables": {
                "customers": {
                    "query": "select distinct id as customer_id, date '2014-01-01' as signed_up_at from sales"
                },
                "orders": {
                    "from": "sales",
                    "columns": {"customer_id": "id", "ordered_at": "ts", "amount": "price * qty"},
                    "where": "qty > 0",
                    "time_format": "%d-%m-%Y %H:%M",
                },
            },
            "label": {"kind": "inactivity", "table": "orders", "horizon_days": 7},
            "output": str(tmp_path / "output"),
        }
    )

    store = ingest(params, lambda _: None)

    assert [(str(at), amount) for at, amount in rows(store, "orders", '"at", amount')] == [
        ("2014-04-22 03:53:00", 500)
    ]


def test_a_duckdb_file_is_a_source(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "company.duckdb")) as connection:
        connection.execute(
            "CREATE TABLE customers AS SELECT 'ana' AS customer_id, DATE '2023-01-01' AS signed_up_at"
        )
        connection.execute(
            "CREATE TABLE logins AS SELECT 'ana' AS customer_id, TIMESTAMP '2024-01-01' AS happened_at"
        )
    params = params_of(tmp_path, customers=CUSTOMERS, logins="customer | happened_at\n ana | 2024-01-01")

    store = ingest(
        params.model_copy(update={"source": f"duckdb:///{tmp_path}/company.duckdb"}), lambda _: None
    )

    assert store.n_customers == 1


def test_the_store_is_the_same_whatever_the_order_of_the_source(tmp_path: Path) -> None:
    drawn = ["ana | 2024-01-01 10:00", "ben | 2024-01-03 10:00", "ana | 2024-01-02 10:00"]
    stores = [
        draw(
            tmp_path / name,
            customers=CUSTOMERS,
            since=None,
            logins="\n".join(["customer | happened_at", *lines]),
        ).store
        for name, lines in (("forth", drawn), ("back", drawn[::-1]))
    ]

    assert stores[0].digest == stores[1].digest


def test_the_store_is_fresh_until_the_source_or_its_mapping_changes(tmp_path: Path) -> None:
    params = params_of(tmp_path, customers=CUSTOMERS, logins="customer | happened_at\n ana | 2024-01-01")
    assert not is_fresh(params)

    ingest(params, lambda _: None)

    assert is_fresh(params)
    assert is_fresh(params.model_copy(update={"score": params.score.model_copy(update={"reasons": 2})}))
    assert not is_fresh(params.model_copy(update={"timezone": "UTC"}))
    (tmp_path / "source" / "logins.csv").write_text("customer_id,happened_at\nana,2024-01-02\n")
    assert not is_fresh(params)


def test_without_a_watermark_a_broken_clock_does_not_move_tonight(tmp_path: Path) -> None:
    lines = [f"ana | 2024-01-{day:02} 10:00" for day in range(1, 29)] * 8
    world = draw(
        tmp_path,
        customers=CUSTOMERS,
        since=None,
        watermark=None,
        logins="\n".join(["customer | happened_at", *lines, "ben | 2040-08-31"]),
    )

    assert str(world.store.tonight) == "2024-01-28"


def test_every_missing_table_and_column_is_said_at_once(tmp_path: Path) -> None:
    params = params_of(
        tmp_path,
        customers="customer | signd_up_at\n ana | 2023-01-01",
        since=None,
        logins="customer | happened_at\n ana | 2024-01-01",
        params={"tables": {"customers": {}, "logins": {}, "orders": {}, "tickets": {"from": "tikets"}}},
    )

    error = refusal(params)

    assert isinstance(error, SourceError)
    assert [line.split(":")[0] for line in error.problems] == ["customers", "params", "params"]
    assert "has no column 'signed_up_at'" in error.problems[0]
    assert "Did you mean 'signd_up_at'?" in error.problems[0]
    assert "has no table 'orders'" in error.problems[1]


def test_broken_sql_is_said_where_it_stands(tmp_path: Path) -> None:
    params = params_of(
        tmp_path,
        since=None,
        logins="customer | happened_at\n ana | 2024-01-01",
        params={"tables": {"customers": {"query": "selct 1"}, "logins": {}}},
    )

    error = refusal(params)

    assert error.exit_code == 11
    assert error.problems[0].startswith("params: tables.customers: the SQL is not understood by the source")


@pytest.mark.parametrize("empty", ["customers", "logins"])
def test_an_empty_needed_table_is_said(tmp_path: Path, empty: str) -> None:
    params = params_of(
        tmp_path, customers=CUSTOMERS, logins="customer | happened_at\n ana | 2024-01-01", since=None
    )
    header = (tmp_path / "source" / f"{empty}.csv").read_text().splitlines()[0]
    (tmp_path / "source" / f"{empty}.csv").write_text(header + "\n")

    error = refusal(params.model_copy(update={"check": params.check.model_copy(update={"max_rejects": 1.0})}))

    assert error.exit_code == 11
    assert any(line.startswith(f"{empty}: the table is empty") for line in error.problems)


@pytest.mark.parametrize(
    ("tables", "said"),
    [
        ({"customers": {}, "login": {}}, "tables.login is not a canonical table. Did you mean 'logins'?"),
        ({"logins": {}}, "tables.customers is missing"),
        ({"customers": {}, "orders": {}}, "label.table 'logins' is not among the tables"),
        (
            {"customers": {}, "logins": {"columns": {"hapened_at": "ts"}}},
            "tables.logins.columns.hapened_at is not a column of this table. Did you mean 'happened_at'?",
        ),
        ({"customers": {}, "logins": {"static": ["country"]}}, "only customers has static attributes"),
        (
            {"customers": {"history": {"plan": "x"}}, "logins": {}},
            "attributes with a history are not read yet",
        ),
    ],
)
def test_tables_that_params_names_wrongly_are_refused(tmp_path: Path, tables: object, said: str) -> None:
    params = params_of(
        tmp_path, since=None, logins="customer | happened_at\n ana | 2024-01-01", params={"tables": tables}
    )

    with pytest.raises(ParamsError) as caught:
        ingest(params, lambda _: None)

    assert said in str(caught.value)


def test_a_killed_ingest_leaves_the_old_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    params = params_of(tmp_path, customers=CUSTOMERS, logins="customer | happened_at\n ana | 2024-01-01")
    ingest(params, lambda _: None)
    before = json.loads((params.output / "store" / "manifest.json").read_text())

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("churn.data.ingest.write_manifest", killed)
    with pytest.raises(KeyboardInterrupt):
        ingest(params, lambda _: None)

    assert json.loads((params.output / "store" / "manifest.json").read_text()) == before
