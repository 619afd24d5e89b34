"""Who the customers are: their table, and the columns of other tables that hold their ids."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from churn.init.columns import Column, id_of
from churn.init.look import Table
from churn.init.words import ANY_ID, CUSTOMER_ID, PEOPLE, TABLES, plain, says, singular, speaks_of

ENOUGH = 0.5
"""So many of a table's ids must be those of customers."""

NEARLY_ALL = 0.95
"""A table that lacks more of the others' ids than this leaves out is no table of all customers."""


@dataclass(frozen=True)
class Key:
    """A column that holds ids of customers, and the share of its rows that do."""

    column: Column
    share: float


def customers_table(
    connection: duckdb.DuckDBPyConnection, tables: Sequence[Table]
) -> tuple[Table, Column] | None:
    """Return the table of customers with its key: named so, a row each, holding the ids of the others."""
    found: list[tuple[float, Table, Column]] = []
    for table in tables:
        key = _own_key(table)
        if key is None:
            continue
        others = [other for other in tables if other is not table]
        shares = [s.share for other in others if (s := key_in(connection, other, (table, key)))]
        known = [share for share in shares if share >= NEARLY_ALL]
        if shares and not known:
            continue
        named = speaks_of(table.name, rf"^{PEOPLE}$|^{PEOPLE}_|_{PEOPLE}$")
        found.append((len(known) + 2.0 * named + 3.0 * (plain(table.name) == "customers"), table, key))
    best = max(found, key=lambda one: one[0], default=None)
    return (best[1], best[2]) if best else None


def _own_key(table: Table) -> Column | None:
    """Return the column that gives each row of a table of customers its id."""
    keys = [c for c in table.columns if c.unique and c.kind in ("text", "number")]
    mine = [c for c in keys if says(c.name, CUSTOMER_ID)]
    if mine:
        # An order's or a bill's table may have a customer in each row; that is no table of customers.
        busy = any(speaks_of(table.name, pattern) for pattern in TABLES.values())
        return None if busy and len(keys) > 1 else mine[0]
    if not speaks_of(table.name, PEOPLE):
        return None
    own = [c for c in keys if says(c.name, ANY_ID, table.name)]
    return own[0] if own else None


def key_in(
    connection: duckdb.DuckDBPyConnection, table: Table, customers: tuple[Table, Column] | None
) -> Key | None:
    """Return the column of a table that holds customers' ids: by its name, and by what it holds."""
    columns = [c for c in table.columns if c.kind in ("text", "number") and c.filled > 0]
    if customers is None:
        named = [c for c in columns if says(c.name, CUSTOMER_ID)]
        best = max(named, key=lambda c: (says(c.name, "customer_?id"), c.filled, c.distinct), default=None)
        return Key(best, best.filled) if best else None
    home, key = customers
    words = rf"{CUSTOMER_ID}|{singular(home.name)}(_?(id|no|nr))?"
    named = [c for c in columns if says(c.name, words) or (c.name == key.name and plain(c.name) != "id")]
    loose = [c for c in columns if c not in named and says(c.name, ANY_ID) and not c.unique]
    for group, enough in ((named, 0.01), (loose, NEARLY_ALL)):
        shares = [Key(c, _share(connection, table, c, home, key)) for c in group]
        widest = max(shares, key=lambda one: one.share, default=None)
        if widest and widest.share >= enough:
            return widest
    return None


def _share(
    connection: duckdb.DuckDBPyConnection, table: Table, column: Column, home: Table, key: Column
) -> float:
    """Return the share of a column's distinct ids that are ids of customers."""
    row = connection.execute(
        f"SELECT avg((id IN (SELECT {id_of(key)} FROM {home.view}))::INTEGER) "
        f"FROM (SELECT DISTINCT {id_of(column)} AS id FROM {table.view}) WHERE id IS NOT NULL"
    ).fetchone()
    return float(row[0] or 0.0) if row else 0.0
