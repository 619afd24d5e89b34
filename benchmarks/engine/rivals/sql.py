"""Shared code of the rivals in SQL: a DuckDB without a memory limit, and cells as SQL aggregates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from benchmarks.engine.cells import Cell
from churn.data.sql import identifier
from churn.data.store import Store

ROW = "file_row_number"
THREADS = 2


def connect(store: Store) -> duckdb.DuckDBPyConnection:
    """Open a DuckDB without a memory limit."""
    scratch: Path = store.params.output / ".rivals"
    connection = duckdb.connect(config={"threads": THREADS, "temp_directory": str(scratch)})
    connection.execute("SET TimeZone = 'UTC'; SET enable_progress_bar = false").fetchall()
    return connection


def scan_with_rows(store: Store, table: str) -> str:
    """Return the SQL that reads a table of the store with the positions of its rows."""
    return store.scan(table).removesuffix(")") + f", {ROW} = true)"


def aggregate(cell: Cell) -> str:
    """Return the SQL of one cell over the rows before a cutoff."""
    return f"{_verb(cell)} FILTER ({_filter(cell)})" + ("[2]" if cell.verb == "previous" else "")


def _verb(cell: Cell) -> str:
    column = identifier(cell.column or "")
    instant = f'(epoch("at") + {identifier(f"{cell.by}_after")})' if cell.by else '"at"'
    return {
        "count": "count(*)",
        "given": f"count({column})",
        "days": f"count(DISTINCT {identifier(cell.day)})",
        "kinds": f"count(DISTINCT {column})",
        "max": f"max({column})",
        "decayed": f"sum(power(0.5, (cutoff - {identifier(cell.day)}) / {float(cell.half_life or 1)}))",
        "sum": f"sum({column}::DOUBLE)",
        "first_day": f"min({identifier(cell.day)})",
        "last_day": f"max({identifier(cell.day)})",
        "latest": f"arg_max({column}, {instant})",
        "previous": f"arg_max({column}, {instant}, 2)",
        "first_row": f"min({ROW})",
        "last_row": f"max({ROW})",
    }[cell.verb]


def _filter(cell: Cell) -> str:
    day = identifier(cell.day)
    parts = [f"{day} >= cutoff - {cell.days}"]
    if cell.skip:
        parts.append(f"{day} < cutoff - {cell.skip}")
    if cell.having:
        parts.append(f"{identifier(f'{cell.having}_day')} < cutoff")
    if cell.lacking:
        parts.append(f"coalesce({identifier(f'{cell.lacking}_day')} >= cutoff, true)")
    return " AND ".join(parts)


def fetch_columns(connection: duckdb.DuckDBPyConnection, sql: str) -> dict[str, Any]:
    """Run a query and return its columns, masked where a value is NULL."""
    columns: dict[str, Any] = connection.execute(sql).fetchnumpy()
    return {
        name: column if isinstance(column, np.ma.MaskedArray) else np.asarray(column)
        for name, column in columns.items()
    }
