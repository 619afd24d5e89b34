"""Prepare the rows of the earlier store for a new ingest, which writes old and new rows together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import duckdb

from churn.data.ingest.rules import CUSTOMER_CODES
from churn.data.ingest.staging import StagedTable
from churn.data.sql import identifier, internal_name, literal
from churn.data.store import Store

RECODED_CUSTOMERS = internal_name("recoded")
"""The table with the code of each customer in the earlier store, and the customer's new code."""


class AmbiguousError(Exception):
    """Two rows have the same key, and the store does not hold the values that decide which row is kept."""


@dataclass(frozen=True)
class EarlierRows:
    """The rows of a table in the earlier store, with new codes for customers and old codes for levels.

    A level is one of a few names, such as a channel; the store holds its code.

    Args:
        rows: SQL that selects the rows.
        count: The number of the rows.
        columns: The columns of the rows.
        levels: For each column with levels, the names of its levels in the order of their codes.
    """

    rows: str
    count: int
    columns: tuple[str, ...]
    levels: Mapping[str, tuple[str, ...]]

    def with_names(self) -> str:
        """Return SQL that selects the rows with the name of each level instead of its code."""
        return self._with(
            {column: [literal(name) for name in names] for column, names in self.levels.items()}
        )

    def with_codes(self, levels: Mapping[str, tuple[str, ...]]) -> str:
        """Return SQL that selects the rows with new codes for levels.

        The new code of a level is the position of its name in `levels[column]`.
        """
        codes = {
            column: [str(levels[column].index(name)) if name in levels[column] else "NULL" for name in names]
            for column, names in self.levels.items()
        }
        return self._with(codes)

    def _with(self, values: Mapping[str, list[str]]) -> str:
        """Return SQL that selects the rows and replaces each code of a level by `values[column][code]`."""
        if not values:
            return self.rows
        replacements = ", ".join(
            f"([{', '.join(choices)}])[{identifier(column)} + 1] AS {identifier(column)}"
            for column, choices in values.items()
        )
        return f"SELECT * REPLACE ({replacements}) FROM ({self.rows})"


def recode_customers(connection: duckdb.DuckDBPyConnection, store: Store) -> bool:
    """Create the table of old and new customer codes.

    Return whether every customer of the earlier store has a new code. The code of a customer is the
    customer's position in the order of the ids, so a new customer changes the codes of later ids.
    """
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {RECODED_CUSTOMERS} AS SELECT o.customer AS before, c.customer "
        f"FROM {store.scan('customers')} o JOIN {CUSTOMER_CODES} c USING (customer_id)"
    ).fetchall()
    return connection.execute(f"SELECT count(*) FROM {RECODED_CUSTOMERS}").fetchone() == (store.n_customers,)


def stored_rows_of(store: Store, table: str) -> EarlierRows:
    """Return the rows of a table of the earlier store; `recode_customers` must have run."""
    stored_table = store.tables[table]
    rows = (
        f"SELECT c.customer, s.* EXCLUDE (customer) FROM {store.scan(table)} s "
        f"JOIN {RECODED_CUSTOMERS} c ON c.before = s.customer"
    )
    return EarlierRows(rows, stored_table.rows, stored_table.columns, stored_table.levels)


def reject_stored_keys(
    connection: duckdb.DuckDBPyConnection,
    staged_table: StagedTable,
    checked_rows: str,
    stored_columns: Mapping[str, str],
    stored_rows: EarlierRows,
) -> str:
    """Return SQL that selects the new rows and marks a row as broken if a stored row has the same key.

    Args:
        connection: The connection that reads the rows.
        staged_table: The table of the new rows.
        checked_rows: SQL that selects the new rows; the column `__broken` holds the rule that a row breaks,
            or NULL.
        stored_columns: For each stored column, the SQL that computes it from a row of `checked_rows`; levels
            are names, not codes.
        stored_rows: The rows that an earlier ingest stored.

    Raises:
        AmbiguousError: A new row is earlier than the stored row with the same key, or has the same time but
            other values. The store does not hold all the values that decide whether the new row replaces the
            stored row.
    """
    name = staged_table.spec.table.name
    good_rows, matches = internal_name(f"good_{name}"), internal_name(f"matches_{name}")
    select_list = ", ".join(f"{sql} AS {identifier(column)}" for column, sql in stored_columns.items())
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {good_rows} AS SELECT {select_list} FROM ({checked_rows}) "
        "WHERE __broken IS NULL AND row_id IS NOT NULL"
    ).fetchall()
    pairs = [
        (f"n.{identifier(column)}", f"s.{identifier(column)}" if column in stored_rows.columns else "NULL")
        for column in stored_columns
    ]
    is_equal = " AND ".join(f"{new} IS NOT DISTINCT FROM {old}" for new, old in pairs)
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {matches} AS "
        f'SELECT n.row_id, n."at" > s."at" OR ({is_equal}) AS is_second '
        f"FROM {good_rows} n JOIN ({stored_rows.with_names()}) s USING (row_id)"
    ).fetchall()
    row = connection.execute(f"SELECT count(*), bool_and(is_second) FROM {matches}").fetchone()
    if row is None or not row[0]:
        return checked_rows
    if not row[1]:
        raise AmbiguousError
    is_repeated = f"__broken IS NULL AND row_id IN (SELECT row_id FROM {matches})"
    rule = literal("row_id is not repeated")
    return (
        f"SELECT * REPLACE (CASE WHEN {is_repeated} THEN {rule} ELSE __broken END AS __broken) "
        f"FROM ({checked_rows})"
    )
