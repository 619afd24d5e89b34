"""Prepare what the guards need to check the data: the store, who has left, and the labelled rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import date
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from churn.data.label_events import CUSTOMER, DAY, event_rows
from churn.data.sources.connections import open_source
from churn.data.sources.source import Source
from churn.data.sources.table_specs import TableSpec, table_specs
from churn.data.sql import identifier
from churn.data.store import Store, day_number
from churn.data.tables import NO_EVENTS, Table
from churn.features.engine.cohort import Cohort, Customers, read_customers
from churn.features.engine.matrix import MatrixBuilder, cohorts_at
from churn.features.signal import Signal
from churn.guards.counterfactual_store import write_sample
from churn.labels.contract import merged_spells
from churn.labels.labels import labels_at
from churn.labels.outcomes import DROP_REASONS, LEFT, Labels, label_window
from churn.params import LabelParams
from churn.snapshots.dataset import LabelledRows

MAX_SIGNAL_CUSTOMERS = 20_000
"""The largest number of customers for which signals are computed. With thousands of rows, a guard can see an
AUC of .9.
"""

MAX_SIGNAL_CUTOFFS = 6
"""The largest number of cutoffs at which signals are computed, spread over all cutoffs with known labels."""

HAS_LEFT, ACTIVE, UNKNOWN_STATE = 1, 0, -1
"""The state of a customer at the end of the data; the SQL column `people.gone` holds the state."""

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class CustomerEnds:
    """The state of each customer at the watermark, by customer code.

    Attributes:
        state: `HAS_LEFT`, `ACTIVE` or `UNKNOWN_STATE`.
        day: The day number of the customer's end. If contracts decide the label, this is the day on which
            the last contract ended. If an event decides it, this is the day of the first such event. If
            inactivity decides it, this is the day of the last core event. If the customer has no end before
            the watermark, `day` is the watermark.
    """

    state: npt.NDArray[np.int8]
    day: Ints

    @property
    def has_left(self) -> npt.NDArray[np.bool_]:
        """Return which customers have left, shape (customers,)."""
        return np.asarray(self.state == HAS_LEFT)

    @property
    def has_known_state(self) -> npt.NDArray[np.bool_]:
        """Return which customers have a known state (have left, or are active), shape (customers,)."""
        return np.asarray(self.state != UNKNOWN_STATE)

    @property
    def left_share(self) -> float | None:
        """Return the share of customers with a known state who have left; None if no state is known."""
        return float(self.has_left[self.has_known_state].mean()) if self.has_known_state.any() else None


class GuardContext:
    """The data of one company, as its guards need them; expensive parts are computed only when first used.

    Attributes:
        store: The data.
        signals: The selected signals.
        cutoffs: The cutoffs whose labels are known, in order.
        label: The definition of the label.
        specs: For each table of params.yaml, its columns and where its rows come from, by the table's name.
        attributes: The names of the static attributes.
        seed: The seed of the samples of customers.
        scratch: A folder for temporary files.
        rejects: The folder of the rejected rows, with a file per table.
        source: A function that opens the raw tables.
    """

    def __init__(
        self,
        *,
        store: Store,
        signals: Sequence[Signal],
        cutoffs: Sequence[date],
        label: LabelParams,
        specs: Mapping[str, TableSpec],
        attributes: Sequence[str],
        seed: int,
        scratch: Path,
        rejects: Path,
        source: Callable[[], AbstractContextManager[Source]],
        connection: Any,
    ) -> None:
        self.store = store
        self.signals = tuple(signals)
        self.cutoffs = tuple(cutoffs)
        self.label = label
        self.specs = specs
        self.attributes = tuple(attributes)
        self.seed = seed
        self.scratch = scratch
        self.rejects = rejects
        self.source = source
        self._connection = connection
        self._has_people_table = False

    @property
    def watermark(self) -> int:
        """Return the day number up to which the data are complete."""
        return day_number(self.store.watermark)

    @cached_property
    def tables(self) -> dict[str, Table]:
        """Return the definition of each table of the company, with its columns, by the table's name."""
        return {name: spec.table for name, spec in self.specs.items()}

    @property
    def event_tables(self) -> tuple[str, ...]:
        """Return the event tables that hold rows, except attribute histories and the company's contacts."""
        no_events = {"customers", *NO_EVENTS} | {
            name for name, table in self.tables.items() if table.is_history
        }
        return tuple(name for name in self.store.tables if name not in no_events and self.store.has(name))

    def fetch(self, sql: str) -> dict[str, Any]:
        """Return the columns of a query as arrays; a missing number is NaN, a missing text is None."""
        self._register_people()
        table = self._connection.sql(sql).to_arrow_table()
        return {name: table[name].to_numpy() for name in table.column_names}

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        self._register_people()
        rows: list[tuple[Any, ...]] = self._connection.execute(sql).fetchall()
        return rows

    def _register_people(self) -> None:
        """Let queries read the table `people`: each customer's sign-up day, state and end (see `ends`)."""
        if not self._has_people_table:
            people = {
                "customer": np.arange(self.store.n_customers, dtype=np.int32),
                "signed_up": self.customers.signed_up,
                "gone": self.ends.state,
                "end_day": self.ends.day,
            }
            self._connection.register("people", pa.table(people))
            self._has_people_table = True

    @cached_property
    def customers(self) -> Customers:
        """Return all customers."""
        return read_customers(self.store)

    @cached_property
    def levels(self) -> dict[str, npt.NDArray[np.object_]]:
        """Return the values of each static attribute as text, by customer code; a missing value is None."""
        if not self.attributes:
            return {}
        names = ", ".join(identifier(name) for name in self.attributes)
        columns = self.fetch(f"SELECT {names} FROM {self.store.scan('customers')} ORDER BY customer")
        return {name: np.asarray(columns[name], dtype=object) for name in self.attributes}

    @cached_property
    def ends(self) -> CustomerEnds:
        """Return who had left by the watermark (the end of the data), and when; see `CustomerEnds`.

        If contracts decide the label, a customer whose last contract ends after the watermark is active. If
        the contract ended earlier, a grace period follows, in which a renewal still counts. If the grace
        period is over by the watermark, the customer has left; if not, the state is unknown. The state of a
        customer without a contract is unknown too.

        If an event decides the label, a customer who had the event counts as having left, and every other
        customer counts as active.

        If inactivity decides the label, the state depends on the number of days from the last core event to
        the watermark. If this number is more than `days_active`, the customer has left. Otherwise, if it is
        at most `horizon_days`, the customer is active. If it lies between `horizon_days` and `days_active`,
        or if there was no core event, the state is unknown.
        """
        n = self.store.n_customers
        state, day = np.full(n, UNKNOWN_STATE, dtype=np.int8), np.full(n, self.watermark, dtype=np.int64)
        last = np.full(n, -1, dtype=np.int64)
        label = self.label
        if label.is_event:
            rows = event_rows(self.store, self._connection)
            days = self._connection.execute(
                f"SELECT {CUSTOMER} AS customer, min({DAY}) AS day FROM {rows} "
                f"WHERE {DAY} < {self.watermark} GROUP BY 1"
            ).fetchnumpy()
            last[np.asarray(days["customer"])] = np.asarray(days["day"])
            has_end = last >= 0
            state[:] = np.where(has_end, HAS_LEFT, ACTIVE)
        elif label.has_contract_ends:
            spells = merged_spells(self.store)
            np.maximum.at(last, spells.customer, spells.end.astype(np.int64))
            has_core = last >= 0
            state[has_core & (last > self.watermark)] = ACTIVE
            state[has_core & (last + label.grace_days <= self.watermark)] = HAS_LEFT
            has_end = has_core & (last <= self.watermark)
        else:
            sql = f"SELECT customer, max(day) AS day FROM {self.store.scan(label.core_table)} "
            days = self._connection.execute(f"{sql} WHERE day < {self.watermark} GROUP BY 1").fetchnumpy()
            last[np.asarray(days["customer"])] = np.asarray(days["day"])
            has_core = last >= 0
            state[has_core & (last >= self.watermark - label.horizon_days)] = ACTIVE
            state[has_core & (last < self.watermark - label.days_active)] = HAS_LEFT
            has_end = has_core
        day[has_end] = last[has_end]
        return CustomerEnds(state, day)

    @cached_property
    def labelled_cohorts(self) -> list[tuple[Cohort, Labels]]:
        """Return each customer's status (in a `Cohort`) and label at every cutoff in `cutoffs`."""
        if not self.cutoffs:
            return []
        return list(
            zip(cohorts_at(self.store, self.cutoffs), labels_at(self.store, self.cutoffs), strict=True)
        )

    @cached_property
    def labelled_rows(self) -> LabelledRows | None:
        """Return labelled rows of a sample of customers at a few of the `cutoffs`; None if there are none."""
        if not self.cutoffs or not self.signals:
            return None
        steps = np.linspace(0, len(self.cutoffs) - 1, min(MAX_SIGNAL_CUTOFFS, len(self.cutoffs)))
        cutoffs = [self.cutoffs[step] for step in np.unique(steps.round().astype(int))]
        store, codes = self.store, np.arange(self.store.n_customers)
        if self.store.n_customers > MAX_SIGNAL_CUSTOMERS:
            codes = np.sort(np.random.default_rng(self.seed).permutation(codes)[:MAX_SIGNAL_CUSTOMERS])
            store = write_sample(self.store, codes, self.scratch / "sample")
        labels_by_cutoff = dict(zip(cutoffs, labels_at(self.store, cutoffs), strict=True))
        return _labelled_rows(MatrixBuilder(store, self.signals, cutoffs), labels_by_cutoff, codes)


def _labelled_rows(
    builder: MatrixBuilder, labels_by_cutoff: Mapping[date, Labels], codes: Ints
) -> LabelledRows | None:
    """Compute the signals of a store and join the labels; return None if no row has a label.

    Args:
        builder: The builder that computes the signals.
        labels_by_cutoff: For each cutoff, the labels of all customers.
        codes: For each customer of the builder, the code that `labels_by_cutoff` uses, shape (customers,).
    """
    names = tuple(signal.name for signal in builder.signals)
    parts: dict[date, list[tuple[npt.NDArray[np.object_], Ints, Labels]]] = {}
    for part in builder.parts():
        label = labels_by_cutoff[part.cutoff][codes[part.codes]]
        keep = ~np.isin(label, list(DROP_REASONS))
        cells = np.empty((int(keep.sum()), len(names)), dtype=object)
        for index, name in enumerate(names):
            cells[:, index] = part.columns[name][keep]
        parts.setdefault(part.cutoff, []).append((cells, codes[part.codes[keep]], label[keep]))
    in_order = [(day, part) for day in sorted(parts) for part in parts[day]]
    matrix = np.concatenate([cells for _, (cells, _, _) in in_order])
    if not len(matrix):
        return None
    levels: dict[str, tuple[str, ...]] = {}
    for index, signal in enumerate(builder.signals):
        if signal.kind == "level":
            column = matrix[:, index]
            levels[signal.name] = tuple(sorted({str(value) for value in column if value is not None}))
            number = {level: float(code) for code, level in enumerate(levels[signal.name])}
            matrix[:, index] = [np.nan if value is None else number[str(value)] for value in column]
    label = np.concatenate([label for _, (_, _, label) in in_order])
    return LabelledRows(
        names=names,
        levels=levels,
        matrix=matrix.astype(np.float64),
        left=(label == LEFT).astype(np.float64),
        customer=np.concatenate([code for _, (_, code, _) in in_order]).astype(np.int64),
        cutoff=np.concatenate([np.full(len(code), day_number(day)) for day, (_, code, _) in in_order]),
    )


@contextmanager
def open_context(
    store: Store, signals: Sequence[Signal], cutoffs: Sequence[date], scratch: Path
) -> Iterator[GuardContext]:
    """Open a store, and yield what the guards need to check its data.

    Args:
        store: The data.
        signals: The selected signals.
        cutoffs: The cutoffs of the snapshots; a cutoff whose labels are not yet known is left out.
        scratch: A folder for temporary files.
    """
    params = store.params
    customers = params.tables.get("customers")
    matured = [
        day
        for day in sorted(cutoffs)
        if label_window(day, params.label, params.snapshot.late_days).mature_on <= store.watermark
    ]
    with store.connect() as connection:
        yield GuardContext(
            store=store,
            signals=signals,
            cutoffs=matured,
            label=params.label,
            specs={spec.table.name: spec for spec in table_specs(params)},
            attributes=customers.static if customers else (),
            seed=params.train.seed,
            scratch=scratch,
            rejects=params.output / "rejects",
            source=partial(open_source, params, scratch),
            connection=connection,
        )
