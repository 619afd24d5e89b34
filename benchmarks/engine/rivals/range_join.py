"""The obvious SQL: join each row with each cutoff after it, then aggregate with a filter per window.

Each join is clipped to the longest window of its table.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from benchmarks.engine.cells import Cell
from benchmarks.engine.results import CellArrays, spread_over_customers
from benchmarks.engine.rivals.sql import aggregate, connect, fetch_columns, scan_with_rows
from churn.data.sql import identifier
from churn.data.store import Store


def supports(cell: Cell) -> bool:
    """Return whether it can compute a cell: it can compute all."""
    return True


def cells(
    store: Store, days: Sequence[int], cells_by_table: Mapping[str, tuple[Cell, ...]]
) -> Iterator[tuple[int, CellArrays]]:
    """Yield the cells of all customers cutoff by cutoff; all are computed before the first is yielded."""
    moments = ", ".join(f"({ordinal}, {day})" for ordinal, day in enumerate(days))
    results = []
    with connect(store) as connection:
        for table, table_cells in cells_by_table.items():
            for clock in dict.fromkeys(cell.day for cell in table_cells):
                clock_cells = [cell for cell in table_cells if cell.day == clock]
                day, longest = identifier(clock), max(cell.days for cell in clock_cells)
                select_list = ", ".join(f"{aggregate(cell)} AS c{n}" for n, cell in enumerate(clock_cells))
                sql = (
                    f"SELECT ordinal, customer, {select_list} FROM {scan_with_rows(store, table)} "
                    f"JOIN (VALUES {moments}) moments(ordinal, cutoff) "
                    f"ON {day} < cutoff AND {day} >= cutoff - {longest} GROUP BY ordinal, customer"
                )
                results.append((clock_cells, fetch_columns(connection, sql)))
    for ordinal in range(len(days)):
        arrays: dict[Cell, np.ndarray] = {}
        for clock_cells, columns in results:
            at_cutoff = np.flatnonzero(columns["ordinal"] == ordinal)
            customers = np.asarray(columns["customer"])[at_cutoff]
            for n, cell in enumerate(clock_cells):
                arrays[cell] = spread_over_customers(
                    store.n_customers, cell, customers, columns[f"c{n}"][at_cutoff]
                )
        yield ordinal, arrays
