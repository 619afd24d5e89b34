"""What a way of computing the features gives, cutoff by cutoff, and how two ways are compared."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from benchmarks.engine.cells import FOLDS, Cell
from benchmarks.engine.features import Array, At, Feature
from benchmarks.engine.world import ACTIVE_DAYS
from churn.data.store import Store

Codes = npt.NDArray[np.int64]
Cells = Mapping[Cell, Array]

ACTIVE = Cell("visits", "count", ACTIVE_DAYS)
"""Who has any is in the cohort."""

RELATIVE = 1e-6

DRAWN = ("emails_click_rate", "emails_open_rate", "payment_failed_share", "surveys_silent_share")
RELATIVE_DRAWN = 0.01
"""Of rates drawn towards everybody's: in a large company the engine asks an even sample for everybody's."""


@dataclass(frozen=True)
class Result:
    """Features of some of the cohort at one cutoff: customer codes and one array per feature."""

    ordinal: int
    codes: Codes
    columns: Mapping[str, Array]


def dense(n: int, cell: Cell, customers: Codes, values: npt.ArrayLike) -> Array:
    """Spread the values of some customers over all, by their codes."""
    whole = np.full(n, 0.0 if cell.verb in FOLDS else np.nan)
    given = np.ma.asarray(values).astype(np.float64).filled(np.nan)
    whole[customers] = np.nan_to_num(given) if cell.verb in FOLDS else given
    return whole


def finish(
    store: Store, wanted: Sequence[Feature], days: Sequence[int], made: Iterable[tuple[int, Cells]]
) -> Iterator[Result]:
    """Turn cells of all customers into the features of each cutoff's cohort.

    Args:
        store: of the company.
        wanted: the features.
        days: the cutoffs as day numbers.
        made: pairs of a cutoff's ordinal and its cells.
    """
    with store.connect() as connection:
        found = connection.execute(
            f"SELECT day FROM {store.scan('customers')} ORDER BY customer"
        ).fetchnumpy()
    signed_up = np.asarray(found["day"], dtype=np.float64)
    starts = {name: table.first_day for name, table in store.tables.items()}
    for ordinal, cells in made:
        codes = np.flatnonzero((signed_up < days[ordinal]) & (cells[ACTIVE] > 0))
        at = At(days[ordinal], signed_up[codes], {name: first for name, first in starts.items() if first})
        mine = {cell: values[codes] for cell, values in cells.items()}
        yield Result(ordinal, codes, {one.name: one.of(at, mine) for one in wanted})


@dataclass
class Checksums:
    """Per feature how many values there are and their sum; the time that summing took is told apart."""

    rows: int = 0
    features: dict[str, tuple[int, float]] = field(default_factory=dict)
    cpu_seconds: float = 0.0
    wall_seconds: float = 0.0

    def add(self, result: Result) -> None:
        """Add some rows."""
        with self._apart():
            self.rows += len(result.codes)
            for name, values in result.columns.items():
                there = ~np.isnan(values)
                count, total = self.features.get(name, (0, 0.0))
                self.features[name] = count + int(there.sum()), total + float(values[there].sum())

    @contextmanager
    def _apart(self) -> Iterator[None]:
        cpu, wall = time.process_time(), time.perf_counter()
        yield
        self.cpu_seconds += time.process_time() - cpu
        self.wall_seconds += time.perf_counter() - wall


def differences(one: Mapping[str, Sequence[float]], other: Mapping[str, Sequence[float]]) -> list[str]:
    """Say which features that both have differ in how many values there are, or in their sum."""
    return [
        f"{name}: {list(one[name])} and {list(other[name])}"
        for name in sorted(one.keys() & other.keys())
        if one[name][0] != other[name][0]
        or not np.isclose(one[name][1], other[name][1], rtol=RELATIVE_DRAWN if name in DRAWN else RELATIVE)
    ]
