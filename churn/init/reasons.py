"""Explain why a table or a column of the source is not used, with an example value and the way out."""

from __future__ import annotations

import duckdb

from churn.init.match import Match
from churn.init.name_patterns import COLUMN_PATTERNS, CUSTOMER_ID, name_matches
from churn.init.source_table import KeyedTable, SourceColumn, SourceTable, id_of
from churn.init.text_columns import names_a_time


def unread_time(connection: duckdb.DuckDBPyConnection, table: SourceTable) -> str:
    """Return the columns whose names say that they hold times of rows, but whose format is not known."""
    columns = [
        column
        for column in table.columns
        if column.kind in ("text", "number") and column.filled_share and names_a_time(column)
    ]
    unread = with_examples(connection, table, columns)
    return (
        f". Judging by its name, {unread} may hold it, but in a form that is not known here: write the entry "
        "by hand with its time_format, such as '%d. %B %Y', or with SQL that reads it"
        if unread
        else ""
    )


def no_contract_end(connection: duckdb.DuckDBPyConnection, match: Match) -> str:
    """Return why no label can be made from a table of contracts."""
    if "ended_at" in match.columns:
        return "it holds contracts, not events"
    pattern = COLUMN_PATTERNS["subscriptions"]["ended_at"]
    columns = [
        column
        for column in match.table.columns
        if column.filled_share and name_matches(column.name, pattern, match.table.name)
    ]
    unread = with_examples(connection, match.table, columns)
    reason = "it holds contracts, not events, and no column has the times at which they ended"
    return (
        f"{reason}: judging by its name, {unread} may, but not all its values are later times"
        if unread
        else reason
    )


def unknown_spelling(connection: duckdb.DuckDBPyConnection, table: SourceTable, customers: KeyedTable) -> str:
    """Return a text which says that a table spells customers' ids in another way than the table of customers.

    The text is empty if no column of the table has a name such as `customer_id`.
    """
    columns = [c for c in table.columns if c.filled_share and name_matches(c.name, CUSTOMER_ID)]
    ids = with_examples(connection, table, columns)
    known_ids = with_examples(connection, customers.table, [customers.key])
    return (
        f": judging by its name, {ids} holds ids of customers, but the table of customers "
        f"({customers.table.name}) spells the ids in another way: {known_ids}. Map customer_id to one "
        "spelling in both tables, with SQL such as replace(id, 'KD-', '')"
        if ids
        else ""
    )


def with_examples(
    connection: duckdb.DuckDBPyConnection, table: SourceTable, columns: list[SourceColumn]
) -> str:
    """Return the names of columns, each with an example value.

    The example is the column's first value with a digit. If no value has a digit, it is the first value.
    """
    names = []
    for column in columns:
        row = connection.execute(
            "SELECT coalesce(min(v) FILTER (regexp_matches(v, '[0-9]')), min(v)) "
            f"FROM (SELECT {id_of(column)} AS v FROM {table.view})"
        ).fetchone()
        if row and row[0] is not None:
            names.append(f"{column.name} ({row[0]})")
    return " and ".join(names)
