"""The report of one size: the cost of each way, the limit and the engine, and the growth of the cost."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.engine.measure import Measurement, medians
from benchmarks.engine.readme import describe_machine

ENGINE_TITLES = {"engine": "engine, one process", "engine_pool": "engine, a process a core"}
RIVAL_TITLES = {
    "range_join": "DuckDB, range join, clipped to the longest window",
    "asof_join": "DuckDB, as-of joins over cumulative sums",
    "pandas_loop": "pandas, one cutoff after another",
    "polars_lazy": "Polars, lazy, one cutoff after another",
}
GROWTH_WINDOWS = (3, 6, 12, 24)
GROWTH_CUTOFFS = (1, 3, 6, 12, 26)

RunJob = Callable[[str, int], Measurement]
"""Runs a job with a number of events and returns its measurement."""


@dataclass(frozen=True)
class Settings:
    """What to measure on one company."""

    customers: int
    events: int
    cutoffs: Sequence[int]
    rivals: Sequence[str]
    rival_cutoffs: Sequence[int]
    runs: int
    rival_runs: int
    growth: bool


def report(settings: Settings, run_job: RunJob) -> Iterator[str]:
    """Measure, compare the answers, and yield the lines of the report.

    Raises:
        RuntimeError: Two ways give different answers.
    """
    run_job("generate", settings.events)
    ingest = run_job("ingest", settings.events)

    def job(name: str) -> Measurement:
        return run_job(name, settings.events)

    engine_jobs = [f"{way} {n}" for n in settings.cutoffs for way in ENGINE_TITLES]
    measurements = medians(["limit", *engine_jobs], settings.runs, job)
    rivals = [f"{way} {n}" for n in settings.rival_cutoffs for way in settings.rivals]
    measurements |= medians(rivals, settings.rival_runs, job)
    for job_name in [*engine_jobs, *rivals]:
        _compare(f"engine {job_name.split()[1]}", job_name, measurements)
    yield from _table(settings, ingest, measurements)
    if settings.growth:
        yield from _growth(settings, measurements, run_job)
    yield ""
    yield describe_machine()


def _compare(engine_job: str, other_job: str, measurements: Mapping[str, Measurement]) -> None:
    if engine_job not in measurements:
        return
    from benchmarks.engine.results import differences

    answer, other_answer = measurements[engine_job].answer, measurements[other_job].answer
    differ = differences(answer["features"], other_answer["features"])
    if differ or answer["rows"] != other_answer["rows"]:
        raise RuntimeError(
            f"'{engine_job}' and '{other_job}' give different answers: {'; '.join(differ) or 'rows'}"
        )


def _table(settings: Settings, ingest: Measurement, measurements: Mapping[str, Measurement]) -> Iterator[str]:
    rows = ingest.answer
    other_rows = sum(n for table, n in rows.items() if table not in ("customers", "visits"))
    yield (
        f"{settings.customers:,} customers, {rows['visits']:,} visits and {other_rows:,} other rows "
        f"of 18 months; {_runs(settings.runs)}, of rivals {_runs(settings.rival_runs)}."
    )
    yield ""
    yield "| what | features | CPU s | wall s | peak MB | CPU / limit | CPU / engine |"
    yield "|---|---|---|---|---|---|---|"
    yield _line("ingest: check, code, sort and write, once", ingest, None, None)
    limit = measurements["limit"]
    yield _line("limit: read the needed columns, one group-by each", limit, limit, None)
    for n in settings.cutoffs:
        for way, title in ENGINE_TITLES.items():
            yield _line(f"**{title}, {_cutoffs(n)}**", measurements[f"{way} {n}"], limit, None)
    for n in settings.rival_cutoffs:
        for way in settings.rivals:
            title = f"{RIVAL_TITLES[way]}, {_cutoffs(n)}"
            yield _line(title, measurements[f"{way} {n}"], limit, measurements.get(f"engine {n}"))


def _line(title: str, measurement: Measurement, limit: Measurement | None, engine: Measurement | None) -> str:
    features = len(measurement.answer.get("features", ())) or ""
    to_limit = f"{measurement.cpu_seconds / limit.cpu_seconds:.1f}" if limit else ""
    to_engine = f"{measurement.cpu_seconds / engine.cpu_seconds:.1f}" if engine else ""
    figures = f"{measurement.cpu_seconds:.2f} | {measurement.wall_seconds:.2f} | {measurement.peak_mb:,.0f}"
    return f"| {title} | {features} | {figures} | {to_limit} | {to_engine} |"


def _growth(settings: Settings, measurements: Mapping[str, Measurement], run_job: RunJob) -> Iterator[str]:
    """Yield how the engine's CPU time grows in events, cutoffs and windows."""
    events = [settings.events // 4, settings.events // 2, settings.events]
    for size in events[:-1]:
        run_job("generate", size)
        run_job("ingest", size)
    by_events = [
        medians(["engine 12"], settings.runs, lambda job, size=size: run_job(job, size))["engine 12"]
        for size in events[:-1]
    ]

    def job(name: str) -> Measurement:
        return run_job(name, settings.events)

    further_jobs = [f"engine {n}" for n in GROWTH_CUTOFFS if f"engine {n}" not in measurements]
    windows = [f"windows {n} 12" for n in GROWTH_WINDOWS]
    measurements = {**measurements, **medians([*further_jobs, *windows], settings.runs, job)}
    by_events.append(measurements["engine 12"])
    by_cutoffs = [measurements[f"engine {n}"] for n in GROWTH_CUTOFFS]
    yield ""
    yield "| CPU seconds of the engine grow with | sizes | CPU s | exponent | one more costs |"
    yield "|---|---|---|---|---|"
    millions = [size / 1e6 for size in events]
    yield _growth_line("events (millions), 12 cutoffs", millions, by_events, "million events")
    yield _growth_line("cutoffs within a year", GROWTH_CUTOFFS, by_cutoffs, "cutoff")
    yield _growth_line(
        "windows of visits alone, 12 cutoffs",
        GROWTH_WINDOWS,
        [measurements[job] for job in windows],
        "window",
    )


def _growth_line(title: str, sizes: Sequence[float], costs: Sequence[Measurement], unit: str) -> str:
    seconds = [measurement.cpu_seconds for measurement in costs]
    size_list = " · ".join(f"{size:g}" for size in sizes)
    cost_list = " · ".join(f"{cost:.2f}" for cost in seconds)
    cost_of_unit = f"{per_unit(sizes, seconds):.3f} s a {unit}"
    return f"| {title} | {size_list} | {cost_list} | {power(sizes, seconds):.2f} | {cost_of_unit} |"


def _cutoffs(n: int) -> str:
    return f"{n} cutoff" if n == 1 else f"{n} cutoffs"


def _runs(n: int) -> str:
    return "one run" if n == 1 else f"medians of {n} alternating runs"


def power(sizes: Sequence[float], costs: Sequence[float]) -> float:
    """Return the exponent `b` of `cost = a * size^b`, by least squares on logarithms."""
    return _slope([math.log(size) for size in sizes], [math.log(cost) for cost in costs])


def per_unit(sizes: Sequence[float], costs: Sequence[float]) -> float:
    """Return the cost of one more unit, by least squares on a straight line."""
    return _slope(sizes, costs)


def _slope(xs: Sequence[float], ys: Sequence[float]) -> float:
    x_mean, y_mean = sum(xs) / len(xs), sum(ys) / len(ys)
    covariance = sum((x - x_mean) * (y - y_mean) for x, y in zip(xs, ys, strict=True))
    return covariance / sum((x - x_mean) ** 2 for x in xs)
