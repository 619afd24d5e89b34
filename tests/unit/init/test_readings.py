"""Notations with two readings, and words for no value: `init` decides by the whole column, or asks."""

from __future__ import annotations

from pathlib import Path

import pytest

from churn.data.ingest.ingest import ingest
from churn.errors import ParamsError
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


AMBIGUOUS = {
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


def test_dates_on_the_first_of_the_month_are_a_question_with_both_readings(tmp_path: Path) -> None:
    path = init(tmp_path, case("us-dates-first-of-month"))

    with pytest.raises(ParamsError) as caught:
        load_params(path)

    assert "2022-01-01 to 2024-06-01" in str(caught.value)
    assert "2022-01-01 to 2024-01-06" in str(caught.value)


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
