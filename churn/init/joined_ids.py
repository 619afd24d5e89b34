"""Add customer ids to a table without them: join a table that has them, by a key or an e-mail address."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import duckdb

from churn.data.sql import identifier, internal_name
from churn.init.customer_ids import share_of_keys
from churn.init.email_ids import ADDRESS_SPELLING, holds_addresses
from churn.init.name_patterns import ANY_ID, EMAIL, name_matches, singular, snake_case
from churn.init.source_table import KeyedTable, SourceColumn, SourceTable, id_of, name_in

MIN_LINKED_SHARE = 0.95
"""A column links to another table if at least this share of its ids are keys of that table."""

MIN_LINKED_ADDRESSES = 0.3
"""An address column links to another table if that table has at least this share of the addresses; guests
have no account.
"""


@dataclass(frozen=True)
class JoinedTable:
    """A table whose ids of customers come from another table.

    Attributes:
        table: The table, with the joined `customer_id` as its last column.
        warning: What the user has to know about a join by e-mail address; empty for a join by another key.
    """

    table: SourceTable
    warning: str = ""


def join_customer_ids(
    connection: duckdb.DuckDBPyConnection,
    table: SourceTable,
    tables_with_ids: Sequence[KeyedTable],
    dialect: str,
) -> JoinedTable | None:
    """Return a table to which the customer's id is joined from another table.

    For example, rows of usage get the customer's id from the table of subscriptions.

    Args:
        connection: The connection with the views of the tables; the view of the joined table is added.
        table: A table without ids of customers.
        tables_with_ids: The tables with ids of customers; `key` is the column with the id.
        dialect: The SQL dialect of the source.

    Returns:
        The joined table; None if no column links it to another table.
    """
    for column in table.columns:
        if column.kind not in ("text", "number") or not name_matches(column.name, ANY_ID):
            continue
        if not column.filled_share:
            continue
        for owner in tables_with_ids:
            key = _linked_key(owner, column)
            if key is None:
                continue
            target = KeyedTable(owner.table, key)
            if share_of_keys(connection, table, column, target) >= MIN_LINKED_SHARE:
                return JoinedTable(_join(connection, KeyedTable(table, column), target, owner.key, dialect))
    for link in address_columns(connection, table):
        for owner in tables_with_ids:
            for key in address_columns(connection, owner.table):
                if key.name == owner.key.name:
                    continue
                target = KeyedTable(owner.table, key)
                if joined := _join_addresses(connection, KeyedTable(table, link), target, owner.key, dialect):
                    return joined
    return None


def address_columns(connection: duckdb.DuckDBPyConnection, table: SourceTable) -> Iterator[SourceColumn]:
    """Yield the columns with e-mail addresses, with the SQL that gives an address one spelling."""
    for column in table.columns:
        if name_matches(column.name, EMAIL) and holds_addresses(connection, table, column):
            yield column if column.spelling else replace(column, spelling=ADDRESS_SPELLING)


def _linked_key(owner: KeyedTable, column: SourceColumn) -> SourceColumn | None:
    """Return the key in the owner's table to which a column of another table refers; None if there is none.

    The key has the same name as the column, or its name is `id`: `order_id` refers to the `id` of `orders`.
    """
    name = snake_case(column.name)
    if name == "id":
        return None
    for key in owner.table.columns:
        own_name = snake_case(key.name)
        is_same = own_name == name or (own_name == "id" and name == f"{singular(owner.table.name)}_id")
        if key.unique and key.name != owner.key.name and is_same:
            return key
    return None


def _join_addresses(
    connection: duckdb.DuckDBPyConnection,
    link: KeyedTable,
    target: KeyedTable,
    customer_id: SourceColumn,
    dialect: str,
) -> JoinedTable | None:
    """Add customer ids to a table by an e-mail address; None if too few addresses have exactly one customer.

    Args:
        connection: The connection with the views of the tables.
        link: The table without ids of customers, and its column of addresses.
        target: The table with ids of customers, and its column of addresses.
        customer_id: The column with the ids of customers in the target table.
        dialect: The SQL dialect of the source.
    """
    owners = _owners_sql(target, customer_id, target.table.view)
    row = connection.execute(
        f"SELECT count(*), count(o.own), count(DISTINCT a), count(DISTINCT o.own) FROM "
        f"(SELECT {id_of(link.key)} AS a FROM {link.table.view}) t LEFT JOIN ({owners}) o ON t.a = o.own"
    ).fetchone()
    n_rows, n_joined, n_addresses, n_known = row or (0, 0, 0, 0)
    if not n_known or n_known < MIN_LINKED_ADDRESSES * n_addresses:
        return None
    name, home = link.key.name, target.table.name
    warning = (
        f"{link.table.name} has no ids of customers: the e-mail address in {name} joins it with {home}, "
        f"which has {customer_id.name}"
    )
    if n_joined < n_rows:
        warning += (
            f". {n_rows - n_joined:,} of {n_rows:,} rows are left out: their address belongs to no "
            f"customer of {home}, or to several. To use all rows, let the address be the id with --key "
            f"'{name}'"
        )
    return JoinedTable(_join(connection, link, target, customer_id, dialect), warning)


def _owners_sql(target: KeyedTable, customer_id: SourceColumn, view: str) -> str:
    """Return the DuckDB query that gives the customer's id for each key of the target table.

    The query has the columns `own` (the key) and `customer` (the id). Keys with several customers are left
    out.
    """
    own, customer = id_of(target.key), identifier(customer_id.name)
    return (
        f"SELECT {own} AS own, min({customer}) AS customer FROM {view} WHERE {own} IS NOT NULL "
        f"GROUP BY 1 HAVING count(DISTINCT {customer}) = 1"
    )


def _join(
    connection: duckdb.DuckDBPyConnection,
    link: KeyedTable,
    target: KeyedTable,
    customer_id: SourceColumn,
    dialect: str,
) -> SourceTable:
    """Return a table in which each row has the id of the customer to whom the row's key belongs.

    Rows are left out if their key is not in the target table, or belongs to several customers.

    Args:
        connection: The connection with the views of the tables; the view of the joined table is added.
        link: The table without ids of customers, and its column that refers to the other table.
        target: The table with ids of customers, and its column to which the column in `link` refers.
        customer_id: The column with the ids of customers in the target table.
        dialect: The SQL dialect of the source.
    """
    table, target_table = link.table, target.table
    kept_columns = [column for column in table.columns if column.name.lower() != "customer_id"]
    all_kept = len(kept_columns) == len(table.columns)
    view = internal_name(f"guess_bridged_{table.name}")
    names = "t.*" if all_kept else ", ".join(f"t.{identifier(column.name)}" for column in kept_columns)
    connection.execute(
        f"CREATE OR REPLACE TEMP VIEW {view} AS SELECT {names}, o.customer AS customer_id "
        f"FROM {table.view} t JOIN ({_owners_sql(target, customer_id, target_table.view)}) o "
        f"ON {id_of(link.key)} = o.own"
    ).fetchall()
    names = "t.*" if all_kept else ", ".join(f"t.{name_in(column.name, dialect)}" for column in kept_columns)
    link_name, own = (name_in(column.name, dialect) for column in (link.key, target.key))
    customer = name_in(customer_id.name, dialect)
    linked = (link.key.spelling or "$").replace("$", f"t.{link_name}")
    if _is_exact(connection, target) and target.key.spelling is None:
        owners = _origin_as(target_table, "o", dialect)
        joined, owner = f"o.{own}", f"o.{customer}"
    else:  # a key that occurs twice would turn one row into two
        spelt = (target.key.spelling or "$").replace("$", own)
        owners = (
            f"(\n  select {spelt} as linked_key, min({customer}) as linked_customer\n"
            f"  from {_origin_as(target_table, 'o', dialect)}\n"
            f"  group by {spelt}\n  having count(distinct {customer}) = 1\n) as o"
        )
        joined, owner = "o.linked_key", "o.linked_customer"
    query = (
        f"select {owner} as customer_id, {names}\n"
        f"from {_origin_as(table, 't', dialect)} join {owners} on {linked} = {joined}"
    )
    joined_id = replace(customer_id, name="customer_id", unique=False)
    return replace(table, columns=(*kept_columns, joined_id), view=view, query=query)


def _is_exact(connection: duckdb.DuckDBPyConnection, target: KeyedTable) -> bool:
    """Return whether no value of the key column occurs twice.

    The field `unique` of a column does not show this: it is also true if a few values occur twice.
    """
    own = id_of(target.key)
    row = connection.execute(
        f"SELECT count({own}) = count(DISTINCT {own}) FROM {target.table.view}"
    ).fetchone()
    return bool(row and row[0])


def _origin_as(table: SourceTable, alias: str, dialect: str) -> str:
    origin = f"({table.query})" if table.query else name_in(table.name, dialect)
    return f"{origin} as {alias}"
