"""Polars, lazily: per cutoff and table one scan, one filter, one group-by with an expression per cell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import polars as pl

from benchmarks.engine.cells import Cell
from benchmarks.engine.results import CellArrays, spread_over_customers
from churn.data.store import Store


def supports(cell: Cell) -> bool:
    """Return whether it can compute a cell: it can compute all."""
    return True


def cells(
    store: Store, days: Sequence[int], cells_by_table: Mapping[str, tuple[Cell, ...]]
) -> Iterator[tuple[int, CellArrays]]:
    """Yield the cells of all customers cutoff by cutoff; each table of each cutoff is one lazy query."""
    for ordinal, cutoff in enumerate(days):
        arrays: dict[Cell, np.ndarray] = {}
        for table, table_cells in cells_by_table.items():
            rows = pl.scan_parquet(store.folder / table / "*.parquet")
            if any(cell.verb.endswith("row") for cell in table_cells):
                rows = rows.with_row_index("row")
            for clock in dict.fromkeys(cell.day for cell in table_cells):
                clock_cells = [cell for cell in table_cells if cell.day == clock]
                longest = max(cell.days for cell in clock_cells)
                visible = rows.filter((pl.col(clock) < cutoff) & (pl.col(clock) >= cutoff - longest))
                expressions = {f"c{n}": _cell(cell, cutoff) for n, cell in enumerate(clock_cells)}
                columns = visible.group_by("customer").agg(**expressions).collect(engine="streaming")
                customers = columns["customer"].to_numpy()
                for n, cell in enumerate(clock_cells):
                    values = columns[f"c{n}"].cast(pl.Float64).fill_null(np.nan).to_numpy()
                    arrays[cell] = spread_over_customers(store.n_customers, cell, customers, values)
        yield ordinal, arrays


def _cell(cell: Cell, cutoff: int) -> pl.Expr:
    day = pl.col(cell.day)
    keep = day >= cutoff - cell.days
    if cell.skip:
        keep &= day < cutoff - cell.skip
    if cell.having:
        keep &= (pl.col(f"{cell.having}_day") < cutoff).fill_null(False)
    if cell.lacking:
        keep &= (pl.col(f"{cell.lacking}_day") >= cutoff).fill_null(True)
    if cell.verb == "count":
        return keep.sum()
    if cell.verb == "days":
        return day.filter(keep).n_unique()
    if cell.verb in ("latest", "previous"):
        instant = pl.col("at").dt.epoch("s") + pl.col(f"{cell.by}_after")
        value = pl.col(cell.column or "")
        ordered = value.filter(keep).sort_by(instant.filter(keep), maintain_order=True).drop_nulls()
        return ordered.get(-1 if cell.verb == "latest" else -2, null_on_oob=True)
    if cell.verb == "decayed":
        return pl.lit(0.5).pow((cutoff - day.filter(keep)) / cell.half_life).sum()
    if cell.column:
        column = pl.col(cell.column).filter(keep)
        verbs = {
            "given": column.count,
            "kinds": column.drop_nulls().n_unique,
            "max": column.max,
            "sum": column.sum,
        }
        return verbs[cell.verb]()
    source = (pl.col("row") if cell.verb.endswith("row") else day).filter(keep)
    return source.min() if cell.verb.startswith("first") else source.max()
