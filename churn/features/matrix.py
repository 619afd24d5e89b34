"""Cohort x signals at one or many cutoffs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, TypeVar

import duckdb
import numpy as np
import numpy.typing as npt
import pandas as pd

from churn.data.sql import quoted
from churn.data.store import Store, day_number
from churn.data.tables import wanted_tables
from churn.features import blocks, engine
from churn.features.cohort import Cohort, Customers, cohorts, read_customers
from churn.features.executors import executor_of
from churn.features.reader import Array
from churn.features.signal import Signal

R = TypeVar("R")
Advance = Callable[[int], None]


@dataclass(frozen=True)
class Matrix:
    """One cutoff: `frame` holds customer_id and the signals of the cohort, `roster` every known customer."""

    cutoff: date
    frame: pd.DataFrame
    roster: pd.DataFrame


@dataclass(frozen=True)
class Part:
    """The cohort's rows of one block at one cutoff: customer codes and one array per signal."""

    cohort: Cohort
    codes: npt.NDArray[np.int64]
    columns: Mapping[str, npt.NDArray[np.float64] | npt.NDArray[np.object_]]


class Builder:
    """Computes the signals of all cutoffs together, block by block of customers."""

    def __init__(self, store: Store, signals: Sequence[Signal], cutoffs: Sequence[date]) -> None:
        self.store = store
        self.signals = tuple(sorted(signals, key=lambda signal: signal.name))
        self.cutoffs = tuple(sorted(cutoffs))
        self.customers: Customers = read_customers(store)
        self.cohorts = cohorts(store, self.customers, self.cutoffs)
        tables = {wanted.table.name: wanted.table for wanted in wanted_tables(store.params)}
        self.plan = engine.plan(store, self.signals, tables, tuple(day_number(c) for c in self.cutoffs))
        members = np.stack([cohort.members for cohort in self.cohorts])
        self.blocks = blocks.cut(store, self.plan, self.customers.signed_up, members)

    def parts(self, advance: Advance = lambda _: None) -> Iterator[Part]:
        """Yield the parts block by block, within a block cutoff by cutoff; `advance` is told of customers."""
        with self.store.connect() as connection:
            levels = self._levels(connection)
        for block, found in zip(self.blocks, self.map(blocks.columns), strict=True):
            for ordinal, cohort in enumerate(self.cohorts):
                codes = np.flatnonzero(block.members[ordinal]) + block.first
                static = {name: column[codes] for name, column in levels.items()}
                both: dict[str, npt.NDArray[np.object_] | Array] = {**found[ordinal], **static}
                yield Part(cohort, codes, {signal.name: both[signal.name] for signal in self.signals})
            advance(block.end - block.first)

    def map(self, function: Callable[[blocks.Worker, blocks.Block], R]) -> Iterator[R]:
        """Let the executor apply a function to every block, the whole cohort being known to each."""
        computed = tuple(signal for signal in self.signals if signal.function is not None)
        rows = sum(self.store.tables[table].rows for table in self.plan.signals)
        names = tuple(signal.name for signal in computed)
        job = blocks.Job(self.store.params, names, self.plan.cutoffs, self.plan.data_starts)
        executor = executor_of(job, self.blocks, rows, computed)
        if self.plan.deferred:
            job = replace(
                job, wholes=_wholes(list(executor.map(blocks.summaries, job, self.blocks)), self.plan)
            )
        yield from executor.map(function, job, self.blocks)

    def _levels(self, connection: duckdb.DuckDBPyConnection) -> dict[str, npt.NDArray[np.object_]]:
        names = [signal.name for signal in self.signals if signal.kind == "level"]
        if not names:
            return {}
        selected = ", ".join(quoted(name) for name in names)
        frame = connection.sql(
            f"SELECT {selected} FROM {self.store.scan('customers')} ORDER BY customer"
        ).df()
        return {
            name: frame[name].astype(object).where(frame[name].notna(), None).to_numpy() for name in names
        }


def _wholes(
    summaries: Sequence[Mapping[tuple[int, str], Any]], plan: engine.Plan
) -> dict[tuple[int, str], Any]:
    """Put the summaries of all blocks together, by cutoff ordinal and signal."""
    return {
        key: plan.deferred[key[1]].merged([summary[key] for summary in summaries])
        for key in (summaries[0] if summaries else {})
    }


def matrix_at(
    store: Store, signals: Sequence[Signal], cutoff: date, advance: Advance = lambda _: None
) -> Matrix:
    """Compute the signals of the cohort at one cutoff, customers in the order of their ids."""
    builder = Builder(store, signals, [cutoff])
    parts = list(builder.parts(advance))
    codes = np.concatenate([part.codes for part in parts]) if parts else np.zeros(0, dtype=np.int64)
    columns = {"customer_id": pd.Series(builder.customers.ids[codes], dtype="str")}
    for signal in builder.signals:
        values = [part.columns[signal.name] for part in parts]
        kind = "str" if signal.kind == "level" else "float64"
        columns[signal.name] = pd.Series(np.concatenate(values) if values else [], dtype=kind)
    cohort = builder.cohorts[0]
    known = np.flatnonzero(cohort.known)
    roster = pd.DataFrame(
        {
            "customer_id": pd.Series(builder.customers.ids[known], dtype="str"),
            "excluded_because": pd.Series(cohort.excluded_because[known], dtype="str"),
        }
    )
    return Matrix(cutoff, pd.DataFrame(columns), roster)
