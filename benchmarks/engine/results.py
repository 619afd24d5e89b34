"""The results of one way to compute the features, and the comparison of two ways."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from benchmarks.engine.cells import ZERO_VERBS, Cell
from benchmarks.engine.features import Array, CutoffContext, Feature
from benchmarks.engine.world import ACTIVE_DAYS
from churn.data.store import Store

Codes = npt.NDArray[np.int64]
CellArrays = Mapping[Cell, Array]

ACTIVE_VISITS = Cell("visits", "count", ACTIVE_DAYS)
"""A customer with at least one is in the cohort."""

TOLERANCE = 1e-6

SHRUNK_RATES = ("emails_click_rate", "emails_open_rate", "payment_failed_share", "surveys_silent_share")
SHRUNK_TOLERANCE = 0.01
"""For rates that are shrunk to the mean: in a large company the engine estimates this mean on a
sample that is spread evenly over the customers.
"""


@dataclass(frozen=True)
class Result:
    """Features of some customers of the cohort at one cutoff: their codes and one array per feature."""

    ordinal: int
    codes: Codes
    columns: Mapping[str, Array]


def spread_over_customers(n: int, cell: Cell, customers: Codes, values: npt.ArrayLike) -> Array:
    """Return an array over all customers from the values of some, by their codes."""
    array = np.full(n, 0.0 if cell.verb in ZERO_VERBS else np.nan)
    filled_values = np.ma.asarray(values).astype(np.float64).filled(np.nan)
    array[customers] = np.nan_to_num(filled_values) if cell.verb in ZERO_VERBS else filled_values
    return array


def cohort_features(
    store: Store,
    requested_features: Sequence[Feature],
    days: Sequence[int],
    cells_by_cutoff: Iterable[tuple[int, CellArrays]],
) -> Iterator[Result]:
    """Turn cells of all customers into the features of each cutoff's cohort.

    Args:
        store: The store of the company.
        requested_features: The features.
        days: The cutoffs as day numbers.
        cells_by_cutoff: Pairs of a cutoff's ordinal and its cells.
    """
    with store.connect() as connection:
        columns = connection.execute(
            f"SELECT day FROM {store.scan('customers')} ORDER BY customer"
        ).fetchnumpy()
    sign_up_days = np.asarray(columns["day"], dtype=np.float64)
    starts = {name: table.first_day for name, table in store.tables.items()}
    for ordinal, cells in cells_by_cutoff:
        codes = np.flatnonzero((sign_up_days < days[ordinal]) & (cells[ACTIVE_VISITS] > 0))
        at = CutoffContext(
            days[ordinal], sign_up_days[codes], {name: first for name, first in starts.items() if first}
        )
        cohort_cells = {cell: values[codes] for cell, values in cells.items()}
        yield Result(
            ordinal,
            codes,
            {feature.name: feature.compute(at, cohort_cells) for feature in requested_features},
        )


@dataclass
class Checksums:
    """Per feature the number of its values and their sum; the time of this sum is counted separately."""

    rows: int = 0
    features: dict[str, tuple[int, float]] = field(default_factory=dict)
    cpu_seconds: float = 0.0
    wall_seconds: float = 0.0

    def add(self, result: Result) -> None:
        """Add some rows."""
        with self._own_time():
            self.rows += len(result.codes)
            for name, values in result.columns.items():
                is_present = ~np.isnan(values)
                count, total = self.features.get(name, (0, 0.0))
                self.features[name] = count + int(is_present.sum()), total + float(values[is_present].sum())

    @contextmanager
    def _own_time(self) -> Iterator[None]:
        cpu, wall = time.process_time(), time.perf_counter()
        yield
        self.cpu_seconds += time.process_time() - cpu
        self.wall_seconds += time.perf_counter() - wall


def differences(first: Mapping[str, Sequence[float]], second: Mapping[str, Sequence[float]]) -> list[str]:
    """Return a line for each common feature whose number of values, or their sum, is different."""
    return [
        f"{name}: {list(first[name])} and {list(second[name])}"
        for name in sorted(first.keys() & second.keys())
        if first[name][0] != second[name][0]
        or not np.isclose(
            first[name][1], second[name][1], rtol=SHRUNK_TOLERANCE if name in SHRUNK_RATES else TOLERANCE
        )
    ]
