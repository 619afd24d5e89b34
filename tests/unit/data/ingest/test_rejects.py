"""Ids that are nobody's, and ids that are spelt differently in two tables."""

from __future__ import annotations

from pathlib import Path

import pytest

from churn.data.ingest.ingest import ingest
from churn.data.ingest.rules import PLACEHOLDER_RULE
from churn.errors import SourceError
from tests.cases import case
from tests.drawn_company import draw
from tests.unit.data.sources.test_folder import params_at, params_with, write

FIRST_ROWS = "select customer_id, min(happened_at) as signed_up_at from logins group by 1"


@pytest.mark.parametrize(
    "placeholder",
    ["undefined", "NULL", "None", "00000000-0000-0000-0000-000000000000", "(not set)", " null "],
)
def test_a_placeholder_is_no_customer_and_is_named_and_counted(tmp_path: Path, placeholder: str) -> None:
    rows = f"ana,2024-01-01\nben,2024-01-02\n{placeholder},2024-01-03\n{placeholder},2024-01-04\n"
    source = write(tmp_path / "source", {"logins.csv": f"customer_id,happened_at\n{rows}"})
    lines: list[str] = []

    store = ingest(params_at(source, tmp_path, customers={"query": FIRST_ROWS}), lines.append)

    assert store.n_customers == 2
    assert dict(store.tables["logins"].rejects) == {PLACEHOLDER_RULE: 2}
    assert [
        line
        for line in lines
        if "logins: 2 rows belong to no customer" in line and placeholder.strip() in line
    ]


@pytest.mark.parametrize("name", ["Null Island", "nan-01", "guest7", "0", "na", "true", "Anonymous Ltd"])
def test_a_name_that_only_resembles_a_placeholder_is_a_customer(tmp_path: Path, name: str) -> None:
    world = draw(tmp_path, logins=f"customer | happened_at\n {name} | 2024-01-01", since=None)

    assert world.store.tables["logins"].rejects == {}
    assert world.store.n_customers == 1


def test_the_placeholders_of_a_web_shop_are_no_customers(tmp_path: Path) -> None:
    columns = {"customer_id": "user_id", "ordered_at": "timestamp"}
    customers = "select user_id as customer_id, min(timestamp) as signed_up_at from events group by 1"
    tables = {"customers": {"query": customers}, "orders": {"from": "events", "columns": columns}}
    lines: list[str] = []

    store = ingest(params_with(case("placeholder-ids"), tmp_path, tables, "orders"), lines.append)

    assert store.n_customers == 146
    assert dict(store.tables["orders"].rejects) == {PLACEHOLDER_RULE: 283 + 179 + 143}
    assert any(
        "'undefined' 283" in line and "'null' 179" in line and "orders: 605 rows" in line for line in lines
    )


@pytest.mark.parametrize(
    ("spelling", "example"),
    [
        ("C10{}", "C101 and c101"),
        ("000{}", "0001 and 1"),
        ("A{}@Example.com", "A1@Example.com and a1@example.com"),
    ],
)
def test_ids_that_are_spelt_differently_in_two_tables_stop_with_examples(
    tmp_path: Path, spelling: str, example: str
) -> None:
    ids = [spelling.format(number) for number in range(1, 9)]
    respelt = [name.lower().lstrip("0") for name in ids]
    customers = "customer | signed_up_at\n" + "\n".join(f"{name} | 2023-01-01" for name in respelt)
    logins = "customer | happened_at\n" + "\n".join(
        f"{name} | 2024-01-0{number}" for number, name in enumerate([*ids[:4], *respelt[4:]], 1)
    )
    params = {"check": {"max_rejects": 1.0}}

    with pytest.raises(SourceError, match="logins: 4 ids differ from another customer's id") as error:
        draw(tmp_path, customers=customers, logins=logins, since=None, params=params)

    assert example in str(error.value)


def test_one_person_with_two_spellings_in_most_rows_is_a_question(tmp_path: Path) -> None:
    names = ["c1", "C1", "c2", "C2", "c3", "C3", "c4"]
    customers = "customer | signed_up_at\n" + "\n".join(f"{name} | 2023-01-01" for name in names)

    with pytest.raises(
        SourceError, match=r"customers: 6 ids .*C1 and c1.*spell the same id in different ways"
    ):
        draw(tmp_path, customers=customers, logins="customer | happened_at\n c1 | 2024-01-01", since=None)


def test_random_ids_with_small_and_capital_letters_are_different_customers(tmp_path: Path) -> None:
    names = ["aB", "Ab", "bA", "Ba", "cD", "Cd"]
    customers = "customer | signed_up_at\n" + "\n".join(f"{name} | 2023-01-01" for name in names)

    world = draw(tmp_path, customers=customers, logins="customer | happened_at\n aB | 2024-01-01", since=None)

    assert world.store.n_customers == 6


def test_strangers_among_the_rows_are_no_question_of_spelling(tmp_path: Path) -> None:
    customers = "customer | signed_up_at\n" + "\n".join(f"c{number} | 2023-01-01" for number in range(9))
    logins = "customer | happened_at\n c1 | 2024-01-01\n x7 | 2024-01-02\n x8 | 2024-01-02"
    params = {"check": {"max_rejects": 1.0}}

    world = draw(tmp_path, customers=customers, logins=logins, since=None, params=params)

    assert sum(world.store.tables["logins"].rejects.values()) == 2


@pytest.mark.parametrize("rounded", ["4.50000E+12", "1,5e+14", "5E+15"])
def test_an_id_that_a_spreadsheet_has_rounded_is_no_customer(tmp_path: Path, rounded: str) -> None:
    rows = f'ana,2024-01-01\nben,2024-01-02\n"{rounded}",2024-01-03\n"{rounded}",2024-01-04\n'
    source = write(tmp_path / "source", {"logins.csv": f"customer_id,happened_at\n{rows}"})

    with pytest.raises(SourceError) as caught:
        ingest(params_at(source, tmp_path, customers={"query": FIRST_ROWS}), lambda _: None)

    message = str(caught.value)
    assert "logins: 2 of 4 rows (50.0%) are rejected" in message
    assert f"2 break 'customer_id has all its digits' ('{rounded}')" in message
    assert "A spreadsheet has rounded these ids" in message


@pytest.mark.parametrize("name", ["12E5", "4500000000000", "1E-05", "E+12", "4.5"])
def test_an_id_with_all_its_digits_is_a_customer(tmp_path: Path, name: str) -> None:
    world = draw(tmp_path, logins=f"customer | happened_at\n {name} | 2024-01-01", since=None)

    assert world.store.tables["logins"].rejects == {}
    assert world.store.n_customers == 1
