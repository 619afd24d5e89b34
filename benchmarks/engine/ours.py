"""The engine of this library, asked for the same features by name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

from benchmarks.engine.results import Result
from churn.data.store import Store
from churn.features.engine.matrix import MatrixBuilder
from churn.features.library import all_signals
from churn.features.signal import Signal


def signals(store: Store, names: Sequence[str]) -> list[Signal]:
    """Return signals by name."""
    every = all_signals(store.params)
    return [every[name] for name in names]


def results(store: Store, cutoffs: Sequence[date], asked: Sequence[Signal]) -> Iterator[Result]:
    """Yield the signals of the cohort at every cutoff, block by block, as `churn snapshot` does."""
    builder = MatrixBuilder(store, asked, cutoffs)
    ordinals = {cutoff: ordinal for ordinal, cutoff in enumerate(sorted(cutoffs))}
    for part in builder.parts():
        yield Result(ordinals[part.cutoff], part.codes, part.columns)
