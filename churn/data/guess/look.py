"""What a source's tables look like: types, gaps, times, keys, as far as a first look tells."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Literal

import duckdb

from churn.data.guess.words import ANY_TIME, says
from churn.data.source import Source
from churn.data.sql import internal, literal, quoted

ROWS_FETCHED = 1_000_000
"""Of a table in a database so many rows are looked at; files are looked at whole."""

ROWS_TRIED = 20_000
"""So many values of a text column are tried as times and numbers."""

ROWS_TRIED_FIRST = 100
"""So many decide which forms of times are worth a try."""

MOST = 0.98
"""The share of a column's values that must read as a time or a number to make it one."""

ALL_BUT_DIRT = 0.97
"""The share of rows that a key must tell apart."""

FORMATS = (
    *(f"{day}{time}" for day in ("%d.%m.%Y", "%d-%m-%Y", "%d/%m/%Y", "%m/%d/%Y", "%Y/%m/%d", "%Y%m%d")
      for time in (" %H:%M:%S", " %H:%M", "")),
    *("%d.%m.%y", "%d.%m.%y %H:%M", "%b %d, %Y", "%d %b %Y", "%d-%b-%Y"),
)  # fmt: skip
"""Forms of times that are tried, the likelier first: the day stands before the month nearly everywhere."""

Kind = Literal["time", "number", "boolean", "text"]


@dataclass(frozen=True)
class Column:
    """A column of the source.

    Attributes:
        filled: The share of rows with a value.
        unique: Whether nearly every row has a value of its own.
        low, high: The range of a number.
        first, last: The days between which nearly all times lie.
        time_format: The form of times written as text in another form than 2024-01-31.
        sql: How the column is read, in the source's dialect; None where its plain name will do.
    """

    name: str
    kind: Kind
    filled: float
    distinct: int
    unique: bool
    low: float | None = None
    high: float | None = None
    first: date | None = None
    last: date | None = None
    time_format: str | None = None
    sql: str | None = None


@dataclass(frozen=True)
class Table:
    """A table of the source, and the view of it in DuckDB."""

    name: str
    rows: int
    columns: tuple[Column, ...]
    view: str
    whole: bool

    def column(self, name: str) -> Column | None:
        """Return the column of that name."""
        return next((column for column in self.columns if column.name == name), None)


def look(source: Source, dialect: str, advance: Callable[[int], None] = lambda _: None) -> list[Table]:
    """Look at every table of a source that can be read.

    Args:
        source: The open source.
        dialect: duckdb, postgresql, sqlite or spark: how it writes what plain names do not say.
        advance: Told after each table.
    """
    found = []
    for name in source.tables:
        view = internal(f"guess_{name}")
        limit = "" if dialect == "duckdb" else f" LIMIT {ROWS_FETCHED}"
        try:
            source.view(view, f"SELECT * FROM {source.quote(name)}{limit}")
            if dialect == "duckdb":
                _hold(source.connection, name, view)
            found.append(_table(source.connection, name, view, dialect))
        except source.errors:
            continue  # such as a view of the database whose own table is gone
        finally:
            advance(1)
    return found


def _hold(connection: duckdb.DuckDBPyConnection, name: str, view: str) -> None:
    """Read a CSV once instead of at every question."""
    sql = connection.execute("SELECT sql FROM duckdb_views() WHERE view_name = ?", [name]).fetchone()
    if sql and "read_csv(" in sql[0]:
        connection.execute(f"DROP VIEW {view}").fetchall()
        connection.execute(f"CREATE TEMP TABLE {view} AS SELECT * FROM {quoted(name)}").fetchall()


def time_of(column: Column) -> str:
    """Return DuckDB's expression of a time column of a view, as a timestamp without a zone."""
    name = quoted(column.name)
    if column.sql:  # seconds since 1970
        scale = 1000.0 if (column.high or 0) > 1e11 else 1.0
        return f"make_timestamp(({name} / {scale} * 1000000)::BIGINT)"
    if column.time_format:
        return f"try_strptime({name}::VARCHAR, {literal(column.time_format)})"
    return f"TRY_CAST({name} AS TIMESTAMP)"


def id_of(column: Column) -> str:
    """Return DuckDB's expression of an id as text; 17850.0 is 17850."""
    name = quoted(column.name)
    if column.kind == "number":
        return f"coalesce(TRY_CAST({name} AS BIGINT)::VARCHAR, {name}::VARCHAR)"
    return f"nullif(trim({name}::VARCHAR), '')"


def _table(connection: duckdb.DuckDBPyConnection, name: str, view: str, dialect: str) -> Table:
    described = connection.execute(f"DESCRIBE {view}").fetchall()
    types = {str(row[0]): str(row[1]) for row in described}
    counts = ", ".join(f"count({quoted(c)}), approx_count_distinct({quoted(c)})" for c in types)
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
        exact = connection.execute(f"SELECT count(DISTINCT {quoted(name)}) FROM {view}").fetchone()
        unique = exact is not None and exact[0] > ALL_BUT_DIRT * filled
    column = Column(name, _plain_kind(kind), filled / rows if rows else 0.0, distinct, unique)
    if column.kind == "text" and filled:
        column = _read_text(connection, view, column, dialect)
    if column.kind == "number":
        column = _read_number(connection, view, column, dialect)
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


def _read_text(connection: duckdb.DuckDBPyConnection, view: str, column: Column, dialect: str) -> Column:
    """Find out whether a text column holds times, or numbers with a decimal comma."""
    text = f"trim({quoted(column.name)}::VARCHAR)"
    values = f"SELECT {text} AS v FROM {view} WHERE {text} <> ''"
    few = [str(row[0]) for row in connection.execute(f"{values} LIMIT {ROWS_TRIED_FIRST}").fetchall()]
    forms = [form for form in FORMATS if sum(_spelt(value, form) for value in few) >= MOST * len(few)]
    tests = [
        "avg((TRY_CAST(v AS TIMESTAMP) IS NOT NULL OR TRY_CAST(v AS TIMESTAMPTZ) IS NOT NULL)::INTEGER)",
        r"avg(regexp_full_match(v, '-?[0-9.]+(,[0-9]+)?')::INTEGER) * bool_or(contains(v, ','))::INTEGER",
        "avg((isfinite(TRY_CAST(v AS DOUBLE)) AND NOT regexp_full_match(v, '0[0-9]+'))::INTEGER)",
        *(f"avg((try_strptime(v, {literal(form)}) IS NOT NULL)::INTEGER)" for form in forms),
    ]
    row = connection.execute(f"SELECT {', '.join(tests)} FROM ({values} LIMIT {ROWS_TRIED})").fetchone()
    iso, comma, number, *shares = [share or 0.0 for share in row or (0.0, 0.0, 0.0)]
    if iso >= MOST:
        return replace(column, kind="time")
    best = next((form for form, share in zip(forms, shares, strict=True) if share >= MOST), None)
    if best and (best != "%Y%m%d" or says(column.name, ANY_TIME)):
        return replace(column, kind="time", time_format=best)
    if number == 1.0:
        return replace(column, kind="number")
    if comma >= MOST:
        sql = f"replace(replace({name_in(column.name, dialect)}, '.', ''), ',', '.')"
        return replace(column, kind="number", sql=sql)
    return column


def _spelt(value: str, form: str) -> bool:
    try:
        datetime.strptime(value, form)
    except ValueError:
        return False
    return True


def _read_number(connection: duckdb.DuckDBPyConnection, view: str, column: Column, dialect: str) -> Column:
    """Note a number's range, and find out whether it counts seconds since 1970 or spells a day."""
    value = f"TRY_CAST({quoted(column.name)} AS DOUBLE)"
    if column.sql:
        value = f"TRY_CAST(replace(replace({quoted(column.name)}, '.', ''), ',', '.') AS DOUBLE)"
    row = connection.execute(
        f"SELECT min({value}), max({value}) FROM {view} WHERE isfinite({value})"
    ).fetchone()
    low, high = row or (None, None)
    column = replace(column, low=low, high=high)
    if low is None or high is None or column.sql or not says(column.name, ANY_TIME):
        return column
    name = name_in(column.name, dialect)
    if low >= 6e8 and high <= 4.2e9:
        return replace(column, kind="time", sql=_from_seconds(dialect, name))
    if low >= 6e11 and high <= 4.2e12:
        return replace(column, kind="time", sql=_from_seconds(dialect, f"{name} / 1000.0"))
    if low >= 19_700_101 and high <= 20_991_231:
        return replace(column, kind="time", time_format="%Y%m%d")
    return column


def _from_seconds(dialect: str, seconds: str) -> str:
    if dialect == "sqlite":
        return f"strftime('%Y-%m-%dT%H:%M:%SZ', {seconds}, 'unixepoch')"
    return f"timestamp_seconds({seconds})" if dialect == "spark" else f"to_timestamp({seconds})"


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


PLAIN = r"[a-z_][a-z0-9_]*"
WORDS_OF_SQL = {
    *(
        "at",
        "order",
        "group",
        "from",
        "to",
        "user",
        "when",
        "desc",
        "asc",
        "end",
        "column",
        "table",
        "select",
    ),
    *(
        "where",
        "left",
        "right",
        "limit",
        "values",
        "check",
        "primary",
        "default",
        "references",
        "using",
        "on",
    ),
}


def name_in(name: str, dialect: str) -> str:
    """Quote a column's name for SQL of params.yaml, where its plain spelling would be misread."""
    bare = re.fullmatch(PLAIN, name if dialect == "postgresql" else name.lower())
    if bare and name.lower() not in WORDS_OF_SQL:
        return name
    return f"`{name}`" if dialect == "spark" else quoted(name)
