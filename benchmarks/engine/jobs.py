"""The jobs that `benchmarks.engine` measures, one per process, and the profile of the engine."""

from __future__ import annotations

import cProfile
import pstats
import resource
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.engine import ways
from benchmarks.engine.cells import Cell, group_by_table, needed_columns
from benchmarks.engine.features import features
from benchmarks.engine.generate import generate
from benchmarks.engine.results import Checksums
from benchmarks.engine.rivals.sql import connect, fetch_columns
from benchmarks.engine.world import World, cutoffs
from churn.data.ingest.ingest import ingest
from churn.data.sql import identifier
from churn.data.store import Store
from churn.features.library import all_signals

OTHER_JOBS = ("generate", "ingest", "limit", "windows", "cohort")
"""Jobs that do not compute all features."""


def run_job(job: str, world: World) -> dict[str, Any]:
    """Run a job, such as `engine 12`, and return its times and its answer.

    Jobs: `generate`; `ingest`; `limit`; a way of `ways` with a number of cutoffs; `windows K N`, which runs
    the engine on the visits alone with K windows and N cutoffs; `cohort N`, which writes the cohort of N
    cutoffs.
    """
    name, *numbers = job.split()
    # Before the clock starts, because it imports the rival.
    supported_features = [] if name in OTHER_JOBS else ways.supported_features(name)
    cpu, wall = _cpu_seconds(), time.perf_counter()
    sums = Checksums()
    answer: dict[str, Any] = {}
    if name == "generate":
        generate(world)
    elif name == "ingest":
        store = ingest(world.params(), lambda _: None)
        answer = {name: table.rows for name, table in store.tables.items()}
    elif name == "limit":
        cells_by_table = group_by_table(cell for feature in features().values() for cell in feature.cells)
        answer = {"rows": read_and_group(Store.open(world.params()), cells_by_table)}
    elif name == "cohort":
        write_cohort(world, int(numbers[0]))
    elif name == "windows":
        _windows(world, int(numbers[0]), int(numbers[1]), sums)
    else:
        store = Store.open(world.params(ways.ENGINE_EXECUTORS.get(name, "serial")))
        for result in ways.results(name, supported_features, store, cutoffs(int(numbers[0]))):
            sums.add(result)
        answer = {"rows": sums.rows, "features": sums.features}
    return {
        "cpu": _cpu_seconds() - cpu - sums.cpu_seconds,
        "wall": time.perf_counter() - wall - sums.wall_seconds,
        "answer": answer,
    }


def _cpu_seconds() -> float:
    """Return the CPU time of this process and of the children that have ended."""
    usages = [resource.getrusage(target) for target in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def write_cohort(world: World, n: int) -> None:
    """Write `cohort.parquet`: a row per customer's code and cutoff's local midnight."""
    store, sorted_cutoffs = Store.open(world.params()), sorted(cutoffs(n))
    tenure = [feature for feature in ways.supported_features("engine") if feature.name == "tenure_days"]
    parts = [
        pd.DataFrame({"customer": result.codes, "time": pd.Timestamp(sorted_cutoffs[result.ordinal])})
        for result in ways.results("engine", tenure, store, sorted_cutoffs)
    ]
    pd.concat(parts).to_parquet(world.folder / "cohort.parquet", index=False)


def _windows(world: World, windows: int, n: int, sums: Checksums) -> None:
    """Compute the signals of visits over `windows` windows, spread evenly up to half a year."""
    params = world.params()
    window_days = tuple(182 * (number + 1) // windows for number in range(windows))
    params = params.model_copy(update={"signals": params.signals.model_copy(update={"windows": window_days})})
    store = Store.open(params)
    ends = tuple(f"_{days}d" for days in window_days)
    visit_signals = [s for s in all_signals(params).values() if s.table == "visits" and s.name.endswith(ends)]
    for result in ways.engine_results(store, cutoffs(n), visit_signals):
        sums.add(result)


def read_and_group(store: Store, cells_by_table: Mapping[str, tuple[Cell, ...]]) -> int:
    """Read the needed columns, group each table once by customer, and return the counted rows.

    This is the limit: no engine can read and group less.
    """
    total = 0
    with connect(store) as connection:
        for table, cells in cells_by_table.items():
            columns = ", ".join(_aggregate(name) for name in needed_columns(cells))
            sql = f"SELECT customer, count(*) AS n, {columns} FROM {store.scan(table)} GROUP BY customer"
            total += int(fetch_columns(connection, sql)["n"].sum())
    return total


def _aggregate(name: str) -> str:
    return f"{'max' if name == 'at' or name.endswith('_day') or name == 'day' else 'sum'}({identifier(name)})"


Function = tuple[str, int, str]


def profile(world: World, n: int, top: int = 20) -> Iterator[str]:
    """Compute all features at `n` cutoffs and yield a Markdown table of the slowest functions.

    The profiler slows down functions with many calls, so compare the shares, not the seconds.
    """
    store, supported_features = Store.open(world.params()), ways.supported_features("engine")
    profiler = cProfile.Profile(time.process_time)  # of all threads: DuckDB has its own
    profiler.enable()
    rows = sum(len(result.codes) for result in ways.results("engine", supported_features, store, cutoffs(n)))
    profiler.disable()
    times: dict[Function, tuple[int, int, float, float, object]] = pstats.Stats(profiler).stats  # type: ignore[attr-defined]
    total = sum(own_time for _, _, own_time, _, _ in times.values())
    yield f"{n} cutoffs, {rows:,} rows, {total:.2f} CPU s under the profiler."
    yield ""
    yield "| function | calls | own s | share | with what it calls, s |"
    yield "|---|---|---|---|---|"
    longest = sorted(times.items(), key=lambda item: -item[1][2])[:top]
    for function, (calls, _, own_time, with_callees, _) in longest:
        seconds = f"{own_time:.2f} | {own_time / total:.0%} | {with_callees:.2f}"
        yield f"| {_label(function)} | {calls:,} | {seconds} |"


def _label(function: Function) -> str:
    file, line, name = function
    if file == "~":  # built in
        return name.strip("<>").removeprefix("built-in method ").removeprefix("method ")
    return f"{Path(file).parent.name}/{Path(file).name}:{line} {name}"
