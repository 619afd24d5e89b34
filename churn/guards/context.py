"""What the guards look at: the store, who has left by the end of the data, and labelled rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from churn.data.sources.table_specs import table_contracts
from churn.data.sql import identifier
from churn.data.store import Store, day_number
from churn.data.tables import Table
from churn.features.engine.cohort import Cohort, Customers, read_customers
from churn.features.engine.matrix import MatrixBuilder, cohorts_at
from churn.features.signal import Signal
from churn.guards.counterfactual_store import sampled
from churn.labels.contract import merged_spells
from churn.labels.labels import labels_at
from churn.labels.outcomes import DROP_REASONS, LEFT, Labels, label_window
from churn.params import Params
from churn.snapshots.dataset import LabelledRows

SAMPLE = 20_000
"""Signals are computed for so many customers at most: thousands of rows are enough to see an AUC of .9."""

CUTOFFS = 6
"""Signals are computed at so many matured cutoffs at most, spread over all of them."""

GONE, HERE, UNKNOWN = 1, 0, -1
"""Whether a customer has left by the end of the data."""

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Ends:
    """State of each customer code at the watermark (gone, here or unknown), and the day of the end.

    The day of a customer who is still here is the last day of the data.
    """

    state: npt.NDArray[np.int8]
    day: Ints


class Company:
    """One company as the guards see it; what is costly is computed once, when first asked for."""

    def __init__(
        self,
        params: Params,
        store: Store,
        signals: Sequence[Signal],
        cutoffs: Sequence[date],
        scratch: Path,
        connection: Any,
    ) -> None:
        self.params = params
        self.store = store
        self.signals = tuple(signals)
        self.matured = tuple(
            day for day in sorted(cutoffs) if label_window(params, day).mature_on <= store.watermark
        )
        self.scratch = scratch
        self._connection = connection
        self._told = False

    @property
    def watermark(self) -> int:
        """Return the day number up to which the data are complete."""
        return day_number(self.store.watermark)

    @cached_property
    def tables(self) -> dict[str, Table]:
        """Return the contracts of the tables, by name."""
        return table_contracts(self.params)

    @property
    def event_tables(self) -> tuple[str, ...]:
        """Return the event tables that hold rows, without attribute histories and our own contacts."""
        no_events = {"customers", "contacts"} | {n for n, table in self.tables.items() if table.is_history}
        return tuple(name for name in self.store.tables if name not in no_events and self.store.has(name))

    @property
    def attributes(self) -> tuple[str, ...]:
        """Return the names of the static attributes."""
        customers = self.params.tables.get("customers")
        return customers.static if customers else ()

    def fetch(self, sql: str) -> dict[str, Any]:
        """Return the columns of a query as arrays: numbers with NaN, and text with None, where missing."""
        self._tell_people()
        table = self._connection.sql(sql).to_arrow_table()
        return {name: table[name].to_numpy() for name in table.column_names}

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        self._tell_people()
        found: list[tuple[Any, ...]] = self._connection.execute(sql).fetchall()
        return found

    def _tell_people(self) -> None:
        """Put `people(customer, signed_up, gone, end_day)` at hand of every query."""
        if not self._told:
            people = {
                "customer": np.arange(self.store.n_customers, dtype=np.int32),
                "signed_up": self.customers.signed_up,
                "gone": self.ends.state,
                "end_day": self.ends.day,
            }
            self._connection.register("people", pa.table(people))
            self._told = True

    @cached_property
    def customers(self) -> Customers:
        """Return all customers."""
        return read_customers(self.store)

    @cached_property
    def levels(self) -> dict[str, npt.NDArray[np.object_]]:
        """Return each static attribute as text by customer code, None where missing."""
        if not self.attributes:
            return {}
        names = ", ".join(identifier(name) for name in self.attributes)
        found = self.fetch(f"SELECT {names} FROM {self.store.scan('customers')} ORDER BY customer")
        return {name: np.asarray(found[name], dtype=object) for name in self.attributes}

    @cached_property
    def ends(self) -> Ends:
        """Return who has left by the watermark, and when.

        Contract: the last spell has ended, and the grace is over. Inactivity: no core event for as long as it
        takes to leave the cohort; whoever was seen within the horizon is here. Between them it is unknown, as
        it is for customers without a core event.
        """
        n = self.store.n_customers
        state, day = np.full(n, UNKNOWN, dtype=np.int8), np.full(n, self.watermark, dtype=np.int64)
        label = self.params.label
        if label.kind == "contract":
            merged = merged_spells(self.store)
            last = np.full(n, -1, dtype=np.int64)
            np.maximum.at(last, merged.customer, merged.end.astype(np.int64))
            seen = last >= 0
            state[seen & (last > self.watermark)] = HERE
            state[seen & (last + label.grace_days <= self.watermark)] = GONE
            ended = seen & (last <= self.watermark)
        else:
            table = label.core_table
            sql = f"SELECT customer, max(day) AS day FROM {self.store.scan(table)} "
            found = self._connection.execute(f"{sql} WHERE day < {self.watermark} GROUP BY 1").fetchnumpy()
            last = np.full(n, -1, dtype=np.int64)
            last[np.asarray(found["customer"])] = np.asarray(found["day"])
            seen = last >= 0
            state[seen & (last >= self.watermark - label.horizon_days)] = HERE
            state[seen & (last < self.watermark - label.days_active)] = GONE
            ended = seen
        day[ended] = last[ended]
        return Ends(state, day)

    @cached_property
    def judged(self) -> list[tuple[Cohort, Labels]]:
        """Return cohort and labels of all customers at every matured cutoff."""
        if not self.matured:
            return []
        return list(
            zip(cohorts_at(self.store, self.matured), labels_at(self.store, self.matured), strict=True)
        )

    @cached_property
    def labelled(self) -> LabelledRows | None:
        """Return the labelled rows of a sample of customers at some matured cutoffs; None without one."""
        if not self.matured or not self.signals:
            return None
        places = np.linspace(0, len(self.matured) - 1, min(CUTOFFS, len(self.matured))).round().astype(int)
        cutoffs = [self.matured[place] for place in np.unique(places)]
        store, codes = self.store, np.arange(self.store.n_customers)
        if self.store.n_customers > SAMPLE:
            codes = np.sort(np.random.default_rng(self.params.train.seed).permutation(codes)[:SAMPLE])
            store = sampled(self.store, codes, self.scratch / "sample")
        decided = dict(zip(cutoffs, labels_at(self.store, cutoffs), strict=True))
        return _labelled(MatrixBuilder(store, self.signals, cutoffs), decided, codes)


def _labelled(builder: MatrixBuilder, decided: dict[date, Labels], codes: Ints) -> LabelledRows | None:
    names = tuple(signal.name for signal in builder.signals)
    text = [place for place, signal in enumerate(builder.signals) if signal.kind == "level"]
    parts: dict[date, list[tuple[npt.NDArray[np.object_], Ints, Labels]]] = {}
    for part in builder.parts():
        label = decided[part.cutoff][codes[part.codes]]
        keep = ~np.isin(label, list(DROP_REASONS))
        matrix = np.empty((int(keep.sum()), len(names)), dtype=object)
        for place, name in enumerate(names):
            matrix[:, place] = part.columns[name][keep]
        parts.setdefault(part.cutoff, []).append((matrix, codes[part.codes[keep]], label[keep]))
    ordered = [(day, one) for day in sorted(parts) for one in parts[day]]
    whole = np.concatenate([matrix for _, (matrix, _, _) in ordered])
    if not len(whole):
        return None
    levels: dict[str, tuple[str, ...]] = {}
    for place in text:
        levels[names[place]] = tuple(sorted({str(v) for v in whole[:, place] if v is not None}))
        order = {level: float(number) for number, level in enumerate(levels[names[place]])}
        whole[:, place] = [np.nan if value is None else order[str(value)] for value in whole[:, place]]
    left = np.concatenate([label for _, (_, _, label) in ordered])
    return LabelledRows(
        names=names,
        levels=levels,
        matrix=whole.astype(np.float64),
        left=(left == LEFT).astype(np.float64),
        customer=np.concatenate([code for _, (_, code, _) in ordered]).astype(np.int64),
        cutoff=np.concatenate([np.full(len(code), day_number(day)) for day, (_, code, _) in ordered]),
    )


@contextmanager
def opened(
    params: Params, store: Store, signals: Sequence[Signal], cutoffs: Sequence[date], scratch: Path
) -> Iterator[Company]:
    """Open a company for the guards."""
    with store.connect() as connection:
        yield Company(params, store, signals, cutoffs, scratch, connection)
