"""The rows of a block of customers, read from the store in the order (customer, time)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from churn.data.sql import quoted
from churn.data.store import Store
from churn.features.timeline import IntArray, Timeline

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


def read_rows(
    connection: duckdb.DuckDBPyConnection,
    store: Store,
    table: str,
    columns: Iterable[str],
    placed: Iterable[str],
    timeline: Timeline,
    block: tuple[int, int],
) -> Rows:
    """Read what the signals of one table need for customers `[block[0], block[1])`.

    A row is read if its own time or a placing outcome's time lies in a window of some cutoff.
    """
    first, end = block
    stored = store.tables[table]
    named = sorted(set(columns) & set(stored.columns))
    outcomes = sorted(placed)
    days = ["day", *(f"{name}_day" for name in outcomes)]
    reach = " OR ".join(
        f"({quoted(day)} >= {timeline.first_day} AND {quoted(day)} < {timeline.end_day})" for day in days
    )
    selected = ["customer", "day", *(["known_day"] if stored.two_clocks else []), *map(quoted, named)]
    if outcomes:
        selected.append('epoch("at")::BIGINT AS "at"')
    found = connection.execute(
        f"SELECT {', '.join(selected)} FROM {store.scan(table)} "
        f"WHERE customer >= {first} AND customer < {end} AND ({reach})"
    ).to_arrow_table()
    day, _ = _numpy(found, "day")
    read = {name: _numpy(found, name) for name in named}
    return Rows(
        n=end - first,
        customer=_numpy(found, "customer")[0] - np.int32(first),
        day=day,
        known_day=np.maximum(_numpy(found, "known_day")[0], day) if stored.two_clocks else day,
        columns={name: values for name, (values, _) in read.items()},
        present={name: mask for name, (_, mask) in read.items() if mask is not None},
        at=_numpy(found, "at")[0] if outcomes else None,
    )


def _numpy(found: pa.Table, name: str) -> tuple[AnyInt, BoolArray | None]:
    """Return a column as integers, and the mask of those that are given if any is missing."""
    column = found.column(name)
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.int8())
    if not column.null_count:
        return column.to_numpy(), None
    nothing = NEVER if name.endswith("_day") else 0
    return column.fill_null(nothing).to_numpy(), column.is_valid().to_numpy()
