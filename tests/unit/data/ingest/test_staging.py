"""Attributes of customers: static ones, those with a history, and columns that are not used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from churn.data.check import describe_tables
from churn.data.ingest.ingest import fresh_store, ingest
from churn.data.store import Store, date_of_day
from churn.data.tables import EMPTIED_VALUE
from churn.errors import ParamsError, SourceError
from churn.params import Params
from tests.drawn_company import params_of

LOGINS = "customer | happened_at\n ana | 2024-06-01\n ben | 2024-06-01"
PLANS = """
    customer | valid_from | valid_to   | plan
    ana      | 2024-01-01 | 2024-03-01 | basic
    ana      | 2024-03-01 |            | pro
    ben      | 2024-02-01 | 9999-12-31 | basic
"""


def company(folder: Path, history: dict[str, object], **tables: Any) -> Params:
    """Draw logins and the tables of histories; `history` is the section of params.yaml."""
    static = tables.pop("static", [])
    origins = {"customers": {"static": static, "history": history}, "logins": {}}
    params = {"tables": origins, "events": {}, "check": {"max_rejects": 1.0}}
    label = {"kind": "inactivity", "table": "logins", "horizon_days": 30}
    return params_of(folder, since=None, params=params, label=label, logins=LOGINS, **tables)


def stored_values(store: Store, attribute: str) -> list[tuple[object, ...]]:
    """Return customer, first day, day after the last day, and value, in the order of the store."""
    with store.connect() as connection:
        rows = connection.execute(
            f"SELECT customer, day, valid_to_day, value FROM {store.scan(f'customers.{attribute}')}"
        ).fetchall()
    return [
        (customer, str(date_of_day(begin)), _date_or_none(end), value) for customer, begin, end, value in rows
    ]


def _date_or_none(day: int | None) -> str | None:
    """Return a day as a date; the end of time, after 2079, is None."""
    return None if day is None or day > 40_000 else str(date_of_day(int(day)))


def test_a_history_is_stored_as_its_own_table(tmp_path: Path) -> None:
    params = company(tmp_path, {"plan": {"from": "plans"}}, plans=PLANS)

    store = ingest(params, lambda _: None)

    assert store.tables["customers.plan"].levels == {"value": ("basic", "pro")}
    assert stored_values(store, "plan") == [
        (0, "2024-01-01", "2024-03-01", 0),
        (0, "2024-03-01", None, 1),
        (1, "2024-02-01", None, 0),
    ]


def test_one_log_of_changes_serves_many_attributes(tmp_path: Path) -> None:
    field = {"changed_at": "at", "value": "new"}
    params = company(
        tmp_path,
        {
            "plan": {"from": "changes", "columns": field, "where": "field = 'plan'"},
            "seats": {"from": "changes", "columns": field, "where": "field = 'seats'", "kind": "number"},
        },
        changes="""
            customer | at         | field | old   | new
            ana      | 2024-01-01 | plan  |       | basic
            ana      | 2024-01-01 | seats |       | 5
            ana      | 2024-02-01 | plan  | basic | pro
            ben      | 2024-02-01 | seats | 2     | 2.5
        """,
    )

    store = ingest(params, lambda _: None)

    assert stored_values(store, "plan") == [(0, "2024-01-01", None, 0), (0, "2024-02-01", None, 1)]
    assert stored_values(store, "seats") == [(0, "2024-01-01", None, 5000), (1, "2024-02-01", None, 2500)]


def test_a_row_without_a_value_is_kept_and_ends_the_value_before_it(tmp_path: Path) -> None:
    text = "customer | changed_at | plan | seats\n ana | 2024-01-01 | pro | 5\n ana | 2024-02-01 | |"
    history = {"plan": {"from": "changes"}, "seats": {"from": "changes", "kind": "number"}}

    store = ingest(company(tmp_path, history, changes=text), lambda _: None)

    assert store.tables["customers.plan"].levels == {"value": ("", "pro")}
    assert [row[-1] for row in stored_values(store, "plan")] == [1, 0]
    assert [row[-1] for row in stored_values(store, "seats")] == [5000, EMPTIED_VALUE]


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("ana | 2024-03-01 | 2024-02-01 | 5", "valid_to is not before valid_from"),
        ("ana | 2024-03-01 |            | five", "value is a number"),
        ("ana |            |            | 5", "valid_from is present"),
        ("zoe | 2024-03-01 |            | 5", "customer_id is in customers"),
    ],
)
def test_a_bad_row_of_a_history_is_counted_by_rule(tmp_path: Path, text: str, rule: str) -> None:
    header = "customer | valid_from | valid_to | seats\n ana | 2024-01-01 | | 4\n"
    params = company(
        tmp_path,
        {"seats": {"from": "seats", "kind": "number"}},
        seats=header + text,
        customers="customer | signed_up_at\n ana | 2023-01-01\n ben | 2023-01-01",
    )

    store = ingest(params, lambda _: None)

    assert dict(store.tables["customers.seats"].rejects) == {rule: 1}
    assert (tmp_path / "output" / "rejects" / "customers.seats.parquet").exists()


@pytest.mark.parametrize(
    ("history", "static", "message"),
    [
        ({"plan": {"from": "plans", "columns": {"since": "x"}}}, [], "history.plan.columns.since is not a"),
        ({"plan": {"from": "plans"}}, ["plan"], "'plan' is under 'static' and under 'history'"),
        (
            {"health": {"from": "plans"}},
            [],
            "tables.customers.history: 'health' is reserved for churn's own columns",
        ),
    ],
)
def test_wrong_names_in_a_history_are_refused(
    tmp_path: Path, history: dict[str, object], static: list[str], message: str
) -> None:
    params = company(tmp_path, history, static=static, plans=PLANS)

    with pytest.raises(ParamsError) as caught:
        ingest(params, lambda _: None)

    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("origin", "message"),
    [
        ({"from": "plan"}, "has no table 'plan'. Did you mean 'plans'?"),
        ({"from": "plans", "columns": {"valid_from": "since"}}, "the SQL is not understood"),
        ({"query": "select customer_id, valid_from from plans"}, "has no column 'value'"),
    ],
)
def test_a_history_that_the_source_does_not_have_is_reported(
    tmp_path: Path, origin: dict[str, object], message: str
) -> None:
    params = company(tmp_path, {"plan": origin}, plans=PLANS)

    with pytest.raises(SourceError) as caught:
        ingest(params, lambda _: None)

    assert message in str(caught.value)
    assert "tables.customers.history.plan" in str(caught.value)


def test_a_changed_history_makes_the_store_outdated(tmp_path: Path) -> None:
    params = company(tmp_path, {"plan": {"from": "plans"}}, plans=PLANS)
    ingest(params, lambda _: None)

    assert fresh_store(params) is not None
    with_filter = company(tmp_path, {"plan": {"from": "plans", "where": "plan <> 'x'"}}, plans=PLANS)
    assert fresh_store(with_filter) is None


def test_check_reports_columns_of_customers_that_may_change(tmp_path: Path) -> None:
    params = company(
        tmp_path,
        {"plan": {"from": "plans"}},
        static=["country"],
        plans=PLANS,
        customers="""
            customer | signed_up_at | country | plan | status | Seats taken
            ana      | 2023-01-01   | DE      | pro  | open   | 4
            ben      | 2023-01-01   | AT      | pro  | open   | 4
        """,
    )

    store = ingest(params, lambda _: None)

    (line,) = [line.strip() for line in describe_tables(store) if "not used" in line]
    assert line.startswith("not used: status, Seats taken.")
    assert "'static'" in line
    assert "'history'" in line
    assert Store.open(params).tables["customers"].unused_columns == ("status", "Seats taken")


@pytest.mark.parametrize(("end", "is_reported"), [("2024-02-29", True), ("2024-03-01", False)])
def test_check_reports_ends_that_are_the_last_day_of_a_value(
    tmp_path: Path, end: str, is_reported: bool
) -> None:
    text = f"""
        customer | valid_from | valid_to | plan
        ana      | 2024-01-01 | {end}   | basic
        ana      | 2024-03-01 |          | pro
    """

    store = ingest(company(tmp_path, {"plan": {"from": "plans"}}, plans=text), lambda _: None)

    assert (
        any("1 of 1 values end one day before the next" in line for line in describe_tables(store))
        is is_reported
    )


@pytest.mark.parametrize(
    ("header", "near_names"),
    [
        ("customer | signed_up_at | objectd_at", {"objectd_at": "objected_at"}),
        ("customer | signed_up_at | Timezones | e_mail", {"Timezones": "timezone", "e_mail": "email"}),
        ("customer | signed_up_at | objected_at | email | shoe_size", {}),
    ],
)
def test_a_column_with_nearly_the_name_of_a_missing_column_is_reported(
    tmp_path: Path, header: str, near_names: dict[str, str]
) -> None:
    blanks = " |" * (header.count("|") - 1)
    params = company(
        tmp_path, {}, customers=f"{header}\n ana | 2023-01-01{blanks}\n ben | 2023-01-01{blanks}"
    )
    lines: list[str] = []

    store = ingest(params, lines.append)

    assert store.tables["customers"].near_names == near_names
    assert Store.open(params).tables["customers"].near_names == near_names
    lines += describe_tables(store)
    assert sum("not read" in line for line in lines) == (1 + len(near_names) if near_names else 0)
    assert all(sum(f"'{name}'" in line for line in lines) == 2 for name in near_names)


def test_a_column_that_sql_of_params_reads_is_not_reported(tmp_path: Path) -> None:
    params = company(
        tmp_path,
        {"plan": {"from": "plans", "where": "valids_to <> ''"}},
        plans="customer | valid_from | valids_to | plan\n ana | 2024-01-01 | x | basic",
    )

    assert ingest(params, lambda _: None).tables["customers.plan"].near_names == {}
