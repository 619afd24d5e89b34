"""Join the parts of a table, such as orders_2023 and orders_2024, into one table of the draft params.yaml."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date

import duckdb

from churn.data.sql import identifier, internal_name
from churn.init.name_patterns import (
    ANY_ID,
    COLUMN_PATTERNS,
    PEOPLE,
    TABLE_PATTERNS,
    name_matches,
    snake_case,
)
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
"""Words that name a part of a table and stand next to the number of the part."""

COPY_WORDS = {
    *(
        "archive",
        "archived",
        "archiv",
        "backup",
        "sicherung",
        "bak",
        "copy",
        "kopie",
        "of",
        "von",
        "old",
        "alt",
    ),
    *("new", "neu", "current", "aktuell", "previous", "legacy", "full", "all"),
}
"""Words that name a copy of a table or an older part of it."""

OTHER_ROWS = (
    r"(^|_)(\w*return\w*|retour\w*|refund\w*|erstatt\w*|cancel\w*|storn\w*|gekuendigt\w*|tests?|drafts?|quotes?"
    r"|offers?|angebot\w*|abandoned|deleted|geloescht\w*|rejected|wish\w*|returned|errors?|failed)($|_)"
)
"""Names of tables whose rows differ from those of a table with the same columns, such as orders_returned."""

ONE_KIND = ("orders", "payments", "subscriptions")
"""The canonical tables that may be split into several tables with the same columns, such as orders_de and
orders_at.
"""

MAX_SHARED_SHARE = 0.01
"""Tables that share more than this share of their rows or keys may be copies, so `churn init` asks."""

MIN_COMMON_SHARE = 0.5
"""Tables are parts of one table if at least this share of each table's columns is in all of them."""

PERIODS = "periods"
"""The name of a joined table whose parts have only periods as names, such as the folders 2023 and 2024."""

REMOVE_LINE = "; then remove this line"
"""The end of each question about the parts of a table."""


def stem_of(name: str) -> str | None:
    """Return a table's name without the month or number that marks a part; None if the name has neither.

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
) -> tuple[list[SourceTable], list[str]]:
    """Return the tables, and what the user has to know about them.

    Tables are joined into one if their names differ only in a number, or in a period such as a month. If some
    columns differ, the joined table has only the common columns, and `churn init` asks about it. If most
    columns differ, the tables stay separate.

    Args:
        connection: The connection with the views of the tables; the views of the joined tables are added.
        tables: The profiled tables.
        dialect: The SQL dialect of the source.
        today: Today's date; a date format is wrong if it turns texts into dates after today.
    """
    groups: dict[str, list[SourceTable]] = {}
    for table in tables:
        groups.setdefault(_group_of(table.name), []).append(table)
    joined: list[SourceTable] = []
    warnings: list[str] = []
    for stem, parts in _with_variants(groups).items():
        shapes = [_shape(part) for part in parts]
        common = frozenset.intersection(*shapes)
        if len({_group_of(part.name) for part in parts}) > 1:
            table = _join(connection, stem, parts, dialect, today)
            question = table.question or f"{_variant_question(parts)}{REMOVE_LINE}"
            joined.append(replace(table, question=question))
        elif len(parts) == 1 or not any(_has_part(part.name) for part in parts):
            joined += parts
        elif len(common) >= MIN_COMMON_SHARE * max(map(len, shapes)):
            joined.append(_join(connection, stem, parts, dialect, today))
        else:
            joined += parts
            warnings += [_apart_warning(parts)] if len(set(shapes)) < len(parts) else []
    return joined, warnings


def _group_of(name: str) -> str:
    """Return the name of the group to which a table belongs; all parts of one table have the same group.

    `orders_2023` and `orders_2024` are in the group `orders`; `2023` and `2024` are in the group `periods`.
    """
    words = snake_case(name).split("_")
    return stem_of(name) or (PERIODS if all(map(_is_of_a_part, words)) else snake_case(name))


def _has_part(name: str) -> bool:
    return stem_of(name) is not None or _group_of(name) == PERIODS


def _with_variants(groups: Mapping[str, Sequence[SourceTable]]) -> dict[str, list[SourceTable]]:
    """Return the groups of tables; groups become one if their tables have the same columns and similar names.

    Such groups are, for example, orders and orders_archive, or orders_de and orders_at. Some names do not
    say what the rows are; such names are treated as similar if the tables have a column of amounts and a
    column of times.
    """
    merged: dict[str, list[SourceTable]] = {}
    names: dict[tuple[str, frozenset[tuple[str, str]]], str] = {}
    copies: dict[str, list[SourceTable]] = {}
    for stem, parts in groups.items():
        shapes = {_shape(part) for part in parts}
        kind = _kind_word(stem, parts)
        if len(shapes) > 1 or kind is None:
            merged[stem] = [*parts]
        elif set(stem.split("_")) <= COPY_WORDS:
            copies[stem] = [*parts]
        else:
            name = names.setdefault((kind, shapes.pop()), stem)
            merged.setdefault(name, []).extend(parts)
    for stem, parts in copies.items():
        homes = [name for (_, shape), name in names.items() if shape == _shape(parts[0])]
        merged.setdefault(homes[0] if len(homes) == 1 else stem, []).extend(parts)
    kinds = {name: kind for (kind, _), name in names.items()}
    return {
        kinds[name] if kinds.get(name) and len({_group_of(part.name) for part in parts}) > 1 else name: parts
        for name, parts in merged.items()
    }


def _kind_word(stem: str, parts: Sequence[SourceTable]) -> str | None:
    """Return the word of a table's name that says what its rows are, such as `orders`.

    Return None if the table must not be joined with tables of other names; an example is a table of returned
    orders. Return an empty text if the table may be joined, but its name does not say what its rows are.
    """
    words = stem.split("_")
    if re.search(OTHER_ROWS, stem):
        return None
    if set(words) <= COPY_WORDS:
        return ""
    patterns = [TABLE_PATTERNS[name] for name in ONE_KIND]
    named = [word for word in words if any(re.search(pattern, word) for pattern in patterns)]
    if named:
        return named[0]
    if people := [word for word in words if re.fullmatch(PEOPLE, word)]:
        return people[0]
    is_named = any(re.search(pattern, stem) for pattern in TABLE_PATTERNS.values())
    amount = COLUMN_PATTERNS["orders"]["amount"]
    has_amount = any(c.kind == "number" and name_matches(c.name, amount) for c in parts[0].columns)
    return "" if has_amount and not is_named and any(c.kind == "time" for c in parts[0].columns) else None


def _variant_question(parts: Sequence[SourceTable]) -> str:
    listed = ", ".join(part.name for part in parts)
    return (
        f"{listed} have the same columns: below is one table of all their rows; if some hold other rows than "
        "the others, keep only those that belong together"
    )


def _shape(table: SourceTable) -> frozenset[tuple[str, str]]:
    """Return the columns of a table that have values, each with the kind of its values."""
    return frozenset((column.name, column.kind) for column in table.columns if column.filled_share)


def _differences(parts: Sequence[SourceTable]) -> str:
    """Return the columns that only some of the tables have, or that differ in kind; empty if there are no
    such columns.
    """
    by_column: dict[tuple[str, str], list[str]] = {}
    for part in parts:
        for column in part.columns:
            if column.filled_share:
                by_column.setdefault((column.name, column.kind), []).append(part.name)
    return "; ".join(
        f"{name} as {kind} only in {', '.join(names)}"
        for (name, kind), names in by_column.items()
        if len(names) < len(parts)
    )


def _apart_warning(parts: Sequence[SourceTable]) -> str:
    listed = ", ".join(part.name for part in parts)
    return (
        f"by their names, {listed} may be parts of one table, but most of their columns differ "
        f"({_differences(parts)}), so each part is read as a table of its own. If they are parts, write "
        "one entry with a query that joins them by union all"
    )


def _join(
    connection: duckdb.DuckDBPyConnection, stem: str, parts: Sequence[SourceTable], dialect: str, today: date
) -> SourceTable:
    common = frozenset.intersection(*map(_shape, parts))
    names = [column.name for column in parts[0].columns if (column.name, column.kind) in common]
    view = internal_name(f"guess_parts_of_{stem}")
    quoted = ", ".join(map(identifier, names))
    rows = " UNION ALL ".join(f"SELECT {quoted} FROM {part.view}" for part in parts)
    connection.execute(f"CREATE OR REPLACE TEMP VIEW {view} AS {rows}").fetchall()
    columns = ", ".join(name_in(name, dialect) for name in names)
    selects = "\n  union all ".join(f"select {columns} from {name_in(part.name, dialect)}" for part in parts)
    query = f"select * from (\n  {selects}\n) as {name_in(stem, dialect)}"
    questions = [_column_question(parts), _question(connection, parts, names)]
    question = "; ".join(question for question in questions if question)
    table = profile_table(connection, stem, view, dialect, today)
    return replace(
        table,
        complete=all(part.complete for part in parts),
        query=query,
        parts=tuple(part.name for part in parts),
        question=f"{question}{REMOVE_LINE}" if question else None,
    )


def _column_question(parts: Sequence[SourceTable]) -> str | None:
    """Return the question about tables that differ in a few columns; None if all have the same columns."""
    differences = _differences(parts)
    if not differences:
        return None
    listed = ", ".join(part.name for part in parts)
    return (
        f"{listed} differ in columns with values ({differences}): below is one table with the columns that "
        "all of them have; if they are other tables, keep one of them; if a column of "
        "some is needed, add it to the query"
    )


def _question(
    connection: duckdb.DuckDBPyConnection, parts: Sequence[SourceTable], names: Sequence[str]
) -> str | None:
    """Return a question if tables may be copies of each other; None if they share few rows or keys."""
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
                "they are copies, keep one of them below; if they are parts, correct the source"
            )
    return None
