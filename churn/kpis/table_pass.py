"""Read a table of the store once, and hand its rows to all objects that read them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from churn.data.store import Store
from churn.data.table_rows import BATCH_ROWS, RowBatch, read_batches
from churn.features.language.reader import NEVER

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


class RowReader(ABC):
    """Receives the rows of a table, one batch after another, in the order in which the store holds them.

    Attributes:
        columns: The columns that are read in addition to the customer, the day, and the day on which the row
            became known.
    """

    columns: Sequence[str] = ()

    @abstractmethod
    def add(self, rows: RowBatch) -> None:
        """Receive the next batch of rows; the rows of a customer may come in several batches."""

    def close(self) -> None:
        """Take note that there are no further rows."""
        return


def read_once(store: Store, table: str, readers: Sequence[RowReader], batch_rows: int = BATCH_ROWS) -> None:
    """Read a table once and hand its rows to all readers; a table without readers is not read.

    Args:
        store: The store, which must have the table.
        table: The table.
        readers: The readers of the table.
        batch_rows: The largest number of rows in memory at a time.
    """
    if not readers:
        return
    columns = [name for reader in readers for name in reader.columns]
    for rows in read_batches(store, table, columns, batch_rows):
        for reader in readers:
            reader.add(rows)
    for reader in readers:
        reader.close()


class SumsAt(RowReader):
    """Sums an amount of each customer at several cutoffs; a row counts at a cutoff if it was known then.

    Attributes:
        sums: The sum of each customer at each cutoff, `[cutoffs, customers]`; NaN if the customer has no row.
    """

    def __init__(
        self,
        n_customers: int,
        bounds: Sequence[tuple[int, int]],
        *,
        amount: str,
        day: str = "day",
        until: str | None = None,
    ) -> None:
        """Begin without a row.

        Args:
            n_customers: The number of customers.
            bounds: For each cutoff the day numbers `[start, cutoff)`; a row counts if its day lies between
                them.
            amount: The column that is summed; rows without a value do not count.
            day: The column with the day of a row.
            until: The column with the day from which a row no longer counts, for example the day of a return.
                A row counts only if this day is missing, or is not before the cutoff.
        """
        self.bounds, self.sums = bounds, np.full((len(bounds), n_customers), np.nan)
        self._amount, self._day, self._until = amount, day, until
        self.columns = [name for name in (amount, day, until) if name is not None]

    def add(self, rows: RowBatch) -> None:
        """Add the amounts of the next rows to the sums."""
        day = rows.column(self._day, NEVER)
        seen_from = seen_after(rows, day)
        until = None if self._until is None else rows.column(self._until, NEVER)
        amount, has_amount = rows.column(self._amount), rows.has(self._amount)
        first = int(rows.customer[0])
        customers = slice(first, int(rows.customer[-1]) + 1)
        for number, (start, end) in enumerate(self.bounds):
            is_counted = has_amount & (day >= start) & (seen_from < end)
            if until is not None:
                is_counted &= until >= end
            customer = rows.customer[is_counted] - first
            if not len(customer):
                continue
            size = customers.stop - first
            has_rows = np.bincount(customer, minlength=size) > 0
            added = np.bincount(customer, weights=amount[is_counted], minlength=size)
            own = self.sums[number, customers]
            own[has_rows] = np.nan_to_num(own[has_rows]) + added[has_rows]


def seen_after(rows: RowBatch, day: Ints) -> Ints:
    """Return the day number after which each row counts: its `day`, or the day on which the row became known
    if this is later.
    """
    if "known_day" not in rows.rows.schema.names:
        return day
    return np.maximum(day, rows.column("known_day"))
