"""Use e-mail addresses as the ids of customers in a source whose tables have no other id."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import duckdb

from churn.data.sql import identifier
from churn.init.customer_ids import has_name
from churn.init.name_patterns import EMAIL, name_matches, snake_case
from churn.init.source_table import SourceColumn, SourceTable, id_of

MIN_ADDRESS_SHARE = 0.95
"""A column holds e-mail addresses if at least this share of its values has the form of an address."""

ADDRESS = r"[^@\s]+@[^@\s]+"

ADDRESS_SPELLING = "lower(trim($))"
"""The SQL that trims an address and puts it in lower case; `$` stands for the address."""

ADDRESS_SPELLING_WITH_BLANKS = "nullif(lower(trim($)), '')"
"""The SQL for a column in which some texts hold only blanks; such a text is no address."""


@dataclass(frozen=True)
class AddressTables:
    """The tables of a source, with the customers' e-mail addresses trimmed and in lower case.

    Attributes:
        warnings: What the user has to know about the addresses.
    """

    tables: list[SourceTable]
    warnings: tuple[str, ...] = ()


def address_key(connection: duckdb.DuckDBPyConnection, tables: Sequence[SourceTable]) -> str | None:
    """Return the column name that most tables use for e-mail addresses; None if no table has any."""
    columns = [
        column
        for table in tables
        for column in table.columns
        if name_matches(column.name, EMAIL) and holds_addresses(connection, table, column)
    ]
    counts = Counter(snake_case(column.name) for column in columns)
    plainest = min(columns, key=lambda c: (-counts[snake_case(c.name)], len(c.name)), default=None)
    return plainest.name if plainest else None


def read_addresses(
    connection: duckdb.DuckDBPyConnection, tables: Sequence[SourceTable], key_name: str
) -> AddressTables:
    """Return the tables; the e-mail addresses in columns named `key_name` are trimmed and in lower case."""
    spelt_tables: list[SourceTable] = []
    warnings: list[str] = []
    for table in tables:
        columns = list(table.columns)
        for index, column in enumerate(columns):
            if has_name(column, key_name) and holds_addresses(connection, table, column):
                columns[index] = _in_one_spelling(connection, table, column)
                warnings += _describe_addresses(connection, table, columns[index])
        spelt_tables.append(replace(table, columns=tuple(columns)))
    return AddressTables(spelt_tables, tuple(warnings))


def holds_addresses(connection: duckdb.DuckDBPyConnection, table: SourceTable, column: SourceColumn) -> bool:
    """Return whether nearly all values of a column have the form of an e-mail address."""
    if column.kind != "text" or not column.filled_share:
        return False
    row = connection.execute(
        f"SELECT avg(regexp_full_match(id, ?)::INTEGER) FROM (SELECT {id_of(column)} AS id "
        f"FROM {table.view}) WHERE id IS NOT NULL",
        [ADDRESS],
    ).fetchone()
    return bool(row and (row[0] or 0.0) >= MIN_ADDRESS_SHARE)


def _in_one_spelling(
    connection: duckdb.DuckDBPyConnection, table: SourceTable, column: SourceColumn
) -> SourceColumn:
    row = connection.execute(
        f"SELECT count({id_of(column)}) / count(*), "
        f"count({identifier(column.name)}) > count({id_of(column)}) FROM {table.view}"
    ).fetchone()
    filled_share, has_blanks = row or (0.0, False)
    spelling = ADDRESS_SPELLING_WITH_BLANKS if has_blanks else ADDRESS_SPELLING
    return replace(column, filled_share=filled_share, spelling=spelling)


def _describe_addresses(
    connection: duckdb.DuckDBPyConnection, table: SourceTable, column: SourceColumn
) -> Iterator[str]:
    """Yield how many addresses are spelt in several ways, and how many rows have no address."""
    text = f"{identifier(column.name)}::VARCHAR"
    row = connection.execute(
        "SELECT count(*), min_by(first_text, id), min_by(last_text, id) FROM ("
        f"SELECT {id_of(column)} AS id, min({text}) AS first_text, max({text}) AS last_text "
        f"FROM {table.view} GROUP BY 1) WHERE id IS NOT NULL AND first_text <> last_text"
    ).fetchone()
    count, first_text, last_text = row or (0, "", "")
    if count:
        addresses = f"{count:,} addresses" if count > 1 else "one address"
        verb = "are" if count > 1 else "is"
        yield (
            f"{addresses} in {column.name} of {table.name} {verb} spelt in several ways, such as "
            f"'{first_text}' and '{last_text}': each is one customer"
        )
    row = connection.execute(f"SELECT count(*) - count({id_of(column)}) FROM {table.view}").fetchone()
    missing = row[0] if row else 0
    if missing:
        yield (
            f"{missing:,} of {table.rows:,} rows of {table.name} have no address in {column.name}: they "
            "are left out, apart from lines of an order that has an address in another line"
        )
