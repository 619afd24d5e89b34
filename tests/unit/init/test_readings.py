"""Notations with two readings, and words for no value: `init` decides by the whole column, or asks."""

from __future__ import annotations

import csv
import re
from datetime import date
from pathlib import Path

import duckdb
import pytest

from churn.data.ingest.ingest import ingest
from churn.data.store import day_number
from churn.errors import ParamsError
from churn.init.readings import DateReading, date_reading
from churn.params import load_params
from pipelines import cli
from tests.cases import case


def init(folder: Path, source: Path) -> Path:
    path = folder / "params.yaml"
    assert cli.main("init", ["--params", str(path), "--source", str(source), "--force"]) == 0
    return path


def orders(folder: Path, dates: list[str], header: str = "user_id,order_date,amount", more: str = "") -> Path:
    raw = folder / "raw"
    raw.mkdir()
    lines = [f"U{n % 9},{day},{n + 5}.5{more}" for n, day in enumerate(dates)]
    (raw / "orders.csv").write_text("\n".join([header, *lines]) + "\n")
    return raw


TWO_DIGITS = [f"{n % 12 + 1:02}/{n % 7 + 1:02}/{21 + n % 2}" for n in range(80)]

AMBIGUOUS = {
    "two digits of the year": TWO_DIGITS,
    "morning and afternoon": [f"{day[:6]}2021 5:06 PM" for day in TWO_DIGITS],
    "slashes": [f"{n % 12 + 1:02}/{n % 7 + 1:02}/202{n % 3}" for n in range(80)],
    "dashes": [f"{n % 7 + 1:02}-{n % 12 + 1:02}-202{n % 3}" for n in range(80)],
    "times of day": [f"{n % 12 + 1:02}/{n % 7 + 1:02}/202{n % 3} 10:00" for n in range(80)],
}


@pytest.mark.parametrize("name", AMBIGUOUS)
def test_day_and_month_that_cannot_be_told_apart_are_a_question(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = init(tmp_path, orders(tmp_path, AMBIGUOUS[name]))

    stopped = cli.main("check", ["--params", str(path)])

    error = capsys.readouterr().err
    assert stopped == 10
    assert "tables.orders.time_format" in error
    assert "cannot be told apart" in error
    assert "'%d" in error
    assert "'%m" in error


@pytest.mark.parametrize(
    ("dates", "time_format", "first", "last"),
    [
        (
            [f"{n % 28 + 1:02}/{n % 12 + 1:02}/2{n % 2 + 1}" for n in range(90)],
            "%d/%m/%y",
            date(2021, 1, 1),
            date(2022, 12, 28),
        ),
        (
            [f"{n % 12 + 1}/{n % 28 + 1}/2021 {n % 12 + 1}:06 PM" for n in range(90)],
            "%m/%d/%Y %I:%M %p",
            date(2021, 1, 1),
            date(2021, 12, 28),
        ),
        (
            [f"{n % 28 + 1:02}/{n % 12 + 1:02}/2023 06:46:53 -0400" for n in range(90)],
            "%d/%m/%Y %H:%M:%S %z",
            date(2023, 1, 1),
            date(2023, 12, 28),
        ),
        (
            [f"2023-{n % 12 + 1:02}-{n % 28 + 1:02} 23:46:53 -0400" for n in range(90)],
            "%Y-%m-%d %H:%M:%S %z",
            date(2023, 1, 2),
            date(2023, 12, 29),
        ),
        (
            [f"2023-{n % 12 + 1:02}-{n % 28 + 1:02} 09:05:00 PM" for n in range(90)],
            "%Y-%m-%d %I:%M:%S %p",
            date(2023, 1, 1),
            date(2023, 12, 28),
        ),
    ],
)
def test_times_in_the_forms_of_exports_are_read(
    tmp_path: Path, dates: list[str], time_format: str | None, first: date, last: date
) -> None:
    path = init(tmp_path, orders(tmp_path, dates))

    params = load_params(path)
    stored = ingest(params, lambda _: None).tables["orders"]

    assert params.tables["orders"].time_format == time_format
    assert (stored.rows, dict(stored.rejects)) == (90, {})
    assert (stored.first_day, stored.last_day) == (day_number(first), day_number(last))


def reading(texts: list[str], time_format: str, latest: date | None) -> DateReading:
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE t AS SELECT unnest($texts) AS v", {"texts": texts})
        return date_reading(connection, "SELECT v, count(*) AS n FROM t GROUP BY v", time_format, latest)


LATE_MARCH = [f"{n % 9 + 1:02}/03/2024" for n in range(60)]
"""Days of March, or the third day of months up to September."""


@pytest.mark.parametrize(
    ("latest", "time_format"), [(date(2024, 4, 1), "%d/%m/%Y"), (None, None), (date(2025, 1, 1), None)]
)
def test_dates_that_lie_ahead_decide_against_a_reading(latest: date | None, time_format: str | None) -> None:
    read = reading(LATE_MARCH, "%d/%m/%Y", latest)

    assert (read.time_format if read.question is None else None) == time_format


def test_the_first_of_each_month_and_dates_ahead_that_speak_against_each_other_are_a_question() -> None:
    months = [f"01/{n % 12 + 1:02}/{2024 + n // 12}" for n in range(35) for _ in range(10)]

    assert reading(months, "%d/%m/%Y", date(2026, 11, 30)).question is None
    assert reading([*months, *["01/12/2026"] * 6], "%d/%m/%Y", date(2026, 11, 30)).question


def test_few_dates_ahead_or_dates_ahead_in_both_readings_decide_nothing() -> None:
    few = [f"{n % 3 + 1:02}/0{n % 3 + 1}/2024" for n in range(60)] + ["04/03/2024"] * 4
    both = [f"{n % 9 + 1:02}/{n % 5 + 5:02}/2024" for n in range(60)]

    assert reading(few, "%d/%m/%Y", date(2024, 3, 31)).question
    assert reading(both, "%d/%m/%Y", date(2024, 3, 31)).question


def test_a_year_of_two_digits_that_comes_first_is_seen() -> None:
    texts = [f"{21 + n % 3}/{n % 12 + 1:02}/{n % 28 + 1:02}" for n in range(200)]

    assert reading(texts, "%y/%m/%d", date(2024, 6, 1)) == DateReading("%y/%m/%d")
    assert "%y/%m/%d" in (reading(texts, "%y/%m/%d", None).question or "")


def test_dates_on_the_first_of_each_month_decide(tmp_path: Path) -> None:
    path = init(tmp_path, case("us-dates-first-of-month"))

    params = load_params(path)
    store = ingest(params, lambda _: None)

    formats = {table.time_format for table in params.tables.values() if table.time_format}
    assert formats == {"%m/%d/%Y"}
    (name,) = (name for name in store.tables if name != "customers")
    with store.connect() as connection:
        days = connection.execute(
            f"SELECT min(day), max(day), count(DISTINCT day) FROM {store.scan(name)}"
        ).fetchone()
    assert days == (day_number(date(2022, 1, 1)), day_number(date(2024, 6, 1)), 30)


@pytest.mark.parametrize(
    ("dates", "time_format"),
    [
        ([f"{month:02}/05/{year}" for year in (2021, 2022) for month in range(1, 13)], "%m/%d/%Y"),
        ([f"05-{month:02}-{year}" for year in (2021, 2022) for month in range(1, 13)], "%d-%m-%Y"),
        ([f"{month:02}/05/2022" for month in range(1, 13)], None),  # or twelve days of May
    ],
)
def test_one_day_of_each_month_decides_within_two_years(
    tmp_path: Path, dates: list[str], time_format: str | None
) -> None:
    path = init(tmp_path, orders(tmp_path, dates * 4))

    if time_format:
        assert load_params(path).tables["orders"].time_format == time_format
    else:
        with pytest.raises(ParamsError, match="2022-01-05 to 2022-12-05"):
            load_params(path)


def test_dates_in_both_orders_are_a_question(tmp_path: Path) -> None:
    dates = [*AMBIGUOUS["slashes"], "02/13/2023", "13/02/2023"]

    path = init(tmp_path, orders(tmp_path, dates))

    with pytest.raises(ParamsError, match="1 dates only fit"):
        load_params(path)


def test_another_file_of_the_source_decides(tmp_path: Path) -> None:
    raw = orders(tmp_path, AMBIGUOUS["slashes"])
    lines = [f"U{n},{n + 4}/{n + 14}/2019" for n in range(9)]
    (raw / "customers.csv").write_text("\n".join(["user_id,signed_up_at", *lines]) + "\n")

    path = init(tmp_path, raw)

    assert load_params(path).tables["orders"].time_format == "%m/%d/%Y"


def test_cutoffs_that_depend_on_the_order_of_day_and_month_are_a_question(tmp_path: Path) -> None:
    dates = [f"{n % 12 + 1:02}/{n % 5 + 1:02}/{2021 + n % 2}" for n in range(120)]
    path = init(tmp_path, orders(tmp_path, dates))

    with pytest.raises(ParamsError) as caught:
        load_params(path)
    path.write_text(re.sub(r"time_format: .*", "time_format: '%m/%d/%Y'", path.read_text()))
    with pytest.raises(ParamsError) as caught_again:
        load_params(path)

    assert "tables.orders.time_format" in str(caught.value)
    assert "snapshot.last" in str(caught_again.value)


@pytest.mark.parametrize(("last", "time_format"), [("02/13/2023", "%m/%d/%Y"), ("13/02/2023", "%d/%m/%Y")])
def test_one_date_of_the_whole_column_decides(tmp_path: Path, last: str, time_format: str) -> None:
    path = init(tmp_path, orders(tmp_path, [*AMBIGUOUS["slashes"] * 300, last]))

    assert load_params(path).tables["orders"].time_format == time_format


def test_another_column_of_the_file_decides(tmp_path: Path) -> None:
    header = "user_id,order_date,amount,returned_at"
    path = init(tmp_path, orders(tmp_path, AMBIGUOUS["slashes"], header, ",12/31/2023"))

    assert load_params(path).tables["orders"].time_format == "%m/%d/%Y"


def test_dates_with_dots_have_the_day_first_and_are_no_question(tmp_path: Path) -> None:
    dates = [day.replace("/", ".") for day in AMBIGUOUS["slashes"]]

    path = init(tmp_path, orders(tmp_path, dates))

    assert load_params(path).tables["orders"].time_format == "%d.%m.%Y"


@pytest.mark.parametrize(
    ("name", "word", "n_open"),
    [("null-as-text", "NULL", 74), ("dates-of-zeros", "0000-00-00 00:00:00", 56)],
)
def test_words_for_no_value_are_contracts_that_run(tmp_path: Path, name: str, word: str, n_open: int) -> None:
    path = init(tmp_path, case(name))

    params = load_params(path)

    assert params.label.kind == "contract"
    assert params.tables["subscriptions"].missing == {"ended_at": (word,)}
    assert f"'{word}' in {n_open} rows" in path.read_text()
    contracts = ingest(params, lambda _: None).tables["subscriptions"]
    assert (contracts.missing["ended_at_day"], dict(contracts.rejects)) == (n_open, {})


@pytest.mark.parametrize("word", ["n/a", "None", "9999-12-31", "1900-01-01 00:00:00"])
def test_a_word_for_no_value_is_named_and_counted(tmp_path: Path, word: str) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    rows = []
    for n in range(90):
        ended_at = word if n % 3 else f"2023-{n % 5 + 2:02}-01"
        rows.append(
            f"U{n % 75},202{3 if n % 3 else 2}-{n % 12 + 1:02}-01,{ended_at},{'NULL' if n % 2 else 'S'}"
        )
    text = "\n".join(["customer_id,started_at,ended_at,plan", *rows])
    (raw / "subscriptions.csv").write_text(text + "\n")

    path = init(tmp_path, raw)

    params = load_params(path)
    assert params.tables["subscriptions"].missing == {"ended_at": (word[:10],)}
    contracts = ingest(params, lambda _: None).tables["subscriptions"]
    assert (contracts.rows, contracts.missing["ended_at_day"]) == (90, 60)
    assert contracts.levels["plan"] == ("NULL", "S")


def amounts(folder: Path, cells: list[str], mark: str = ",") -> Path:
    raw = folder / "raw"
    raw.mkdir()
    lines = [
        f"U{n % 9}{mark}2023-{n % 12 + 1:02}-{n % 27 + 1:02}{mark}" + (f'"{cell}"' if mark in cell else cell)
        for n, cell in enumerate(cells)
    ]
    header = mark.join(["user_id", "order_date", "amount"])
    (raw / "orders.csv").write_text("\n".join([header, *lines]) + "\n", encoding="utf-8-sig")
    return raw


def stored_cents(path: Path) -> list[int]:
    store = ingest(load_params(path), lambda _: None)
    assert not store.tables["orders"].rejects
    with store.connect() as connection:
        rows = connection.execute(f"SELECT amount FROM {store.scan('orders')} ORDER BY amount").fetchall()
    return [int(row[0]) for row in rows]


def csv_cells(file: Path, mark: str, column: str) -> list[str]:
    with file.open(encoding="utf-8-sig", newline="") as lines:
        return [row[column] for row in csv.DictReader(lines, delimiter=mark)]


def test_a_decimal_comma_among_whole_numbers_is_read(tmp_path: Path) -> None:
    raw = case("german-decimals-mixed")

    path = init(tmp_path, raw)

    cells = csv_cells(raw / "Bestellungen.csv", ";", "Betrag (€)")
    cents = [round(float(cell.replace(".", "").replace(",", ".")) * 100) for cell in cells]
    assert stored_cents(path) == sorted(cents)


def test_commas_between_thousands_are_read(tmp_path: Path) -> None:
    raw = case("us-thousands")

    path = init(tmp_path, raw)

    cells = csv_cells(raw / "orders.csv", ",", "amount")
    assert stored_cents(path) == sorted(int(cell.replace(",", "")) * 100 for cell in cells)


PLAIN = [str(n) for n in range(101, 161)]


@pytest.mark.parametrize(
    ("cells", "mark", "cents"),
    [
        (["12,50", "12"] * 40, ";", [1200, 1250]),
        (["1.234,56", "99,90"] * 40, ";", [9990, 123456]),
        (["4.628", "12,5"] * 40, ";", [1250, 462800]),
        (["2,313", "41.89"] * 40, ",", [4189, 231300]),
        (["1,234,567", "418"] * 40, ",", [41800, 123456700]),
        (["1,234.50", "12"] * 40, ",", [1200, 123450]),
        (["4.628", "418.5"] * 40, ",", [463, 41850]),
        (["0.250", "1.500"] * 40, ",", [25, 150]),
        (["1.234,00", "4.628"] * 40, ";", [123400, 462800]),
        (["4.628"] * 60 + PLAIN, ";", [10100, 462800]),
        (["0.628", "4.500"] * 40, ",", [63, 450]),
        (["12345.678", "4.500"] * 40, ",", [450, 1234568]),
        (["4.628", "12.5"] * 40, ",", [463, 1250]),
        (["0,628", "4,500"] * 40, ";", [63, 450]),
        (["1.234.567", "4.500"] * 40, ";", [450000, 123456700]),
    ],
)
def test_the_whole_column_decides_between_decimals_and_thousands(
    tmp_path: Path, cells: list[str], mark: str, cents: list[int]
) -> None:
    path = init(tmp_path, amounts(tmp_path, cells, mark))

    read = [cent for cent in stored_cents(path) if cent not in {100 * n for n in range(102, 161)}]
    assert sorted(set(read)) == cents


@pytest.mark.parametrize(
    ("cells", "mark", "words"),
    [
        (["4.628", "12.500", "7"] * 10, ",", ["cannot be told apart"]),
        (["2,313"] * 80, ",", ["2313", "2.313"]),
        (["2,313", "1500"] * 60, ",", ["2313", "2.313"]),
        (["4.620", "12"] * 10, ",", ["4620", "4.620"]),
        (["2,313", "4.628"] * 60, ",", ["cannot be told apart"]),
        (["12,50", "12.75"] * 60, ",", ["decimal commas as well as decimal points"]),
        (["4.628"] * 80, ",", ["4.628 is 4628", "4.628 is 4.628"]),
        (["12.500", "-4.628"] * 40, ",", ["cannot be told apart"]),
        (["4.628", "1500"] * 40, ",", ["cannot be told apart"]),
        (["4.628", "nan"] * 40, ",", ["cannot be told apart"]),
        (["4,628"] * 80, ";", ["4,628 is 4628", "4,628 is 4.628"]),
    ],
)
def test_decimals_and_thousands_that_cannot_be_told_apart_are_a_question(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], cells: list[str], mark: str, words: list[str]
) -> None:
    path = init(tmp_path, amounts(tmp_path, cells, mark))

    output = "".join(capsys.readouterr())
    with pytest.raises(ParamsError) as caught:
        load_params(path)

    assert "columns.amount" in str(caught.value)
    assert all(word in str(caught.value) for word in words)
    assert "columns.amount" in output


def with_column(raw: Path, cells: list[str], name: str = "fee") -> Path:
    """Add a column to the orders."""
    header, *lines = (raw / "orders.csv").read_text(encoding="utf-8-sig").splitlines()
    mark = "," if "," in header else ";"
    lines = [f"{line}{mark}{cells[n % len(cells)]}" for n, line in enumerate(lines)]
    (raw / "orders.csv").write_text("\n".join([f"{header}{mark}{name}", *lines]) + "\n")
    return raw


@pytest.mark.parametrize(
    ("fees", "mark", "cents"),
    [
        (["12.5", "3.25"], ",", [463, 1250]),
        (["12.500", "0.250"], ",", [463, 1250]),
        (["12,5", "3,25"], ";", [462800, 1250000]),
        (["1.250.000", "3.250"], ";", [462800, 1250000]),
    ],
)
def test_another_column_decides_between_decimals_and_thousands(
    tmp_path: Path, fees: list[str], mark: str, cents: list[int]
) -> None:
    raw = with_column(amounts(tmp_path, ["4.628", "12.500"] * 40, mark), fees)

    path = init(tmp_path, raw)

    assert sorted(set(stored_cents(path))) == cents


@pytest.mark.parametrize(
    ("cells", "fees", "cents"),
    [
        (["4.628", "12.500"], "3.25", [463, 1250]),
        (["4.628", "12.500"], "3,25", [462800, 1250000]),
        (["4,628", "12,500"], "3.25", [462800, 1250000]),
    ],
)
def test_another_file_decides_between_decimals_and_thousands(
    tmp_path: Path, cells: list[str], fees: str, cents: list[int]
) -> None:
    raw = amounts(tmp_path, cells * 40, ";")
    lines = [f"U{n};2022-0{n + 1}-01;{fees}" for n in range(9)]
    (raw / "customers.csv").write_text("\n".join(["user_id;signed_up_at;fee", *lines]) + "\n")

    path = init(tmp_path, raw)

    assert sorted(set(stored_cents(path))) == cents


def test_columns_that_contradict_each_other_leave_the_question(tmp_path: Path) -> None:
    raw = with_column(amounts(tmp_path, ["4.628", "12.500"] * 40, ";"), ["12,5", "3,25"])
    raw = with_column(raw, ["12.5", "3.25"], "weight")

    path = init(tmp_path, raw)

    with pytest.raises(ParamsError, match=r"columns\.amount.*cannot be told apart"):
        load_params(path)


def test_the_answer_to_a_question_on_thousands_is_read(tmp_path: Path) -> None:
    path = init(tmp_path, amounts(tmp_path, ["4.620", "12"] * 10))
    assert "replace(amount, '.', '')" in path.read_text()

    path.write_text(re.sub(r"amount: .*", "amount: \"replace(amount, '.', '')\"", path.read_text()))

    assert set(stored_cents(path)) == {1200, 462000}


def test_one_number_among_words_makes_no_column_of_numbers(tmp_path: Path) -> None:
    cells = ["n/a"] * 40 + ["12,50"] + ["None"] * 40

    path = init(tmp_path, amounts(tmp_path, cells, ";"))

    params = load_params(path)
    assert "n/a" not in path.read_text().split("not used")[0]
    assert not any("amount" in table.missing for table in params.tables.values())
    assert set(params.events) == {"orders_rows"}  # without an amount, they are no orders
