"""The obvious SQL: join every row with every cutoff that sees it, then aggregate with a filter per window.

Each join is clipped to the longest window of its table.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from benchmarks.engine.cells import Cell
from benchmarks.engine.results import Cells, dense
from benchmarks.engine.rivals.sql import aggregate, connect, fetched, rows
from churn.data.sql import identifier
from churn.data.store import Store


def can(cell: Cell) -> bool:
    """Tell whether it can state a cell: it can state all."""
    return True


def cells(
    store: Store, days: Sequence[int], wanted: Mapping[str, tuple[Cell, ...]]
) -> Iterator[tuple[int, Cells]]:
    """Yield the cells of all customers cutoff by cutoff, all of them computed at once."""
    moments = ", ".join(f"({ordinal}, {day})" for ordinal, day in enumerate(days))
    found = []
    with connect(store) as connection:
        for table, asked in wanted.items():
            for clock in dict.fromkeys(cell.day for cell in asked):
                mine = [cell for cell in asked if cell.day == clock]
                day, longest = identifier(clock), max(cell.days for cell in mine)
                selected = ", ".join(f"{aggregate(cell)} AS c{n}" for n, cell in enumerate(mine))
                sql = (
                    f"SELECT ordinal, customer, {selected} FROM {rows(store, table)} "
                    f"JOIN (VALUES {moments}) moments(ordinal, cutoff) "
                    f"ON {day} < cutoff AND {day} >= cutoff - {longest} GROUP BY ordinal, customer"
                )
                found.append((mine, fetched(connection, sql)))
    for ordinal in range(len(days)):
        made: dict[Cell, np.ndarray] = {}
        for mine, columns in found:
            here = np.flatnonzero(columns["ordinal"] == ordinal)
            customers = np.asarray(columns["customer"])[here]
            for n, cell in enumerate(mine):
                made[cell] = dense(store.n_customers, cell, customers, columns[f"c{n}"][here])
        yield ordinal, made
