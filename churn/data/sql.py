"""DuckDB for the project: open it within the engine's limits, quote and examine SQL, show progress."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any

import duckdb

from churn.data.files import private_folder
from churn.params import EngineParams


def identifier(name: str) -> str:
    """Quote an SQL identifier.

    >>> identifier('a "b" c')
    '"a ""b"" c"'
    """
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Quote an SQL string.

    >>> literal("it's")
    "'it''s'"
    """
    return "'" + text.replace("'", "''") + "'"


def internal_name(name: str) -> str:
    """Return the quoted name of a view or table of this program; no name in a source has this prefix."""
    return identifier(f"__churn_{name}")


def first_line(error: Exception) -> str:
    """Return the first line of a database's error message; the lines below it repeat the SQL."""
    return str(error).strip().split("\n")[0]


def connect(engine: EngineParams, scratch: Path) -> duckdb.DuckDBPyConnection:
    """Open an in-memory DuckDB with the engine's memory limit and number of threads.

    Args:
        engine: The section `engine` of params.yaml.
        scratch: The parent of the connection's private folder. DuckDB sorts there when memory is short, and
            two connections with one shared folder would overwrite each other's rows.
    """
    connection = duckdb.connect(
        config={
            "memory_limit": engine.memory_limit,
            "threads": engine.threads,
            "autoinstall_known_extensions": False,
        }
    )
    spill_folder = private_folder(scratch, connection)
    connection.execute(f"SET temp_directory = {literal(str(spill_folder))}").fetchall()
    connection.execute("SET TimeZone = 'UTC'").fetchall()
    connection.execute("SET enable_progress_bar = true; SET enable_progress_bar_print = false").fetchall()
    return connection


Progress = Callable[[str, int], AbstractContextManager[Callable[[int], None]]]
"""Opens a progress display with a label and a number of steps; it gives a function that adds steps."""

DELAY_SECONDS = 2.0
"""The delay before progress is shown; a shorter query shows no progress."""

POLL_SECONDS = 0.5
PERCENT = 100


@contextmanager
def show_query_progress(
    connection: duckdb.DuckDBPyConnection, label: str, progress: Progress | None
) -> Iterator[None]:
    """Show in percent how much of the queries inside the block is done; the percentage never decreases.

    Args:
        connection: Where the queries run.
        label: The text that the display shows for the queries.
        progress: Opens the display; None shows nothing.
    """
    if progress is None:
        yield
        return
    is_finished = Event()
    thread = Thread(target=_poll, args=(connection, label, progress, is_finished), daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_finished.set()
        thread.join()


def _poll(connection: duckdb.DuckDBPyConnection, label: str, progress: Progress, is_finished: Event) -> None:
    if is_finished.wait(DELAY_SECONDS):
        return
    with progress(label, PERCENT) as advance:
        percent_shown = 0
        while not is_finished.wait(POLL_SECONDS):
            percent = min(int(connection.query_progress()), PERCENT - 1)
            if percent > percent_shown:
                advance(percent - percent_shown)
                percent_shown = percent
        advance(PERCENT - percent_shown)


CROSS_ROW_CLASSES = ("WINDOW", "SUBQUERY")
"""Classes of SQL expressions that read other rows."""

SETTING_FUNCTIONS = ("current_setting", "getvariable", "getenv")
"""Functions that DuckDB lists as consistent although their value does not depend on the row."""


def is_rowwise(
    connection: duckdb.DuckDBPyConnection, expressions: Iterable[str], columns: Iterable[str]
) -> bool:
    """Return whether each SQL expression certainly depends only on the columns of its own row.

    Args:
        connection: The DuckDB that parses the SQL and lists the functions.
        expressions: SQL in DuckDB's dialect.
        columns: The columns of the rows.
    """
    names = {name.lower() for name in columns}
    select_list = ", ".join(f"({sql}\n)" for sql in expressions)
    row = connection.execute("SELECT json_serialize_sql(?)", [f"SELECT {select_list} FROM t"]).fetchone()
    tree: dict[str, Any] = json.loads(row[0]) if row else {"error": True}
    if tree.get("error") or len(tree["statements"]) != 1:
        return False
    nodes = list(_nodes(tree["statements"][0]["node"]["select_list"]))
    if any(node["class"] in CROSS_ROW_CLASSES or _is_no_column(node, names) for node in nodes):
        return False
    functions = {str(node["function_name"]) for node in nodes if node["class"] == "FUNCTION"}
    return functions <= _consistent_functions(connection, functions)


def _is_no_column(node: dict[str, Any], columns: set[str]) -> bool:
    """Return whether a name in SQL is not a column of the rows; such a name may be the current time."""
    return node["class"] == "COLUMN_REF" and not columns & {name.lower() for name in node["column_names"]}


def _consistent_functions(connection: duckdb.DuckDBPyConnection, names: set[str]) -> set[str]:
    """Return the functions that always give the same result for the same row."""
    rows = connection.execute(
        "SELECT function_name FROM duckdb_functions() WHERE function_name = ANY(?) GROUP BY 1 "
        "HAVING bool_and(function_type = 'scalar' AND stability = 'CONSISTENT')",
        [sorted(names - set(SETTING_FUNCTIONS))],
    ).fetchall()
    return {str(name) for (name,) in rows}


def _nodes(value: Any) -> Iterator[dict[str, Any]]:
    """Yield all expressions of a parsed statement."""
    if isinstance(value, dict):
        if "class" in value:
            yield value
        for part in value.values():
            yield from _nodes(part)
    elif isinstance(value, list):
        for part in value:
            yield from _nodes(part)
