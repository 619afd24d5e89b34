"""The rows of a block of customers, read from the store in the order (customer, time)."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from churn.data.store import Store
from churn.features.engine.timeline import IntArray, Timeline

NEVER = np.iinfo(np.int32).max
"""The day number of what has not happened."""

AnyInt = npt.NDArray[Any]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Rows:
    """Columns of the events of customers `[first, first + n)`, ordered by (customer, time).

    `customer` counts from 0 within the block. Missing days are `NEVER`, other missing values 0; `present`
    has a mask of each column that misses any.
    """

    n: int
    customer: IntArray
    day: IntArray
    known_day: IntArray
    columns: dict[str, AnyInt]
    present: dict[str, BoolArray]
    at: npt.NDArray[np.int64] | None
    """The row's own time in seconds since 1970 (UTC), read only where a signal places rows by an outcome."""

    def outcome_instant(self, name: str) -> npt.NDArray[np.int64]:
        """Return the second of an outcome since 1970 (UTC); it means nothing where the outcome is missing."""
        assert self.at is not None  # read for every table with a placing outcome
        return self.at + self.columns[f"{name}_after"]


class RowReader(Protocol):
    """Reads the rows of one table."""

    def read(
        self, columns: Iterable[str], placed: Collection[str], timeline: Timeline, block: tuple[int, int]
    ) -> Rows:
        """Return the rows of customers `[block[0], block[1])` that may lie in a window of the timeline."""


class StoredRows:
    """The files of one table of the store: opened once, read by row groups of a block's customers."""

    def __init__(self, store: Store, table: str) -> None:
        self._two_clocks = store.tables[table].two_clocks
        self._columns = set(store.tables[table].columns)
        self._files = [pq.ParquetFile(path) for path in store.files(table)]
        self._groups = [_ranges(file) for file in self._files]

    def read(
        self, columns: Iterable[str], placed: Collection[str], timeline: Timeline, block: tuple[int, int]
    ) -> Rows:
        """Read what the signals need for customers `[block[0], block[1])`.

        A row is kept if its own time or a placing outcome's time lies in a window of some cutoff.
        """
        first, end = block
        named = sorted(set(columns) & self._columns)
        wanted = ["customer", "day", *(["known_day"] if self._two_clocks else []), *named]
        found = self._found(wanted + (["at"] if placed else []), first, end)
        customer = _integers(found, "customer")[0]
        bounds = np.array([first, end], dtype=customer.dtype)  # of one type, or all would be copied
        inside = slice(*np.searchsorted(customer, bounds))  # a row group may hold neighbours
        read = {name: _integers(found, name, inside) for name in found.column_names}
        day = read["day"][0]
        keep = (day >= timeline.first_day) & (day < timeline.end_day)
        for name in placed:
            outcome = read[f"{name}_day"][0]
            keep |= (outcome >= timeline.first_day) & (outcome < timeline.end_day)
        if not keep.all():
            kept = np.flatnonzero(keep)
            read = {n: (v[kept], None if mask is None else mask[kept]) for n, (v, mask) in read.items()}
            day = read["day"][0]
        return Rows(
            n=end - first,
            customer=read["customer"][0] - np.int32(first),
            day=day,
            known_day=np.maximum(read["known_day"][0], day) if self._two_clocks else day,
            columns={name: read[name][0] for name in named},
            present={name: mask for name in named if (mask := read[name][1]) is not None},
            at=read["at"][0] // 1_000_000 if placed else None,
        )

    def _found(self, wanted: list[str], first: int, end: int) -> pa.Table:
        parts = []
        for file, (lowest, highest) in zip(self._files, self._groups, strict=True):
            groups = np.flatnonzero((highest >= first) & (lowest < end)).tolist()
            parts.append(file.read_row_groups(groups, columns=wanted, use_threads=False))
        return pa.concat_tables(parts) if len(parts) > 1 else parts[0]


def _ranges(file: pq.ParquetFile) -> tuple[AnyInt, AnyInt]:
    """Return the lowest and the highest customer of each row group."""
    place = file.schema_arrow.get_field_index("customer")
    groups = [file.metadata.row_group(number).column(place) for number in range(file.num_row_groups)]
    stated = [group.statistics for group in groups]
    lowest = np.array([one.min for one in stated], dtype=np.int64)
    return lowest, np.array([one.max for one in stated], dtype=np.int64)


def _integers(found: pa.Table, name: str, inside: slice = slice(None)) -> tuple[AnyInt, BoolArray | None]:
    """Return a column as integers, and the mask of those that are given if any is missing."""
    column = found.column(name)
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.int8())
    elif pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("us")).cast(pa.int64())
    if not column.null_count:
        return column.to_numpy()[inside], None
    nothing = NEVER if name.endswith("_day") else 0
    return column.fill_null(nothing).to_numpy()[inside], column.is_valid().to_numpy()[inside]
