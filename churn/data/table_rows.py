"""Read a stored table in its stored order, a batch of rows at a time, so that memory use stays small."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from churn.data.store import Store

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

BATCH_ROWS = 1 << 20
"""The number of rows that are in memory at a time."""


@dataclass(frozen=True)
class RowBatch:
    """Consecutive rows of a table, ordered by (customer, time); each column is converted at most once."""

    rows: pa.RecordBatch
    _columns: dict[tuple[str, int], Ints] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        """Return the number of rows."""
        return int(self.rows.num_rows)

    def column(self, name: str, missing: int = 0) -> Ints:
        """Return a column of whole numbers, `[rows]`, with `missing` instead of each missing value."""
        key = (name, missing)
        if key not in self._columns:
            values = self.rows[name]
            if values.null_count:
                values = values.cast(pa.int64()).fill_null(missing)
            self._columns[key] = values.to_numpy(zero_copy_only=False).astype(np.int64)
        return self._columns[key]

    def has(self, name: str) -> Bools:
        """Return which rows have a value in a column, `[rows]`."""
        return np.asarray(self.rows[name].is_valid().to_numpy(zero_copy_only=False), dtype=bool)

    @property
    def customer(self) -> Ints:
        """Return the customer code of each row, `[rows]`; the codes never decrease."""
        return self.column("customer")

    @property
    def day(self) -> Ints:
        """Return the local day on which each row happened, as days since 1970-01-01, `[rows]`."""
        return self.column("day")

    @property
    def visible_from(self) -> Ints:
        """Return the later of two days for each row, `[rows]`: when it happened and when it became known.

        The row is visible only at cutoffs after this day.
        """
        if "known_day" not in self.rows.schema.names:
            return self.day
        return np.maximum(self.day, self.column("known_day"))


def read_batches(
    store: Store, table: str, columns: Sequence[str] = (), batch_rows: int = BATCH_ROWS
) -> Iterator[RowBatch]:
    """Yield the rows of a table in batches, in the order in which the store holds them.

    Args:
        store: The store, which must hold the table.
        table: The table.
        columns: The columns to read, in addition to the customer, the day, and the day on which a row became
            known. Columns that the store does not have are left out.
        batch_rows: The largest number of rows of a batch.
    """
    stored = set(store.tables[table].columns)
    names = [name for name in dict.fromkeys(("customer", "day", "known_day", *columns)) if name in stored]
    for path in store.files(table):
        with store.damage_in_words(path), pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_rows, columns=names):
                if batch.num_rows:
                    yield RowBatch(batch)
