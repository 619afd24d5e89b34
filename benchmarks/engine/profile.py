"""Where the engine's CPU time goes: its functions by their own time, in one process."""

from __future__ import annotations

import cProfile
import pstats
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.engine import ways
from benchmarks.engine.world import World, cutoffs
from churn.data.store import Store

Function = tuple[str, int, str]


def profile(world: World, n: int, top: int = 20) -> Iterator[str]:
    """Compute all features at `n` cutoffs and yield a Markdown table of what took longest.

    The profiler itself slows down what calls much, so shares count, not seconds.
    """
    store, stated = Store.open(world.params()), ways.stated_by("engine")
    watched = cProfile.Profile(time.process_time)  # of all threads: DuckDB has its own
    watched.enable()
    rows = sum(len(found.codes) for found in ways.results("engine", stated, store, cutoffs(n)))
    watched.disable()
    took: dict[Function, tuple[int, int, float, float, object]] = pstats.Stats(watched).stats  # type: ignore[attr-defined]
    whole = sum(own for _, _, own, _, _ in took.values())
    yield f"{n} cutoffs, {rows:,} rows, {whole:.2f} CPU s under the profiler."
    yield ""
    yield "| function | calls | own s | share | with what it calls, s |"
    yield "|---|---|---|---|---|"
    longest = sorted(took.items(), key=lambda item: -item[1][2])[:top]
    for function, (calls, _, own, together, _) in longest:
        yield f"| {_named(function)} | {calls:,} | {own:.2f} | {own / whole:.0%} | {together:.2f} |"


def _named(function: Function) -> str:
    file, line, name = function
    if file == "~":  # built in
        return name.strip("<>").removeprefix("built-in method ").removeprefix("method ")
    return f"{Path(file).parent.name}/{Path(file).name}:{line} {name}"
