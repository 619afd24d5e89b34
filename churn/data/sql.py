"""DuckDB within the engine's limits, and SQL's quotes."""

from __future__ import annotations

from pathlib import Path

import duckdb

from churn.data.folder_lease import private_folder
from churn.params import EngineParams


def quoted(name: str) -> str:
    """Quote an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Quote an SQL string."""
    return "'" + text.replace("'", "''") + "'"


def internal(name: str) -> str:
    """Name a view or table of our own, as no source names its."""
    return quoted(f"__churn_{name}")


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
