"""Find the table of customers, and the columns of other tables that hold ids of customers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import duckdb

from churn.data.ingest.rejects import COMMON_SPELLING
from churn.errors import CallError, did_you_mean
from churn.init.name_patterns import (
    ANY_ID,
    CUSTOMER_ID,
    ID_SUFFIX,
    PEOPLE,
    TABLE_PATTERNS,
    name_contains,
    name_matches,
    singular,
    snake_case,
)
from churn.init.source_table import KeyedTable, SourceColumn, SourceTable, id_of

MIN_NAMED_SHARE = 0.01
"""A column that is named like an id of customers holds such ids if at least this share of its values is
known.
"""

MIN_KNOWN_SHARE = 0.95
"""A column with another name holds customer ids if at least this share of its values are known ids."""

MIN_RESPELT_GAIN = 0.02
"""Two tables spell their ids differently if a common spelling makes at least this share of ids known."""

PLAIN_EMAIL = r"^((customer|client|user|member|kunden?)_?)?e_?mail(_?(address|adresse))?$"


@dataclass(frozen=True)
class IdColumn:
    """A column that holds customer ids.

    Attributes:
        column: The column.
        share: The share of the column's ids that are in the table of customers; without such a table, the
            share of rows with an id. If `respelt` is set, the ids of both tables are compared in a common
            spelling.
        respelt: Whether the table of customers spells these ids differently.
    """

    column: SourceColumn
    share: float
    respelt: bool = False


def has_name(column: SourceColumn, name: str) -> bool:
    """Return whether a column has this name, if capital letters, blanks and other signs are ignored.

    All names for a column of e-mail addresses, such as `E-Mail`, `email_address` and `Customer Email`, count
    as one name.
    """
    own_words, words = (re.sub(PLAIN_EMAIL, "email", snake_case(text)) for text in (column.name, name))
    return column.name.casefold() == name.casefold() or bool(words and own_words == words)


def is_plain(key_name: str) -> bool:
    """Return whether a name is general, such as `id`: it says that a column is a key, but not of what.

    Several tables may have a column with such a name.
    """
    return re.fullmatch(ID_SUFFIX, snake_case(key_name)) is not None


def require_key(tables: Sequence[SourceTable], key: str) -> None:
    """Refuse a name for the key of customers if no table has a column with this name.

    Raises:
        CallError: No table has a column with this name.
    """
    names = [column.name for table in tables for column in table.columns]
    if any(has_name(column, key) for table in tables for column in table.columns):
        return
    columns = "; ".join(f"{table.name}: {', '.join(c.name for c in table.columns)}" for table in tables)
    raise CallError(
        f"init: --key '{key}': no table has a column of this name.{did_you_mean(key, names)} Name the column "
        f"with the ids of customers. The columns are: {columns or 'none, as there are no tables'}."
    )


def customers_table(
    connection: duckdb.DuckDBPyConnection, tables: Sequence[SourceTable], key_name: str | None = None
) -> KeyedTable | None:
    """Return the table that has one row for each customer, or None if there is none.

    The name and the key of the table look like those of a table of customers. If other tables have columns
    of customer ids, at least 95 % of the ids in one such column are in this table.

    Args:
        connection: The connection with the views of the tables.
        tables: The tables.
        key_name: The name of the column with the ids of customers, if the user has given it.
    """
    best: tuple[float, KeyedTable] | None = None
    for table in tables:
        key = _named_key(table, key_name) if key_name else _own_key(table)
        if key is None:
            continue
        customers = KeyedTable(table, key)
        event_tables = [candidate for candidate in tables if candidate is not table]
        id_columns = [id_column(connection, candidate, customers, key_name) for candidate in event_tables]
        shares = [column.share for column in id_columns if column]
        n_known = sum(share >= MIN_KNOWN_SHARE for share in shares)
        if shares and not n_known:
            continue
        is_named = name_contains(table.name, rf"^{PEOPLE}$|^{PEOPLE}_|_{PEOPLE}$")
        score = n_known + 2.0 * is_named + 3.0 * (snake_case(table.name) == "customers")
        if best is None or score > best[0]:
            best = score, customers
    return best[1] if best else None


def _named_key(table: SourceTable, key_name: str) -> SourceColumn | None:
    """Return the column that the user has named; None if a customer may have several rows in the table."""
    key = next((column for column in table.columns if has_name(column, key_name)), None)
    is_event = any(name_contains(table.name, pattern) for pattern in TABLE_PATTERNS.values())
    if is_plain(key_name) and not name_contains(table.name, PEOPLE):
        is_event |= any(name_matches(c.name, CUSTOMER_ID) and not c.unique for c in table.columns)
    return key if key and key.unique and not is_event else None


def may_be_ids(tables: Sequence[SourceTable], key_name: str | None) -> list[KeyedTable]:
    """Return the columns that, by their names, may hold customer ids, each with its table."""
    by_name = key_name is None or is_plain(key_name)
    return [
        KeyedTable(table, column)
        for table in tables
        for column in table.columns
        if column.kind in ("text", "number")
        and (
            (key_name is not None and has_name(column, key_name))
            or (by_name and name_matches(column.name, CUSTOMER_ID))
        )
    ]


def named_ids(tables: Sequence[SourceTable], key_name: str) -> KeyedTable | None:
    """Return the table with the largest number of distinct ids in the column that the user has named.

    If there is no table of customers, the ids of the other tables are compared with the ids of this table.

    Raises:
        CallError: The column has a general name, such as `id`, and its values are unique in every table. The
            id of a customer would occur in several rows, so these values are ids of rows.
    """
    named = [keyed for keyed in may_be_ids(tables, key_name) if has_name(keyed.key, key_name)]
    if is_plain(key_name):
        repeated = [keyed for keyed in named if not keyed.key.unique]
        if named and not repeated:
            names = ", ".join(keyed.table.name for keyed in named)
            ids = {keyed.key.name: None for keyed in may_be_ids(tables, None) if not keyed.key.unique}
            raise CallError(
                f"init: --key '{key_name}': there is no table of customers, and the column cannot hold ids "
                f"of customers, because each value is in only one row of {names}. Name the column "
                f"with the ids of customers{', such as ' + ', '.join(ids) if ids else ''}."
            )
        named = repeated
    return max(named, key=lambda keyed: keyed.key.distinct, default=None)


def _own_key(table: SourceTable) -> SourceColumn | None:
    """Return the column that is the key of a table of customers; None if the table does not look like one."""
    keys = [column for column in table.columns if column.unique and column.kind in ("text", "number")]
    customer_ids = [column for column in keys if name_matches(column.name, CUSTOMER_ID)]
    if customer_ids:
        # A table of orders or bills may have a different customer in each row. Such a table also has a key of
        # its own.
        is_event = any(name_contains(table.name, pattern) for pattern in TABLE_PATTERNS.values())
        return None if is_event and len(keys) > 1 else customer_ids[0]
    if not name_contains(table.name, PEOPLE) or _repeats_people(table):
        return None
    return next((column for column in keys if name_matches(column.name, ANY_ID, table.name)), None)


def _repeats_people(table: SourceTable) -> bool:
    """Return whether a table has several rows for the same person, such as one for each change of address.

    So the key of such a table identifies a row, and not a customer.
    """
    people = re.search(PEOPLE, snake_case(table.name))
    return people is not None and any(
        not column.unique
        and column.filled_share > MIN_KNOWN_SHARE
        and name_matches(column.name, CUSTOMER_ID)
        and snake_case(column.name)[:4] == people[0][:4]
        for column in table.columns
    )


def id_column(
    connection: duckdb.DuckDBPyConnection,
    table: SourceTable,
    customers: KeyedTable | None,
    key_name: str | None = None,
) -> IdColumn | None:
    """Find, by names and values, the column of a table that holds ids of customers.

    The user may have named the column. But a column with a name such as `id` may be the key of the table's
    own rows. So other columns whose names suggest ids of customers are candidates, too. The candidate with
    the largest share of known ids is returned.

    Args:
        connection: The connection with the views of the tables.
        table: The table to look at.
        customers: The table of customers, or another table with their ids; if it is None, the column is
            chosen by its name.
        key_name: The name of the column with the ids of customers, if the user has given it.
    """
    columns = [c for c in table.columns if c.kind in ("text", "number") and c.filled_share > 0]
    named = [column for column in table.columns if key_name and has_name(column, key_name)]
    if customers is None:
        candidates = named or [c for c in columns if name_matches(c.name, CUSTOMER_ID)]
        best = max(
            candidates,
            key=lambda c: (name_matches(c.name, "customer_?id"), c.filled_share, c.distinct),
            default=None,
        )
        return IdColumn(best, best.filled_share) if best else None
    if named and not is_plain(key_name or ""):
        return _compare(connection, table, named[0], customers)
    key = customers.key
    pattern = rf"{CUSTOMER_ID}|{singular(customers.table.name)}(_?(id|no|nr))?"
    by_name = [
        c
        for c in columns
        if c not in named
        and (name_matches(c.name, pattern) or (c.name == key.name and snake_case(c.name) != "id"))
    ]
    # Numbers count the rows of many tables, so unique numbers that happen to be known ids show nothing.
    by_name += [c for c in named if c in columns and not (c.unique and c.kind == "number")]
    by_values = [c for c in columns if c not in by_name and name_matches(c.name, ANY_ID) and not c.unique]
    named_ids = [_compare(connection, table, c, customers) for c in by_name]
    other_ids = [IdColumn(c, share_of_keys(connection, table, c, customers)) for c in by_values]
    for candidate_ids, min_share in ((named_ids, MIN_NAMED_SHARE), (other_ids, MIN_KNOWN_SHARE)):
        widest = max(candidate_ids, key=lambda column: column.share, default=None)
        if widest and widest.share >= min_share:
            return widest
    return None


def _compare(
    connection: duckdb.DuckDBPyConnection, table: SourceTable, column: SourceColumn, customers: KeyedTable
) -> IdColumn:
    """Return the given column, with the share of its ids that are in the table of customers.

    If another spelling of the ids makes the share larger, the column is read in this spelling.
    """
    share = share_of_keys(connection, table, column, customers)
    if column.spelling or share >= 1 - MIN_RESPELT_GAIN or "text" not in (column.kind, customers.key.kind):
        return IdColumn(column, share)
    own, key = (replace(c, spelling=COMMON_SPELLING) for c in (column, customers.key))
    respelt_share = share_of_keys(connection, table, own, KeyedTable(customers.table, key))
    if respelt_share < max(MIN_KNOWN_SHARE, share + MIN_RESPELT_GAIN):
        return IdColumn(column, share)
    if _count_ids(connection, customers.table, key) < _count_ids(connection, *customers):
        return IdColumn(column, share)  # in a common spelling, two customers would become one
    return IdColumn(column, respelt_share, respelt=True)


def _count_ids(connection: duckdb.DuckDBPyConnection, table: SourceTable, column: SourceColumn) -> int:
    row = connection.execute(f"SELECT count(DISTINCT {id_of(column)}) FROM {table.view}").fetchone()
    return int(row[0]) if row else 0


def share_of_keys(
    connection: duckdb.DuckDBPyConnection, table: SourceTable, column: SourceColumn, target: KeyedTable
) -> float:
    """Return the share of a column's distinct ids that are keys of another table, in `[0, 1]`."""
    row = connection.execute(
        f"SELECT avg((id IN (SELECT {id_of(target.key)} FROM {target.table.view}))::INTEGER) "
        f"FROM (SELECT DISTINCT {id_of(column)} AS id FROM {table.view}) WHERE id IS NOT NULL"
    ).fetchone()
    return float(row[0] or 0.0) if row else 0.0
