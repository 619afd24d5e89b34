"""Join the parts of one table, such as orders_2023 and orders_2024, into one table of the draft."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import duckdb

from churn.data.sql import identifier, internal_name
from churn.init.name_patterns import ANY_ID, name_matches, snake_case
from churn.init.profile import profile_table
from churn.init.source_table import SourceTable, id_of, name_in

MONTHS = (
    *("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"),
    *("january", "february", "march", "april", "june", "july", "august", "september", "october"),
    *("november", "december", "januar", "februar", "maerz", "mai", "juni", "juli", "oktober", "dezember"),
)
PART_WORDS = (
    "part",
    "teil",
    "chunk",
    "batch",
    "of",
    "year",
    "jahr",
    "month",
    "quarter",
    "q",
    "h",
    "kw",
    "week",
)
"""The words that name a part of a table next to its number."""

MAX_SHARED_SHARE = 0.01
"""Tables with a larger share of the same rows or keys may be copies, and are a question."""


def stem_of(name: str) -> str | None:
    """Return the name of the table that a table is a part of; None if its name has no period or number.

    >>> stem_of("orders_2023"), stem_of("Orders-2024-q1"), stem_of("orders-00001-of-00002"), stem_of("orders")
    ('orders', 'orders', 'orders', None)
    """
    words = re.sub(r"(?<=[a-z])(?=[0-9])", "_", snake_case(name)).split("_")
    whole = list(words)
    while words and _is_of_a_part(words[-1]):
        words.pop()
    if len(words) == len(whole):
        while words and _is_of_a_part(words[0]):
            words.pop(0)
    suffix = [word for word in whole if word.isdigit() or word in MONTHS]
    return "_".join(words) if words and suffix and len(words) < len(whole) else None


def _is_of_a_part(word: str) -> bool:
    return word.isdigit() or word in MONTHS or word in PART_WORDS


def join_parts(
    connection: duckdb.DuckDBPyConnection, tables: Sequence[SourceTable], dialect: str, today: date
) -> list[SourceTable]:
    """Return the tables; tables of one shape whose names differ in a period or number are one table.

    Args:
        connection: The connection with the views of the tables; the views of the joined tables are added.
        tables: The profiled tables.
        dialect: The SQL dialect of the source.
        today: The day of the call: dates that would lie after it decide against a reading.
    """
    groups: dict[tuple[str, frozenset[tuple[str, str]]], list[SourceTable]] = {}
    for table in tables:
        stem = stem_of(table.name) or snake_case(table.name)
        shape = frozenset((column.name, column.kind) for column in table.columns if column.filled_share)
        groups.setdefault((stem, shape), []).append(table)
    joined: list[SourceTable] = []
    for (stem, _), parts in groups.items():
        others = [table for table in tables if table not in parts and snake_case(table.name) == stem]
        is_one_table = len(parts) > 1 and any(stem_of(part.name) for part in parts)
        joined += [_join(connection, stem, parts, dialect, today)] if is_one_table and not others else parts
    return joined


def _join(
    connection: duckdb.DuckDBPyConnection, stem: str, parts: Sequence[SourceTable], dialect: str, today: date
) -> SourceTable:
    names = [column.name for column in parts[0].columns if column.filled_share]
    view = internal_name(f"guess_parts_of_{stem}")
    quoted = ", ".join(map(identifier, names))
    rows = " UNION ALL ".join(f"SELECT {quoted} FROM {part.view}" for part in parts)
    connection.execute(f"CREATE OR REPLACE TEMP VIEW {view} AS {rows}").fetchall()
    columns = ", ".join(name_in(name, dialect) for name in names)
    selects = "\n  union all ".join(f"select {columns} from {name_in(part.name, dialect)}" for part in parts)
    query = f"select * from (\n  {selects}\n) as {name_in(stem, dialect)}"
    question = _question(connection, parts, names)
    table = profile_table(connection, stem, view, dialect, today)
    return replace(
        table,
        complete=all(part.complete for part in parts),
        query=query,
        parts=tuple(part.name for part in parts),
        question=question,
    )


def _question(
    connection: duckdb.DuckDBPyConnection, parts: Sequence[SourceTable], names: Sequence[str]
) -> str | None:
    """Return the question of tables that may be copies of each other; None if they share no rows or keys."""
    keys = [[c for c in part.columns if c.unique and name_matches(c.name, ANY_ID)] for part in parts]
    key_names = set.intersection(*({c.name for c in columns} for columns in keys))
    listed = ", ".join(part.name for part in parts)
    for selected in [[name] for name in names if name in key_names] or [list(names)]:
        by_name = [{column.name: column for column in part.columns} for part in parts]
        selects = []
        for part, columns in zip(parts, by_name, strict=True):
            terms = ", ".join(f"{id_of(columns[name])} AS {identifier(name)}" for name in selected)
            selects.append(f"SELECT DISTINCT {terms} FROM {part.view}")
        counts = " UNION ALL ".join(selects)
        row = connection.execute(
            "SELECT count(*) FILTER (n > 1) FROM (SELECT count(*) AS n FROM "
            f"({counts}) GROUP BY {', '.join(map(identifier, selected))})"
        ).fetchone()
        n_shared = row[0] if row else 0
        if n_shared > MAX_SHARED_SHARE * min(part.rows for part in parts):
            what = f"values of {selected[0]}" if len(selected) == 1 else "rows"
            return (
                f"{listed} have the same columns, and {n_shared:,} {what} are in more than one of them: if "
                "they are copies, keep one of them below; if they are parts, correct the source; then remove "
                "this line"
            )
    return None
