"""Write a new store without one customer.

The rows come from the old store, because the source may be gone or changed. The new store has the rows, the
codes and the digest that `ingest` would give it from a source without the customer. The new store does not
record how far each table was read (it has no high-water marks), so the next ingest reads the whole source.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from churn.data.customer_rows import is_id_of
from churn.data.files import create_folder, sync_folder
from churn.data.forgotten import ForgottenCustomers, mark_fingerprint
from churn.data.ingest.incremental import REJECTS_FOLDER
from churn.data.ingest.merging import EarlierRows
from churn.data.ingest.staging import UnreadColumns
from churn.data.ingest.writing import COPY_OPTIONS, read_stats
from churn.data.own_files import read_own_parquet
from churn.data.sql import identifier, literal, parquet_rows
from churn.data.store import Store, StoredTable, write_manifest
from churn.params import digest_of


def write_store_without(store: Store, customer: str, forgotten: ForgottenCustomers) -> Path:
    """Write the store without a customer into a new folder beside the old one; nobody reads it yet.

    Args:
        store: The store.
        customer: The id of the customer.
        forgotten: The forgotten customers, including this customer.

    Returns:
        The new folder; `publish_folder` makes it the store.

    Raises:
        SourceError: a file of rejected rows is damaged.
    """
    folder = create_folder(store.params.output, ".store-")
    removed_rejects = _write_rejects(store.folder / REJECTS_FOLDER, folder / REJECTS_FOLDER, customer)
    with store.connect() as connection:
        row = connection.execute(
            f"SELECT customer FROM {store.scan('customers')} WHERE customer_id = ?", [customer]
        ).fetchone()
        code = int(row[0]) if row else -1
        tables = {
            name: _write_table(connection, store, name, code, folder, removed_rejects.get(name, {}))
            for name in store.tables
        }
    write_manifest(
        folder,
        tables,
        watermark=store.watermark,
        digest=digest_of({name: table.digest for name, table in tables.items()}),
        fingerprint=mark_fingerprint(store.fingerprint, forgotten),
    )
    sync_folder(folder)
    return folder


def without_customer(table: pa.Table, customer: str) -> pa.Table:
    """Return the rows of a table whose column `customer_id` does not hold the customer's id."""
    if "customer_id" not in table.column_names:
        return table
    is_kept = [not is_id_of(value, customer) for value in table["customer_id"].to_pylist()]
    return table.filter(pa.array(is_kept, pa.bool_()))


def _write_table(
    connection: duckdb.DuckDBPyConnection,
    store: Store,
    name: str,
    code: int,
    folder: Path,
    removed_rejects: Mapping[str, int],
) -> StoredTable:
    """Write a table's files without the rows of one customer code; return a description of the new table."""
    table, files = store.tables[name], store.files(name)
    (folder / name).mkdir(parents=True)
    rows_kept = f"SELECT * FROM {parquet_rows(*files)} WHERE customer <> {code}"
    # The code of a customer is the position of the id, so the codes of later ids go down by one.
    new_code = f"(customer - (customer > {code} AND {code} >= 0)::INTEGER)::INTEGER"
    levels = _levels_of(connection, rows_kept, table)
    gone = [column for column in table.levels if column not in levels]
    for file in files:
        earlier = EarlierRows(
            f"SELECT * REPLACE ({new_code} AS customer) FROM {parquet_rows(file)} WHERE customer <> {code}",
            table.rows,
            table.columns,
            {column: names for column, names in table.levels.items() if column not in gone},
        )
        recoded = earlier.with_codes(levels)
        columns = f"* EXCLUDE ({', '.join(map(identifier, gone))})" if gone else "*"
        connection.execute(
            f"COPY (SELECT {columns} FROM ({recoded})) TO {literal(str(folder / name / file.name))} "
            f"({COPY_OPTIONS})"
        ).fetchall()
    rejects = Counter(table.rejects)
    rejects.subtract(removed_rejects)
    stats = read_stats(
        connection,
        parquet_rows(*(folder / name / file.name for file in files)),
        0,
        {rule: count for rule, count in rejects.items() if count > 0},
    )
    removed = table.rows - stats.rows + sum(removed_rejects.values())
    return replace(stats, rows_read=table.rows_read - removed).stored_table(
        levels, UnreadColumns(table.unused_columns, table.near_names)
    )


def _levels_of(
    connection: duckdb.DuckDBPyConnection, rows: str, table: StoredTable
) -> dict[str, tuple[str, ...]]:
    """Return the levels (the different texts) of each column that occur in the remaining rows.

    A level that only the erased customer had is dropped.
    """
    levels: dict[str, tuple[str, ...]] = {}
    for column, names in table.levels.items():
        codes = connection.execute(f"SELECT DISTINCT {identifier(column)} FROM ({rows})").fetchall()
        if left := sorted(code for (code,) in codes if code is not None):
            levels[column] = tuple(names[code] for code in left)
    return levels


def _write_rejects(source: Path, target: Path, customer: str) -> dict[str, dict[str, int]]:
    """Copy the rejected rows of all other customers; return the number of dropped rows by table and rule."""
    target.mkdir()
    removed: dict[str, dict[str, int]] = {}
    for path in sorted(source.glob("*.parquet")):
        table = read_own_parquet(path, ["rule"], way_out="Run `churn ingest` to write the store again.")
        remainder = without_customer(table, customer)
        if len(remainder):
            pq.write_table(remainder, target / path.name, compression="zstd")
        counts = Counter(table["rule"].to_pylist())
        counts.subtract(Counter(remainder["rule"].to_pylist()))
        removed[path.stem] = {str(rule): count for rule, count in counts.items() if count}
    return removed
