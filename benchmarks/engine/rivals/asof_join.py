"""Cumulative sums by day, looked up at every window's two ends by as-of joins.

It cannot state what depends on an outcome's own clock: an opened mail counts in one window by when it was
sent and in one cutoff by when it was opened, which no single running sum holds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from benchmarks.engine.cells import Cell
from benchmarks.engine.results import Cells
from benchmarks.engine.rivals.sql import connect, fetched
from churn.data.sql import identifier
from churn.data.store import Store

VERBS = ("count", "given", "days", "sum", "last_day")


def can(cell: Cell) -> bool:
    """Tell whether it can state a cell."""
    return cell.verb in VERBS and not (cell.having or cell.lacking or cell.by)


def cells(
    store: Store, days: Sequence[int], wanted: Mapping[str, tuple[Cell, ...]]
) -> Iterator[tuple[int, Cells]]:
    """Yield the cells of all customers cutoff by cutoff; all look-ups of a table are one join."""
    n = store.n_customers
    sums: dict[str, dict[str, np.ndarray]] = {}
    edges: dict[str, list[int]] = {}
    with connect(store) as connection:
        for table, asked in wanted.items():
            backs = {cell.skip for cell in asked}
            backs |= {cell.days for cell in asked if cell.verb != "last_day"}
            edges[table] = sorted({day - back for day in days for back in backs})
            sums[table] = _looked_up(connection, store, table, asked, edges[table], n)
    for ordinal, day in enumerate(days):
        made: dict[Cell, np.ndarray] = {}
        for table, asked in wanted.items():
            place = {edge: at for at, edge in enumerate(edges[table])}
            for cell in asked:
                found = sums[table][_kept(cell)]
                end = found[place[day - cell.skip]]
                if cell.verb == "last_day":
                    made[cell] = np.where(end >= day - cell.days, end, np.nan)
                else:
                    made[cell] = np.nan_to_num(end) - np.nan_to_num(found[place[day - cell.days]])
        yield ordinal, made


def _kept(cell: Cell) -> str:
    return f"{cell.verb}_{cell.column}" if cell.column else cell.verb


def _looked_up(connection, store, table, asked, edges, n):  # type: ignore[no-untyped-def]
    """Return per running sum an array `[edge, customer]`, missing before the customer's first row."""
    folds = {_kept(cell): (cell.verb, identifier(cell.column)) for cell in asked if cell.column}
    verbs = {"sum": "sum({}::DOUBLE)", "given": "count({})::DOUBLE"}
    summed = "".join(f", {verbs[verb].format(column)} AS {name}" for name, (verb, column) in folds.items())
    running = "".join(f", sum({name}) OVER up AS {name}" for name in folds)
    values = ", ".join(f"({edge})" for edge in edges)
    found = fetched(
        connection,
        f"WITH daily AS (SELECT customer, day, count(*) AS n{summed} FROM {store.scan(table)} GROUP BY ALL), "
        f"running AS (SELECT customer, day, (sum(n) OVER up)::DOUBLE AS count, "
        f"(count(*) OVER up)::DOUBLE AS days{running} FROM daily "
        f"WINDOW up AS (PARTITION BY customer ORDER BY day)), "
        f"asked AS (SELECT customer, edge FROM {store.scan('customers')}, (VALUES {values}) e(edge)) "
        f"SELECT asked.customer, edge, running.* EXCLUDE (customer, day), running.day::DOUBLE AS last_day "
        f"FROM asked ASOF LEFT JOIN running "
        f"ON asked.customer = running.customer AND asked.edge > running.day",
    )
    at = np.searchsorted(edges, np.asarray(found.pop("edge")))
    customer = np.asarray(found.pop("customer"))
    made = {}
    for name, values_found in found.items():
        whole = np.full((len(edges), n), np.nan)
        whole[at, customer] = np.ma.filled(np.ma.asarray(values_found, dtype=float), np.nan)
        made[name] = whole
    return made
