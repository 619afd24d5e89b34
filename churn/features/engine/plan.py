"""Plan the computation of signals: find out what each signal reads and costs, and lay out its windows.

A signal is called once on an empty block of customers; a tracer records what the signal reads.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

import duckdb
import numpy as np

from churn.data.sources.table_specs import table_contracts
from churn.data.store import Store
from churn.data.tables import CANONICAL_TABLES, Table
from churn.errors import SignalError
from churn.features.engine.timeline import Timeline
from churn.features.language.cost import Cost
from churn.features.language.events import Events
from churn.features.language.population import CohortValue
from churn.features.language.reader import Array, LongArray, RowSequence, Selection, Window
from churn.features.signal import Signal
from churn.params import Params


@dataclass
class Need:
    """What the signals of one table read.

    Attributes:
        windows: The windows of days that the signals read, each as `(days, skip)` (see `Window`).
        columns: The stored columns that the signals read.
        placing_outcomes: The outcome columns, such as `closed_at`, that signals give to `Events.by`.
            `Events.by` makes a row count at the time of its outcome, and not at the row's own time.
        on_grid: Whether the `Timeline` must also have a boundary every `GRID_DAYS` days; decayed sums need
            this.
        in_order: Whether a signal reads single rows in their order, instead of only counts and sums.
    """

    windows: set[Window] = field(default_factory=set)
    columns: set[str] = field(default_factory=set)
    placing_outcomes: set[str] = field(default_factory=set)
    on_grid: bool = False
    in_order: bool = False


@dataclass
class Tracer:
    """A `Reader` that has no customers; it records in `need` what the signals read."""

    need: Need
    n: int = 0
    cutoff: int = 0

    def count(self, selection: Selection, window: Window) -> Array:
        """Record that a signal counts rows."""
        return self._record(selection, window)

    def total(self, selection: Selection, column: str, window: Window) -> LongArray:
        """Record that a signal sums a column.

        Args:
            selection: The rows that count.
            column: A stored integer column, or `day`, the day on which a row counts.
            window: The pair `(days, skip)`, which stands for `[cutoff - days, cutoff - skip)`.
        """
        return self._record(selection, window, column).astype(np.int64)

    def days(self, selection: Selection, window: Window) -> Array:
        """Record that a signal counts distinct days."""
        return self._record(selection, window)

    def extreme(self, selection: Selection, column: str, window: Window, highest: bool) -> Array:
        """Record that a signal reads the highest or lowest value of a column.

        Args:
            selection: The rows that count.
            column: A stored column.
            window: The pair `(days, skip)`, which stands for `[cutoff - days, cutoff - skip)`.
            highest: True for the highest value, False for the lowest value.
        """
        return self._record(selection, window, column)

    def decayed_count(self, selection: Selection, half_life: int, window: Window) -> Array:
        """Record that a signal reads a decayed sum.

        Args:
            selection: The rows that count.
            half_life: The half-life in days.
            window: The pair `(days, skip)`, which stands for `[cutoff - days, cutoff - skip)`.
        """
        self.need.on_grid = True
        return self._record(selection, window)

    def outermost(self, selection: Selection, window: Window, latest: bool, column: str) -> Array:
        """Record that a signal reads a value of each customer's latest or first row.

        Args:
            selection: The rows that count.
            window: The pair `(days, skip)`, which stands for `[cutoff - days, cutoff - skip)`.
            latest: True for the latest row, False for the first row.
            column: A stored column, or `day`, the day on which a row counts.
        """
        return self._record(selection, window, column)

    def sequence(
        self, selection: Selection, window: Window, columns: tuple[str, ...], distinct_days: bool = False
    ) -> RowSequence:
        """Record that a signal reads single rows in their order; return no rows.

        Args:
            selection: The rows that count.
            window: The pair `(days, skip)`, which stands for `[cutoff - days, cutoff - skip)`.
            columns: The stored columns that the signal reads in addition to `day`.
            distinct_days: Whether the signal reads only one row per customer and local day.
        """
        self.need.in_order = True
        self._record(selection, window, *columns)
        empty = np.zeros(0, dtype=np.int64)
        return RowSequence(0, empty, dict.fromkeys((*columns, "day"), empty))

    def covered_days(self, window: Window) -> Array:
        """Record the window."""
        self.need.windows.add(window)
        return np.zeros(0)

    def reaches(self, window: Window) -> bool:
        """Record the window."""
        self.need.windows.add(window)
        return True

    def covers(self, window: Window) -> None:
        """Record the window."""
        self.need.windows.add(window)

    def tenure(self) -> Array:
        """Record nothing: the sign-up days are always read."""
        return np.zeros(0)

    def _record(self, selection: Selection, window: Window, *columns: str) -> Array:
        self.need.windows.add(window)
        self.need.columns |= {f"{outcome}_day" for outcome in selection.outcomes}
        self.need.columns |= {name for name in (*columns, selection.value) if name and name != "day"}
        self.need.columns |= {column for column, _ in selection.names}
        if selection.placed_by:
            self.need.placing_outcomes.add(selection.placed_by)
            # This column orders the outcomes of one day.
            self.need.columns.add(f"{selection.placed_by}_after")
        return np.zeros(0)


def view_of(signal: Signal, table: Table, reader: object) -> Events:
    """Return the view of a table's rows, an `Events`, that is passed to a signal's function.

    Args:
        signal: The signal to compute.
        table: The contract of the signal's table: its name and its columns.
        reader: The `Reader` from which the view gets counts and values.
    """
    return Events(table, reader, signal.name, signal.looks_back, (signal.looks_back, 0))  # type: ignore[arg-type]


def trace(signals: Iterable[Signal], table: Table, need: Need) -> dict[str, type[CohortValue]]:
    """Record in `need` what the signals of one table read.

    Args:
        signals: The signals of the table.
        table: The contract of the signals' table: its name and its columns.
        need: The record that this function fills in.

    Returns:
        A mapping from a signal's name to the type of `CohortValue` that the signal returns. Only signals
        whose values also depend on other customers have an entry.

    Raises:
        SignalError: a signal calls a method of its view in a way that is not allowed, such as with an empty
            window, or returns no number per customer. The error lists all problems.
    """
    cohort_values: dict[str, type[CohortValue]] = {}
    problems: list[str] = []
    for signal in signals:
        if signal.function is None:
            continue
        try:
            values = signal.function(view_of(signal, table, Tracer(need)))
        except SignalError as error:
            problems += error.problems
            continue
        if isinstance(values, CohortValue):
            cohort_values[signal.name] = type(values)
        elif not isinstance(values, np.ndarray) or values.shape != (0,):
            problems.append(
                f"{signal.name}: the signal returns {type(values).__name__}, but must return one number "
                "per customer."
            )
    if problems:
        raise SignalError(*problems)
    return cohort_values


def costs_of(signals: Iterable[Signal], params: Params) -> dict[str, Cost]:
    """Return the computing cost of each signal, by its name; the store need not have the signal's table."""
    tables = {**CANONICAL_TABLES, **table_contracts(params)}
    return {signal.name: cost_of(signal, tables[signal.table]) for signal in signals}


def cost_of(signal: Signal, table: Table) -> Cost:
    """Return the computing cost of the most expensive verb (a method of the view) that a signal calls."""
    if signal.function is None:
        return Cost.FOLDS
    need = Need()
    if trace([signal], table, need):
        return Cost.COHORT
    return Cost.PASSES if need.in_order else Cost.FOLDS


@dataclass(frozen=True)
class Plan:
    """The signals to compute, and what they read.

    Every field is keyed by table name, except `cutoffs` and `cohort_values`.

    Attributes:
        cutoffs: The day numbers of the cutoffs, ascending.
        signals: The signals to compute.
        tables: The definition of each table: its columns and their meaning.
        timelines: The cutoffs, and the bins (ranges of days) that make up the windows.
        needs: The rows and columns that the signals read.
        data_starts: For each cutoff, the day of the earliest row that was visible at the cutoff.
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
        data_starts: For each table and each cutoff, the day of the earliest row that was visible at the
            cutoff.

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
        data_starts: For each table and each cutoff, the day of the earliest row that was visible at the
            cutoff.

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
    """Return for each cutoff the day of the table's earliest row that was visible at the cutoff."""
    if not store.tables[table].two_clocks:
        first = store.tables[table].first_day
        return tuple(min(cutoff, first if first is not None else cutoff) for cutoff in cutoffs)
    rows = connection.execute(
        f"SELECT greatest(day, known_day) AS visible, min(day) FROM {store.scan(table)} GROUP BY 1"
    ).fetchall()
    return tuple(min([day for since, day in rows if since < cutoff], default=cutoff) for cutoff in cutoffs)
