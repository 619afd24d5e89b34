"""The table of one size: what every way took, beside the limit and the engine, and how the cost grows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.engine.growth import per_unit, power
from benchmarks.engine.machine import described
from benchmarks.engine.measure import Measured, medians

OURS = {"engine": "engine, one process", "engine_pool": "engine, a process a core"}
RIVALS = {
    "range_join": "DuckDB, range join, clipped to the longest window",
    "asof_join": "DuckDB, as-of joins over cumulative sums",
    "pandas_loop": "pandas, one cutoff after another",
    "polars_lazy": "Polars, lazy, one cutoff after another",
}
WINDOWS = (3, 6, 12, 24)
GROWTH_CUTOFFS = (1, 3, 6, 12, 26)

Once = Callable[[str, int], Measured]
"""Does a job with so many events and returns what it took."""


@dataclass(frozen=True)
class Asked:
    """What to measure of one company."""

    customers: int
    events: int
    cutoffs: Sequence[int]
    rivals: Sequence[str]
    rival_cutoffs: Sequence[int]
    runs: int
    rival_runs: int
    growth: bool


def report(asked: Asked, once: Once) -> Iterator[str]:
    """Measure, compare the answers, and yield the lines of the report.

    Raises:
        RuntimeError: two ways give different answers.
    """
    once("generate", asked.events)
    ingested = once("ingest", asked.events)

    def job(name: str) -> Measured:
        return once(name, asked.events)

    ours = [f"{way} {n}" for n in asked.cutoffs for way in OURS]
    found = medians(["limit", *ours], asked.runs, job)
    rivals = [f"{way} {n}" for n in asked.rival_cutoffs for way in asked.rivals]
    found |= medians(rivals, asked.rival_runs, job)
    for one in [*ours, *rivals]:
        _compare(f"engine {one.split()[1]}", one, found)
    yield from _table(asked, ingested, found)
    if asked.growth:
        yield from _growth(asked, found, once)
    yield ""
    yield described()


def _compare(ours: str, theirs: str, found: Mapping[str, Measured]) -> None:
    if ours not in found:
        return
    from benchmarks.engine.results import differences

    one, other = found[ours].answer, found[theirs].answer
    differ = differences(one["features"], other["features"])
    if differ or one["rows"] != other["rows"]:
        raise RuntimeError(f"'{ours}' and '{theirs}' give different answers: {'; '.join(differ) or 'rows'}")


def _table(asked: Asked, ingested: Measured, found: Mapping[str, Measured]) -> Iterator[str]:
    rows = ingested.answer
    others = sum(n for table, n in rows.items() if table not in ("customers", "visits"))
    yield (
        f"{asked.customers:,} customers, {rows['visits']:,} visits and {others:,} other rows of 18 months; "
        f"{_runs(asked.runs)}, of rivals {_runs(asked.rival_runs)}."
    )
    yield ""
    yield "| what | features | CPU s | wall s | peak MB | CPU / limit | CPU / engine |"
    yield "|---|---|---|---|---|---|---|"
    yield _line("ingest: check, code, sort and write, once", ingested, None, None)
    limit = found["limit"]
    yield _line("limit: read the needed columns, one group-by each", limit, limit, None)
    for n in asked.cutoffs:
        for way, told in OURS.items():
            yield _line(f"**{told}, {_cutoffs(n)}**", found[f"{way} {n}"], limit, None)
    for n in asked.rival_cutoffs:
        for way in asked.rivals:
            said = f"{RIVALS[way]}, {_cutoffs(n)}"
            yield _line(said, found[f"{way} {n}"], limit, found.get(f"engine {n}"))


def _line(what: str, one: Measured, limit: Measured | None, ours: Measured | None) -> str:
    features = len(one.answer.get("features", ())) or ""
    to_limit = f"{one.cpu_seconds / limit.cpu_seconds:.1f}" if limit else ""
    to_ours = f"{one.cpu_seconds / ours.cpu_seconds:.1f}" if ours else ""
    took = f"{one.cpu_seconds:.2f} | {one.wall_seconds:.2f} | {one.peak_mb:,.0f}"
    return f"| {what} | {features} | {took} | {to_limit} | {to_ours} |"


def _growth(asked: Asked, found: Mapping[str, Measured], once: Once) -> Iterator[str]:
    """Yield how the engine's CPU time grows in events, cutoffs and windows."""
    events = [asked.events // 4, asked.events // 2, asked.events]
    for size in events[:-1]:
        once("generate", size)
        once("ingest", size)
    by_events = [
        medians(["engine 12"], asked.runs, lambda job, size=size: once(job, size))["engine 12"]
        for size in events[:-1]
    ]

    def job(name: str) -> Measured:
        return once(name, asked.events)

    more = [f"engine {n}" for n in GROWTH_CUTOFFS if f"engine {n}" not in found]
    windows = [f"windows {n} 12" for n in WINDOWS]
    found = {**found, **medians([*more, *windows], asked.runs, job)}
    by_events.append(found["engine 12"])
    by_cutoffs = [found[f"engine {n}"] for n in GROWTH_CUTOFFS]
    yield ""
    yield "| CPU seconds of the engine grow with | sizes | CPU s | exponent | one more costs |"
    yield "|---|---|---|---|---|"
    millions = [size / 1e6 for size in events]
    yield _grown("events (millions), 12 cutoffs", millions, by_events, "million events")
    yield _grown("cutoffs within a year", GROWTH_CUTOFFS, by_cutoffs, "cutoff")
    yield _grown("windows of visits alone, 12 cutoffs", WINDOWS, [found[job] for job in windows], "window")


def _grown(what: str, sizes: Sequence[float], costs: Sequence[Measured], unit: str) -> str:
    seconds = [one.cpu_seconds for one in costs]
    said = " · ".join(f"{size:g}" for size in sizes), " · ".join(f"{one:.2f}" for one in seconds)
    more = f"{per_unit(sizes, seconds):.3f} s a {unit}"
    return f"| {what} | {said[0]} | {said[1]} | {power(sizes, seconds):.2f} | {more} |"


def _cutoffs(n: int) -> str:
    return f"{n} cutoff" if n == 1 else f"{n} cutoffs"


def _runs(n: int) -> str:
    return "one run" if n == 1 else f"medians of {n} alternating runs"
