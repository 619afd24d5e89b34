"""The verb forget: its plan, its erasure, its refusals, and what the next verbs do."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from churn.data.files import only_writer
from churn.data.kept_proof import proof_path
from churn.data.sinks.connection import MARK
from churn.data.store import Store
from churn.experiments.ledger import read_whole_ledger
from churn.params import Params
from churn.privacy import journal
from churn.privacy.erasure import erase, plan_erasure
from churn.privacy.identifiers import Identifiers
from churn.privacy.search import search
from pipelines import cli, forget
from tests.held_company import ANN, BOB, CEM, held_company
from tests.lock_holder import held_by_another_process

Verb = Callable[..., tuple[int, str, str]]


@pytest.fixture
def params(tmp_path: Path) -> Params:
    return held_company(tmp_path)


@pytest.fixture
def verb(params: Params, capsys: pytest.CaptureFixture[str]) -> Verb:
    """Call a verb on the company."""

    def call(name: str, *arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = cli.main(name, [*arguments, "--params", str(params.output.parent / "params.yaml")])
        output = capsys.readouterr()
        return code, output.out, output.err

    return call


def places_of(params: Params, customer: str = ANN) -> tuple[Path, ...]:
    roots = [params.output, params.output.parent / "mlartifacts"]
    return search(roots, Identifiers(customer)).paths


def bytes_of(params: Params) -> dict[Path, bytes]:
    files = [
        path for path in params.output.rglob("*.*") if path.is_file() and not path.name.endswith(".lock")
    ]
    return {path: path.read_bytes() for path in files}


@pytest.mark.parametrize(("options", "code"), [((), 2), (("--dry-run",), 0), (("--dry-run", "--yes"), 0)])
def test_without_yes_forget_only_says_what_it_would_erase(
    verb: Verb, params: Params, options: tuple[str, ...], code: int
) -> None:
    before = bytes_of(params)

    answer, text, _ = verb("forget", ANN, *options)

    assert answer == code
    assert "store: 3 rows (customers 1, consents 1, orders 1)" in text
    assert "scores: 4 rows in 4 files" in text
    assert "nothing was erased" in (text + verb("forget", ANN)[2]).lower()
    assert BOB not in text
    assert bytes_of(params) == before


def test_forget_erases_and_proves_it_by_a_search(verb: Verb, params: Params) -> None:
    code, text, err = verb("forget", ANN, "--yes")

    assert (code, err) == (0, "")
    assert "no file names the customer" in text
    assert (
        "Not touched: the source. At the last ingest the source had rows of the customer in customers (1 "
        "row)" in text
    )
    assert "The outbox held 1 event about the customer" in text
    assert BOB not in text + err
    assert "Kept: 1 consent in" in text
    assert places_of(params) == (proof_path(params.output),)
    assert "proof of consent: 1 row in" in verb("show", ANN)[1]
    assert verb("show", BOB)[0] == 0
    assert verb("forget", ANN, "--no-proof")[0] == 2
    assert "Kept:" not in verb("forget", ANN, "--yes", "--no-proof")[1]
    assert "was forgotten on" in verb("show", ANN)[2]
    assert places_of(params) == ()


def test_forget_erases_the_rows_of_all_nights_in_the_database_of_the_nights(
    verb: Verb, params: Params
) -> None:
    path = params.output.parent / "nights.sqlite"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"CREATE TABLE churn_scores (/* {MARK} */ cutoff DATE, customer_id TEXT)")
        connection.execute("CREATE TABLE churn_nights (cutoff DATE, score_rows INTEGER, call_rows INTEGER)")
        connection.executemany("INSERT INTO churn_scores VALUES ('2024-05-01', ?)", [(ANN,), (BOB,)])
    database = ("--set", f"score.sink.connection=sqlite:///{path}")

    plan = verb("forget", ANN, "--dry-run", *database)[1]
    before = path.read_bytes()
    code, _, err = verb("forget", ANN, "--yes", *database)

    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT customer_id FROM churn_scores").fetchall()
    assert f"in sqlite:///{path}, to be erased: scores 1" in plan
    assert ANN.encode() in before
    assert (code, err, rows) == (0, "", [(BOB,)])
    assert ANN.encode() not in path.read_bytes()
    assert "no row of this customer is left" in verb("forget", ANN, "--yes", *database)[1]


def test_forget_erases_what_deleted_rows_left_in_the_database_of_mlflow(
    verb: Verb, params: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forget, "_models", lambda *_: [])  # the database is not one of MLflow
    path = params.output.parent / "mlflow.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA secure_delete = OFF")  # some builds of SQLite have it on
        connection.execute("CREATE TABLE tags (value TEXT)")
        connection.executemany("INSERT INTO tags VALUES (?)", [(f"{ANN} Ann Lee",), ("other",)])
        connection.execute("DELETE FROM tags WHERE value <> 'other'")
    before = path.read_bytes()
    refused = verb("forget", ANN)[0]
    untouched = path.read_bytes()

    code, text, _ = verb("forget", ANN, "--yes")

    assert (refused, untouched == before) == (2, True)
    assert (ANN.encode() in before, b"Ann Lee" in before) == (True, True)
    assert (code, "no file names the customer" in text) == (0, True)
    assert not any(part in path.read_bytes() for part in (ANN.encode(), b"Ann Lee"))


def test_a_database_of_mlflow_that_another_program_holds_is_named(
    verb: Verb, params: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forget, "_models", lambda *_: [])
    monkeypatch.setattr("churn.model.runs_database.BUSY_SECONDS", 0.0)
    path = params.output.parent / "mlflow.db"
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE tags (value TEXT)")
        other.execute("INSERT INTO tags VALUES ('other')")
        other.commit()
        other.execute("BEGIN IMMEDIATE")

        code, _, err = verb("forget", ANN, "--yes")

    assert (code, "mlflow.db: the file may still hold bytes of rows that were deleted from it" in err) == (
        0,
        True,
    )
    assert "`churn ui`" in err


def test_nothing_is_erased_while_the_database_of_the_nights_does_not_answer(
    verb: Verb, params: Params
) -> None:
    before = bytes_of(params)

    code, _, err = verb("forget", ANN, "--yes", "--set", "score.sink.connection=postgresql://127.0.0.1:1/x")

    assert code == 17
    assert "the database cannot be opened" in err
    assert bytes_of(params) == before


def test_no_ingest_brings_a_forgotten_customer_back(verb: Verb, params: Params) -> None:
    verb("forget", ANN, "--yes")

    code, text, _ = verb("ingest")

    assert code == 0
    assert "rows of forgotten customers left out" in text
    assert ANN not in text
    assert "orders:" not in verb("show", ANN)[1]
    assert places_of(params) == (proof_path(params.output),)


def test_a_second_call_says_since_when_the_customer_is_forgotten(verb: Verb) -> None:
    verb("forget", ANN, "--yes")

    code, text, _ = verb("forget", ANN)

    assert (code, "was forgotten on" in text, "no file names the customer" in text) == (0, True, True)


def test_two_customers_of_one_person_are_forgotten_one_by_one(verb: Verb, params: Params) -> None:
    _, text, _ = verb("forget", BOB, "--yes", "--no-proof")
    verb("forget", CEM, "--yes", "--no-proof")

    assert "There is 1 other customer id with the same e-mail address" in text
    assert CEM not in text
    assert (places_of(params, BOB), places_of(params, CEM)) == ((), ())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("c-1001", "--yes"), "holds nothing under this id"),
        ((ANN, "--yes", "--cutoff", "2024-03-01"), "Leave out --cutoff"),
    ],
)
def test_a_wrong_call_is_refused_in_words(verb: Verb, arguments: tuple[str, ...], words: str) -> None:
    code, _, err = verb("forget", *arguments)

    assert (code, words in err) == (2, True)


def test_a_place_that_forget_does_not_know_is_reported_and_no_success_is_claimed(
    verb: Verb, params: Params
) -> None:
    (params.output / "notes.bin").write_bytes(b"\xff called " + ANN.encode())

    code, text, err = verb("forget", ANN, "--yes")

    assert (code, "1 file still holds the customer" in err) == (15, True)
    assert "notes.bin" in text
    assert "In the store" not in err
    assert "no file names the customer" not in text
    (params.output / "notes.bin").unlink()
    assert verb("forget", ANN)[0] == 0


def test_rows_of_others_that_name_the_customer_are_to_be_changed_in_the_source(
    verb: Verb, params: Params
) -> None:
    settings = params.output.parent / "params.yaml"
    settings.write_text(settings.read_text().replace("- country", "- country\n    - referred_by"))
    source = params.output.parent / "raw" / "customers.csv"
    header, *rows = source.read_text().splitlines()
    source.write_text("\n".join([f"{header},referred_by", *(f"{row},{ANN}" for row in rows)]))
    verb("ingest")

    code, _, err = verb("forget", ANN, "--yes")
    source.write_text(f"{header}\n{rows[1]}\n{rows[2]}\n")
    settings.write_text(settings.read_text().replace("\n    - referred_by", ""))
    verb("ingest")

    assert (code, "change these rows in the source, then run `churn ingest`" in err) == (15, True)
    assert verb("forget", ANN, "--yes")[0] == 0


@pytest.mark.parametrize("name", [".model.lock", ".night.lock", ".ingest.lock", "outbox/.lock"])
def test_forget_waits_for_no_writer_and_changes_nothing(verb: Verb, params: Params, name: str) -> None:
    with held_by_another_process(params.output / name, "`churn train`"):
        code, _, err = verb("forget", ANN, "--yes")

    assert (code, "is at work here" in err) == (16, True)
    assert len(places_of(params)) > 10


def stop_halfway(params: Params, moment: int = 3) -> None:
    """Leave the folder as a process does that is killed in the middle of the renames."""
    plan = plan_erasure(
        params.output, None, Store.open(params), ANN, (), day=forget.date(2024, 7, 1), salt="ab"
    )
    erase(params.output, Store.open(params), plan)
    steps = iter(range(100))

    def advance() -> None:
        if next(steps) == moment:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        journal.finish(params.output, advance)


@pytest.mark.parametrize("name", ["ingest", "score", "show", "measure", "report"])
def test_other_verbs_say_that_an_erasure_is_unfinished(verb: Verb, params: Params, name: str) -> None:
    stop_halfway(params)

    code, _, err = verb(name, *([BOB] if name == "show" else []))

    assert (code, "`churn forget` was stopped before its end" in err) == (15, True)
    assert ANN not in err


@pytest.mark.parametrize("customer", [ANN, BOB])
def test_the_next_forget_finishes_the_erasure_that_was_stopped(
    verb: Verb, params: Params, customer: str
) -> None:
    stop_halfway(params)
    refused, _, _ = verb("forget", customer)

    code, text, _ = verb("forget", customer, "--yes")

    assert (refused, code) == (15, 0)
    assert "is finished" in text
    assert "orders:" not in verb("show", ANN)[1]
    assert ANN not in read_whole_ledger(params.output).assignments.to_string()


def test_a_lock_that_nobody_holds_stops_no_forget(verb: Verb, params: Params) -> None:
    with only_writer(params.output / ".model.lock", "a verb that ends"):
        pass

    assert verb("forget", ANN, "--yes")[0] == 0
