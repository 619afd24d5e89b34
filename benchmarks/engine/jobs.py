"""One job a process: what `benchmarks.engine` measures."""

from __future__ import annotations

import resource
import time
from typing import Any

import pandas as pd

from benchmarks.engine import ours, ways
from benchmarks.engine.cells import of_table
from benchmarks.engine.features import features
from benchmarks.engine.generate import generate
from benchmarks.engine.limit import limit
from benchmarks.engine.results import Checksums
from benchmarks.engine.world import World, cutoffs
from churn.data.ingest.ingest import ingest
from churn.data.store import Store
from churn.features.library import all_signals

ALONE = ("generate", "ingest", "limit", "windows", "cohort")
"""Jobs that are no way of computing all the features."""


def do(job: str, world: World) -> dict[str, Any]:
    """Do a job, such as `engine 12`, and return what it took and its answer.

    Jobs: `generate`, `ingest`, `limit`, a way of `ways` with a number of cutoffs, `windows K N`: the engine
    on the visits alone with K windows and N cutoffs, and `cohort N`: write who is in the cohort of N cutoffs.
    """
    name, *numbers = job.split()
    stated = [] if name in ALONE else ways.stated_by(name)  # imports the rival, which no clock should see
    cpu, wall = _cpu_seconds(), time.perf_counter()
    sums = Checksums()
    answer: dict[str, Any] = {}
    if name == "generate":
        generate(world)
    elif name == "ingest":
        store = ingest(world.params(), lambda _: None)
        answer = {table: found.rows for table, found in store.tables.items()}
    elif name == "limit":
        wanted = of_table(cell for feature in features().values() for cell in feature.cells)
        answer = {"rows": limit(Store.open(world.params()), wanted)}
    elif name == "cohort":
        write_cohort(world, int(numbers[0]))
    elif name == "windows":
        _windows(world, int(numbers[0]), int(numbers[1]), sums)
    else:
        store = Store.open(world.params(ways.OURS.get(name, "serial")))
        for result in ways.results(name, stated, store, cutoffs(int(numbers[0]))):
            sums.add(result)
        answer = {"rows": sums.rows, "features": sums.features}
    return {
        "cpu": _cpu_seconds() - cpu - sums.cpu_seconds,
        "wall": time.perf_counter() - wall - sums.wall_seconds,
        "answer": answer,
    }


def _cpu_seconds() -> float:
    """Return the CPU time of this process and of the children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def write_cohort(world: World, n: int) -> None:
    """Write `cohort.parquet`, the rows asked for: a customer's code and a cutoff's local midnight."""
    store, asked = Store.open(world.params()), sorted(cutoffs(n))
    tenure = [feature for feature in ways.stated_by("engine") if feature.name == "tenure_days"]
    parts = [
        pd.DataFrame({"customer": result.codes, "time": pd.Timestamp(asked[result.ordinal])})
        for result in ways.results("engine", tenure, store, asked)
    ]
    pd.concat(parts).to_parquet(world.folder / "cohort.parquet", index=False)


def _windows(world: World, windows: int, n: int, sums: Checksums) -> None:
    """Compute the signals of visits over so many windows, spread evenly up to half a year."""
    params = world.params()
    chosen = tuple(182 * (number + 1) // windows for number in range(windows))
    params = params.model_copy(update={"signals": params.signals.model_copy(update={"windows": chosen})})
    store = Store.open(params)
    ends = tuple(f"_{days}d" for days in chosen)
    asked = [s for s in all_signals(params).values() if s.table == "visits" and s.name.endswith(ends)]
    for result in ours.results(store, cutoffs(n), asked):
        sums.add(result)
