"""Profile the tables of a source: the kind, the missing values and the range of each column, and the keys."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date

import duckdb

from churn.data.sources.source import Source
from churn.data.sql import first_line, identifier, internal_name, trim_blanks
from churn.init.column_values import (
    NO_VALUE_DAYS,
    NO_VALUE_NUMBERS,
    TEXTS,
    count_distinct,
    date_ranges,
    long_form,
)
from churn.init.source_table import ColumnKind, SourceColumn, SourceTable, name_in, time_of
from churn.init.text_columns import names_a_time, read_texts

ROWS_FETCHED = 1_000_000
"""How many rows of a database table are read; files are read completely."""

MIN_UNIQUE_SHARE = 0.97
"""A key has a different value in each row, in at least this share of the rows."""

COLUMNS_PER_BATCH = 100
"""The columns of a wide table are profiled in batches: one query answers for all columns of a batch."""

ROWS_PROFILED_TOGETHER = 100_000
"""A table with more rows is profiled column by column, because the distinct values of a batch take memory."""


def profile_tables(
    source: Source, dialect: str, today: date, advance: Callable[[int], None] = lambda _: None
) -> tuple[list[SourceTable], list[tuple[str, str]]]:
    """Profile every table of a source.

    Args:
        source: The open source.
        dialect: The SQL dialect of the source: duckdb, postgresql, sqlite or spark.
        today: Today's date; a date format is wrong if it turns texts into later dates.
        advance: A function that is called with 1 after each table.

    Returns:
        The profiled tables, and the tables that cannot be read, as pairs of a name and a reason.
    """
    tables, unreadable = [], []
    for name in source.tables:
        view = internal_name(f"guess_{name}")
        limit = "" if dialect == "duckdb" else f" LIMIT {ROWS_FETCHED}"
        try:
            source.view(view, f"SELECT * FROM {source.quote(name)}{limit}")
        except source.errors as error:
            unreadable.append((name, f"it cannot be read: {first_line(error)}"))
        else:
            is_csv = dialect == "duckdb" and _read_text_once(source.connection, name, view)
            tables.append(profile_table(source.connection, name, view, dialect, today, is_csv=is_csv))
        advance(1)
    all_columns = [column for table in tables for column in table.columns]
    return [_with_readings_of(table, all_columns, source.connection, dialect) for table in tables], unreadable


def _read_text_once(connection: duckdb.DuckDBPyConnection, name: str, view: str) -> bool:
    """Replace the view of a text file by a table, so that later queries do not parse the file again.

    Returns:
        True if the data come from a CSV file, otherwise False.
    """
    row = connection.execute("SELECT sql FROM duckdb_views() WHERE view_name = ?", [name]).fetchone()
    sql = str(row[0]) if row else ""
    if "read_csv(" in sql or "read_json(" in sql:
        connection.execute(f"DROP VIEW {view}").fetchall()
        connection.execute(f"CREATE TEMP TABLE {view} AS SELECT * FROM {identifier(name)}").fetchall()
    return "read_csv(" in sql


def profile_table(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    view: str,
    dialect: str,
    today: date,
    *,
    is_csv: bool = False,
) -> SourceTable:
    """Profile one table, which is read through a view.

    Args:
        connection: The connection with the view.
        name: The name of the table.
        view: The name of the table's view.
        dialect: The SQL dialect of the source.
        today: Today's date; a date format is wrong if it turns texts into later dates.
        is_csv: Whether the view reads CSV files.
    """
    description = connection.execute(f"DESCRIBE {view}").fetchall()
    types = {str(row[0]): str(row[1]) for row in description}
    counts = ", ".join(
        f"count({identifier(column)})"
        + ("" if _kind_of(kind) in ("text", "number") else f", approx_count_distinct({identifier(column)})")
        for column, kind in types.items()
    )
    row = connection.execute(f"SELECT count(*), {counts} FROM {view}").fetchone()
    assert row is not None  # an aggregate without GROUP BY always gives one row
    rows, *values = row
    facts = iter(values)
    unread = []
    for column_name, duckdb_type in types.items():
        kind = _kind_of(duckdb_type)
        share = next(facts) / rows if rows else 0.0
        n_distinct = 0 if kind in ("text", "number") else next(facts)  # counted exactly below
        unread.append(SourceColumn(column_name, kind, share, n_distinct, False))
    size = COLUMNS_PER_BATCH if rows <= ROWS_PROFILED_TOGETHER else 1
    columns: list[SourceColumn] = []
    for start in range(0, len(unread), size):
        batch = unread[start : start + size]
        columns += _profile_batch(connection, view, batch, types, dialect, today, is_csv=is_csv)
    columns = [
        replace(profile, unique=_is_unique(column, profile.distinct, rows))
        for column, profile in zip(unread, columns, strict=True)
    ]
    is_complete = dialect == "duckdb" or rows < ROWS_FETCHED
    table = SourceTable(name, rows, tuple(columns), view, is_complete)
    return _with_readings_of(table, columns, connection, dialect)


def _is_unique(column: SourceColumn, n_distinct: int, rows: int) -> bool:
    """Return whether nearly every row of a column has a different value."""
    n_filled = round(column.filled_share * rows)
    return n_filled > MIN_UNIQUE_SHARE * rows and n_distinct > MIN_UNIQUE_SHARE * n_filled


def _profile_batch(
    connection: duckdb.DuckDBPyConnection,
    view: str,
    columns: Sequence[SourceColumn],
    types: Mapping[str, str],
    dialect: str,
    today: date,
    *,
    is_csv: bool,
) -> list[SourceColumn]:
    """Return a batch of columns with the kinds and the ranges of their values.

    Args:
        connection: The connection with the view.
        view: The view with the columns.
        columns: The columns, each with the kind that follows from its type in the view.
        types: The types of the view's columns.
        dialect: The SQL dialect of the source.
        today: Today's date; a date format is wrong if it turns texts into later dates.
        is_csv: Whether the view reads CSV files.
    """
    by_name = {column.name: column for column in columns}
    text_names = [column.name for column in columns if column.kind == "text" and column.filled_share]
    if text_names:
        texts = [by_name[name] for name in text_names]
        by_name |= {column.name: column for column in read_texts(connection, view, texts, dialect, today)}
    for column in [by_name[name] for name in text_names if by_name[name].kind == "number"]:
        by_name[column.name] = parse_number(connection, view, column, dialect)
    numbers = [column for column in columns if column.kind == "number"]
    if numbers:
        by_name |= _profile_numbers(connection, view, numbers, types, dialect, is_csv=is_csv)
    times = [column for column in by_name.values() if column.kind == "time"]
    if times:
        by_name |= _profile_times(connection, view, times, text_names)
    if text_names:
        connection.execute(f"DROP TABLE {TEXTS}").fetchall()
    return list(by_name.values())


def _profile_numbers(
    connection: duckdb.DuckDBPyConnection,
    view: str,
    columns: Sequence[SourceColumn],
    types: Mapping[str, str],
    dialect: str,
    *,
    is_csv: bool,
) -> dict[str, SourceColumn]:
    """Return columns of numbers by name, with their ranges and counts of distinct values.

    A column whose numbers are points in time is returned as a column of times.

    Args:
        connection: The connection with the view.
        view: The view with the columns.
        columns: The columns.
        types: The types of the view's columns.
        dialect: The SQL dialect of the source.
        is_csv: Whether the view reads CSV files.
    """
    distinct = count_distinct(connection, view, {column.name: types[column.name] for column in columns})
    numbers = [f"TRY_CAST({identifier(column.name)} AS DOUBLE)" for column in columns]
    rows = connection.execute(
        f"SELECT c, min(v), max(v), bool_or(v <> trunc(v)) FROM ({long_form(view, numbers)}) "
        "WHERE isfinite(v) GROUP BY c"
    ).fetchall()
    ranges = {number: (low, high, has_decimals) for number, low, high, has_decimals in rows}
    profiles = {}
    for number, column in enumerate(columns):
        low, high, has_decimals = ranges.get(number, (None, None, False))
        column = replace(
            column,
            distinct=distinct[column.name],
            has_decimal_points=is_csv and types[column.name] == "DOUBLE" and bool(has_decimals),
        )
        profiles[column.name] = _with_range(column, low, high, dialect)
        if profiles[column.name].kind == "number" and names_a_time(column):
            profiles[column.name] = _days_with_no_value(connection, view, profiles[column.name], dialect)
    return profiles


def _days_with_no_value(
    connection: duckdb.DuckDBPyConnection, view: str, column: SourceColumn, dialect: str
) -> SourceColumn:
    """Read a column of numbers as days (20240131), except the numbers that mean "no value" (99991231).

    If the numbers are not days, return the column unchanged.
    """
    name = identifier(column.name)
    numbers = ", ".join(map(str, NO_VALUE_NUMBERS))
    counts = connection.execute(
        f"SELECT {name}::VARCHAR, count(*) FROM {view} WHERE {name} IN ({numbers}) GROUP BY 1 ORDER BY 1"
    ).fetchall()
    row = connection.execute(
        f"SELECT min({name}), max({name}), count(*) FROM {view} WHERE {name} NOT IN ({numbers})"
    ).fetchone()
    low, high, n_days = row or (None, None, 0)
    dated = _with_range(column, low, high, dialect)
    if not counts or not n_days or dated.time_format is None:
        return column
    n_missing = sum(count for _, count in counts)
    share = column.filled_share * n_days / (n_days + n_missing)
    return replace(dated, missing=tuple(counts), filled_share=share)


def _profile_times(
    connection: duckdb.DuckDBPyConnection,
    view: str,
    columns: Sequence[SourceColumn],
    text_names: Sequence[str],
) -> dict[str, SourceColumn]:
    """Return columns of times by name, with their ranges and the days that mean "no value".

    Args:
        connection: The connection with the view and with the table `TEXTS` of distinct texts.
        view: The view with the columns.
        columns: The columns.
        text_names: The names of the columns whose texts are in `TEXTS`. In each row of `TEXTS`, `c` is the
            index in `text_names` of the column that holds the text.
    """
    readings = [
        reading for column in columns for reading in (column, column.other_reading) if reading is not None
    ]
    # The key is the SQL of a time; the value maps the index of a text column to the index of its reading.
    texts: dict[str, dict[int, int]] = {}
    typed: dict[int, str] = {}
    for number, column in enumerate(readings):
        if column.name in text_names:
            sql = time_of(replace(column, name="v", missing=()))
            texts.setdefault(sql, {})[text_names.index(column.name)] = number
        else:
            typed[number] = f"{time_of(column)}::DATE"
    queries = [
        f"SELECT {_renumber(numbers)} AS c, {sql}::DATE AS d, n FROM {TEXTS} "
        f"WHERE c IN ({', '.join(map(str, numbers))}) AND NOT is_word"
        for sql, numbers in texts.items()
    ]
    if typed:
        days = long_form(view, [*typed.values()])
        numbers = dict(enumerate(typed))
        queries.append(f"SELECT {_renumber(numbers)} AS c, v AS d, count(*) AS n FROM ({days}) GROUP BY 1, 2")
    ranges = date_ranges(connection, " UNION ALL ".join(queries))
    profiles: dict[str, SourceColumn] = {}
    for number, column in enumerate(readings):
        first, last, has_no_value_days = ranges.get(number, (None, None, False))
        column = replace(column, first=first, last=last)
        if known := profiles.get(column.name):  # the other reading
            column = replace(column, missing=known.missing, filled_share=known.filled_share)
            if known.missing:
                first, last = _date_range(connection, view, column)
                column = replace(column, first=first, last=last)
            profiles[column.name] = replace(known, other_reading=column)
            continue
        if has_no_value_days:
            column = _without_no_value_days(connection, view, column)
            first, last = _date_range(connection, view, column)
            column = replace(column, first=first, last=last)
        profiles[column.name] = column
    return profiles


def _renumber(numbers: Mapping[int, int]) -> str:
    """Return SQL that replaces `c`, the index of a column, by the number that `numbers` gives for it."""
    size = max(numbers) + 1
    return f"[{', '.join(str(numbers.get(number, -1)) for number in range(size))}][c + 1]"


def _with_order_of_neighbours(column: SourceColumn, columns: Sequence[SourceColumn]) -> SourceColumn:
    """Return a column of dates with the order of day and month that the other columns have, if its own order
    is not clear.
    """
    if column.kind != "time" or column.question is None or column.time_format is None:
        return column
    other = column.other_reading or column
    readings = {reading.time_format[:5]: reading for reading in (column, other) if reading.time_format}
    orders = {c.time_format[:5] for c in columns if c.time_format and not c.question} & set(readings)
    if len(orders) != 1:
        return column
    return replace(readings[orders.pop()], question=None, other_reading=None)


def _with_readings_of(
    table: SourceTable,
    columns: Sequence[SourceColumn],
    connection: duckdb.DuckDBPyConnection,
    dialect: str,
) -> SourceTable:
    """Return a table in which unclear dates and numbers are read in the notation of the other columns.

    Sometimes the values of a column do not show the order of day and month, or the decimal mark. Such a
    column takes the order or the mark that other columns show, if these columns agree.

    Args:
        table: The table.
        columns: The columns from which the order of day and month, or the decimal mark, is taken.
        connection: The connection with the view of the table.
        dialect: The SQL dialect of the source.
    """
    marks = {c.number.decimal_mark for c in columns if c.number and c.number.example is None}
    marks |= {"." for c in columns if c.has_decimal_points}
    decided = []
    for column in table.columns:
        column = _with_order_of_neighbours(column, columns)
        if column.number and column.number.is_open and len(marks) == 1:
            number = replace(column.number, decimal_mark=next(iter(marks)), example=None)
            sql = number.sql(name_in(column.name, dialect))
            column = replace(column, number=number, sql=sql, question=None)
            column = parse_number(connection, table.view, column, dialect)
        decided.append(column)
    return replace(table, columns=tuple(decided))


def _without_no_value_days(
    connection: duckdb.DuckDBPyConnection, view: str, column: SourceColumn
) -> SourceColumn:
    """Return a time column whose `missing` also holds the days that mean "no value", such as 9999-12-31."""
    if column.sql or not column.filled_share:
        return column
    days = ", ".join(f"DATE '{day}'" for day in NO_VALUE_DAYS)
    text = trim_blanks(f"{identifier(column.name)}::VARCHAR")
    texts = f"SELECT {text} AS v, {time_of(column)}::DATE AS d FROM {view}"
    day_counts = connection.execute(
        "SELECT CASE WHEN left(v, 10) = d::VARCHAR THEN d::VARCHAR ELSE v END AS word, "
        f"count(*), d FROM ({texts}) WHERE d IN ({days}) GROUP BY ALL HAVING count(*) > 1 ORDER BY ALL"
    ).fetchall()
    if not day_counts:
        return column
    words = tuple((str(word), int(count)) for word, count, _ in day_counts)
    n_times = connection.execute(f"SELECT count({time_of(column)}) FROM {view}").fetchone()
    n_missing = sum(count for _, count in words)
    share = column.filled_share * (1 - n_missing / n_times[0]) if n_times and n_times[0] else 0.0
    return replace(column, missing=(*column.missing, *words), filled_share=share)


def _kind_of(duckdb_type: str) -> ColumnKind:
    if duckdb_type.startswith(("TIMESTAMP", "DATE")):
        return "time"
    if duckdb_type == "BOOLEAN":
        return "boolean"
    numbers = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "U", "FLOAT", "DOUBLE", "DECIMAL")
    return "number" if duckdb_type.startswith(numbers) and duckdb_type != "UUID" else "text"


def _date_range(
    connection: duckdb.DuckDBPyConnection, view: str, column: SourceColumn
) -> tuple[date | None, date | None]:
    """Return the days between which 99 % of one column's times lie; see `date_ranges` for many columns."""
    at = time_of(column)
    row = connection.execute(
        f"SELECT quantile_disc(d, 0.005), quantile_disc(d, 0.995) FROM "
        f"(SELECT {at}::DATE AS d FROM {view} WHERE isfinite({at}))"
    ).fetchone()
    first, last = row or (None, None)
    return first, last


def parse_number(
    connection: duckdb.DuckDBPyConnection, view: str, column: SourceColumn, dialect: str
) -> SourceColumn:
    """Return a number column with its range, or a column of times if the numbers are points in time.

    Such a number counts the seconds or milliseconds since 1970, or is a day like 20240131.
    """
    value = f"TRY_CAST({identifier(column.name)} AS DOUBLE)"
    if column.number and (sql := column.number.sql(identifier(column.name))):
        value = f"TRY_CAST({sql} AS DOUBLE)"
    row = connection.execute(
        f"SELECT min({value}), max({value}) FROM {view} WHERE isfinite({value})"
    ).fetchone()
    low, high = row or (None, None)
    return _with_range(column, low, high, dialect)


def _with_range(column: SourceColumn, low: float | None, high: float | None, dialect: str) -> SourceColumn:
    """Return a number column with its range, or a column of times if the numbers are points in time.

    Such a number counts the seconds or milliseconds since 1970, or is a day like 20240131.

    Args:
        column: The column.
        low: The lowest number; None if there is none.
        high: The highest number; None if there is none.
        dialect: The SQL dialect of the source.
    """
    column = replace(column, low=low, high=high)
    if low is None or high is None or column.sql or not names_a_time(column):
        return column
    name = name_in(column.name, dialect)
    if low >= 6e8 and high <= 4.2e9:
        return replace(column, kind="time", sql=seconds_as_time(dialect, name))
    if low >= 6e11 and high <= 4.2e12:
        return replace(column, kind="time", sql=seconds_as_time(dialect, f"{name} / 1000.0"))
    if low >= 19_700_101 and high <= 20_991_231:
        return replace(column, kind="time", time_format="%Y%m%d")
    return column


def seconds_as_time(dialect: str, seconds: str) -> str:
    """Return SQL that turns seconds since 1970 into a time.

    >>> seconds_as_time("postgresql", "loaded")
    'to_timestamp(loaded)'
    """
    if dialect == "sqlite":
        return f"strftime('%Y-%m-%dT%H:%M:%SZ', {seconds}, 'unixepoch')"
    return f"timestamp_seconds({seconds})" if dialect == "spark" else f"to_timestamp({seconds})"
