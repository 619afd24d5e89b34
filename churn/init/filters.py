"""Which rows of a table are fit for use, as conditions of SQL."""

from __future__ import annotations

import duckdb

from churn.data.sql import identifier
from churn.init.columns import Column, id_of, name_in
from churn.init.look import Table
from churn.init.match import Match

FEW = 0.03
"""So many rows may lack what they need without being filtered out first."""


def filters_for(
    connection: duckdb.DuckDBPyConnection,
    match: Match,
    dialect: str,
    home: tuple[Table, Column] | None,
    some: float,
) -> list[str]:
    """Return the conditions that keep the rows fit for use; `some` negative amounts are let pass."""
    filters = []
    if match.key.filled < 1 - FEW:
        filters.append(f"{name_in(match.key.name, dialect)} is not null")
    if match.time.filled < 1 - FEW:
        filters.append(f"{name_in(match.time.name, dialect)} is not null")
    for name, least in (("units", "> 0"), ("amount", ">= 0")):
        column = match.columns.get(name)
        if (
            column
            and (column.low or 0) < 0
            and not column.sql
            and _below_zero(connection, match, column) > some
        ):
            filters.append(f"{name_in(column.name, dialect)} {least}")
            match.notes.append(f"rows whose {column.name} is not {least} are left out: returns, corrections")
    if home and home[0] is not match.table and _foreign(connection, match, home) > FEW:
        ids = f"select {name_in(home[1].name, dialect)} from {name_in(home[0].name, dialect)}"
        filters.append(f"{name_in(match.key.name, dialect)} in ({ids})")
        match.notes.append(f"rows of customers who are not in {home[0].name} are left out")
    return filters


def _below_zero(connection: duckdb.DuckDBPyConnection, match: Match, column: Column) -> float:
    row = connection.execute(
        f"SELECT avg((TRY_CAST({identifier(column.name)} AS DOUBLE) < 0)::INTEGER) FROM {match.table.view}"
    ).fetchone()
    return float(row[0] or 0.0) if row else 0.0


def _foreign(connection: duckdb.DuckDBPyConnection, match: Match, home: tuple[Table, Column]) -> float:
    row = connection.execute(
        f"SELECT avg(({id_of(match.key)} NOT IN (SELECT {id_of(home[1])} FROM {home[0].view}))::INTEGER) "
        f"FROM {match.table.view} WHERE {id_of(match.key)} IS NOT NULL"
    ).fetchone()
    return float(row[0] or 0.0) if row else 0.0
