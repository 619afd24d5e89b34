"""Find the table of customers, and the columns of the other tables that hold their ids."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import duckdb

from churn.data.sql import identifier, internal_name
from churn.init.name_patterns import (
    ANY_ID,
    CUSTOMER_ID,
    PEOPLE,
    TABLE_PATTERNS,
    name_contains,
    name_matches,
    singular,
    snake_case,
)
from churn.init.profile import KeyedTable, SourceColumn, SourceTable, id_of, name_in

MIN_NAMED_SHARE = 0.01
"""A column with the name of a customer id holds customer ids if at least this share are known ids."""

MIN_KNOWN_SHARE = 0.95
"""A column with another name holds customer ids if at least this share of its values are known ids."""

MIN_LINKED_SHARE = 0.95
"""A column links to another table if at least this share of its ids are keys of that table."""


@dataclass(frozen=True)
class IdColumn:
    """A column that holds customer ids, and the share of its ids that the table of customers has."""

    column: SourceColumn
    share: float


def customers_table(
    connection: duckdb.DuckDBPyConnection, tables: Sequence[SourceTable]
) -> KeyedTable | None:
    """Return the table that has one row for each customer, or None if there is none.

    Its name and key look like those of a table of customers, and it has most ids of at least one other table.
    """
    best: tuple[float, KeyedTable] | None = None
    for table in tables:
        key = _own_key(table)
        if key is None:
            continue
        customers = KeyedTable(table, key)
        event_tables = [candidate for candidate in tables if candidate is not table]
        id_columns = [id_column(connection, event_table, customers) for event_table in event_tables]
        shares = [column.share for column in id_columns if column]
        n_known = sum(share >= MIN_KNOWN_SHARE for share in shares)
        if shares and not n_known:
            continue
        is_named = name_contains(table.name, rf"^{PEOPLE}$|^{PEOPLE}_|_{PEOPLE}$")
        score = n_known + 2.0 * is_named + 3.0 * (snake_case(table.name) == "customers")
        if best is None or score > best[0]:
            best = score, customers
    return best[1] if best else None


def _own_key(table: SourceTable) -> SourceColumn | None:
    """Return the column that is the key of a table of customers; None if the table looks like another one."""
    keys = [column for column in table.columns if column.unique and column.kind in ("text", "number")]
    customer_ids = [column for column in keys if name_matches(column.name, CUSTOMER_ID)]
    if customer_ids:
        # A table of orders or bills may have another customer in each row. It has a key of its own then.
        is_event = any(name_contains(table.name, pattern) for pattern in TABLE_PATTERNS.values())
        return None if is_event and len(keys) > 1 else customer_ids[0]
    if not name_contains(table.name, PEOPLE):
        return None
    return next((column for column in keys if name_matches(column.name, ANY_ID, table.name)), None)


def id_column(
    connection: duckdb.DuckDBPyConnection, table: SourceTable, customers: KeyedTable | None
) -> IdColumn | None:
    """Return the column of a table that holds ids of customers, by its name and its values.

    Args:
        connection: The connection with the views of the tables.
        table: The table to look at.
        customers: The table of customers; None if there is none, and names alone decide.
    """
    columns = [c for c in table.columns if c.kind in ("text", "number") and c.filled_share > 0]
    if customers is None:
        candidates = [c for c in columns if name_matches(c.name, CUSTOMER_ID)]
        best = max(
            candidates,
            key=lambda c: (name_matches(c.name, "customer_?id"), c.filled_share, c.distinct),
            default=None,
        )
        return IdColumn(best, best.filled_share) if best else None
    key = customers.key
    pattern = rf"{CUSTOMER_ID}|{singular(customers.table.name)}(_?(id|no|nr))?"
    by_name = [
        c
        for c in columns
        if name_matches(c.name, pattern) or (c.name == key.name and snake_case(c.name) != "id")
    ]
    by_values = [c for c in columns if c not in by_name and name_matches(c.name, ANY_ID) and not c.unique]
    for candidates, min_share in ((by_name, MIN_NAMED_SHARE), (by_values, MIN_KNOWN_SHARE)):
        shares = [IdColumn(c, _share_of_keys(connection, table, c, customers)) for c in candidates]
        widest = max(shares, key=lambda column: column.share, default=None)
        if widest and widest.share >= min_share:
            return widest
    return None


def _share_of_keys(
    connection: duckdb.DuckDBPyConnection, table: SourceTable, column: SourceColumn, target: KeyedTable
) -> float:
    """Return the share of a column's distinct ids that are keys of another table, in `[0, 1]`."""
    row = connection.execute(
        f"SELECT avg((id IN (SELECT {id_of(target.key)} FROM {target.table.view}))::INTEGER) "
        f"FROM (SELECT DISTINCT {id_of(column)} AS id FROM {table.view}) WHERE id IS NOT NULL"
    ).fetchone()
    return float(row[0] or 0.0) if row else 0.0


def join_customer_ids(
    connection: duckdb.DuckDBPyConnection,
    table: SourceTable,
    tables_with_ids: Sequence[KeyedTable],
    dialect: str,
) -> SourceTable | None:
    """Return a table with the customer's id joined from another table, such as usage through subscriptions.

    Args:
        connection: The connection with the views of the tables; the view of the joined table is added.
        table: A table without ids of customers.
        tables_with_ids: The tables with ids of customers; `key` is the column with the id.
        dialect: The SQL dialect of the source.

    Returns:
        The table with `customer_id` as its last column; None if no column links it to another table.
    """
    for column in table.columns:
        if column.kind not in ("text", "number") or not name_matches(column.name, ANY_ID):
            continue
        if not column.filled_share:
            continue
        for owner in tables_with_ids:
            key = _linked_key(owner.table, column)
            if key is None:
                continue
            target = KeyedTable(owner.table, key)
            if _share_of_keys(connection, table, column, target) >= MIN_LINKED_SHARE:
                return _join(connection, KeyedTable(table, column), target, owner.key, dialect)
    return None


def _linked_key(target: SourceTable, column: SourceColumn) -> SourceColumn | None:
    """Return the key that a column points to: it has the same name, or is `id` of `orders` for `order_id`."""
    name = snake_case(column.name)
    if name == "id":
        return None
    for key in target.columns:
        own_name = snake_case(key.name)
        if key.unique and (own_name == name or (own_name == "id" and name == f"{singular(target.name)}_id")):
            return key
    return None


def _join(
    connection: duckdb.DuckDBPyConnection,
    link: KeyedTable,
    target: KeyedTable,
    customer_id: SourceColumn,
    dialect: str,
) -> SourceTable:
    table, target_table = link.table, target.table
    view = internal_name(f"guess_bridged_{table.name}")
    connection.execute(
        f"CREATE OR REPLACE TEMP VIEW {view} AS SELECT t.*, o.{identifier(customer_id.name)} AS customer_id "
        f"FROM {table.view} t JOIN (SELECT DISTINCT ON ({id_of(target.key)}) {id_of(target.key)} AS own, "
        f"{identifier(customer_id.name)} FROM {target_table.view}) o ON {id_of(link.key)} = o.own"
    ).fetchall()
    query = (
        f"select o.{name_in(customer_id.name, dialect)} as customer_id, t.*\n"
        f"from {name_in(table.name, dialect)} as t join {name_in(target_table.name, dialect)} as o "
        f"on t.{name_in(link.key.name, dialect)} = o.{name_in(target.key.name, dialect)}"
    )
    joined_id = replace(customer_id, name="customer_id", unique=False)
    return replace(table, columns=(*table.columns, joined_id), view=view, query=query)
