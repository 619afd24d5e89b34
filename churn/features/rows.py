"""The rows of a block of customers, read from the store in the order (customer, time)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import duckdb
import numpy as np
import numpy.typing as npt

from churn.data.sql import quoted
from churn.data.store import Store
from churn.features.timeline import IntArray, Timeline

NEVER = np.iinfo(np.int32).max
"""The day number of what has not happened."""


@dataclass(frozen=True)
class Rows:
    """Columns of the events of customers `[first, first + n)`, ordered by (customer, time).

    `customer` counts from 0 within the block. Missing days are `NEVER`; missing values are masked.
    """

    n: int
    customer: IntArray
    day: IntArray
    known_day: IntArray
    columns: dict[str, npt.NDArray[np.int64]]
    present: dict[str, npt.NDArray[np.bool_]]
    at: npt.NDArray[np.int64] | None
    """The row's own time in seconds since 1970 (UTC), read only where a signal places rows by an outcome."""

    def outcome_day(self, name: str) -> IntArray:
        """Return the day of an outcome, `NEVER` where it is missing."""
        days = self.columns[f"{name}_day"]
        return np.where(self.present[f"{name}_day"], days, NEVER).astype(np.int32)

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
    known = ", known_day" if stored.two_clocks else ""
    extra = "".join(f", {quoted(name)}::BIGINT AS {quoted(name)}" for name in named)
    if outcomes:
        extra += ', epoch("at")::BIGINT AS "at"'
    found = connection.execute(
        f"SELECT (customer - {first})::INTEGER AS customer, day{known}{extra} FROM {store.scan(table)} "
        f"WHERE customer >= {first} AND customer < {end} AND ({reach})"
    ).fetchnumpy()
    day = np.asarray(found["day"], dtype=np.int32)
    values: dict[str, npt.NDArray[np.int64]] = {}
    present: dict[str, npt.NDArray[np.bool_]] = {}
    for name in named:
        column = found[name]
        mask = (
            np.ma.getmaskarray(column) if isinstance(column, np.ma.MaskedArray) else np.zeros(len(day), bool)
        )
        values[name] = np.asarray(np.ma.getdata(column), dtype=np.int64)
        present[name] = ~mask
    return Rows(
        n=end - first,
        customer=np.asarray(found["customer"], dtype=np.int32),
        day=day,
        known_day=np.maximum(np.asarray(found["known_day"], dtype=np.int32), day) if known else day,
        columns=values,
        present=present,
        at=np.asarray(found["at"], dtype=np.int64) if outcomes else None,
    )
