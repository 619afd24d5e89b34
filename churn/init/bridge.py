"""Tables that name a customer only through another table, such as the usage of a subscription."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import duckdb

from churn.data.sql import identifier, internal_name
from churn.init.columns import Column, id_of, name_in
from churn.init.look import Table
from churn.init.words import ANY_ID, plain, says, singular

NEARLY_ALL = 0.95

Keyed = tuple[Table, Column]
"""A table, and its column with the customer's id."""


def bridged(
    connection: duckdb.DuckDBPyConnection, table: Table, keyed: Sequence[Keyed], dialect: str
) -> Table | None:
    """Return the table with `customer_id` as its last column, from a table whose rows it names by id."""
    for column in table.columns:
        if column.kind not in ("text", "number") or not says(column.name, ANY_ID) or not column.filled:
            continue
        for other, key in keyed:
            own = _named(other, column)
            if own is not None and _held(connection, table, column, other, own) >= NEARLY_ALL:
                return _joined(connection, (table, column), (other, own), key, dialect)
    return None


def _named(other: Table, column: Column) -> Column | None:
    """Return the key of another table that a column names: by its name, or `order_id` for `id` of orders."""
    said = plain(column.name)
    for own in other.columns:
        same = plain(own.name) == said or (plain(own.name) == "id" and said == f"{singular(other.name)}_id")
        if own.unique and same and said != "id":
            return own
    return None


def _held(
    connection: duckdb.DuckDBPyConnection, table: Table, column: Column, other: Table, own: Column
) -> float:
    row = connection.execute(
        f"SELECT avg((id IN (SELECT {id_of(own)} FROM {other.view}))::INTEGER) "
        f"FROM (SELECT DISTINCT {id_of(column)} AS id FROM {table.view}) WHERE id IS NOT NULL"
    ).fetchone()
    return float(row[0] or 0.0) if row else 0.0


def _joined(
    connection: duckdb.DuckDBPyConnection,
    here: tuple[Table, Column],
    there: tuple[Table, Column],
    key: Column,
    dialect: str,
) -> Table:
    (table, column), (other, own) = here, there
    view = internal_name(f"guess_bridged_{table.name}")
    connection.execute(
        f"CREATE OR REPLACE TEMP VIEW {view} AS SELECT t.*, o.{identifier(key.name)} AS customer_id "
        f"FROM {table.view} t JOIN (SELECT DISTINCT ON ({id_of(own)}) {id_of(own)} AS own, "
        f"{identifier(key.name)} FROM {other.view}) o ON {id_of(column)} = o.own"
    ).fetchall()
    query = (
        f"select o.{name_in(key.name, dialect)} as customer_id, t.*\n"
        f"from {name_in(table.name, dialect)} as t join {name_in(other.name, dialect)} as o "
        f"on t.{name_in(column.name, dialect)} = o.{name_in(own.name, dialect)}"
    )
    customer = replace(key, name="customer_id", unique=False)
    return replace(table, columns=(*table.columns, customer), view=view, query=query)
