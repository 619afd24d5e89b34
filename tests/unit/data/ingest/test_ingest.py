"""Ingest keeps the good rows, counts the bad rows by rule, and stops above the allowed share of them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import duckdb
import pytest
import yaml

from churn.data.check import describe_tables
from churn.data.ingest.ingest import fresh_store, ingest
from churn.data.store import Store, date_of_day
from churn.errors import ChurnError, ParamsError, SourceError
from churn.params import LabelParams, Params
from tests.drawn_company import draw, params_of

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
    ("table", "text", "rule"),
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
        (
            "loyalty",
            "customer | happened_at | kind\n ana | 2024-01-01 | redeem\n ana | 2024-01-02 | Einlösung",
            "kind is earn, redeem, expire or tier",
        ),
        (
            "loyalty",
            "customer | happened_at | kind\n ana | 2024-01-01 | earn\n ana | 2024-01-02 |",
            "kind is present",
        ),
        (
            "loyalty",
            "customer | happened_at | kind | points\n"
            " ana | 2024-01-01 | redeem | 5\n ana | 2024-01-02 | redeem | -5",
            "points is at least 0",
        ),
        (
            "contacts",
            "customer | contacted_at | cost\n ana | 2024-01-01 | 0.004\n ana | 2024-01-02 | -0.004",
            "cost is at least 0",
        ),
    ],
)
def test_a_bad_row_is_counted_by_rule_and_written_to_the_rejects(
    tmp_path: Path, table: str, text: str, rule: str
) -> None:
    world = draw(tmp_path, customers=CUSTOMERS, since=None, params=LENIENT, **{table: text})

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


def test_too_many_bad_rows_stop_ingest_and_are_written_to_the_rejects(tmp_path: Path) -> None:
    params = params_of(
        tmp_path,
        customers=CUSTOMERS,
        since=None,
        logins="customer | happened_at\n ana | soon\n ben | 2024-01-01",
    )

    error = refusal(params)

    assert error.exit_code == 11
    assert "logins: 1 of 2 rows (50.0%) are rejected, more than check.max_rejects (5.0%)" in str(error)
    assert (tmp_path / "output" / "rejects" / "logins.parquet").exists()
    assert not (tmp_path / "output" / "store").exists()


def test_equal_rows_are_separate_events_and_are_counted(tmp_path: Path) -> None:
    text = "customer | happened_at\n ana | 2024-01-01 10:00\n ana | 2024-01-01 10:00"

    with_equal_rows = draw(tmp_path / "all", customers=CUSTOMERS, since=None, logins=text)
    without_equal_rows = draw(
        tmp_path / "distinct",
        customers=CUSTOMERS,
        since=None,
        logins=text,
        params={"tables": {"customers": {}, "logins": {"distinct": True}}},
    )

    assert with_equal_rows.store.tables["logins"].rows == 2
    assert any("equal rows: 1" in line for line in describe_tables(with_equal_rows.store))
    assert without_equal_rows.store.tables["logins"].rows == 1


@pytest.mark.parametrize(
    ("time", "utc", "day"),
    [
        ("2024-07-01 00:30", "2024-06-30 22:30:00", "2024-07-01"),
        ("2024-01-01 00:30", "2023-12-31 23:30:00", "2024-01-01"),
        ("2024-06-30T22:30:00Z", "2024-06-30 22:30:00", "2024-07-01"),
        ("2024-06-30 20:30:00-02:00", "2024-06-30 22:30:00", "2024-07-01"),
        ("2024-03-31 02:30", "2024-03-31 01:30:00", "2024-03-31"),
        ("2024-07-01", "2024-06-30 22:00:00", "2024-07-01"),
    ],
)
def test_times_are_stored_in_utc_with_the_local_day(tmp_path: Path, time: str, utc: str, day: str) -> None:
    text = f"customer | happened_at\n ana | {time}"
    world = draw(tmp_path, customers=CUSTOMERS, since=None, logins=text)

    [(at, number)] = rows(world.store, "logins", '"at", day')

    assert str(at) == utc
    assert str(date_of_day(number)) == day


def test_ids_keep_their_leading_zeros(tmp_path: Path) -> None:
    world = draw(
        tmp_path,
        customers="customer | signed_up_at\n 007 | 2023-01-01\n 070 | 2023-01-01",
        logins="customer | happened_at\n 007 | 2024-01-01",
        since=None,
    )

    assert rows(world.store, "customers", "customer_id") == [("007",), ("070",)]
    assert world.store.tables["logins"].rows == 1


def test_money_is_stored_in_cents(tmp_path: Path) -> None:
    text = "customer | ordered_at | amount\n ana | 2024-01-01 | 0.29\n ana | 2024-01-01 | 19.999"
    world = draw(tmp_path, customers=CUSTOMERS, since=None, orders=text)

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
    text = ["ana | 2024-01-01 10:00", "ben | 2024-01-03 10:00", "ana | 2024-01-02 10:00"]
    stores = [
        draw(
            tmp_path / name,
            customers=CUSTOMERS,
            since=None,
            logins="\n".join(["customer | happened_at", *lines]),
        ).store
        for name, lines in (("forth", text), ("back", text[::-1]))
    ]

    assert stores[0].digest == stores[1].digest


def test_the_store_is_fresh_until_the_source_or_its_mapping_changes(tmp_path: Path) -> None:
    params = params_of(tmp_path, customers=CUSTOMERS, logins="customer | happened_at\n ana | 2024-01-01")
    assert fresh_store(params) is None

    ingest(params, lambda _: None)

    assert fresh_store(params) is not None
    other_score = params.score.model_copy(update={"reasons": 2})
    assert fresh_store(params.model_copy(update={"score": other_score})) is not None
    other_horizon = params.label.model_copy(update={"horizon_days": 9})
    assert fresh_store(params.model_copy(update={"label": other_horizon})) is not None
    assert fresh_store(params.model_copy(update={"timezone": "UTC"})) is None
    (tmp_path / "source" / "logins.csv").write_text("customer_id,happened_at\nana,2024-01-02\n")
    assert fresh_store(params) is None


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


def test_all_missing_tables_and_columns_are_reported_together(tmp_path: Path) -> None:
    params = params_of(
        tmp_path,
        customers="customer | signd_up_at\n ana | 2023-01-01",
        since=None,
        logins="customer | happened_at\n ana | 2024-01-01",
        params={"tables": {"customers": {}, "logins": {}, "orders": {}, "tickets": {"from": "tikets"}}},
    )

    error = refusal(params)

    assert isinstance(error, SourceError)
    assert [line.split(":")[0] for line in error.problems] == ["customers", "params.yaml", "params.yaml"]
    assert "has no column 'signed_up_at'" in error.problems[0]
    assert "Did you mean 'signd_up_at'?" in error.problems[0]
    assert "has no table 'orders'" in error.problems[1]


def test_broken_sql_is_reported_with_its_key(tmp_path: Path) -> None:
    params = params_of(
        tmp_path,
        since=None,
        logins="customer | happened_at\n ana | 2024-01-01",
        params={"tables": {"customers": {"query": "selct 1"}, "logins": {}}},
    )

    error = refusal(params)

    assert error.exit_code == 11
    assert error.problems[0].startswith(
        "params.yaml: tables.customers: the SQL is not understood by the source"
    )


@pytest.mark.parametrize(
    ("columns", "name", "right_name"),
    [
        ("ts as happened_at, loaded as knwon_at", "knwon_at", "known_at"),
        ('ts as happened_at, loaded AS "Known_att"', "Known_att", "known_at"),
        ("ts as happened_at, loaded as rowid_", "rowid_", "row_id"),
    ],
)
def test_a_misspelt_optional_column_of_a_query_is_refused(
    tmp_path: Path, columns: str, name: str, right_name: str
) -> None:
    query = f"select customer_id, {columns} from logins"
    params = params_of(
        tmp_path,
        customers=CUSTOMERS,
        logins="customer | ts | loaded\n ana | 2024-01-01 | 2024-01-02",
        since=None,
        params={"tables": {"customers": {}, "logins": {"query": query}}},
    )

    error = refusal(params)

    assert error.exit_code == 11
    assert any(
        f"tables.logins.query returns '{name}'" in line and f"Did you mean '{right_name}'?" in line
        for line in error.problems
    )


@pytest.mark.parametrize("columns", ["ts as happened_at, loaded as note", "*, ts as happened_at"])
def test_other_columns_of_a_query_are_no_mistake(tmp_path: Path, columns: str) -> None:
    query = f"select {'' if columns[0] == '*' else 'customer_id, '}{columns} from logins"
    params = params_of(
        tmp_path,
        customers=CUSTOMERS,
        logins="customer | ts | loaded | known_on\n ana | 2024-01-01 | 2024-01-02 | x",
        since=None,
        params={"tables": {"customers": {}, "logins": {"query": query}}},
    )

    assert ingest(params, lambda _: None).tables["logins"].rows == 1


@pytest.mark.parametrize("empty", ["customers", "logins"])
def test_an_empty_table_that_is_needed_is_refused(tmp_path: Path, empty: str) -> None:
    params = params_of(
        tmp_path, customers=CUSTOMERS, logins="customer | happened_at\n ana | 2024-01-01", since=None
    )
    header = (tmp_path / "source" / f"{empty}.csv").read_text().splitlines()[0]
    (tmp_path / "source" / f"{empty}.csv").write_text(header + "\n")

    error = refusal(params.model_copy(update={"check": params.check.model_copy(update={"max_rejects": 1.0})}))

    assert error.exit_code == 11
    assert any(line.startswith(f"{empty}: the table is empty") for line in error.problems)


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ({"logins": {}}, "tables.customers is missing"),
        ({"customers": {}, "orders": {}}, "label.table 'logins' is not among the tables"),
        (
            {"customers": {}, "logins": {"columns": {"hapened_at": "ts"}}},
            "tables.logins.columns.hapened_at is not a column of this table. Did you mean 'happened_at'?",
        ),
        (
            {"customers": {}, "logins": {}, "tickets": {"columns": {"frist_reply_at": "replied"}}},
            "tickets.columns.frist_reply_at is not a column of this table. Did you mean 'first_reply_at'?",
        ),
        (
            {"customers": {}, "logins": {"static": ["country"]}},
            "logins.static: only the table customers has attributes",
        ),
    ],
)
def test_wrong_names_of_tables_and_columns_in_params_are_refused(
    tmp_path: Path, tables: object, message: str
) -> None:
    params = params_of(
        tmp_path, since=None, logins="customer | happened_at\n ana | 2024-01-01", params={"tables": tables}
    )

    lines: list[str] = []

    with pytest.raises(ParamsError) as caught:
        ingest(params, lines.append)

    assert message in str(caught.value)
    assert lines == []


def test_the_label_that_is_advised_without_subscriptions_is_valid(
    tmp_path: Path,
) -> None:
    params = params_of(
        tmp_path,
        since=None,
        label={"kind": "contract", "horizon_days": 31},
        logins="customer | happened_at\n ana | 2024-01-01",
    )

    (problem,) = refusal(params).problems

    advice = yaml.safe_load(re.search(r"label: (\{.*?\})", problem)[1])
    assert problem.startswith("params.yaml: label.kind contract needs 'subscriptions'")
    assert advice == {"kind": "inactivity", "table": "logins", "horizon_days": 31}
    assert LabelParams(**advice).core_table == "logins"


def test_a_killed_ingest_leaves_the_old_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    params = params_of(tmp_path, customers=CUSTOMERS, logins="customer | happened_at\n ana | 2024-01-01")
    ingest(params, lambda _: None)
    before = json.loads((params.output / "store" / "manifest.json").read_text())

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("churn.data.ingest.ingest.write_manifest", interrupt)
    with pytest.raises(KeyboardInterrupt):
        ingest(params, lambda _: None)

    assert json.loads((params.output / "store" / "manifest.json").read_text()) == before


def stored_days(store: Store, table: str) -> list[str]:
    return [str(date_of_day(int(str(day)))) for (day,) in rows(store, table, "day")]


@pytest.mark.parametrize(
    ("times", "time_format", "days"),
    [
        (["01/02/2020", "03/04/2020"], "%m/%d/%Y", ["2020-01-02", "2020-03-04"]),
        (["01/02/2020", "03/04/2020"], "%d/%m/%Y", ["2020-02-01", "2020-04-03"]),
        (["01-02-2020 10:00", "03-04-2020 10:00"], "%d-%m-%Y %H:%M", ["2020-02-01", "2020-04-03"]),
        (
            ["01.05.2020 00:30 +0200", "02.05.2020 00:30 +0200"],
            "%d.%m.%Y %H:%M %z",
            ["2020-05-01", "2020-05-02"],
        ),
    ],
)
def test_time_format_decides_how_times_are_read(
    tmp_path: Path, times: list[str], time_format: str, days: list[str]
) -> None:
    world = draw(
        tmp_path,
        customers=CUSTOMERS,
        since=None,
        logins="\n".join(["customer | happened_at", *(f"ana | {time}" for time in times)]),
        params={"tables": {"customers": {}, "logins": {"time_format": time_format}}},
    )

    assert stored_days(world.store, "logins") == days


def test_a_date_in_another_form_is_rejected_and_not_guessed(tmp_path: Path) -> None:
    params = params_of(
        tmp_path, customers=CUSTOMERS, logins="customer | happened_at\n ana | 01/02/2020", since=None
    )

    error = refusal(params)

    assert "break 'happened_at is a time'" in str(error)


def test_each_time_of_a_column_is_read_with_its_own_zone(tmp_path: Path) -> None:
    text = (
        "customer | happened_at\n ana | 2024-05-01 00:30:00\n ana | 2024-05-01T22:30:00Z\n"
        " ana | 2024-05-02 22:30:00 UTC"
    )
    world = draw(tmp_path, customers=CUSTOMERS, since=None, logins=text)

    assert [str(at) for (at,) in rows(world.store, "logins", '"at"')] == [
        "2024-04-30 22:30:00",
        "2024-05-01 22:30:00",
        "2024-05-02 22:30:00",
    ]


@pytest.mark.parametrize("order", [1, -1])
def test_the_same_row_of_a_repeated_row_id_is_kept_in_any_order_of_the_source(
    tmp_path: Path, order: int
) -> None:
    lines = ["ana | 2024-01-01 10:00 | 7 | 5", "ana | 2024-01-01 10:00 | 7 | 3"][::order]
    text = "\n".join(["customer | ordered_at | row_id | amount", *lines])
    world = draw(tmp_path, customers=CUSTOMERS, since=None, orders=text, params=LENIENT)

    assert rows(world.store, "orders", "amount") == [(300,)]


def test_a_good_row_is_kept_when_a_bad_row_has_its_key(tmp_path: Path) -> None:
    lines = ["ana | 2024-01-01 10:00 | 7 | oops", "ana | 2024-01-01 10:01 | 7 | 3"]
    text = "\n".join(["customer | ordered_at | row_id | amount", *lines])
    world = draw(
        tmp_path,
        customers="customer | signed_up_at\n ana | 1970-01-01\n ana | 2023-01-01",
        since=None,
        orders=text,
        params=LENIENT,
    )

    assert rows(world.store, "orders", "amount") == [(300,)]
    assert dict(world.store.tables["orders"].rejects) == {"amount is a number": 1}
    assert dict(world.store.tables["customers"].rejects) == {"signed_up_at is after 1970-01-01": 1}


def test_rows_after_the_watermark_and_ends_in_the_far_future_are_good(tmp_path: Path) -> None:
    logins = "\n".join(
        ["customer | happened_at", *(f"ana | {year}-06-01" for year in (2019, 2020, 2021, 2022, 2023))]
    )
    world = draw(
        tmp_path,
        customers=CUSTOMERS,
        since=None,
        watermark="2021-01-01",
        logins=logins,
        subscriptions="""
            customer | started_at | ended_at
            ana      | 2020-01-01 | 9999-12-31
            ben      | 2020-01-01 | 2023-01-01
        """,
    )

    assert world.store.tables["logins"].rows == 5
    assert world.store.tables["subscriptions"].rows == 2


def test_without_a_watermark_one_wrong_date_after_a_hole_does_not_move_tonight(tmp_path: Path) -> None:
    lines = [f"ana | 2024-01-{day:02} 10:00" for day in range(1, 29)]
    messages: list[str] = []
    text = "\n".join(["customer | happened_at", *lines, "ben | 2024-08-31"])
    params = params_of(tmp_path, customers=CUSTOMERS, since=None, watermark=None, logins=text)

    store = ingest(params, messages.append)

    assert str(store.tonight) == "2024-01-28"
    assert any("set snapshot.watermark" in line for line in messages)


@pytest.mark.parametrize("ids", [("12e3", "12000"), ("t", "true"), ("10:00", "10:00:00"), ("-07", "-7")])
def test_ids_that_look_like_numbers_times_or_booleans_stay_texts(
    tmp_path: Path, ids: tuple[str, str]
) -> None:
    world = draw(
        tmp_path,
        customers=f"customer | signed_up_at\n {ids[0]} | 2023-01-01\n {ids[1]} | 2023-01-01",
        logins=f"customer | happened_at\n {ids[0]} | 2024-01-01",
        since=None,
    )

    assert sorted(rows(world.store, "customers", "customer_id")) == sorted([(ids[0],), (ids[1],)])
    assert world.store.tables["logins"].rows == 1


def test_numeric_ids_are_whole_numbers_and_a_missing_id_is_rejected(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for name, time in (("customers", "signed_up_at"), ("logins", "happened_at")):
        duckdb.sql(
            f"COPY (SELECT id AS customer_id, DATE '2023-01-01' AS {time} "
            "FROM (VALUES (1.0::DOUBLE), ('nan'::DOUBLE)) t(id)) "
            f"TO '{source / name}.parquet'"
        )
    params = params_of(
        tmp_path / "other", customers=CUSTOMERS, logins="customer | happened_at\n ana | 2024-01-01"
    )
    lenient = params.check.model_copy(update={"max_rejects": 1.0})

    store = ingest(params.model_copy(update={"source": str(source), "check": lenient}), lambda _: None)

    assert rows(store, "customers", "customer_id") == [("1",)]
    assert dict(store.tables["customers"].rejects) == {"customer_id is present": 1}


def test_email_events_become_one_row_per_email(tmp_path: Path) -> None:
    world = draw(
        tmp_path,
        customers=CUSTOMERS,
        since=None,
        emails="""
            customer | email_id | kind  | sent_at
            ana      | 1        | sent  | 2024-05-01 10:00
            ana      | 1        | open  | 2024-05-02 10:00
            ana      | 1        | open  | 2024-05-03 10:00
            ana      | 2        | sent  | 2024-05-05 10:00
        """,
    )

    assert world.store.tables["emails"].rows == 2
    assert world.values("emails_unopened_run", "2024-06-01")["ana"] == 1


def test_email_events_without_an_email_id_are_refused(tmp_path: Path) -> None:
    params = params_of(
        tmp_path,
        customers=CUSTOMERS,
        since=None,
        emails="customer | kind | sent_at\n ana | sent | 2024-05-01",
    )

    assert "no 'email_id', so nothing shows which e-mail was opened" in str(refusal(params))


@pytest.mark.parametrize("table", ["raw_orders", "typed_orders", "codes", "judged", "select"])
def test_a_source_table_may_have_any_name(tmp_path: Path, table: str) -> None:
    text = "customer | ordered_at | amount\n ana | 2024-01-01 | 1"
    world_params = params_of(tmp_path, customers=CUSTOMERS, since=None, orders=text)
    (tmp_path / "source" / "orders.csv").rename(tmp_path / "source" / f"{table}.csv")
    tables = {
        **world_params.tables,
        "orders": world_params.tables["orders"].model_copy(update={"from_": table}),
    }

    store = ingest(world_params.model_copy(update={"tables": tables}), lambda _: None)

    assert store.tables["orders"].rows == 1


def test_an_output_folder_inside_the_source_is_not_part_of_the_source(tmp_path: Path) -> None:
    params = params_of(
        tmp_path, customers=CUSTOMERS, since=None, logins="customer | happened_at\n ana | 2024-01-01"
    )
    inside = params.model_copy(update={"output": tmp_path / "source" / "output"})

    ingest(inside, lambda _: None)

    assert fresh_store(inside) is not None


def test_a_table_in_two_formats_is_refused(tmp_path: Path) -> None:
    params = params_of(
        tmp_path, customers=CUSTOMERS, since=None, logins="customer | happened_at\n ana | 2024-01-01"
    )
    duckdb.sql(f"COPY (SELECT 1 AS a) TO '{tmp_path}/source/logins.parquet'")

    assert "table 'logins' has files in two formats (logins.csv, logins.parquet)" in str(refusal(params))


def test_columns_are_found_in_any_case_and_a_query_may_end_with_a_semicolon(tmp_path: Path) -> None:
    query = "select customer_id, signed_up_at from customers; "
    world = draw(
        tmp_path,
        customers=CUSTOMERS,
        since=None,
        logins="Customer_ID | HAPPENED_AT\n ana | 2024-01-01",
        params={"tables": {"customers": {"query": query}, "logins": {}}},
    )

    assert world.store.tables["logins"].rows == 1


@pytest.mark.parametrize("name", ["left", "cutoff", "health", "__broken"])
def test_an_attribute_cannot_have_the_name_of_a_column_of_the_program(tmp_path: Path, name: str) -> None:
    params = params_of(
        tmp_path,
        customers=CUSTOMERS,
        since=None,
        logins="customer | happened_at\n ana | 2024-01-01",
        params={"tables": {"customers": {"static": [name]}, "logins": {}}},
    )

    assert f"static: '{name}' is reserved for churn's own columns" in str(refusal(params))


def test_a_row_years_after_the_other_rows_is_rejected(tmp_path: Path) -> None:
    lines = [f"ana | 2024-01-{day:02}" for day in range(1, 29)]
    text = "\n".join(["customer | happened_at", *lines, "ana | 2031-01-01"])
    world = draw(tmp_path, customers=CUSTOMERS, since=None, logins=text)

    assert dict(world.store.tables["logins"].rejects) == {"happened_at is at most a year ahead": 1}


def test_levels_are_stored_as_codes_in_the_order_of_their_names(tmp_path: Path) -> None:
    world = draw(
        tmp_path,
        customers=CUSTOMERS,
        since=None,
        subscriptions="""
            customer | started_at | plan
            ana      | 2024-01-01 | pro
            ana      | 2024-02-01 | basic
            ben      | 2024-01-01 |
        """,
        label={"kind": "contract", "horizon_days": 30},
    )

    assert Store.open(world.store.params).tables["subscriptions"].levels == {"plan": ("basic", "pro")}
    assert rows(world.store, "subscriptions", "customer, plan") == [(0, 0), (0, 1), (1, None)]


def test_a_level_that_only_bad_rows_have_gets_no_code(tmp_path: Path) -> None:
    world = draw(
        tmp_path,
        customers=CUSTOMERS,
        since=None,
        params=LENIENT,
        visits="""
            customer | happened_at | kind
            ana      | 2024-01-01  | page
            ben      | 2024-01-01  | shop
            zoe      | 2024-01-01  | chat
            ben      | soon        | quiz
        """,
    )

    assert world.store.tables["visits"].levels == {"kind": ("page", "shop")}
    assert rows(world.store, "visits", "kind") == [(0,), (1,)]


def test_each_row_of_a_repeated_id_is_rejected_by_its_own_rule(tmp_path: Path) -> None:
    lines = ["ana | soon | 7", "ana | 2024-01-02 | 7", "ana | 2024-01-01 | 7", "zoe | 2024-01-01 | 7"]
    text = "\n".join(
        ["customer | happened_at | row_id", *lines, "ben | 2024-01-01 | 8", "ben | 2024-01-01 |"]
    )
    world = draw(tmp_path, customers=CUSTOMERS, since=None, logins=text, params=LENIENT)

    assert stored_days(world.store, "logins") == ["2024-01-01"] * 3
    assert dict(world.store.tables["logins"].rejects) == {
        "customer_id is in customers": 1,
        "happened_at is a time": 1,
        "row_id is not repeated": 1,
    }


def test_the_words_for_no_value_are_missing_and_count_as_no_broken_rule(tmp_path: Path) -> None:
    text = """
        customer | started_at | ended_at | plan
        ana      | 2020-01-01 | NULL     | NULL
        bob      | 2020-01-01 | 2020-03-01 | S
        cid      | 2020-01-01 | 9999-12-31 23:59:59 | S
        dan      | 2020-01-01 | 0000-00-00 00:00:00 | S
    """
    words = {"ended_at": ["NULL", "9999-12-31", "0000-00-00 00:00:00"]}
    world = draw(
        tmp_path,
        customers="customer | signed_up_at\n"
        + "\n".join(f"{name} | 2020-01-01" for name in ("ana", "bob", "cid", "dan")),
        since=None,
        subscriptions=text,
        params={"tables": {"customers": {}, "subscriptions": {"missing": words}}},
    )

    table = world.store.tables["subscriptions"]
    assert (table.rows, dict(table.rejects), table.missing["ended_at_day"]) == (4, {}, 3)
    assert table.levels["plan"] == ("NULL", "S")


@pytest.mark.parametrize("word", ["-1", "-1.0"])
def test_a_number_that_stands_for_no_value_is_missing_however_it_is_written(
    tmp_path: Path, word: str
) -> None:
    world = draw(
        tmp_path,
        customers=CUSTOMERS,
        logins="customer | happened_at\n ana | 2020-01-01",
        tickets="""
            customer | opened_at  | satisfaction
            ana      | 2020-02-01 | -1
            ana      | 2020-03-01 | 3.5
        """,
        since=None,
        params={"tables": {"customers": {}, "logins": {}, "tickets": {"missing": {"satisfaction": [word]}}}},
    )

    table = world.store.tables["tickets"]
    assert (table.rows, dict(table.rejects), table.missing["satisfaction"]) == (2, {}, 1)


def test_a_word_for_no_value_of_an_unknown_column_is_refused(tmp_path: Path) -> None:
    params = params_of(
        tmp_path,
        customers=CUSTOMERS,
        logins="customer | happened_at\n ana | 2020-01-01",
        since=None,
        params={"tables": {"customers": {}, "logins": {"missing": {"happend_at": ["NULL"]}}}},
    )

    error = refusal(params)

    assert "tables.logins.missing.happend_at" in str(error)
    assert "happened_at" in str(error)
