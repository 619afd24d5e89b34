"""What a source's tables look like: types, gaps, times, keys, as far as a first look tells."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date

import duckdb

from churn.data.sources.source import Source
from churn.data.sql import first_line, identifier, internal_name
from churn.init.columns import Column, Kind, time_of
from churn.init.reading import read_number, read_text

ROWS_FETCHED = 1_000_000
"""Of a table in a database so many rows are looked at; files are looked at whole."""

ALL_BUT_DIRT = 0.97
"""The share of rows that a key must tell apart."""


@dataclass(frozen=True)
class Table:
    """A table of the source, and the view of it in DuckDB; `query` where it is joined from two."""

    name: str
    rows: int
    columns: tuple[Column, ...]
    view: str
    whole: bool
    query: str | None = None

    def column(self, name: str) -> Column | None:
        """Return the column of that name."""
        return next((column for column in self.columns if column.name == name), None)


def look(
    source: Source, dialect: str, advance: Callable[[int], None] = lambda _: None
) -> tuple[list[Table], list[tuple[str, str]]]:
    """Look at every table of a source; return what they are like, and which cannot be read, and why.

    Args:
        source: The open source.
        dialect: duckdb, postgresql, sqlite or spark: how it writes what plain names do not say.
        advance: Told after each table.
    """
    found, unreadable = [], []
    for name in source.tables:
        view = internal_name(f"guess_{name}")
        limit = "" if dialect == "duckdb" else f" LIMIT {ROWS_FETCHED}"
        try:
            source.view(view, f"SELECT * FROM {source.quote(name)}{limit}")
        except source.errors as error:
            unreadable.append((name, f"it cannot be read: {first_line(error)}"))
        else:
            if dialect == "duckdb":
                _hold(source.connection, name, view)
            found.append(_table(source.connection, name, view, dialect))
        advance(1)
    return found, unreadable


def _hold(connection: duckdb.DuckDBPyConnection, name: str, view: str) -> None:
    """Read a CSV once instead of at every question."""
    sql = connection.execute("SELECT sql FROM duckdb_views() WHERE view_name = ?", [name]).fetchone()
    if sql and "read_csv(" in sql[0]:
        connection.execute(f"DROP VIEW {view}").fetchall()
        connection.execute(f"CREATE TEMP TABLE {view} AS SELECT * FROM {identifier(name)}").fetchall()


def _table(connection: duckdb.DuckDBPyConnection, name: str, view: str, dialect: str) -> Table:
    described = connection.execute(f"DESCRIBE {view}").fetchall()
    types = {str(row[0]): str(row[1]) for row in described}
    counts = ", ".join(f"count({identifier(c)}), approx_count_distinct({identifier(c)})" for c in types)
    row = connection.execute(f"SELECT count(*), {counts} FROM {view}").fetchone()
    assert row is not None  # an aggregate without GROUP BY always gives one row
    rows, *pairs = row
    columns = [
        _column(
            connection, view, column, types[column], rows, pairs[2 * place], pairs[2 * place + 1], dialect
        )
        for place, column in enumerate(types)
    ]
    return Table(name, rows, tuple(columns), view, dialect == "duckdb" or rows < ROWS_FETCHED)


def _column(
    connection: duckdb.DuckDBPyConnection,
    view: str,
    name: str,
    kind: str,
    rows: int,
    filled: int,
    distinct: int,
    dialect: str,
) -> Column:
    unique = filled > ALL_BUT_DIRT * rows and distinct > 0.8 * filled
    if unique:  # the first count is only about right
        exact = connection.execute(f"SELECT count(DISTINCT {identifier(name)}) FROM {view}").fetchone()
        unique = exact is not None and exact[0] > ALL_BUT_DIRT * filled
    column = Column(name, _plain_kind(kind), filled / rows if rows else 0.0, distinct, unique)
    if column.kind == "text" and filled:
        column = read_text(connection, view, column, dialect)
    if column.kind == "number":
        column = read_number(connection, view, column, dialect)
    if column.kind == "time":
        first, last = _span(connection, view, column)
        column = replace(column, first=first, last=last)
    return column


def _plain_kind(kind: str) -> Kind:
    if kind.startswith(("TIMESTAMP", "DATE")):
        return "time"
    if kind == "BOOLEAN":
        return "boolean"
    numbers = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "U", "FLOAT", "DOUBLE", "DECIMAL")
    return "number" if kind.startswith(numbers) and kind != "UUID" else "text"


def _span(
    connection: duckdb.DuckDBPyConnection, view: str, column: Column
) -> tuple[date | None, date | None]:
    """Return the days between which nearly all times lie: one wrong clock says nothing."""
    at = time_of(column)
    row = connection.execute(
        f"SELECT quantile_disc(d, 0.005), quantile_disc(d, 0.995) FROM "
        f"(SELECT {at}::DATE AS d FROM {view} WHERE isfinite({at}))"
    ).fetchone()
    first, last = row or (None, None)
    return first, last
