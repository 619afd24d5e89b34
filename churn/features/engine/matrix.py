"""Compute the signals of the cohort at one or many cutoffs, as a table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pandas as pd

from churn.data.sources.table_specs import table_contracts
from churn.data.sql import identifier
from churn.data.store import Store, day_number
from churn.features.attributes import level_names
from churn.features.engine import blocks
from churn.features.engine.cohort import AT_RISK, Codes, Cohort, Customers, exclusion_signal, read_customers
from churn.features.engine.executors import Executor, executor_of, processes_for
from churn.features.engine.plan import Plan, make_plan
from churn.features.language.reader import Array
from churn.features.signal import Signal

Advance = Callable[[int], None]


@dataclass(frozen=True)
class Matrix:
    """The signals of the customers at risk at one cutoff.

    Attributes:
        cutoff: The day of the cutoff.
        frame: The `customer_id` and the signals of each customer at risk.
        roster: The `customer_id` of each known customer and, if the customer is not at risk, why not.
    """

    cutoff: date
    frame: pd.DataFrame
    roster: pd.DataFrame


@dataclass(frozen=True)
class Part:
    """The signals of those customers in one block who are at risk at one cutoff.

    Attributes:
        cutoff: The day of the cutoff.
        codes: The position of each customer among all customers of the store, `[n]`.
        columns: The values of each signal, `[n]`, by the name of the signal.
    """

    cutoff: date
    codes: npt.NDArray[np.int64]
    columns: Mapping[str, npt.NDArray[np.float64] | npt.NDArray[np.object_]]


class MatrixBuilder:
    """Computes the signals of all cutoffs together, block by block of customers."""

    def __init__(
        self,
        store: Store,
        signals: Sequence[Signal],
        cutoffs: Sequence[date],
        customers: Customers | None = None,
    ) -> None:
        self.store = store
        self.signals = tuple(sorted(signals, key=lambda signal: signal.name))
        self.cutoffs = tuple(sorted(cutoffs))
        self.customers: Customers = customers or read_customers(store)
        tables = table_contracts(store.params)
        signals_to_compute = (exclusion_signal(store), *self.signals)
        self.plan = make_plan(store, signals_to_compute, tables, tuple(day_number(c) for c in self.cutoffs))
        self._processes = processes_for(store, self.plan.signals)
        self.blocks = blocks.cut_into_blocks(store, self.plan, self.customers, self._processes)
        self.sample = blocks.population_sample(self.customers)
        self._cohorts: list[Cohort] | None = None

    @property
    def cohorts(self) -> list[Cohort]:
        """Return the cohort of each cutoff; until signals are computed, only the label's table is read."""
        if self._cohorts is None:
            with self._executor() as executor:
                self._cohorts = self._cohorts_of(list(executor.map(blocks.block_status, self.blocks)))
        return self._cohorts

    def parts(self, advance: Advance = lambda _: None) -> Iterator[Part]:
        """Compute the signals block by block; yield for each block of customers one part per cutoff.

        `advance` is called after each block with its number of customers.
        """
        with self.store.connect() as connection:
            static_levels = self._static_levels(connection)
        levels_of = {
            signal.name: self.store.tables[signal.table].levels[signal.level_of]
            for signal in self.signals
            if signal.level_of
        }
        status = []
        for block, result in zip(self.blocks, self._results(), strict=True):
            status.append(result.status)
            for ordinal, cutoff in enumerate(self.cutoffs):
                codes = np.flatnonzero(result.status[ordinal] == AT_RISK) + block.first
                values = result.signals[ordinal]
                columns: dict[str, npt.NDArray[np.object_] | Array] = {**values}
                columns |= {name: levels[codes] for name, levels in static_levels.items()}
                columns |= {name: level_names(values[name], levels) for name, levels in levels_of.items()}
                yield Part(cutoff, codes, {signal.name: columns[signal.name] for signal in self.signals})
            advance(block.end - block.first)
        self._cohorts = self._cohorts_of(status)

    def _results(self) -> Iterator[blocks.BlockResult]:
        """Let the executor compute the statistics over all customers, then the signals of each block."""
        with self._executor() as executor:
            summaries = (
                list(executor.map(blocks.block_summaries, self.sample)) if self.plan.cohort_values else []
            )
            populations = _merge(summaries, self.plan)
            yield from executor.map(partial(blocks.block_signals, populations=populations), self.blocks)

    def _executor(self) -> AbstractContextManager[Executor]:
        with_function = tuple(signal for signal in self.signals if signal.function is not None)
        names = tuple(signal.name for signal in with_function)
        job = blocks.Job(self.store.params, names, self.plan.cutoffs, self.plan.data_starts)
        return executor_of(job, self._processes, self.blocks, with_function)

    def _cohorts_of(self, status_of_blocks: Sequence[Codes]) -> list[Cohort]:
        status = np.concatenate(status_of_blocks, axis=1)
        return [Cohort(cutoff, status[ordinal]) for ordinal, cutoff in enumerate(self.cutoffs)]

    def _static_levels(self, connection: duckdb.DuckDBPyConnection) -> dict[str, npt.NDArray[np.object_]]:
        """Read the attributes that never change: one array over all customers per attribute."""
        names = [signal.name for signal in self.signals if signal.function is None]
        if not names:
            return {}
        columns = ", ".join(identifier(name) for name in names)
        frame = connection.sql(f"SELECT {columns} FROM {self.store.scan('customers')} ORDER BY customer").df()
        return {
            name: frame[name].astype(object).where(frame[name].notna(), None).to_numpy() for name in names
        }


def _merge(summaries: Sequence[Mapping[tuple[int, str], Any]], plan: Plan) -> dict[tuple[int, str], Any]:
    """Merge the blocks' summaries into statistics over all customers.

    If there are many customers, the summaries cover only a sample of the customers. A key holds the index of
    a cutoff and the name of a signal.
    """
    return {
        key: plan.cohort_values[key[1]].merge([summary[key] for summary in summaries])
        for key in (summaries[0] if summaries else {})
    }


def cohorts_at(store: Store, cutoffs: Sequence[date]) -> list[Cohort]:
    """Return the cohort of each cutoff, from what was known at the cutoff.

    Customers who have objected to being contacted are left out, also if they objected after the cutoff.
    """
    return MatrixBuilder(store, (), cutoffs).cohorts


def cohorts_without_objections(store: Store, cutoffs: Sequence[date]) -> list[Cohort]:
    """Return the cohort of each cutoff, as if no customer had objected to being contacted.

    A measurement needs all customers who were at risk at the cutoff. A later objection may be the answer to a
    contact, and it does not change who was at risk or who left.
    """
    customers = read_customers(store)
    nobody = np.zeros(len(customers.ids), dtype=bool)
    return MatrixBuilder(store, (), cutoffs, replace(customers, has_objected=nobody)).cohorts


def matrix_at(
    store: Store, signals: Sequence[Signal], cutoff: date, advance: Advance = lambda _: None
) -> Matrix:
    """Compute the signals of the cohort at one cutoff; customers are ordered by id.

    Args:
        store: The store to read.
        signals: The signals to compute; they become columns in the order of their names.
        cutoff: The day of the cutoff. What happened or became known on this day or later does not count.
        advance: The function that is called after each block of customers, with the number of customers in
            it.
    """
    builder = MatrixBuilder(store, signals, [cutoff])
    parts = list(builder.parts(advance))
    codes = np.concatenate([part.codes for part in parts]) if parts else np.zeros(0, dtype=np.int64)
    columns = {"customer_id": pd.Series(builder.customers.ids[codes], dtype="str")}
    for signal in builder.signals:
        values = [part.columns[signal.name] for part in parts]
        kind = "str" if signal.kind == "level" else "float64"
        columns[signal.name] = pd.Series(np.concatenate(values) if values else [], dtype=kind)
    cohort = builder.cohorts[0]
    signed_up = np.flatnonzero(cohort.signed_up)
    roster = pd.DataFrame(
        {
            "customer_id": pd.Series(builder.customers.ids[signed_up], dtype="str"),
            "excluded_because": pd.Series(cohort.excluded_because[signed_up], dtype="str"),
        }
    )
    return Matrix(cutoff, pd.DataFrame(columns), roster)
