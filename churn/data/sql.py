"""DuckDB within the engine's limits, and SQL's quotes."""

from __future__ import annotations

from pathlib import Path

import duckdb

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
    """Open an in-memory DuckDB within the engine's limits; it sorts in `scratch` when memory is short."""
    scratch.mkdir(parents=True, exist_ok=True)
    connection = duckdb.connect(
        config={
            "memory_limit": engine.memory_limit,
            "threads": engine.threads,
            "temp_directory": str(scratch),
            "autoinstall_known_extensions": False,
        }
    )
    connection.execute("SET TimeZone = 'UTC'; SET enable_progress_bar = false").fetchall()
    return connection
