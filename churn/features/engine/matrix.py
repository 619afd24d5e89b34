"""Cohort x signals at one or many cutoffs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
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
from churn.features.attributes import names_of
from churn.features.engine import blocks, engine
from churn.features.engine.cohort import AT_RISK, Codes, Cohort, Customers, judging, read_customers
from churn.features.engine.executors import Executor, executor_of, processes_for
from churn.features.language.reader import Array
from churn.features.signal import Signal

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

    cutoff: date
    codes: npt.NDArray[np.int64]
    columns: Mapping[str, npt.NDArray[np.float64] | npt.NDArray[np.object_]]


class Builder:
    """Computes the signals of all cutoffs together, block by block of customers."""

    def __init__(self, store: Store, signals: Sequence[Signal], cutoffs: Sequence[date]) -> None:
        self.store = store
        self.signals = tuple(sorted(signals, key=lambda signal: signal.name))
        self.cutoffs = tuple(sorted(cutoffs))
        self.customers: Customers = read_customers(store)
        tables = table_contracts(store.params)
        asked = (judging(store), *self.signals)
        self.plan = engine.plan(store, asked, tables, tuple(day_number(c) for c in self.cutoffs))
        self._processes = processes_for(store, self.plan.signals)
        self.blocks = blocks.cut(store, self.plan, self.customers, self._processes)
        self.asked = blocks.sample(self.customers)
        self._cohorts: list[Cohort] | None = None

    @property
    def cohorts(self) -> list[Cohort]:
        """Return who is at risk at each cutoff; before parts were made, by a look at the label's table."""
        if self._cohorts is None:
            with self._executor() as executor:
                self._cohorts = self._judged(list(executor.map(blocks.left_out, self.blocks)))
        return self._cohorts

    def parts(self, advance: Advance = lambda _: None) -> Iterator[Part]:
        """Yield the parts block by block, within a block cutoff by cutoff; `advance` is told of customers."""
        with self.store.connect() as connection:
            levels = self._levels(connection)
        coded = {
            signal.name: self.store.tables[signal.table].levels[signal.level_of]
            for signal in self.signals
            if signal.level_of
        }
        left_out = []
        for block, found in zip(self.blocks, self._found(), strict=True):
            left_out.append(found.left_out)
            for ordinal, cutoff in enumerate(self.cutoffs):
                codes = np.flatnonzero(found.left_out[ordinal] == AT_RISK) + block.first
                both: dict[str, npt.NDArray[np.object_] | Array] = {**found.columns[ordinal]}
                both |= {name: column[codes] for name, column in levels.items()}
                both |= {name: names_of(found.columns[ordinal][name], told) for name, told in coded.items()}
                yield Part(cutoff, codes, {signal.name: both[signal.name] for signal in self.signals})
            advance(block.end - block.first)
        self._cohorts = self._judged(left_out)

    def _found(self) -> Iterator[blocks.Found]:
        """Let the executor compute every block: the picture of everybody first, then all signals."""
        with self._executor() as executor:
            said = list(executor.map(blocks.summaries, self.asked)) if self.plan.deferred else []
            wholes = _wholes(said, self.plan)
            yield from executor.map(partial(blocks.columns, wholes=wholes), self.blocks)

    def _executor(self) -> AbstractContextManager[Executor]:
        computed = tuple(signal for signal in self.signals if signal.function is not None)
        names = tuple(signal.name for signal in computed)
        job = blocks.Job(self.store.params, names, self.plan.cutoffs, self.plan.data_starts)
        return executor_of(job, self._processes, self.blocks, computed)

    def _judged(self, left_out: Sequence[Codes]) -> list[Cohort]:
        codes = np.concatenate(left_out, axis=1)
        return [Cohort(cutoff, codes[ordinal]) for ordinal, cutoff in enumerate(self.cutoffs)]

    def _levels(self, connection: duckdb.DuckDBPyConnection) -> dict[str, npt.NDArray[np.object_]]:
        names = [signal.name for signal in self.signals if signal.function is None]
        if not names:
            return {}
        selected = ", ".join(identifier(name) for name in names)
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


def cohorts_at(store: Store, cutoffs: Sequence[date]) -> list[Cohort]:
    """Judge every customer at every cutoff, by what was known then; objections count as of today."""
    return Builder(store, (), cutoffs).cohorts


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
