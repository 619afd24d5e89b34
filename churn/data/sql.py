"""DuckDB for the project: open it within the engine's limits, quote and examine SQL, show progress."""

from __future__ import annotations

import json
import re
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any

import duckdb

from churn.data.files import private_folder
from churn.params import EngineParams
from churn.secrets import hide_secrets


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


BLANKS = r"[\s\p{Z}\x{0b}\x{1c}-\x{1f}\x{85}]+"
"""Matches blanks of every kind: tabs, line ends and all blanks of Unicode. DuckDB's `trim` keeps a tab."""


def trim_blanks(sql: str) -> str:
    """Return SQL that removes the blanks at both ends of the text that `sql` gives.

    >>> duckdb.sql(f"SELECT {trim_blanks(literal(chr(160) + 'C 1' + chr(9)))}").fetchall()
    [('C 1',)]
    """
    return f"regexp_replace({sql}, '^{BLANKS}|{BLANKS}$', '', 'g')"


def internal_name(name: str) -> str:
    """Return a quoted name for a view, table or column that this program creates.

    The name begins with `__churn_`, so it differs from every name in a source.
    """
    return identifier(f"__churn_{name}")


def parquet_rows(*paths: Path, union_by_name: bool = False) -> str:
    """Return the SQL after FROM that reads exactly these Parquet files, and adds no columns from their path.

    Without `hive_partitioning = false`, DuckDB adds a column `day` to each file below a folder `day=3`. If
    the file itself has a column `day`, the value from the folder's name replaces the value in the file.

    Args:
        paths: The path of each file, not a pattern. A pattern such as `*.parquet` would also find files that
            are not part of the table. Brackets are no pattern: `a[1]` is the folder `a[1]`, and not `a1`.
        union_by_name: Whether the files may have different columns.
    """
    option = ", union_by_name = true" if union_by_name else ""
    return f"read_parquet({file_list(paths)}, hive_partitioning = false{option})"


def file_list(paths: Iterable[Path]) -> str:
    """Return an SQL list of files, written so that DuckDB takes no character of a path as a pattern.

    >>> file_list([Path("orders[1]/a.csv")])
    "['orders[[]1]/a.csv']"
    """
    return "[" + ", ".join(literal(_without_patterns(str(path))) for path in paths) + "]"


def _without_patterns(path: str) -> str:
    if "\\" in path:  # DuckDB would take the backslash before a bracket for a separator of folders
        return path
    return re.sub(r"[\[*?]", r"[\g<0>]", path)


def first_line(error: Exception) -> str:
    """Return the first line of a database's error message; the lines below it repeat the SQL."""
    return hide_secrets(str(error).strip()).split("\n")[0]


REASON_ENDS = ("LINE ", "The search space", "Possible fixes", "Possible Solution", "It is possible that")
"""The first words of lines that follow the reason in DuckDB's messages: the SQL, and advice on options."""

MAX_REASON_LENGTH = 500


def reason_of(error: Exception) -> str:
    r"""Return the reason in a database's error message, on one line, without SQL and advice about options.

    >>> reason_of(ValueError("CSV Error on Line: 2\nInvalid unicode\n\nLINE 1: SELECT"))
    'CSV Error on Line: 2; Invalid unicode'
    """
    lines: list[str] = []
    for line in hide_secrets(str(error)).splitlines():
        if lines and (not line.strip() or line.startswith(REASON_ENDS)):
            break
        if line.strip(" ^"):
            lines.append(line.strip())
    return "; ".join(lines)[:MAX_REASON_LENGTH].rstrip(" .!")


def connect(engine: EngineParams, scratch: Path) -> duckdb.DuckDBPyConnection:
    """Open an in-memory DuckDB with the engine's memory limit and number of threads.

    Args:
        engine: The section `engine` of params.yaml.
        scratch: A folder in which the connection gets its own folder for temporary files. DuckDB sorts in its
            own folder when memory is short; in a shared folder, two connections would overwrite each other's
            rows.
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
    return _with_settings(connection)


def connect_again(connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """Open a second connection to the same DuckDB, with the same limits and the same settings.

    The private folder of the first connection stays until both connections are gone.
    """
    second = _with_settings(connection.cursor())
    weakref.finalize(second, lambda _: None, connection).atexit = False
    return second


def _with_settings(connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """Apply the settings that DuckDB keeps separately for each connection, and return the connection."""
    connection.execute("SET TimeZone = 'UTC'").fetchall()
    connection.execute("SET enable_progress_bar = true; SET enable_progress_bar_print = false").fetchall()
    return connection


Progress = Callable[[str, int], AbstractContextManager[Callable[[int], None]]]
"""Opens a progress display with a label and a number of steps, and gives a function that adds steps."""

DELAY_SECONDS = 2.0
"""The delay before progress is shown; a shorter query shows no progress."""

POLL_SECONDS = 0.5
PERCENT = 100


@contextmanager
def show_query_progress(
    connection: duckdb.DuckDBPyConnection, label: str, progress: Progress | None
) -> Iterator[None]:
    """Show how many percent of the queries in a `with` block are done; the percentage never decreases.

    Args:
        connection: The DuckDB in which the queries run.
        label: The text that the display shows for the queries.
        progress: The function that opens the display; None shows nothing.
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
"""Classes of SQL expressions that read rows other than their own."""

SETTING_FUNCTIONS = ("current_setting", "getvariable", "getenv")
"""Functions that DuckDB lists as consistent, although their value depends on settings and not on the row."""


def is_rowwise(
    connection: duckdb.DuckDBPyConnection, expressions: Iterable[str], columns: Iterable[str]
) -> bool:
    """Return whether each SQL expression certainly depends only on the row for which it is computed.

    Args:
        connection: A connection to DuckDB, which parses the SQL and describes the functions in it.
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
    return not functions or functions <= _consistent_functions(connection, functions)


def _is_no_column(node: dict[str, Any], columns: set[str]) -> bool:
    """Return whether a node of parsed SQL is a name that is no column, such as `current_date`."""
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
