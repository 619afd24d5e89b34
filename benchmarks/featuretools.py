"""Compare the engine with featuretools and its cutoff times: `python -m benchmarks.featuretools`.

featuretools needs an older pandas, so it has its own environment under `output`, created on demand from
benchmarks/featuretools.lock. It computes 25 signals, those with a simple definition in featuretools; the
engine computes all signals of `benchmarks.engine`.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.engine.measure import Measurement, measure, medians
from benchmarks.engine.readme import describe_machine, write_table
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
    parser.add_argument(
        "--folder", type=Path, help="where the company is written and kept; by default a temporary folder"
    )
    parser.add_argument("--write", action="store_true", help="put the table into benchmarks/README.md")
    options = parser.parse_args(argv)
    python = environment(options.environment)
    with tempfile.TemporaryDirectory() as temporary:
        folder = (options.folder or Path(temporary)).resolve()
        table = "\n".join(report(python, folder, options.customers, options.events, options.runs))
    print(table)
    if options.write:
        write_table("featuretools", table)
    return 0


def environment(folder: Path) -> Path:
    """Create the environment of featuretools if it does not exist, and return its Python.

    Of several processes one creates it, and the others wait.
    """
    python = folder / "bin" / "python"
    ready = folder / ".ready"
    with exclusive_lock(folder.with_name(f".{folder.name}.lock")):
        if not ready.exists():
            print(f"{folder.name}: creating its environment …", file=sys.stderr, flush=True)
            venv.create(folder, with_pip=True, clear=True)
            install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            subprocess.run([*install, "--no-deps", "--require-hashes", "-r", str(LOCK)], check=True)
            ready.touch()
    return python


def report(python: Path, folder: Path, customers: int, events: int, runs: int) -> Iterator[str]:
    """Measure, compare the counts, and yield the lines of the table.

    Raises:
        RuntimeError: The counts differ.
    """

    def run_job(job: str) -> Measurement:
        print(f"{job} …", file=sys.stderr, flush=True)
        size = ["--folder", str(folder), "--customers", str(customers), "--events", str(events)]
        return measure([sys.executable, "-m", "benchmarks.engine", "--job", job, *size], ROOT)

    for job in ("generate", "ingest", f"cohort {CUTOFFS}"):
        run_job(job)
    engine = medians([f"engine {CUTOFFS}"], runs, run_job)[f"engine {CUTOFFS}"]
    print("featuretools …", file=sys.stderr, flush=True)
    command = [str(python), "-W", "ignore", "-m", "benchmarks.featuretools_inside"]
    featuretools = measure([*command, str(folder / f"{customers}_{events}")], ROOT)
    compare(engine, featuretools)
    rows, engine_features = engine.answer["rows"], engine.answer["features"]
    yield f"{customers:,} customers, {events:,} visits, {CUTOFFS} cutoffs, {rows:,} rows."
    yield ""
    yield "| what | features | CPU s | wall s | peak MB |"
    yield "|---|---|---|---|---|"
    yield _line(f"**engine**, median of {runs} runs", len(engine_features), engine)
    yield _line("featuretools, cutoff times, one run", len(featuretools.answer["features"]), featuretools)
    times = featuretools.cpu_seconds / engine.cpu_seconds, featuretools.wall_seconds / engine.wall_seconds
    yield ""
    yield f"The engine is {times[0]:.0f} times faster by CPU time, {times[1]:.0f} times by wall time."
    yield ""
    yield describe_machine(("duckdb", "numpy", "pandas"))[:-1] + f"; {featuretools.answer['versions']}."


def compare(engine: Measurement, featuretools: Measurement) -> None:
    """Check that both give the same sums.

    Recency is compared for visits only, because the engine looks back more than half a year in other tables.

    Raises:
        RuntimeError: They differ.
    """
    from benchmarks.engine.results import differences

    answer = featuretools.answer["features"]
    recencies = [name for name in answer if name.endswith("_days_since_last")]
    comparable = {name: sums for name, sums in answer.items() if name not in recencies[1:]}
    if differ := differences(engine.answer["features"], comparable):
        raise RuntimeError(f"the engine and featuretools give different answers: {'; '.join(differ)}")


def _line(title: str, features: int, measurement: Measurement) -> str:
    figures = f"{measurement.cpu_seconds:.2f} | {measurement.wall_seconds:.2f} | {measurement.peak_mb:,.0f}"
    return f"| {title} | {features} | {figures} |"


if __name__ == "__main__":
    raise SystemExit(main())
