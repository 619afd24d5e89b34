"""How fast signals come, beside the limit and other ways: `python -m benchmarks.engine`, or `make bench`.

Every measurement is a process of its own; jobs alternate, and medians are printed as a Markdown table. CPU
seconds and wall time leave out the start of Python and the imports; the peak holds them.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from benchmarks.engine.measure import Kept, Measured, measure
from benchmarks.engine.readme import write_table
from benchmarks.engine.report import RIVALS, Asked, report

ROOT = Path(__file__).parents[2]


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print, or do one job when called as a child."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engine", description=__doc__)
    parser.add_argument("--customers", type=int, default=20_000)
    parser.add_argument("--events", type=int, default=4_000_000)
    parser.add_argument("--cutoffs", type=int, nargs="+", default=[1, 12, 26], help="how many, per row")
    parser.add_argument("--rivals", nargs="*", choices=sorted(RIVALS), default=list(RIVALS))
    parser.add_argument("--rival-cutoffs", type=int, nargs="+", default=[12])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--rival-runs", type=int, default=1)
    parser.add_argument("--rivals-of-before", action="store_true", help="take theirs from an earlier run")
    parser.add_argument("--no-growth", action="store_true", help="leave out how the cost grows")
    parser.add_argument("--write", action="store_true", help="put the tables into benchmarks/README.md")
    parser.add_argument("--folder", type=Path, help="where to work and keep; a temporary folder by default")
    parser.add_argument("--profile", type=int, metavar="N", help="only say where the time goes at N cutoffs")
    parser.add_argument("--job", help=argparse.SUPPRESS)
    asked = parser.parse_args(argv)
    if asked.job:
        return _child(asked.job, asked.folder, asked.customers, asked.events)
    with tempfile.TemporaryDirectory() as temporary:
        folder = (asked.folder or Path(temporary)).resolve()

        def once(job: str, events: int) -> Measured:
            kept = Kept(folder / f"{asked.customers}_{events}" / "measured.json")
            rival = job.split()[0] in RIVALS
            if rival and asked.rivals_of_before and (before := kept.find(job)):
                return before
            found = _once(job, folder, asked.customers, events)
            kept.keep(job, found)
            return found

        if asked.profile:
            for line in _profiled(once, folder, asked.customers, asked.events, asked.profile):
                print(line)
            return 0
        wanted = Asked(
            customers=asked.customers,
            events=asked.events,
            cutoffs=asked.cutoffs,
            rivals=asked.rivals,
            rival_cutoffs=asked.rival_cutoffs,
            runs=asked.runs,
            rival_runs=asked.rival_runs,
            growth=not asked.no_growth,
        )
        table = "\n".join(report(wanted, once))
    print(table)
    if asked.write:
        write_table(f"{asked.customers} customers, {asked.events} visits", table)
    return 0


def _once(job: str, folder: Path, customers: int, events: int) -> Measured:
    print(f"{job}: {customers:,} customers, {events:,} visits …", file=sys.stderr, flush=True)
    command = [sys.executable, "-m", "benchmarks.engine", "--job", job, "--folder", str(folder)]
    found = measure([*command, "--customers", str(customers), "--events", str(events)], ROOT)
    took = f"{found.cpu_seconds:.2f} CPU s, {found.wall_seconds:.2f} s, {found.peak_mb:,.0f} MB"
    print(f"  {took}", file=sys.stderr, flush=True)
    return found


def _profiled(
    once: Callable[[str, int], Measured], folder: Path, customers: int, events: int, n: int
) -> Iterator[str]:
    from benchmarks.engine.profile import profile
    from benchmarks.engine.world import World

    world = World(folder / f"{customers}_{events}", customers, events)
    once("generate", events)
    if not (world.folder / "output" / "store").exists():
        once("ingest", events)
    yield from profile(world, n)


def _child(job: str, folder: Path, customers: int, events: int) -> int:
    from benchmarks.engine.jobs import do
    from benchmarks.engine.world import World

    print(json.dumps(do(job, World(folder / f"{customers}_{events}", customers, events))))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
