"""Tables of one shape whose names differ in a period or a number are one table, or a question."""

from __future__ import annotations

from pathlib import Path

import pytest

from churn.data.ingest.ingest import ingest
from churn.errors import ParamsError
from churn.init.parts import stem_of
from churn.params import load_params
from pipelines import cli
from tests.cases import case
from tests.unit.init.exports import draft, members, orders, write_tables


def identity(number: int) -> str:
    return f"K{number}"


def test_orders_of_two_years_are_one_table(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"

    code = cli.main("init", ["--params", str(path), "--source", str(case("yearly-files"))])

    assert code == 0
    store = ingest(load_params(path), lambda _: None)
    assert {name: table.rows for name, table in store.tables.items()} == {"customers": 150, "orders": 4528}


@pytest.mark.parametrize(
    "names",
    [
        ("orders_2023_01", "orders_2023_02", "orders_2023_03"),
        ("orders-00000-of-00002", "orders-00001-of-00002"),
        ("jan_orders", "feb_orders"),
        ("orders", "orders_2022"),
        ("Orders2023Q1", "Orders2023Q2"),
    ],
)
def test_parts_of_any_period_are_one_table(tmp_path: Path, names: tuple[str, ...]) -> None:
    rows = orders(identity)
    parts = {name: rows[index :: len(names)] for index, name in enumerate(names)}
    source = write_tables(tmp_path, {"customers": members(identity), **parts})

    written = draft(source)

    body = written.tree()["tables"]["orders"]
    assert set(written.tree()["tables"]) == {"customers", "orders"}
    assert not written.events
    assert all(name in body["query"] for name in names)
    assert not body["query"].startswith("?")


def test_customers_by_year_are_one_table(tmp_path: Path) -> None:
    people = members(identity)
    parts = {"customers_2022": people[:20], "customers_2023": people[20:]}

    written = draft(write_tables(tmp_path, {**parts, "orders": orders(identity)}))

    assert "customers_2022" in written.customers.body["query"]
    assert "customers_2023" in written.customers.body["query"]
    assert "min(seen)" not in written.customers.body["query"]


@pytest.mark.parametrize("names", [("orders_2023", "orders_2024"), ("orders", "orders_1")])
def test_tables_that_share_rows_are_a_question(tmp_path: Path, names: tuple[str, str]) -> None:
    rows = orders(identity)
    parts = {names[0]: rows, names[1]: rows[::2]}
    source = write_tables(tmp_path, {"customers": members(identity), **parts})
    path = tmp_path / "params.yaml"

    code = cli.main("init", ["--params", str(path), "--source", str(source)])

    assert code == 0
    with pytest.raises(ParamsError) as caught:
        load_params(path)
    assert f"{len(rows[::2]):,} values of order_no are in more than one of them" in str(caught.value)


def test_parts_that_differ_in_a_column_are_one_table_and_a_question(tmp_path: Path) -> None:
    rows = orders(identity)
    years = {year: rows[index::4] for index, year in enumerate((2022, 2023, 2024, 2025))}
    parts = {
        f"orders_{year}": [
            {**row, "coupon": f"C{n % 5}"} if year > 2023 else row for n, row in enumerate(part)
        ]
        for year, part in years.items()
    }
    source = write_tables(tmp_path, {"customers": members(identity), **parts})

    written = draft(source)

    assert set(written.tree()["tables"]) == {"customers", "orders"}
    assert not written.events
    question, query = written.tree()["tables"]["orders"]["query"].split("\n", 1)
    assert question.startswith("? ")
    assert question.count("then remove this line") == 1
    assert "coupon as text only in orders_2024, orders_2025" in question
    assert all(name in query for name in parts)


@pytest.mark.parametrize("one_shape", [True, False])
def test_parts_with_other_columns_stay_apart(tmp_path: Path, one_shape: bool) -> None:
    rows = orders(identity)
    other = [{"member": row["customer_id"], "stars": 4, "text": "good", "rated": True} for row in rows]
    parts = {"orders_1": rows[::2], "orders_2": other[1::2]}
    parts |= {"orders_3": other[::2]} if one_shape else {}
    source = write_tables(tmp_path, {"customers": members(identity), **parts})

    written = draft(source)

    assert written.tree()["tables"]["orders"]["from"] == "orders_1"
    warnings = [text for text in written.customers.warnings if "may be parts of one table" in text]
    assert len(warnings) == one_shape
    assert not one_shape or "stars as number only in orders_2, orders_3" in warnings[0]


def test_tables_of_one_shape_with_other_names_stay_apart(tmp_path: Path) -> None:
    rows = orders(identity)
    source = write_tables(tmp_path, {"customers": members(identity), "orders": rows, "returns": rows[::9]})

    written = draft(source)

    assert written.tree()["tables"]["orders"] == {"row_id": "order_no"}


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("orders_2023", "orders"),
        ("2023-orders", "orders"),
        ("orders (1)", "orders"),
        ("Year 2010-2011", None),
        ("orders", None),
        ("may_orders_of_partners", "orders_of_partners"),
        ("part_of_week", None),
    ],
)
def test_the_name_of_a_part_holds_the_name_of_its_table(name: str, stem: str | None) -> None:
    assert stem_of(name) == stem
