"""A column of the source as a first look sees it, and how it is read in SQL."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Literal

from churn.data.sql import identifier, literal

WORDS_OF_SQL = {
    *("at", "order", "group", "from", "to", "user", "when", "desc", "asc", "end", "column", "table"),
    *("select", "where", "left", "right", "limit", "values", "check", "primary", "default", "using", "on"),
}  # fmt: skip
"""Names that SQL would take for its own words."""


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


def time_of(column: Column) -> str:
    """Return DuckDB's expression of a time column of a view, as a timestamp without a zone."""
    name = identifier(column.name)
    if column.sql:  # seconds since 1970
        scale = 1000.0 if (column.high or 0) > 1e11 else 1.0
        return f"make_timestamp(({name} / {scale} * 1000000)::BIGINT)"
    if column.time_format:
        return f"try_strptime({name}::VARCHAR, {literal(column.time_format)})"
    return f"TRY_CAST({name} AS TIMESTAMP)"


def id_of(column: Column) -> str:
    """Return DuckDB's expression of an id as text; 17850.0 is 17850."""
    name = identifier(column.name)
    if column.kind == "number":
        return f"coalesce(TRY_CAST({name} AS BIGINT)::VARCHAR, {name}::VARCHAR)"
    return f"nullif(trim({name}::VARCHAR), '')"


def name_in(name: str, dialect: str) -> str:
    """Quote a column's name for SQL of params.yaml, where its plain spelling would be misread."""
    bare = re.fullmatch(r"[a-z_][a-z0-9_]*", name if dialect == "postgresql" else name.lower())
    if bare and name.lower() not in WORDS_OF_SQL:
        return name
    return f"`{name}`" if dialect == "spark" else identifier(name)
