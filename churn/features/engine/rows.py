"""Read the rows of a block of customers from the store, in the order (customer, time)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from churn.data.store import Store
from churn.data.tables import NOT_MADE
from churn.features.engine.timeline import IntArray, Timeline
from churn.features.language.reader import NEVER

AnyInt = npt.NDArray[Any]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Rows:
    """The `m` rows of a block of `n` customers, ordered by customer and time: parallel arrays, `[m]`.

    Attributes:
        n: The number of customers in the block, including customers without rows.
        customer: The number of the row's customer in the block, counted from 0.
        day: The day number of the row's own time, in the company's time zone.
        known_day: The day number from which the row was known; never before `day`.
        columns: The stored columns by name; a missing day is `NEVER`, any other missing value is 0.
        present: For each column with missing values, a mask of the rows that have a value.
        levels: For each column that holds names, its names; the position of a name is its code in the column.
        at: The row's own time in seconds since 1970 (UTC). Only signals that use `Events.by` need this time;
            if there is no such signal, `at` is None.
    """

    n: int
    customer: IntArray
    day: IntArray
    known_day: IntArray
    columns: dict[str, AnyInt]
    present: dict[str, BoolArray]
    levels: Mapping[str, tuple[str, ...]]
    at: npt.NDArray[np.int64] | None

    def outcome_instant(self, name: str) -> npt.NDArray[np.int64]:
        """Return the time of an outcome for each row, in seconds since 1970 (UTC), `[m]`.

        The number is meaningless for a row without the outcome.
        """
        assert self.at is not None  # was read, because a signal counts rows at an outcome's time
        return self.at + self.columns[f"{name}_after"]

    def has_name(self, level: str, name: str) -> BoolArray:
        """Return a mask of the rows that have the value `name` in the column `level`, `[m]`."""
        names = self.levels.get(level, ())
        if name not in names:
            return np.zeros(len(self.day), dtype=bool)
        mask: BoolArray = self.columns[level] == names.index(name)
        return mask & self.present[level] if level in self.present else mask


class RowReader(Protocol):
    """Reads the rows of one table (`StoredRows.read`)."""

    def read(
        self,
        columns: Iterable[str],
        placing_outcomes: Collection[str],
        timeline: Timeline,
        block: tuple[int, int],
    ) -> Rows:
        """Return the rows of customers `[block[0], block[1])`; rows outside all windows may be left out."""


class StoredRows:
    """The Parquet files of one table; `read` opens only the row groups that hold the wanted customers."""

    def __init__(self, store: Store, table: str) -> None:
        self._two_clocks = store.tables[table].two_clocks
        self._levels = store.tables[table].levels
        self._columns = set(store.tables[table].columns)
        column, value = NOT_MADE.get(table, ("", ""))
        self._not_made = (column, value) if column in self._columns else None
        self._store = store
        self._paths = store.files(table)
        self._files: list[pq.ParquetFile] = []
        for path in self._paths:
            with store.damage_in_words(path):
                self._files.append(pq.ParquetFile(path))
        self._groups = [_ranges(file) for file in self._files]

    def read(
        self,
        columns: Iterable[str],
        placing_outcomes: Collection[str],
        timeline: Timeline,
        block: tuple[int, int],
    ) -> Rows:
        """Read what the signals need for customers `[block[0], block[1])`.

        A row is kept if its own time, or its time in one of the columns `placing_outcomes`, lies between the
        start of the first window and the end of the last window.

        Args:
            columns: The stored columns that signals need. Columns that the table does not have are left out.
            placing_outcomes: The columns with the time of an outcome, such as `closed_at`. For each of these
                columns, at least one signal counts rows at the time in the column, not at their own time.
            timeline: The cutoffs and windows of the job.
            block: The customer codes `[first, end)`.
        """
        first, end = block
        stored_columns = sorted(set(columns) & self._columns)
        names = ["customer", "day", *(["known_day"] if self._two_clocks else []), *stored_columns]
        table = self._read_row_groups(names + (["at"] if placing_outcomes else []), first, end)
        customer = _integers(table, "customer")[0]
        # Same type as the column, so that no copy is made.
        bounds = np.array([first, end], dtype=customer.dtype)
        inside = slice(*np.searchsorted(customer, bounds))  # a row group may hold more customers
        read = {name: _integers(table, name, inside) for name in table.column_names}
        day = read["day"][0]
        keep = (day >= timeline.first_day) & (day < timeline.end_day)
        for name in placing_outcomes:
            outcome = read[f"{name}_day"][0]
            keep |= (outcome >= timeline.first_day) & (outcome < timeline.end_day)
        if not keep.all():
            rows = np.flatnonzero(keep)
            read = {n: (v[rows], None if mask is None else mask[rows]) for n, (v, mask) in read.items()}
            day = read["day"][0]
        return Rows(
            n=end - first,
            customer=read["customer"][0] - np.int32(first),
            day=day,
            known_day=np.maximum(read["known_day"][0], day) if self._two_clocks else day,
            columns={name: read[name][0] for name in stored_columns},
            present={name: mask for name in stored_columns if (mask := read[name][1]) is not None},
            levels=self._levels,
            at=read["at"][0] // 1_000_000 if placing_outcomes else None,
        )

    def _read_row_groups(self, columns: list[str], first: int, end: int) -> pa.Table:
        parts = []
        not_made = self._not_made
        columns = columns if not_made is None else [*columns, not_made[0]]
        for path, file, (lowest, highest) in zip(self._paths, self._files, self._groups, strict=True):
            groups = np.flatnonzero((highest >= first) & (lowest < end)).tolist()
            with self._store.damage_in_words(path):
                parts.append(file.read_row_groups(groups, columns=columns, use_threads=False))
        table = pa.concat_tables(parts) if len(parts) > 1 else parts[0]
        return table if not_made is None else _rows_made(table, *not_made)


def _rows_made(table: pa.Table, column: str, value: str) -> pa.Table:
    """Return the rows that do not have the given value in a column, and drop this column."""
    is_made = pc.not_equal(pc.utf8_lower(table.column(column).cast(pa.string())), value)
    return table.filter(pc.fill_null(is_made, fill_value=True)).drop_columns([column])


def _ranges(file: pq.ParquetFile) -> tuple[AnyInt, AnyInt]:
    """Return the lowest and the highest customer code of each row group."""
    index = file.schema_arrow.get_field_index("customer")
    groups = [file.metadata.row_group(number).column(index) for number in range(file.num_row_groups)]
    statistics = [group.statistics for group in groups]
    lowest = np.array([customer.min for customer in statistics], dtype=np.int64)
    return lowest, np.array([customer.max for customer in statistics], dtype=np.int64)


def _integers(table: pa.Table, name: str, inside: slice = slice(None)) -> tuple[AnyInt, BoolArray | None]:
    """Return a column as integers, and a mask of the rows with a value (None if every row has one)."""
    column = table.column(name)
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.int8())
    elif pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("us")).cast(pa.int64())
    if not column.null_count:
        return column.to_numpy()[inside], None
    missing = NEVER if name.endswith("_day") else 0
    return column.fill_null(missing).to_numpy()[inside], column.is_valid().to_numpy()[inside]
