"""MLflow's database is there whole or not at all; a half-made one is replaced with a word."""

from __future__ import annotations

import os
import shutil
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from churn.errors import ModelError
from churn.model.runs_database import ensure_database, overwrite_deleted_rows, sqlite_files
from churn.model.tracking import Tracking, check_answers, create_database
from churn.params.sections import TrackingParams


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("database") / "mlflow.db"
    ensure_database(path, create_database)
    return path


def tables_in(path: Path) -> set[str]:
    with closing(sqlite3.connect(path)) as database:
        return {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def half_made(path: Path, statements: tuple[str, ...]) -> None:
    with closing(sqlite3.connect(path)) as database, database:
        for statement in statements:
            database.execute(statement)


def test_a_new_database_opens_and_nothing_else_is_left(whole: Path) -> None:
    tracking = Tracking(TrackingParams(uri=f"sqlite:///{whole}"))

    assert tracking.experiment_id
    assert {path.name for path in whole.parent.iterdir()} <= {".mlflow.db.lock", "mlflow.db", "mlartifacts"}


@pytest.mark.parametrize(
    "statements",
    [
        (),
        ("CREATE TABLE experiments (experiment_id INTEGER)",),
        ("CREATE TABLE alembic_version (version_num VARCHAR(32))",),
        (
            "CREATE TABLE experiments (experiment_id INTEGER)",
            "CREATE TABLE alembic_version (version_num VARCHAR(32))",
            "INSERT INTO alembic_version VALUES ('451aebb31d03')",
            "CREATE TABLE _alembic_tmp_runs (x INTEGER)",
        ),
    ],
)
def test_a_half_made_database_is_replaced_with_a_word(
    tmp_path: Path, whole: Path, statements: tuple[str, ...]
) -> None:
    path = tmp_path / "mlflow.db"
    path.touch()
    half_made(path, statements)
    (tmp_path / "mlflow.db-journal").write_bytes(b"of the half-made one")
    words: list[str] = []

    ensure_database(path, lambda new: shutil.copyfile(whole, new), words.append)

    assert tables_in(path) == tables_in(whole)
    assert not (tmp_path / "mlflow.db-journal").exists()
    assert len(words) == 1
    assert str(path) in words[0]


@pytest.mark.parametrize("content", [b"", b"SQLite format 3\0" + bytes(80), b"a diary"])
def test_a_whole_database_and_the_file_of_another_program_stay(
    tmp_path: Path, whole: Path, content: bytes
) -> None:
    path = tmp_path / "mlflow.db"
    shutil.copyfile(whole, path)
    if content:
        path.write_bytes(content)
    before = path.read_bytes()

    ensure_database(path, lambda new: pytest.fail("replaced"))

    assert path.read_bytes() == before


def test_a_database_of_another_program_stays(tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    half_made(path, ("CREATE TABLE diary (day TEXT)",))

    ensure_database(path, lambda new: pytest.fail("replaced"))

    assert tables_in(path) == {"diary"}


@pytest.mark.parametrize("size", [0, 100, 4096])
def test_a_process_killed_while_it_creates_the_database_leaves_none(tmp_path: Path, size: int) -> None:
    path = tmp_path / "mlflow.db"

    def die(new: Path) -> None:
        new.write_bytes(bytes(size))
        os._exit(9)

    if not (child := os.fork()):
        ensure_database(path, die)
    os.waitpid(child, 0)

    assert not path.exists()
    ensure_database(path, lambda new: new.write_bytes(b"new"))
    assert path.read_bytes() == b"new"
    assert {file.name for file in tmp_path.iterdir()} == {".mlflow.db.lock", "mlflow.db"}


def test_a_failed_creation_leaves_nothing(tmp_path: Path) -> None:
    def fill_the_disk(new: Path) -> None:
        new.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        ensure_database(tmp_path / "mlflow.db", fill_the_disk)

    assert [file.name for file in tmp_path.iterdir()] == [".mlflow.db.lock"]


# --- a server that does not answer


@contextmanager
def silent_server() -> Iterator[str]:
    """Listen, accept and never answer."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def test_a_server_that_accepts_and_says_nothing_is_noticed_in_words() -> None:
    with silent_server() as address, pytest.raises(ModelError) as caught:
        check_answers(address.replace("://", "://ana:s3cret@"), seconds=0.5)

    assert "tracking.uri" in str(caught.value)
    assert "does not answer" in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_a_port_without_a_server_is_noticed_in_words() -> None:
    with silent_server() as address:
        pass

    with pytest.raises(ModelError, match="does not answer"):
        check_answers(address, seconds=3600)


@pytest.mark.parametrize("status", [200, 401, 404, 500])
def test_a_server_that_answers_anything_is_there(status: int) -> None:
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        Thread(target=server.handle_request, daemon=True).start()
        check_answers(f"http://127.0.0.1:{server.server_port}", seconds=3600)


def test_no_server_is_asked_for_a_file() -> None:
    check_answers("sqlite:///mlflow.db")


def with_deleted_row(path: Path, journal_mode: str) -> None:
    """Write a database from which Ann was deleted as MLflow deletes rows: her bytes stay."""
    with closing(sqlite3.connect(path)) as database:
        database.execute(f"PRAGMA journal_mode = {journal_mode}")
        database.execute("PRAGMA secure_delete = OFF")  # some builds of SQLite have it on
        with database:
            database.execute("CREATE TABLE tags (value TEXT)")
            database.executemany("INSERT INTO tags VALUES (?)", [("Ann of C-1001",), ("Bob",)])
            database.execute("DELETE FROM tags WHERE value LIKE 'Ann%'")


@pytest.mark.parametrize("journal_mode", ["delete", "wal"])
def test_bytes_of_deleted_rows_go_and_other_rows_stay(tmp_path: Path, journal_mode: str) -> None:
    path = tmp_path / "mlflow.db"
    with_deleted_row(path, journal_mode)
    before = path.read_bytes()

    assert overwrite_deleted_rows(path) is None

    assert b"C-1001" in before
    assert not any(b"C-1001" in file.read_bytes() for file in sqlite_files(path) if file.exists())
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("SELECT value FROM tags").fetchall() == [("Bob",)]


def test_a_database_in_use_keeps_its_bytes_and_the_reason_is_returned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("churn.model.runs_database.BUSY_SECONDS", 0.0)
    path = tmp_path / "mlflow.db"
    with_deleted_row(path, "delete")
    with closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN IMMEDIATE")

        problem = overwrite_deleted_rows(path)

    assert problem == "database is locked"
    assert b"C-1001" in path.read_bytes()


def test_without_a_database_none_is_created(tmp_path: Path) -> None:
    assert overwrite_deleted_rows(tmp_path / "mlflow.db") is None
    assert list(tmp_path.iterdir()) == []
