"""The range join as it is written first: every row with every later cutoff, whatever the windows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from benchmarks.engine.cells import Cell
from benchmarks.engine.results import Cells
from benchmarks.engine.rivals import range_join
from churn.data.store import Store


def can(cell: Cell) -> bool:
    """Tell whether it can state a cell: it can state all."""
    return True


def cells(
    store: Store, days: Sequence[int], wanted: Mapping[str, tuple[Cell, ...]]
) -> Iterator[tuple[int, Cells]]:
    """Yield the cells of all customers cutoff by cutoff, all of them computed at once."""
    return range_join.cells(store, days, wanted, clipped=False)
