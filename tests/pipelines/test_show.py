"""The verb show: its call, its answer and its refusals."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from churn.data.own_files import read_own_json
from churn.data.sinks.connection import MARK
from churn.model.bundle import BUNDLE_FOLDER, CHAMPION_FILE, ExportRecord
from pipelines import cli

PARAMS = """
source: raw
timezone: Europe/Berlin
tables: {customers: {}, orders: {}}
label: {kind: inactivity, table: orders, horizon_days: 28, active_days: 28}
"""

Verb = Callable[..., tuple[int, str, str]]


@pytest.fixture
def verb(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Verb:
    """Call a verb on a shop of two customers."""
    raw = tmp_path / "raw"
    raw.mkdir()
    (tmp_path / "params.yaml").write_text(PARAMS, encoding="utf-8")
    customers = "customer_id,signed_up_at,name\n007,2023-01-01 10:00:00,Ann\n8,2023-01-01 10:00:00,Bob\n"
    (raw / "customers.csv").write_text(customers, encoding="utf-8")
    orders = "customer_id,ordered_at,amount\n007,2024-02-20 10:00:00,5\n8,2024-05-01 10:00:00,5\n"
    (raw / "orders.csv").write_text(orders, encoding="utf-8")

    def call(name: str, *arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = cli.main(name, [*arguments, "--params", str(tmp_path / "params.yaml")])
        output = capsys.readouterr()
        return code, output.out, output.err

    return call


def test_show_gives_the_rows_of_one_customer_as_text_and_as_json(verb: Verb) -> None:
    verb("ingest")

    code, text, err = verb("show", "007")
    json_code, answer, _ = verb("show", "007", "--format", "json")

    assert (code, json_code, err) == (0, 0, "")
    assert "All that is held about customer 007" in text
    assert "ordered_at 2024-02-20 10:00:00+01:00; amount 5.0" in text
    assert "Bob" not in text + answer
    (orders,) = (part for part in json.loads(answer)["sections"] if part["name"] == "orders")
    assert orders["rows"] == [{"ordered_at": "2024-02-20 10:00:00+01:00", "amount": 5.0}]


def test_show_counts_the_rows_in_the_database_of_the_nights_and_creates_no_file(
    verb: Verb, tmp_path: Path
) -> None:
    database = ("--set", "score.sink.connection=sqlite:///nights.sqlite", "--format", "json")
    verb("ingest")
    codes = [verb("show", "007", *database)[0]]
    assert not (tmp_path / "nights.sqlite").exists()
    with closing(sqlite3.connect(tmp_path / "nights.sqlite")) as connection, connection:
        connection.execute(f"CREATE TABLE churn_scores (/* {MARK} */ cutoff DATE, customer_id TEXT)")
        rows = [("2024-05-01", "007"), ("2024-05-02", "007"), ("2024-05-01", "8")]
        connection.executemany("INSERT INTO churn_scores VALUES (?, ?)", rows)

    code, answer, _ = verb("show", "007", *database)

    (section,) = (part for part in json.loads(answer)["sections"] if part["name"] == "database of the nights")
    assert [*codes, code] == [0, 0]
    assert section["rows"] == [{"table": "scores", "rows": 2}]


def test_show_without_an_answer_of_the_database_is_no_whole_answer(verb: Verb) -> None:
    verb("ingest")

    code, answer, words = verb("show", "007", "--set", "score.sink.connection=postgresql://127.0.0.1:1/x")

    assert (code, answer) == (17, "")
    assert "the database cannot be opened" in words


def test_show_reads_what_is_held_now_also_if_the_source_has_dropped_the_customer(
    verb: Verb, tmp_path: Path
) -> None:
    verb("ingest")
    for path in (tmp_path / "raw").glob("*.csv"):
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        path.write_text("".join(line for line in lines if not line.startswith("007")), encoding="utf-8")

    code, text, _ = verb("show", "007")
    verb("ingest")
    code_afterwards, _, err = verb("show", "007")

    assert (code, "amount 5.0" in text) == (0, True)
    assert (code_afterwards, "holds nothing under this id" in err) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["7"], "holds nothing under this id"),
        (["007", "--cutoff", "2024-03-01"], "Leave out --cutoff"),
        ([], "Missing argument 'CUSTOMER'"),
    ],
    ids=["another spelling of an id", "a cutoff", "no id"],
)
def test_show_refuses_a_wrong_call_and_names_no_id(verb: Verb, arguments: list[str], words: str) -> None:
    verb("ingest")

    code, out, err = verb("show", *arguments)

    assert (code, out) == (2, "")
    assert words in err
    if "--cutoff" not in arguments:
        assert "007" not in err


def test_show_without_a_store_says_what_to_do(verb: Verb) -> None:
    code, _, err = verb("show", "007")

    assert code == 11
    assert "Run `churn ingest`" in err


def test_show_of_a_store_with_a_table_that_the_parameters_no_longer_name_is_refused(
    verb: Verb, tmp_path: Path
) -> None:
    params = tmp_path / "params.yaml"
    (tmp_path / "raw" / "visits.csv").write_text("customer_id,happened_at\n8,2024-05-01 10:00:00\n")
    params.write_text(PARAMS + "events: {visits: {}}\n", encoding="utf-8")
    verb("ingest")
    params.write_text(PARAMS, encoding="utf-8")

    code, _, err = verb("show", "8")

    assert code == 11
    assert "does not name: visits" in err


@pytest.mark.slow
def test_show_after_a_run_tells_the_night_the_arm_and_the_model(
    small_run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (night,) = (small_run / "output").glob("scores/cutoff=*/_contacts.parquet")
    customer = pq.read_table(night, partitioning=None)["customer_id"][0].as_py()
    champion = small_run / "models" / "champion"
    record = read_own_json(champion / CHAMPION_FILE, ExportRecord, way_out="")
    trained_cutoffs = json.loads((champion / BUNDLE_FOLDER / "spec.json").read_bytes())["trained_cutoffs"]

    code = cli.main("show", [customer, "--format", "json", "--params", str(small_run / "params.yaml")])

    sections = {part["name"]: part["rows"] for part in json.loads(capsys.readouterr().out)["sections"]}
    assert code == 0
    assert sections["scores"][0]["call_list"] == "on the call list, place 1"
    assert sections["experiments"][0]["arm"] == "treated"
    assert sections["tasks"][0]["state"] == "open"
    labelled = {row["cutoff"] for row in sections["snapshots"] if row["left"] is not None}
    assert {(row["version"], row["trained_cutoff"]) for row in sections["models"]} == {
        (record.version, cutoff) for cutoff in labelled & set(trained_cutoffs)
    }
    assert sections["models"]
