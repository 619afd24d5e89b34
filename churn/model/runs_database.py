"""The SQLite file of MLflow, which is either created completely or not at all.

MLflow creates its tables in some forty steps. A process that is killed between two steps leaves a file that
MLflow can never open again. So the file is created under another name and then renamed, while a lock keeps
other processes out. An incomplete file lacks MLflow's default experiment (a group of runs), so it can be
recognised and replaced.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from churn.data.files import exclusive_lock

SCHEME = "sqlite:///"
"""The start of the address of a SQLite file; the path follows."""

SIBLINGS = ("-journal", "-wal", "-shm")
"""The endings of the files that SQLite keeps beside a database; such a file belongs only to this database."""

BUSY_SECONDS = 30.0


def database_path(uri: str) -> Path | None:
    """Return the SQLite file that MLflow's tracking address names; None if it does not name such a file.

    >>> database_path("sqlite:////data/mlflow.db")
    PosixPath('/data/mlflow.db')
    >>> database_path("https://tracking.example")
    """
    path = uri.removeprefix(SCHEME)
    return Path(path) if uri.startswith(SCHEME) and path and path != ":memory:" else None


def ensure_database(
    path: Path, create: Callable[[Path], object], warn: Callable[[str], object] | None = None
) -> None:
    """Create MLflow's database if there is none, and replace a database that was not created completely.

    Args:
        path: The file of the database.
        create: A function that creates, at a given path, a database that holds MLflow's default experiment.
        warn: A function that is called with a sentence if an incomplete database is replaced.

    Raises:
        OSError: The file cannot be written.
    """
    if not _is_needed(path):
        return
    path = path.resolve()  # if the path is a link, the link must not be replaced
    with exclusive_lock(path.with_name(f".{path.name}.lock"), "a verb that creates the database"):
        if not _is_needed(path):  # another process was faster and has created it
            return
        if path.exists() and warn:
            warn(
                f"{path} is not complete, because the process that made it was stopped. The file holds no "
                "run, and a new database replaces it."
            )
        new_path = path.with_name(f".{path.name}.new")
        _remove(new_path)
        try:
            create(new_path)
        except BaseException:
            _remove(new_path)
            raise
        _remove(path)  # also removes the journal of the incomplete database, which would spoil the new one
        os.replace(new_path, path)


def sqlite_files(path: Path) -> list[Path]:
    """Return the file of a database, and the files that SQLite may keep beside it."""
    return [path.with_name(path.name + ending) for ending in ("", *SIBLINGS)]


def overwrite_deleted_rows(path: Path) -> str | None:
    """Remove the bytes of deleted rows from a database; return the reason if this fails, otherwise None.

    SQLite only marks deleted rows as free and does not remove their bytes, so the whole file is written
    again. If this process is killed before the end, nothing is lost: the next program that opens the
    database restores its old content.

    Args:
        path: The file of the database; if it does not exist, nothing is done.
    """
    if not path.is_file():
        return None
    try:
        with closing(sqlite3.connect(path, BUSY_SECONDS, isolation_level=None)) as connection:
            connection.execute("PRAGMA secure_delete = ON")
            connection.execute("VACUUM")
            is_busy, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except sqlite3.Error as error:
        return str(error)
    return "another program reads it" if is_busy else None


def _is_needed(path: Path) -> bool:
    """Return whether there is no database, or only a database that was not created completely."""
    if not path.exists():
        return True
    if not path.is_file():
        return False
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", BUSY_SECONDS, uri=True)) as file:
            tables = {name for (name,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            if not tables:
                return True
            if not tables & {"experiments", "alembic_version"}:
                return False  # another program's database
            return "experiments" not in tables or not file.execute("SELECT 1 FROM experiments").fetchone()
    except sqlite3.Error:
        return False  # MLflow itself reports the reason


def _remove(path: Path) -> None:
    for file in sqlite_files(path):
        file.unlink(missing_ok=True)
