"""The engine beside featuretools with cutoff times: `python -m benchmarks.featuretools`.

featuretools needs an older pandas, so it gets an environment of its own under `output`, made on demand from
benchmarks/featuretools.lock. It computes 25 of our signals, those that it can state simply; the engine
computes all those of `benchmarks.engine`.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.engine.machine import described
from benchmarks.engine.measure import Measured, measure, medians
from benchmarks.engine.readme import write_table
from churn.data.files import exclusive_lock

ROOT = Path(__file__).parents[1]
LOCK = Path(__file__).with_suffix(".lock")
CUTOFFS = 12


def main(argv: Sequence[str] | None = None) -> int:
    """Measure both and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.featuretools", description=__doc__)
    parser.add_argument("--customers", type=int, default=8_000)
    parser.add_argument("--events", type=int, default=1_600_000)
    parser.add_argument("--runs", type=int, default=3, help="of the engine; featuretools runs once")
    parser.add_argument("--environment", type=Path, default=ROOT / "output" / "featuretools")
    parser.add_argument("--folder", type=Path, help="where to work and keep; a temporary folder by default")
    parser.add_argument("--write", action="store_true", help="put the table into benchmarks/README.md")
    asked = parser.parse_args(argv)
    python = environment(asked.environment)
    with tempfile.TemporaryDirectory() as temporary:
        folder = (asked.folder or Path(temporary)).resolve()
        table = "\n".join(report(python, folder, asked.customers, asked.events, asked.runs))
    print(table)
    if asked.write:
        write_table("featuretools", table)
    return 0


def environment(folder: Path) -> Path:
    """Make the environment of featuretools unless it is there, and return its Python.

    Processes that ask side by side wait for the one that makes it.
    """
    python = folder / "bin" / "python"
    ready = folder / ".ready"
    with exclusive_lock(folder.with_name(f".{folder.name}.lock")):
        if not ready.exists():
            print(f"{folder.name}: setting up its own environment …", file=sys.stderr, flush=True)
            venv.create(folder, with_pip=True, clear=True)
            install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            subprocess.run([*install, "--no-deps", "--require-hashes", "-r", str(LOCK)], check=True)
            ready.touch()
    return python


def report(python: Path, folder: Path, customers: int, events: int, runs: int) -> Iterator[str]:
    """Measure, compare the counts, and yield the lines of the table.

    Raises:
        RuntimeError: the counts differ.
    """

    def once(job: str) -> Measured:
        print(f"{job} …", file=sys.stderr, flush=True)
        size = ["--folder", str(folder), "--customers", str(customers), "--events", str(events)]
        return measure([sys.executable, "-m", "benchmarks.engine", "--job", job, *size], ROOT)

    for job in ("generate", "ingest", f"cohort {CUTOFFS}"):
        once(job)
    ours = medians([f"engine {CUTOFFS}"], runs, once)[f"engine {CUTOFFS}"]
    print("featuretools …", file=sys.stderr, flush=True)
    inside = [str(python), "-W", "ignore", "-m", "benchmarks.featuretools_inside"]
    theirs = measure([*inside, str(folder / f"{customers}_{events}")], ROOT)
    compare(ours, theirs)
    rows, mine = ours.answer["rows"], ours.answer["features"]
    yield f"{customers:,} customers, {events:,} visits, {CUTOFFS} cutoffs, {rows:,} rows."
    yield ""
    yield "| what | features | CPU s | wall s | peak MB |"
    yield "|---|---|---|---|---|"
    yield _line(f"**engine**, median of {runs} runs", len(mine), ours)
    yield _line("featuretools, cutoff times, one run", len(theirs.answer["features"]), theirs)
    times = theirs.cpu_seconds / ours.cpu_seconds, theirs.wall_seconds / ours.wall_seconds
    yield ""
    yield f"The engine is {times[0]:.0f} times faster by CPU time, {times[1]:.0f} times by wall time."
    yield ""
    yield described(("duckdb", "numpy", "pandas"))[:-1] + f"; {theirs.answer['versions']}."


def compare(ours: Measured, theirs: Measured) -> None:
    """Check that both give the same sums.

    Recencies are compared for visits alone: the engine looks for the others further back than half a year.

    Raises:
        RuntimeError: they differ.
    """
    from benchmarks.engine.results import differences

    further = [name for name in theirs.answer["features"] if name.endswith("_days_since_last")]
    same = {name: sums for name, sums in theirs.answer["features"].items() if name not in further[1:]}
    if differ := differences(ours.answer["features"], same):
        raise RuntimeError(f"the engine and featuretools give different answers: {'; '.join(differ)}")


def _line(what: str, features: int, one: Measured) -> str:
    return f"| {what} | {features} | {one.cpu_seconds:.2f} | {one.wall_seconds:.2f} | {one.peak_mb:,.0f} |"


if __name__ == "__main__":
    raise SystemExit(main())
