"""Cumulative sums by day; as-of joins read them at the two ends of each window.

It cannot compute cells with an outcome. The window of an opened mail depends on when it was sent, its cutoff
on when it was opened, and one running sum cannot hold both.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from benchmarks.engine.cells import Cell
from benchmarks.engine.results import CellArrays
from benchmarks.engine.rivals.sql import connect, fetch_columns
from churn.data.sql import identifier
from churn.data.store import Store

VERBS = ("count", "given", "days", "sum", "last_day")


def supports(cell: Cell) -> bool:
    """Return whether it can compute a cell."""
    return cell.verb in VERBS and not (cell.having or cell.lacking or cell.by)


def cells(
    store: Store, days: Sequence[int], cells_by_table: Mapping[str, tuple[Cell, ...]]
) -> Iterator[tuple[int, CellArrays]]:
    """Yield the cells of all customers cutoff by cutoff; all look-ups of a table are one join."""
    n = store.n_customers
    sums: dict[str, dict[str, np.ndarray]] = {}
    edges: dict[str, list[int]] = {}
    with connect(store) as connection:
        for table, table_cells in cells_by_table.items():
            backs = {cell.skip for cell in table_cells}
            backs |= {cell.days for cell in table_cells if cell.verb != "last_day"}
            edges[table] = sorted({day - back for day in days for back in backs})
            sums[table] = _sums_at_edges(connection, store, table, table_cells, edges[table], n)
    for ordinal, day in enumerate(days):
        arrays: dict[Cell, np.ndarray] = {}
        for table, table_cells in cells_by_table.items():
            row_of_edge = {edge: at for at, edge in enumerate(edges[table])}
            for cell in table_cells:
                edge_sums = sums[table][_sum_name(cell)]
                end = edge_sums[row_of_edge[day - cell.skip]]
                if cell.verb == "last_day":
                    arrays[cell] = np.where(end >= day - cell.days, end, np.nan)
                else:
                    arrays[cell] = np.nan_to_num(end) - np.nan_to_num(edge_sums[row_of_edge[day - cell.days]])
        yield ordinal, arrays


def _sum_name(cell: Cell) -> str:
    return f"{cell.verb}_{cell.column}" if cell.column else cell.verb


def _sums_at_edges(connection, store, table, table_cells, edges, n):  # type: ignore[no-untyped-def]
    """Return per running sum an array `[edge, customer]`, missing before the customer's first row."""
    folds = {_sum_name(cell): (cell.verb, identifier(cell.column)) for cell in table_cells if cell.column}
    verbs = {"sum": "sum({}::DOUBLE)", "given": "count({})::DOUBLE"}
    sums = "".join(f", {verbs[verb].format(column)} AS {name}" for name, (verb, column) in folds.items())
    running = "".join(f", sum({name}) OVER up AS {name}" for name in folds)
    values = ", ".join(f"({edge})" for edge in edges)
    columns = fetch_columns(
        connection,
        f"WITH daily AS (SELECT customer, day, count(*) AS n{sums} FROM {store.scan(table)} GROUP BY ALL), "
        f"running AS (SELECT customer, day, (sum(n) OVER up)::DOUBLE AS count, "
        f"(count(*) OVER up)::DOUBLE AS days{running} FROM daily "
        f"WINDOW up AS (PARTITION BY customer ORDER BY day)), "
        f"asked AS (SELECT customer, edge FROM {store.scan('customers')}, (VALUES {values}) e(edge)) "
        f"SELECT asked.customer, edge, running.* EXCLUDE (customer, day), running.day::DOUBLE AS last_day "
        f"FROM asked ASOF LEFT JOIN running "
        f"ON asked.customer = running.customer AND asked.edge > running.day",
    )
    at = np.searchsorted(edges, np.asarray(columns.pop("edge")))
    customer = np.asarray(columns.pop("customer"))
    arrays = {}
    for name, values in columns.items():
        array = np.full((len(edges), n), np.nan)
        array[at, customer] = np.ma.filled(np.ma.asarray(values, dtype=float), np.nan)
        arrays[name] = array
    return arrays
