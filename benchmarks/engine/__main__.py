"""Measure how fast signals are computed: `python -m benchmarks.engine`, or `make bench`.

The engine is compared with the limit and with other ways to compute the same features.

Each measurement is its own process; jobs alternate, and medians are printed as a Markdown table. CPU
seconds and wall time are without the start of Python and the imports; the peak includes them.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from benchmarks.engine.measure import Measurement, MeasurementLog, measure
from benchmarks.engine.readme import write_table
from benchmarks.engine.report import RIVAL_TITLES, Settings, report

ROOT = Path(__file__).parents[2]


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print, or run one job as a child process."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engine", description=__doc__)
    parser.add_argument("--customers", type=int, default=20_000)
    parser.add_argument("--events", type=int, default=4_000_000)
    parser.add_argument("--cutoffs", type=int, nargs="+", default=[1, 12, 26], help="how many, per row")
    parser.add_argument("--rivals", nargs="*", choices=sorted(RIVAL_TITLES), default=list(RIVAL_TITLES))
    parser.add_argument("--rival-cutoffs", type=int, nargs="+", default=[12])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--rival-runs", type=int, default=1)
    parser.add_argument(
        "--rivals-of-before", action="store_true", help="take the figures of rivals from an earlier run"
    )
    parser.add_argument("--no-growth", action="store_true", help="do not measure how the cost grows")
    parser.add_argument("--write", action="store_true", help="put the tables into benchmarks/README.md")
    parser.add_argument(
        "--folder", type=Path, help="where the company is written and kept; by default a temporary folder"
    )
    parser.add_argument("--profile", type=int, metavar="N", help="only profile the engine at N cutoffs")
    parser.add_argument("--job", help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.job:
        return _child(options.job, options.folder, options.customers, options.events)
    with tempfile.TemporaryDirectory() as temporary:
        folder = (options.folder or Path(temporary)).resolve()

        def run_job(job: str, events: int) -> Measurement:
            log = MeasurementLog(folder / f"{options.customers}_{events}" / "measured.json")
            is_rival = job.split()[0] in RIVAL_TITLES
            if is_rival and options.rivals_of_before and (earlier := log.find(job)):
                return earlier
            measurement = _run_and_measure(job, folder, options.customers, events)
            log.save(job, measurement)
            return measurement

        if options.profile:
            for line in _profile_lines(run_job, folder, options.customers, options.events, options.profile):
                print(line)
            return 0
        settings = Settings(
            customers=options.customers,
            events=options.events,
            cutoffs=options.cutoffs,
            rivals=options.rivals,
            rival_cutoffs=options.rival_cutoffs,
            runs=options.runs,
            rival_runs=options.rival_runs,
            growth=not options.no_growth,
        )
        table = "\n".join(report(settings, run_job))
    print(table)
    if options.write:
        write_table(f"{options.customers} customers, {options.events} visits", table)
    return 0


def _run_and_measure(job: str, folder: Path, customers: int, events: int) -> Measurement:
    print(f"{job}: {customers:,} customers, {events:,} visits …", file=sys.stderr, flush=True)
    command = [sys.executable, "-m", "benchmarks.engine", "--job", job, "--folder", str(folder)]
    measurement = measure([*command, "--customers", str(customers), "--events", str(events)], ROOT)
    times = f"{measurement.cpu_seconds:.2f} CPU s, {measurement.wall_seconds:.2f} s"
    print(f"  {times}, {measurement.peak_mb:,.0f} MB", file=sys.stderr, flush=True)
    return measurement


def _profile_lines(
    run_job: Callable[[str, int], Measurement], folder: Path, customers: int, events: int, n: int
) -> Iterator[str]:
    from benchmarks.engine.jobs import profile
    from benchmarks.engine.world import World

    world = World(folder / f"{customers}_{events}", customers, events)
    run_job("generate", events)
    if not (world.folder / "output" / "store").exists():
        run_job("ingest", events)
    yield from profile(world, n)


def _child(job: str, folder: Path, customers: int, events: int) -> int:
    from benchmarks.engine.jobs import run_job
    from benchmarks.engine.world import World

    print(json.dumps(run_job(job, World(folder / f"{customers}_{events}", customers, events))))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
