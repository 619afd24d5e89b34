"""Hold facts about a source's table and its columns; build the SQL that reads a column or an id."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal, NamedTuple

from churn.data.sql import identifier, literal, trim_blanks
from churn.init.readings import NumberReading

WORDS_OF_SQL = {
    *("at", "order", "group", "from", "to", "user", "when", "desc", "asc", "end", "column", "table"),
    *("select", "where", "left", "right", "limit", "values", "check", "primary", "default", "using", "on"),
}  # fmt: skip
"""Column names that are words of SQL, and therefore need quotes."""

ColumnKind = Literal["time", "number", "boolean", "text"]


@dataclass(frozen=True)
class SourceColumn:
    """A column of the source, with facts about its values.

    Attributes:
        filled_share: The share of rows with a value, in `[0, 1]`.
        distinct: The number of different values; approximate for times and booleans.
        unique: Whether nearly every row has a different value.
        low, high: The smallest and the largest number.
        first, last: The days between which 99 % of the column's dates lie.
        time_format: The `strptime` format of times, if they are text in another format than 2024-01-31.
        sql: The expression that reads the column, in the source's dialect; None if its name is enough.
        missing: The words for "no value" in a column of times or numbers, each with its number of rows.
        question: What to ask the user if the contents do not show how to read the column; otherwise None.
        other_reading: The column with day and month exchanged; None if the contents show which is the day.
        number: How numbers are written (decimal comma or point), if they are text.
        has_decimal_points: Whether the column comes from a text file and its numbers have decimal points.
        spelling: The SQL that changes an id to the one spelling used for all tables, with `$` for the id;
            None if ids do not change.
        is_iso_text: Whether the times are text in ISO 8601, such as 2024-01-31 09:00:00 -0400.
    """

    name: str
    kind: ColumnKind
    filled_share: float
    distinct: int
    unique: bool
    low: float | None = None
    high: float | None = None
    first: date | None = None
    last: date | None = None
    time_format: str | None = None
    sql: str | None = None
    missing: tuple[tuple[str, int], ...] = ()
    question: str | None = None
    other_reading: SourceColumn | None = None
    number: NumberReading | None = None
    has_decimal_points: bool = False
    spelling: str | None = None
    is_iso_text: bool = False


def time_of(column: SourceColumn) -> str:
    """Return the DuckDB expression that reads a time column of a view as a timestamp without a time zone."""
    name = identifier(column.name)
    if column.missing:
        words = ", ".join(literal(word) for word, _ in column.missing)
        text, plain = trim_blanks(f"{name}::VARCHAR"), time_of(replace(column, missing=()))
        return f"(CASE WHEN {text} IN ({words}) OR left({text}, 10) IN ({words}) THEN NULL ELSE {plain} END)"
    if column.sql:  # seconds since 1970
        scale = 1000.0 if (column.high or 0) > 1e11 else 1.0
        return f"make_timestamp(({name} / {scale} * 1000000)::BIGINT)"
    if column.time_format:
        return f"try_strptime({name}::VARCHAR, {literal(column.time_format)})::TIMESTAMP"
    return iso_time(name) if column.is_iso_text else f"TRY_CAST({name} AS TIMESTAMP)"


def iso_time(name: str) -> str:
    """Return the DuckDB expression that reads ISO 8601 as a timestamp; the year has four digits.

    A plain cast in DuckDB cannot read a blank before the offset, as in `09:00:00 -0400`. A plain cast also
    wrongly reads 21/04/03 as a date in the year 0021.
    """
    text = trim_blanks(f"{name}::VARCHAR")
    joined = rf"regexp_replace({text}, '\s+([+-][0-9:]+|Z)$', '\1')"
    return f"CASE WHEN regexp_matches({text}, '^[0-9]{{4}}') THEN TRY_CAST({joined} AS TIMESTAMP) END"


def id_of(column: SourceColumn) -> str:
    """Return the DuckDB expression that reads an id as text; the number 17850.0 becomes 17850."""
    name = identifier(column.name)
    if column.kind == "number":
        return f"coalesce(TRY_CAST({name} AS BIGINT)::VARCHAR, {name}::VARCHAR)"
    text = f"nullif({trim_blanks(f'{name}::VARCHAR')}, '')"
    return column.spelling.replace("$", text) if column.spelling else text


def name_in(name: str, dialect: str) -> str:
    """Return a column's name for SQL in params.yaml, in quotes if the dialect needs them."""
    bare = re.fullmatch(r"[a-z_][a-z0-9_]*", name if dialect == "postgresql" else name.lower())
    if bare and name.lower() not in WORDS_OF_SQL:
        return name
    return f"`{name}`" if dialect == "spark" else identifier(name)


def id_sql(column: SourceColumn, dialect: str) -> str:
    """Return the SQL, for params.yaml, that reads an id and gives it the one spelling used for all tables."""
    name = name_in(column.name, dialect)
    if column.spelling is None:
        return column.sql or name
    spelling = column.spelling
    if dialect == "spark":
        spelling = re.sub(r"ltrim\((.+), '0'\)", r"trim(leading '0' from \1)", spelling)
    return spelling.replace("$", name)


@dataclass(frozen=True)
class SourceTable:
    """A table of the source, with facts about its columns.

    Attributes:
        view: The name of the table's view in DuckDB.
        complete: Whether every row was read; False if only the first rows were read.
        query: The SQL that makes the table from tables of the source, in the source's dialect; None if the
            source itself holds the table.
        parts: The names of the tables whose rows this table holds, one after the other; only the columns that
            all of them have are kept.
        question: Why the tables in `parts` are perhaps not parts of one table; None if there is no doubt.
    """

    name: str
    rows: int
    columns: tuple[SourceColumn, ...]
    view: str
    complete: bool
    query: str | None = None
    parts: tuple[str, ...] = ()
    question: str | None = None

    def origin(self, dialect: str) -> str:
        """Return the SQL after FROM that reads the table."""
        name = name_in(self.name, dialect)
        return f"({self.query}) as {name}" if self.query else name


class KeyedTable(NamedTuple):
    """A table, and one of its columns that holds ids: ids of the table's own rows, or ids of customers."""

    table: SourceTable
    key: SourceColumn
