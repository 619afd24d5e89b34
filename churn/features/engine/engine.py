"""Compute the signals of a block of customers at every cutoff; each table is scanned once.

A process computes one block at a time, so the size of a block limits the memory that is needed. To evaluate a
block, only the store and the plan are needed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

import duckdb
import numpy as np

from churn.data.store import Store
from churn.data.tables import Table
from churn.features.engine.aggregates import TableAggregates
from churn.features.engine.point_in_time import PointInTime
from churn.features.engine.rows import RowReader
from churn.features.engine.timeline import IntArray, Timeline
from churn.features.language.events import Events
from churn.features.language.population import CohortValue
from churn.features.language.reader import Array
from churn.features.signal import Signal
from churn.features.tracing import Need, trace, view_of


@dataclass(frozen=True)
class Plan:
    """The signals to compute, and what they read.

    Every field is keyed by table name, except `cutoffs` and `cohort_values`.

    Attributes:
        cutoffs: The day numbers of the cutoffs, ascending.
        signals: The signals to compute.
        tables: The definition of each table: its columns and their meaning.
        timelines: The cutoffs, and the bins of all windows, for each table.
        needs: The rows and columns that the signals read.
        data_starts: One day for each cutoff: the first day of the rows that were visible at this cutoff.
        cohort_values: By signal name, the subclass of `CohortValue` that the signal returns. Only signals
            whose values also depend on other customers have an entry.
    """

    cutoffs: tuple[int, ...]
    signals: Mapping[str, tuple[Signal, ...]]
    tables: Mapping[str, Table]
    timelines: Mapping[str, Timeline]
    needs: Mapping[str, Need]
    data_starts: Mapping[str, tuple[int, ...]]
    cohort_values: Mapping[str, type[CohortValue]]

    def subset(self, names: Collection[str]) -> Plan:
        """Return the plan of some of the signals; it reads only what these signals need."""
        by_table = {t: tuple(s for s in signals if s.name in names) for t, signals in self.signals.items()}
        signals = {table: of_table for table, of_table in by_table.items() if of_table}
        return lay_out(self.cutoffs, signals, self.tables, self.data_starts)


def make_plan(
    store: Store,
    signals: tuple[Signal, ...],
    tables: Mapping[str, Table],
    cutoffs: tuple[int, ...],
    data_starts: Mapping[str, tuple[int, ...]] | None = None,
) -> Plan:
    """Return the plan by which the engine computes the signals; signals without a function are left out.

    Args:
        store: The store to read; it gives the first day of each table if `data_starts` is None.
        signals: The signals to compute.
        tables: The definition of each table (its columns and their meaning), by table name.
        cutoffs: The day numbers of the cutoffs, ascending.
        data_starts: For each table, one day for each cutoff: the first day of the rows that were visible at
            this cutoff.

    Raises:
        SignalError: a signal uses its table in a way that is not allowed.
    """
    by_table: dict[str, tuple[Signal, ...]] = {}
    for signal in signals:
        if signal.function is not None:
            by_table[signal.table] = (*by_table.get(signal.table, ()), signal)
    if data_starts is None:
        with store.connect() as connection:
            data_starts = {name: _data_starts(connection, store, name, cutoffs) for name in by_table}
    return lay_out(cutoffs, by_table, tables, data_starts)


def lay_out(
    cutoffs: tuple[int, ...],
    signals: Mapping[str, tuple[Signal, ...]],
    tables: Mapping[str, Table],
    data_starts: Mapping[str, tuple[int, ...]],
) -> Plan:
    """Find out what the signals of each table read, and lay out the bins of their windows.

    Args:
        cutoffs: The day numbers of the cutoffs, ascending.
        signals: The signals of each table; each signal must have a function.
        tables: The definition of each table (its columns and their meaning), by table name.
        data_starts: For each table, one day for each cutoff: the first day of the rows that were visible at
            this cutoff.

    Raises:
        SignalError: a signal uses its table in a way that is not allowed.
    """
    needs = {name: Need() for name in signals}
    cohort_values: dict[str, type[CohortValue]] = {}
    for name, of_table in signals.items():
        cohort_values |= trace(of_table, tables[name], needs[name])
    timelines = {name: Timeline.over(cutoffs, need.windows, need.on_grid) for name, need in needs.items()}
    return Plan(cutoffs, signals, tables, timelines, needs, data_starts, cohort_values)


def _data_starts(
    connection: duckdb.DuckDBPyConnection, store: Store, table: str, cutoffs: tuple[int, ...]
) -> tuple[int, ...]:
    """Return, per cutoff, the first day of the table's rows that were visible at this cutoff."""
    if not store.tables[table].two_clocks:
        first = store.tables[table].first_day
        return tuple(min(cutoff, first if first is not None else cutoff) for cutoff in cutoffs)
    rows = connection.execute(
        f"SELECT greatest(day, known_day) AS visible, min(day) FROM {store.scan(table)} GROUP BY 1"
    ).fetchall()
    return tuple(min([day for since, day in rows if since < cutoff], default=cutoff) for cutoff in cutoffs)


def evaluate(
    tables: Mapping[str, RowReader],
    plan: Plan,
    signed_up: IntArray,
    block: tuple[int, int],
) -> Iterator[tuple[int, str, Array | CohortValue]]:
    """Yield `(index of the cutoff, signal name, values)` for a block of customers, table by table.

    The values hold one number for each customer of the block.

    Args:
        tables: The open tables of the plan, by name.
        plan: The signals to compute.
        signed_up: The sign-up days of the block's customers, `[n]`.
        block: The customer codes `[first, end)`.
    """
    for name, signals in plan.signals.items():
        need, timeline = plan.needs[name], plan.timelines[name]
        aggregates = None
        if name != "customers":
            rows = tables[name].read(need.columns, need.placing_outcomes, timeline, block)
            aggregates = TableAggregates(rows, timeline)
        for ordinal in range(len(plan.cutoffs)):
            reader = PointInTime(aggregates, timeline, ordinal, signed_up, plan.data_starts[name][ordinal])
            for signal in signals:
                assert signal.function is not None  # the plan holds only signals that are computed
                view: Events = view_of(signal, plan.tables[name], reader)
                with np.errstate(invalid="ignore", divide="ignore"):
                    values = signal.function(view)
                yield ordinal, signal.name, values
