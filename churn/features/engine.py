"""The engine: signals of a block of customers at every cutoff, from one scan of each table.

A block is the unit of work and of memory; evaluating it needs nothing but the store and the plan.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import duckdb
import numpy as np

from churn.data.store import Store
from churn.data.tables import Table
from churn.features.cells import Chosen, LongArray, Selection, TableCells
from churn.features.events import Events, Shrunk
from churn.features.reader import Array, Window
from churn.features.rows import read_rows
from churn.features.signal import Signal
from churn.features.timeline import IntArray, Timeline
from churn.features.tracing import Need, trace, view_of

BYTES_OF_LIMIT = 1 / 6
"""The share of the memory limit that the arrays of a block may take; reading and output need the rest."""


@dataclass(frozen=True)
class Plan:
    """Signals grouped by table, what each table must give, and since when each table's data are known."""

    cutoffs: tuple[int, ...]
    signals: Mapping[str, tuple[Signal, ...]]
    tables: Mapping[str, Table]
    timelines: Mapping[str, Timeline]
    needs: Mapping[str, Need]
    data_starts: Mapping[str, tuple[int, ...]]
    shrunk: frozenset[str]

    def only(self, names: frozenset[str]) -> Plan:
        """Return the plan of some of the signals."""
        kept = {t: tuple(s for s in found if s.name in names) for t, found in self.signals.items()}
        signals = {table: found for table, found in kept.items() if found}
        return Plan(
            self.cutoffs, signals, self.tables, self.timelines, self.needs, self.data_starts, self.shrunk
        )


def plan(
    store: Store, signals: tuple[Signal, ...], tables: Mapping[str, Table], cutoffs: tuple[int, ...]
) -> Plan:
    """Trace the signals and lay out the bins for days `cutoffs`, ascending.

    Raises:
        SignalError: a signal asks for what it may not.
    """
    grouped: dict[str, tuple[Signal, ...]] = {}
    for signal in signals:
        if signal.function is not None:
            grouped[signal.table] = (*grouped.get(signal.table, ()), signal)
    needs = {name: Need() for name in grouped}
    shrunk = frozenset().union(*(trace(found, tables[name], needs[name]) for name, found in grouped.items()))
    with store.connect() as connection:
        starts = {name: _data_starts(connection, store, name, cutoffs) for name in grouped}
    timelines = {name: Timeline.over(cutoffs, need.windows) for name, need in needs.items()}
    return Plan(cutoffs, grouped, tables, timelines, needs, starts, shrunk)


def _data_starts(
    connection: duckdb.DuckDBPyConnection, store: Store, table: str, cutoffs: tuple[int, ...]
) -> tuple[int, ...]:
    """Return for each cutoff the first day of the table's rows that were visible then."""
    if not store.tables[table].two_clocks:
        first = store.tables[table].first_day
        return tuple(min(cutoff, first if first is not None else cutoff) for cutoff in cutoffs)
    rows = connection.execute(
        f"SELECT greatest(day, known_day) AS seen, min(day) FROM {store.scan(table)} GROUP BY 1"
    ).fetchall()
    return tuple(min([day for seen, day in rows if seen < cutoff], default=cutoff) for cutoff in cutoffs)


def blocks(store: Store, plan: Plan) -> Iterator[tuple[int, int]]:
    """Cut the customers into blocks `[first, end)` that fit the memory limit."""
    bins = max((len(timeline.boundaries) for timeline in plan.timelines.values()), default=1)
    widest = max((len(found) for found in plan.signals.values()), default=1)
    n_signals = sum(len(found) for found in plan.signals.values())
    rows = max((store.tables[name].rows for name in plan.signals), default=0) / max(store.n_customers, 1)
    per_customer = 8 * (len(plan.cutoffs) * n_signals + bins * min(widest, 12) + 12 * rows)
    size = max(1000, int(_bytes(store.params.engine.memory_limit) * BYTES_OF_LIMIT / per_customer))
    for first in range(0, store.n_customers, size):
        yield first, min(first + size, store.n_customers)


def _bytes(stated: str) -> float:
    number = stated.rstrip("KMGTiB ")
    unit = stated[len(number) :].strip()
    base = 1024 if "i" in unit else 1000
    scale: int = base ** (1 + "KMGT".index(unit[0]))
    return float(number) * scale


def evaluate(
    connection: duckdb.DuckDBPyConnection,
    store: Store,
    plan: Plan,
    signed_up: IntArray,
    block: tuple[int, int],
) -> Iterator[tuple[int, str, Array | Shrunk]]:
    """Yield `(cutoff ordinal, signal, values)` for customers `[block[0], block[1])`, one number per customer.

    `signed_up` holds the sign-up day of every customer of the store.
    """
    own = signed_up[block[0] : block[1]]
    for name, signals in plan.signals.items():
        need, timeline = plan.needs[name], plan.timelines[name]
        cells = None
        if name != "customers":
            cells = TableCells(
                read_rows(connection, store, name, need.columns, need.placed, timeline, block), timeline
            )
        for ordinal, cutoff in enumerate(plan.cutoffs):
            known = Known(cells, timeline, ordinal, cutoff, own, plan.data_starts[name][ordinal])
            for signal in signals:
                assert signal.function is not None  # the plan holds only signals that are computed
                view: Events = view_of(signal, plan.tables[name], known)
                yield ordinal, signal.name, signal.function(view)


@dataclass(frozen=True)
class Known:
    """Answers about one table and one block at one cutoff, from the cells."""

    cells: TableCells | None
    timeline: Timeline
    ordinal: int
    cutoff: int
    signed_up: IntArray
    data_start: int

    @property
    def n(self) -> int:
        """Return the number of customers."""
        return len(self.signed_up)

    def count(self, selection: Selection, window: Window) -> LongArray:
        """Count rows."""
        return self._cells.count(selection).at(self.ordinal, *self._bins(window))

    def total(self, selection: Selection, column: str, window: Window) -> LongArray:
        """Sum a stored integer column."""
        return self._cells.total(selection, column).at(self.ordinal, *self._bins(window))

    def days(self, selection: Selection, window: Window) -> LongArray:
        """Count distinct local days."""
        return self._cells.days(selection).at(self.ordinal, *self._bins(window))

    def outermost(self, selection: Selection, window: Window, latest: bool, column: str) -> Array:
        """Return a stored column of the latest or first row, `nan` where there is none."""
        position = self._cells.outermost(selection, latest).at(self.ordinal, *self._bins(window))
        chosen = self._cells.chosen(selection)
        values = np.full(self.n, np.nan)
        some = position >= 0
        found = position[some]
        if column == "day":
            values[some] = chosen.day[found]
        else:
            values[some] = self._cells.rows.columns[column][chosen.row[found]]
        return values

    def age(self, selection: Selection, window: Window, latest: bool, column: str) -> Array:
        """Return the days from a day column of the latest or first row to the cutoff."""
        age: Array = self.cutoff - self.outermost(selection, window, latest, column)
        return age

    def covered_days(self, window: Window) -> Array:
        """Return how many days of the window lie after both the sign-up and the table's first row."""
        start = np.maximum(self.signed_up, max(self.cutoff - window[0], self.data_start))
        days: Array = np.maximum(self.cutoff - window[1] - start, 0).astype(np.float64)
        return days

    def reaches(self, window: Window) -> bool:
        """Tell whether the table's data go back to the window's start."""
        return self.data_start <= self.cutoff - window[0]

    def previous(self, selection: Selection, window: Window, column: str) -> Array:
        """Return a stored column of the row before the latest, `nan` where there are not two."""
        chosen, visible = self._visible(selection, window)
        customer = chosen.customer[visible]
        latest = self._latest_of(customer, visible)
        before = visible < latest[customer]
        second = self._latest_of(customer[before], visible[before])
        values = np.full(self.n, np.nan)
        some = second >= 0
        values[some] = self._cells.rows.columns[column][chosen.row[second[some]]]
        return values

    def run_lacking(self, selection: Selection, outcome: str, window: Window) -> LongArray:
        """Count the rows after the latest one whose outcome is known."""
        chosen, visible = self._visible(selection, window)
        known = self._cells.rows.outcome_day(outcome)[chosen.row[visible]] < self.cutoff
        customer = chosen.customer[visible]
        latest = self._latest_of(customer[known], visible[known])
        return np.bincount(customer[visible > latest[customer]], minlength=self.n).astype(np.int64)

    def kinds(self, selection: Selection, window: Window) -> LongArray:
        """Count the distinct kinds."""
        chosen, visible = self._visible(selection, window)
        rows = self._cells.rows
        visible = visible[rows.present["kind"][chosen.row[visible]]]
        kind = rows.columns["kind"][chosen.row[visible]]
        many = int(kind.max(initial=0)) + 1
        pairs = np.unique(chosen.customer[visible].astype(np.int64) * many + kind)
        return np.bincount(pairs // many, minlength=self.n).astype(np.int64)

    def tenure(self) -> Array:
        """Return the days since sign-up."""
        return (self.cutoff - self.signed_up).astype(np.float64)

    def _latest_of(self, customer: IntArray, position: LongArray) -> LongArray:
        latest = np.full(self.n, -1, dtype=np.int64)
        np.maximum.at(latest, customer, position)
        return latest

    def _visible(self, selection: Selection, window: Window) -> tuple[Chosen, LongArray]:
        chosen = self._cells.chosen(selection)
        start, end = self._bins(window)
        seen = (chosen.seen <= self.ordinal) & (chosen.gone > self.ordinal)
        return chosen, np.flatnonzero(seen & (chosen.bin >= start) & (chosen.bin < end))

    def _bins(self, window: Window) -> tuple[int, int]:
        return self.timeline.edge(self.cutoff - window[0]), self.timeline.edge(self.cutoff - window[1])

    @property
    def _cells(self) -> TableCells:
        assert self.cells is not None  # only the customers table has no events
        return self.cells
