"""All ways to compute the features, by name; each computes the features that it supports.

A way is `engine` (one process), `engine_pool` (one process per core) or the name of a module in
`benchmarks.engine.rivals`.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from datetime import date

from benchmarks.engine.cells import group_by_table
from benchmarks.engine.features import Feature, features
from benchmarks.engine.results import ACTIVE_VISITS, Result, cohort_features
from churn.data.store import Store, day_number
from churn.features.engine.matrix import MatrixBuilder
from churn.features.library import all_signals
from churn.features.signal import Signal

ENGINE_EXECUTORS = {"engine": "serial", "engine_pool": "processes"}
"""The ways of the engine, and the executor of each."""


def supported_features(way: str) -> list[Feature]:
    """Return the features that a way supports."""
    candidates = list(features().values())
    if way in ENGINE_EXECUTORS:
        return candidates
    rival = importlib.import_module(f"benchmarks.engine.rivals.{way}")
    return [feature for feature in candidates if all(rival.supports(cell) for cell in feature.cells)]


def results(
    way: str, requested_features: Sequence[Feature], store: Store, cutoffs: Sequence[date]
) -> Iterator[Result]:
    """Yield features of the cohort of each cutoff, computed in one way."""
    if way in ENGINE_EXECUTORS:
        yield from engine_results(
            store, cutoffs, signals_by_name(store, [feature.name for feature in requested_features])
        )
        return
    rival = importlib.import_module(f"benchmarks.engine.rivals.{way}")
    days = [day_number(cutoff) for cutoff in sorted(cutoffs)]
    cells = group_by_table(
        [ACTIVE_VISITS, *(cell for feature in requested_features for cell in feature.cells)]
    )
    yield from cohort_features(store, requested_features, days, rival.cells(store, days, cells))


def signals_by_name(store: Store, names: Sequence[str]) -> list[Signal]:
    """Return signals by name."""
    known_signals = all_signals(store.params)
    return [known_signals[name] for name in names]


def engine_results(
    store: Store, cutoffs: Sequence[date], requested_signals: Sequence[Signal]
) -> Iterator[Result]:
    """Yield signals of the cohort of each cutoff, block by block, as `churn snapshot` computes them."""
    builder = MatrixBuilder(store, requested_signals, cutoffs)
    ordinals = {cutoff: ordinal for ordinal, cutoff in enumerate(sorted(cutoffs))}
    for part in builder.parts():
        yield Result(ordinals[part.cutoff], part.codes, part.columns)
