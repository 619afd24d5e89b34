"""Profile the tables of a source: the kind, the gaps and the range of each column, and the keys."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import cache

import duckdb

from churn.data.sources.source import Source
from churn.data.sql import first_line, identifier, internal_name, literal, trim_blanks
from churn.init.name_patterns import ANY_TIME, EXPIRY, MAY_LIE_AHEAD, name_matches
from churn.init.readings import date_reading, number_question, number_reading
from churn.init.source_table import ColumnKind, SourceColumn, SourceTable, iso_time, name_in, time_of

ROWS_FETCHED = 1_000_000
"""How many rows of a database table are read; files are read whole."""

MIN_UNIQUE_SHARE = 0.97
"""A key has another value in at least this share of the rows."""

ROWS_PARSED = 20_000
"""How many values of a text column are parsed as times and as numbers."""

MIN_NUMBERS = 10
"""A text column with more words for no value than numbers needs this many numbers to be a number."""

ROWS_PARSED_FIRST = 100
"""How many values decide which time formats are worth a full attempt."""

MIN_PARSED_SHARE = 0.98
"""A text column holds times or numbers if at least this share of its values can be parsed so."""

COLUMNS_PER_BATCH = 100
"""A wider table is profiled in narrow copies: each query on a view has to look at all its columns."""

ROWS_COUNTED_TOGETHER = 100_000
"""Up to this many rows, the distinct values of all columns of a batch are counted in one query."""

FORMATS = tuple(
    f"{day}{time}"
    for day in ("%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y", "%d/%m/%Y", "%m/%d/%Y", "%Y/%m/%d", "%Y%m%d", "%Y-%m-%d",
                "%d.%m.%y", "%d/%m/%y", "%m/%d/%y", "%y/%m/%d", "%d-%m-%y", "%m-%d-%y", "%y-%m-%d",
                "%b %d, %Y", "%d %b %Y", "%d-%b-%Y", "%d-%b-%y")
    for time in (" %H:%M:%S", " %H:%M", "", " %I:%M:%S %p", " %I:%M %p", " %I:%M%p",
                 " %H:%M:%S %z", " %H:%M %z")
)  # fmt: skip
"""The time formats that are tried, likely ones first: most countries write the day before the month."""

ISO_WITH_OFFSET = "%Y-%m-%d %H:%M:%S %z"

DATE_SHAPE = (
    r"[0-9]{1,4}[./-][0-9]{1,2}[./-][0-9]{1,4}.*|[0-9]{8}.*"
    r"|[0-9]{1,2}[ -][A-Za-z]{3}[ -].*|[A-Za-z]{3} [0-9].*"
)
"""What a text in one of `FORMATS` looks like; another text is not tried."""

NO_VALUE_WORDS = ("null", "none", "n/a", "nan", "nil", "-", "--", "\\n", "(null)", "#n/a", "0000-00-00",
                  "0000-00-00 00:00:00", "k.a.")  # fmt: skip
"""Words, in lower case, that stand for no value in a column of times or numbers."""

NO_VALUE_DAYS = ("0001-01-01", "1753-01-01", "1899-12-30", "1900-01-01", "1970-01-01", "9999-12-31")
"""Days that programs write where there is no time."""


def profile_tables(
    source: Source, dialect: str, today: date, advance: Callable[[int], None] = lambda _: None
) -> tuple[list[SourceTable], list[tuple[str, str]]]:
    """Profile every table of a source.

    Args:
        source: The open source.
        dialect: The SQL dialect of the source: duckdb, postgresql, sqlite or spark.
        today: The day of the call: dates that would lie after it decide against a reading.
        advance: A function that is called with 1 after each table.

    Returns:
        The profiled tables, and the tables that cannot be read as pairs of a name and a reason.
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
        Whether it is a CSV file.
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
    """Profile the table of a view.

    Args:
        connection: The connection with the view.
        name: The name of the table.
        view: The name of its view.
        dialect: The SQL dialect of the source.
        today: The day of the call: dates that would lie after it decide against a reading.
        is_csv: Whether the view reads CSV files.
    """
    description = connection.execute(f"DESCRIBE {view}").fetchall()
    types = {str(row[0]): str(row[1]) for row in description}
    counts = ", ".join(f"count({identifier(c)}), approx_count_distinct({identifier(c)})" for c in types)
    row = connection.execute(f"SELECT count(*), {counts} FROM {view}").fetchone()
    assert row is not None  # an aggregate without GROUP BY always gives one row
    rows, *pairs = row
    columns: list[SourceColumn] = []
    facts = list(zip(types.items(), pairs[::2], pairs[1::2], strict=True))
    for start in range(0, len(facts), COLUMNS_PER_BATCH):
        batch = facts[start : start + COLUMNS_PER_BATCH]
        narrow = _narrow_copy(connection, view, [column for (column, _), *_ in batch], len(facts))
        counted = [column for (column, kind), *_ in batch if _kind_of(kind) in ("text", "number")]
        exact_counts = _count_distinct(connection, narrow, counted, rows)
        for (column, duckdb_type), n_filled, approximate_count in batch:
            distinct = exact_counts.get(column, approximate_count)  # an approximate count decides no key
            unique = n_filled > MIN_UNIQUE_SHARE * rows and distinct > MIN_UNIQUE_SHARE * n_filled
            share = n_filled / rows if rows else 0.0
            profile = SourceColumn(column, _kind_of(duckdb_type), share, distinct, unique)
            profile = _profile_values(connection, narrow, profile, dialect, today)
            if is_csv and duckdb_type == "DOUBLE":
                profile = replace(profile, has_decimal_points=_has_decimals(connection, narrow, column))
            columns.append(profile)
        if narrow != view:
            connection.execute(f"DROP TABLE {narrow}").fetchall()
    is_complete = dialect == "duckdb" or rows < ROWS_FETCHED
    table = SourceTable(name, rows, tuple(columns), view, is_complete)
    return _with_readings_of(table, columns, connection, dialect)


def _has_decimals(connection: duckdb.DuckDBPyConnection, view: str, name: str) -> bool:
    value = identifier(name)
    row = connection.execute(
        f"SELECT bool_or({value} <> trunc({value})) FROM {view} WHERE isfinite({value})"
    ).fetchone()
    return bool(row and row[0])


def _narrow_copy(
    connection: duckdb.DuckDBPyConnection, view: str, names: Sequence[str], n_columns: int
) -> str:
    """Return the view itself, or a temporary table with some columns of a wide view."""
    if n_columns <= COLUMNS_PER_BATCH:
        return view
    narrow = internal_name("guess_batch")
    selected = ", ".join(map(identifier, names))
    connection.execute(f"CREATE TEMP TABLE {narrow} AS SELECT {selected} FROM {view}").fetchall()
    return narrow


def _count_distinct(
    connection: duckdb.DuckDBPyConnection, view: str, names: Sequence[str], rows: int
) -> dict[str, int]:
    """Return the number of distinct values of each column; a large table is counted column by column."""
    size = COLUMNS_PER_BATCH if rows <= ROWS_COUNTED_TOGETHER else 1
    distinct: dict[str, int] = {}
    for start in range(0, len(names), size):
        group = names[start : start + size]
        counts = ", ".join(f"count(DISTINCT {identifier(name)})" for name in group)
        row = connection.execute(f"SELECT {counts} FROM {view}").fetchone()
        distinct |= dict(zip(group, row or (), strict=True))
    return distinct


def _with_order_of_neighbours(column: SourceColumn, columns: Sequence[SourceColumn]) -> SourceColumn:
    """Return a column whose day and month cannot be told apart with the order of other columns, if any."""
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
    """Return a table whose columns with two readings have the reading of other columns, if these agree.

    Args:
        table: The table.
        columns: The columns that may decide.
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
    """Return a time column with the days for no value that it holds among its words for no value."""
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


def _profile_values(
    connection: duckdb.DuckDBPyConnection, view: str, column: SourceColumn, dialect: str, today: date
) -> SourceColumn:
    """Return the column with the kind and the range of its values."""
    if column.kind == "text" and column.filled_share:
        column = _parse_text(connection, view, column, dialect, today)
    if column.kind == "number":
        column = parse_number(connection, view, column, dialect)
    if column.kind == "time":
        column = _without_no_value_days(connection, view, column)
        first, last = _date_range(connection, view, column)
        column = replace(column, first=first, last=last)
        if other := column.other_reading:
            first, last = _date_range(connection, view, other)
            other = replace(other, missing=column.missing, filled_share=column.filled_share)
            column = replace(column, other_reading=replace(other, first=first, last=last))
    return column


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
    """Return the days between which 99 % of the times lie, so that a few wrong clocks do not count."""
    at = time_of(column)
    row = connection.execute(
        f"SELECT quantile_disc(d, 0.005), quantile_disc(d, 0.995) FROM "
        f"(SELECT {at}::DATE AS d FROM {view} WHERE isfinite({at}))"
    ).fetchone()
    first, last = row or (None, None)
    return first, last


def _parse_text(
    connection: duckdb.DuckDBPyConnection, view: str, column: SourceColumn, dialect: str, today: date
) -> SourceColumn:
    """Return a text column as times or numbers, if that is what its values are.

    Numbers may have a decimal comma; times may have one of `FORMATS`.
    """
    text = trim_blanks(f"{identifier(column.name)}::VARCHAR")
    words = ", ".join(map(literal, NO_VALUE_WORDS))
    values = f"SELECT {text} AS v FROM {view} WHERE {text} <> '' AND lower({text}) NOT IN ({words})"
    parsed_column = _parse_values(connection, values, column, dialect, today)
    if parsed_column.kind == "text":
        return column
    missing = connection.execute(
        f"SELECT {text}, count(*) FROM {view} WHERE lower({text}) IN ({words}) GROUP BY 1 ORDER BY 1"
    ).fetchall()
    n_filled = connection.execute(f"SELECT count(*) FROM ({values})").fetchone()
    n_missing = sum(count for _, count in missing)
    if parsed_column.kind == "number" and n_filled and n_filled[0] < min(MIN_NUMBERS, n_missing):
        return column  # a few numbers among words make no column of numbers
    share = column.filled_share
    if n_missing and n_filled:
        share *= n_filled[0] / (n_filled[0] + n_missing)
    counts = tuple((str(word), int(count)) for word, count in missing)
    return replace(parsed_column, missing=counts, filled_share=share)


def _parse_values(
    connection: duckdb.DuckDBPyConnection, values: str, column: SourceColumn, dialect: str, today: date
) -> SourceColumn:
    """Return a text column as times or numbers by its texts `v`, which are not words for no value."""
    sample = [str(row[0]) for row in connection.execute(f"{values} LIMIT {ROWS_PARSED_FIRST}").fetchall()]
    dates = [value for value in sample if re.fullmatch(DATE_SHAPE, value)]
    has_dates = bool(dates) and len(dates) >= MIN_PARSED_SHARE * len(sample)
    formats = [form for form in FORMATS if has_dates and _most_have_format(dates, form)]
    tests = [
        f"{iso_time('v')} IS NOT NULL",
        "isfinite(TRY_CAST(v AS DOUBLE)) AND NOT regexp_full_match(v, '0[0-9]+')",
        *(f"try_strptime(v, {literal(form)}) IS NOT NULL" for form in formats),
    ]
    shares_of_rows = ", ".join(f"sum(n) FILTER (WHERE {test}) / sum(n)" for test in tests)
    different_values = f"SELECT v, count(*) AS n FROM ({values} LIMIT {ROWS_PARSED}) GROUP BY v"
    row = connection.execute(f"SELECT {shares_of_rows} FROM ({different_values})").fetchone()
    iso, number, *shares = [share or 0.0 for share in row or (0.0, 0.0)]
    if iso >= MIN_PARSED_SHARE:
        # Texts with different offsets have another order than their times: `min` needs times.
        if dict(zip(formats, shares, strict=True)).get(ISO_WITH_OFFSET) == 1.0:
            return replace(column, kind="time", time_format=ISO_WITH_OFFSET)
        return replace(column, kind="time", is_iso_text=True)
    fits = (form for form, share in zip(formats, shares, strict=True) if share >= MIN_PARSED_SHARE)
    best = next(fits, None)
    if best and (best != "%Y%m%d" or _names_a_time(column)):
        latest = None if name_matches(column.name, MAY_LIE_AHEAD) else today + timedelta(1)
        reading = date_reading(connection, values, best, latest)
        column = replace(column, kind="time", time_format=reading.time_format, question=reading.question)
        other = replace(column, time_format=reading.other_format)
        return replace(column, other_reading=other) if reading.other_format else column
    notation = number_reading(connection, values)
    if notation is None or notation.fit_share < MIN_PARSED_SHARE:
        return replace(column, kind="number") if number == 1.0 else column
    name = name_in(column.name, dialect)
    if notation.example is not None:
        question = number_question(name, notation.example)
        return replace(column, kind="number", question=question, number=notation)
    return replace(column, kind="number", sql=notation.sql(name), number=notation)


def _names_a_time(column: SourceColumn) -> bool:
    """Return whether numbers such as 20240131 are times by the name of their column."""
    return name_matches(column.name, ANY_TIME) or name_matches(column.name, EXPIRY)


def _most_have_format(values: Sequence[str], time_format: str) -> bool:
    """Return whether enough of the values have a time format; look no further once too many have not."""
    n_allowed = len(values) - MIN_PARSED_SHARE * len(values)
    shape = _shape_of(time_format)
    for value in values:
        if not (shape.fullmatch(value) and _has_format(value, time_format)):
            n_allowed -= 1
            if n_allowed < 0:
                return False
    return True


def _has_format(value: str, time_format: str) -> bool:
    try:
        datetime.strptime(value, time_format)
    except ValueError:
        return False
    return True


@cache
def _shape_of(time_format: str) -> re.Pattern[str]:
    """Return a pattern that all times of a format fit; to try it is much faster than to read the time."""
    parts = {"d": r"[ \d]?\d", "m": r"\d\d?", "Y": r"\d{4}", "y": r"\d\d", "H": r"\d\d?", "I": r"\d\d?"}
    parts |= {"M": r"\d\d?", "S": r"\d\d?", "b": r"\D+", "p": r"\D+", "z": r"\S+"}
    escaped = re.sub(r"\s+", r"\\s+", time_format.replace(".", "[.]"))
    return re.compile(re.sub(r"%(\w)", lambda code: parts[code[1]], escaped))


def parse_number(
    connection: duckdb.DuckDBPyConnection, view: str, column: SourceColumn, dialect: str
) -> SourceColumn:
    """Return a number column with its range, or as times: seconds since 1970, or days like 20240131."""
    value = f"TRY_CAST({identifier(column.name)} AS DOUBLE)"
    if column.number and (sql := column.number.sql(identifier(column.name))):
        value = f"TRY_CAST({sql} AS DOUBLE)"
    row = connection.execute(
        f"SELECT min({value}), max({value}) FROM {view} WHERE isfinite({value})"
    ).fetchone()
    low, high = row or (None, None)
    column = replace(column, low=low, high=high)
    if low is None or high is None or column.sql or not _names_a_time(column):
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
    """Return the SQL that makes a time of seconds since 1970.

    >>> seconds_as_time("postgresql", "loaded")
    'to_timestamp(loaded)'
    """
    if dialect == "sqlite":
        return f"strftime('%Y-%m-%dT%H:%M:%SZ', {seconds}, 'unixepoch')"
    return f"timestamp_seconds({seconds})" if dialect == "spark" else f"to_timestamp({seconds})"
