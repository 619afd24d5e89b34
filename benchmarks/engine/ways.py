"""All ways of computing the features, by name, each over the largest part that it can state.

A way is `engine` (in one process), `engine_pool` (a process a core) or the name of a module in
`benchmarks.engine.rivals`.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from datetime import date

from benchmarks.engine import ours
from benchmarks.engine.cells import of_table
from benchmarks.engine.features import Feature, features
from benchmarks.engine.results import ACTIVE, Result, finish
from churn.data.store import Store, day_number

OURS = {"engine": "serial", "engine_pool": "processes"}
"""Our own ways, and the executor of each."""


def stated_by(way: str) -> list[Feature]:
    """Return the features that a way can state."""
    every = list(features().values())
    if way in OURS:
        return every
    rival = importlib.import_module(f"benchmarks.engine.rivals.{way}")
    return [feature for feature in every if all(rival.can(cell) for cell in feature.cells)]


def results(way: str, wanted: Sequence[Feature], store: Store, cutoffs: Sequence[date]) -> Iterator[Result]:
    """Yield some features of the cohort, computed in one of the ways."""
    if way in OURS:
        yield from ours.results(store, cutoffs, ours.signals(store, [feature.name for feature in wanted]))
        return
    rival = importlib.import_module(f"benchmarks.engine.rivals.{way}")
    days = [day_number(cutoff) for cutoff in sorted(cutoffs)]
    cells = of_table([ACTIVE, *(cell for feature in wanted for cell in feature.cells)])
    yield from finish(store, wanted, days, rival.cells(store, days, cells))
