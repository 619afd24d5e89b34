"""DuckDB within the engine's limits, and SQL's quotes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from threading import Event, Thread

import duckdb

from churn.data.files import private_folder
from churn.params import EngineParams


def identifier(name: str) -> str:
    """Quote an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Quote an SQL string."""
    return "'" + text.replace("'", "''") + "'"


def internal_name(name: str) -> str:
    """Name a view or table of our own, as no source names its."""
    return identifier(f"__churn_{name}")


def first_line(error: Exception) -> str:
    """Return the first line of a database's message, without the picture under it."""
    return str(error).strip().split("\n")[0]


def connect(engine: EngineParams, scratch: Path) -> duckdb.DuckDBPyConnection:
    """Open an in-memory DuckDB within the engine's limits.

    When memory is short it sorts in a folder of its own under `scratch`: two that share one would write over
    each other's rows.
    """
    connection = duckdb.connect(
        config={
            "memory_limit": engine.memory_limit,
            "threads": engine.threads,
            "autoinstall_known_extensions": False,
        }
    )
    own = private_folder(scratch, connection)
    connection.execute(f"SET temp_directory = {literal(str(own))}").fetchall()
    connection.execute("SET TimeZone = 'UTC'").fetchall()
    connection.execute("SET enable_progress_bar = true; SET enable_progress_bar_print = false").fetchall()
    return connection


Progress = Callable[[str, int], AbstractContextManager[Callable[[int], None]]]
"""Opens what shows so many steps of something named, and is told of each step."""

DELAY_SECONDS = 2.0
"""What takes less is not worth a bar."""

POLL_SECONDS = 0.5
PERCENT = 100


@contextmanager
def show_query_progress(
    connection: duckdb.DuckDBPyConnection, label: str, show: Progress | None
) -> Iterator[None]:
    """Show in percent how far the queries are that run inside; a later query never takes a step back."""
    if show is None:
        yield
        return
    done = Event()
    thread = Thread(target=_follow, args=(connection, label, show, done), daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _follow(connection: duckdb.DuckDBPyConnection, label: str, show: Progress, done: Event) -> None:
    if done.wait(DELAY_SECONDS):
        return
    with show(label, PERCENT) as advance:
        shown = 0
        while not done.wait(POLL_SECONDS):
            share = min(int(connection.query_progress()), PERCENT - 1)
            if share > shown:
                advance(share - shown)
                shown = share
        advance(PERCENT - shown)
