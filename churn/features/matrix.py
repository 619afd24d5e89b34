"""Cohort x signals at one or many cutoffs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import duckdb
import numpy as np
import numpy.typing as npt
import pandas as pd

from churn.data.sql import quoted
from churn.data.store import Store, day_number
from churn.data.tables import wanted_tables
from churn.features import engine
from churn.features.cohort import Cohort, Customers, cohorts, read_customers
from churn.features.events import Shrunk
from churn.features.reader import Array
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
        self.blocks = list(engine.blocks(store, self.plan))

    def parts(self, advance: Advance = lambda _: None) -> Iterator[Part]:
        """Yield the parts block by block, within a block cutoff by cutoff; `advance` is told of customers."""
        with self.store.connect() as connection:
            levels = self._levels(connection)
            rates = self._rates(connection)
            for block in self.blocks:
                columns: list[dict[str, Array]] = [{} for _ in self.cutoffs]
                members = [np.flatnonzero(cohort.members[slice(*block)]) for cohort in self.cohorts]
                for ordinal, name, values in self._evaluate(connection, self.plan, block):
                    if isinstance(values, Shrunk):
                        values = values.towards(rates[ordinal, name])
                    columns[ordinal][name] = values[members[ordinal]]
                for ordinal, cohort in enumerate(self.cohorts):
                    codes = members[ordinal] + block[0]
                    static = {name: column[codes] for name, column in levels.items()}
                    both: dict[str, npt.NDArray[np.object_] | Array] = {**columns[ordinal], **static}
                    yield Part(cohort, codes, {signal.name: both[signal.name] for signal in self.signals})
                advance(block[1] - block[0])

    def _evaluate(
        self, connection: duckdb.DuckDBPyConnection, plan: engine.Plan, block: tuple[int, int]
    ) -> Iterator[tuple[int, str, Array | Shrunk]]:
        return engine.evaluate(connection, self.store, plan, self.customers.signed_up, block)

    def _rates(self, connection: duckdb.DuckDBPyConnection) -> dict[tuple[int, str], float]:
        """Compute the cohort's own rate per cutoff for every shrunk signal: a pass over everybody."""
        plan = self.plan.only(self.plan.shrunk)
        hits: dict[tuple[int, str], float] = {}
        trials: dict[tuple[int, str], float] = {}
        for block in self.blocks if self.plan.shrunk else ():
            for ordinal, name, rate in self._evaluate(connection, plan, block):
                assert isinstance(rate, Shrunk)  # the plan holds only those
                members = self.cohorts[ordinal].members[slice(*block)]
                key = ordinal, name
                hits[key] = hits.get(key, 0.0) + float(rate.hits[members].sum())
                trials[key] = trials.get(key, 0.0) + float(rate.trials[members].sum())
        return {key: hits[key] / tried if tried else 0.0 for key, tried in trials.items()}

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
