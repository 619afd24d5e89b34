"""The rows that an earlier night stored, made ready to be written again beside the new ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import duckdb

from churn.data.ingest.incremental import LastIngest
from churn.data.ingest.rules import CUSTOMER_CODES
from churn.data.ingest.staging import StagedTable
from churn.data.sql import identifier, internal_name, literal
from churn.data.store import Store

RECODED_CUSTOMERS = internal_name("recoded")
"""The code of each customer in the store before, and tonight."""


class AmbiguousError(Exception):
    """Which row of a repeated key is the first cannot be told from what the store keeps."""


@dataclass(frozen=True)
class StoredRows:
    """The stored rows of a table with tonight's codes of customers, levels still coded by their old names.

    Args:
        rows: SQL of the rows.
        count: How many they are.
        columns: Their columns.
        levels: The names of the codes of each level column.
    """

    rows: str
    count: int
    columns: tuple[str, ...]
    levels: Mapping[str, tuple[str, ...]]

    def with_names(self) -> str:
        """Return the SQL of the rows with the name of each level."""
        return self._with({name: [literal(one) for one in names] for name, names in self.levels.items()})

    def with_codes(self, levels: Mapping[str, tuple[str, ...]]) -> str:
        """Return the SQL of the rows with the code that each level has among these names."""
        codes = {
            column: [str(levels[column].index(name)) if name in levels[column] else "NULL" for name in names]
            for column, names in self.levels.items()
        }
        return self._with(codes)

    def _with(self, values: Mapping[str, list[str]]) -> str:
        replaced = [f"([{', '.join(v)}])[{identifier(c)} + 1] AS {identifier(c)}" for c, v in values.items()]
        if not replaced:
            return self.rows
        return f"SELECT * REPLACE ({', '.join(replaced)}) FROM ({self.rows})"


def recode_customers(connection: duckdb.DuckDBPyConnection, store: Store) -> bool:
    """Note tonight's code of every customer of a store; tell whether all are still there.

    Codes count customers in the order of their ids, so that one who is new moves those behind.
    """
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {RECODED_CUSTOMERS} AS SELECT o.customer AS before, c.customer "
        f"FROM {store.scan('customers')} o JOIN {CUSTOMER_CODES} c USING (customer_id)"
    ).fetchall()
    return connection.execute(f"SELECT count(*) FROM {RECODED_CUSTOMERS}").fetchone() == (store.n_customers,)


def stored_rows_of(last: LastIngest, table: str) -> StoredRows:
    """Return the rows of a table as last night stored them; customers must be recoded."""
    stored = last.store.tables[table]
    rows = (
        f"SELECT c.customer, s.* EXCLUDE (customer) FROM {last.store.scan(table)} s "
        f"JOIN {RECODED_CUSTOMERS} c ON c.before = s.customer"
    )
    return StoredRows(rows, stored.rows, stored.columns, stored.levels)


def reject_stored_keys(
    connection: duckdb.DuckDBPyConnection,
    staged: StagedTable,
    judged: str,
    stored: Mapping[str, str],
    before: StoredRows,
) -> str:
    """Mark sound new rows as broken that repeat the key of a stored row, which came first.

    Args:
        connection: Where the rows are read.
        staged: The new rows' table.
        judged: SQL of the new rows, judged.
        stored: By stored column, its SQL over a judged row; levels by name.
        before: The stored rows.

    Raises:
        AmbiguousError: a new row comes before the stored one, or at its time with other values: then the row
            that stays depends on what the source said of the stored one, which the store does not keep.
    """
    name = staged.wanted.table.name
    sound, met = internal_name(f"sound_{name}"), internal_name(f"met_{name}")
    selected = ", ".join(f"{sql} AS {identifier(column)}" for column, sql in stored.items())
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {sound} AS SELECT {selected} FROM ({judged}) "
        "WHERE __broken IS NULL AND row_id IS NOT NULL"
    ).fetchall()
    pairs = [(f"n.{identifier(c)}", f"s.{identifier(c)}" if c in before.columns else "NULL") for c in stored]
    same = " AND ".join(f"{new} IS NOT DISTINCT FROM {old}" for new, old in pairs)
    connection.execute(
        f'CREATE OR REPLACE TEMP TABLE {met} AS SELECT n.row_id, n."at" > s."at" OR ({same}) AS is_second '
        f"FROM {sound} n JOIN ({before.with_names()}) s USING (row_id)"
    ).fetchall()
    found = connection.execute(f"SELECT count(*), bool_and(is_second) FROM {met}").fetchone()
    if found is None or not found[0]:
        return judged
    if not found[1]:
        raise AmbiguousError
    repeated = f"__broken IS NULL AND row_id IN (SELECT row_id FROM {met})"
    rule = literal("row_id is not repeated")
    return (
        f"SELECT * REPLACE (CASE WHEN {repeated} THEN {rule} ELSE __broken END AS __broken) FROM ({judged})"
    )
