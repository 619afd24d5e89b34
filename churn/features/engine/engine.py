"""The engine: signals of a block of customers at every cutoff, from one scan of each table.

A block is the unit of work and of memory; evaluating it needs nothing but the store and the plan.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

import duckdb
import numpy as np

from churn.data.store import Store
from churn.data.tables import Table
from churn.features.engine.aggregates import TableCells
from churn.features.engine.point_in_time import Known
from churn.features.engine.rows import RowReader
from churn.features.engine.timeline import IntArray, Timeline
from churn.features.language.events import Events
from churn.features.language.population import Deferred
from churn.features.language.reader import Array
from churn.features.signal import Signal
from churn.features.tracing import Need, trace, view_of


@dataclass(frozen=True)
class Plan:
    """Signals grouped by table, what each table must give, and since when each table's data are known."""

    cutoffs: tuple[int, ...]
    signals: Mapping[str, tuple[Signal, ...]]
    tables: Mapping[str, Table]
    timelines: Mapping[str, Timeline]
    needs: Mapping[str, Need]
    data_starts: Mapping[str, tuple[int, ...]]
    deferred: Mapping[str, type[Deferred]]

    def only(self, names: Collection[str]) -> Plan:
        """Return the plan of some of the signals, which reads no more than they need."""
        kept = {t: tuple(s for s in found if s.name in names) for t, found in self.signals.items()}
        signals = {table: found for table, found in kept.items() if found}
        return lay_out(self.cutoffs, signals, self.tables, self.data_starts)


def plan(
    store: Store,
    signals: tuple[Signal, ...],
    tables: Mapping[str, Table],
    cutoffs: tuple[int, ...],
    data_starts: Mapping[str, tuple[int, ...]] | None = None,
) -> Plan:
    """Trace the signals and lay out the bins for days `cutoffs`, ascending.

    Raises:
        SignalError: a signal asks for what it may not.
    """
    grouped: dict[str, tuple[Signal, ...]] = {}
    for signal in signals:
        if signal.function is not None:
            grouped[signal.table] = (*grouped.get(signal.table, ()), signal)
    if data_starts is None:
        with store.connect() as connection:
            data_starts = {name: _data_starts(connection, store, name, cutoffs) for name in grouped}
    return lay_out(cutoffs, grouped, tables, data_starts)


def lay_out(
    cutoffs: tuple[int, ...],
    signals: Mapping[str, tuple[Signal, ...]],
    tables: Mapping[str, Table],
    data_starts: Mapping[str, tuple[int, ...]],
) -> Plan:
    """Trace the signals of each table and lay out the bins of their windows.

    Args:
        cutoffs: Day numbers, ascending.
        signals: Those that are computed, by table.
        tables: The contract of each of these tables.
        data_starts: For each table, the first day of the data as known at each cutoff.

    Raises:
        SignalError: a signal asks for what it may not.
    """
    needs = {name: Need() for name in signals}
    deferred: dict[str, type[Deferred]] = {}
    for name, found in signals.items():
        deferred |= trace(found, tables[name], needs[name])
    timelines = {name: Timeline.over(cutoffs, need.windows, need.on_grid) for name, need in needs.items()}
    return Plan(cutoffs, signals, tables, timelines, needs, data_starts, deferred)


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


def evaluate(
    stored: Mapping[str, RowReader],
    plan: Plan,
    signed_up: IntArray,
    block: tuple[int, int],
) -> Iterator[tuple[int, str, Array | Deferred]]:
    """Yield `(cutoff ordinal, signal, values)` for customers `[block[0], block[1])`, one number per customer.

    `stored` has the open tables of the plan; `signed_up` holds the sign-up days of these customers.
    """
    for name, signals in plan.signals.items():
        need, timeline = plan.needs[name], plan.timelines[name]
        cells = None
        if name != "customers":
            rows = stored[name].read(need.columns, need.placed, timeline, block)
            cells = TableCells(rows, timeline)
        for ordinal in range(len(plan.cutoffs)):
            known = Known(cells, timeline, ordinal, signed_up, plan.data_starts[name][ordinal])
            for signal in signals:
                assert signal.function is not None  # the plan holds only signals that are computed
                view: Events = view_of(signal, plan.tables[name], known)
                with np.errstate(invalid="ignore", divide="ignore"):
                    values = signal.function(view)
                yield ordinal, signal.name, values
