"""How fast signals come, beside the limit and a naive join: `python -m benchmarks.engine`, or `make bench`.

Every measurement is its own process; jobs alternate, and medians are printed as a Markdown table. CPU seconds
and wall time leave out the start of Python and the imports; the peak holds them.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

# The parent imports nothing heavy: the peak memory of a child counts what it was forked from.

README = Path(__file__).with_name("README.md")
MARKS = ("<!-- table of benchmarks.engine -->", "<!-- end of table -->")

NAIVE = {
    "counts": "naive range join, counts and recency alone",
    "naive": "naive range join, active days too",
}


@dataclass(frozen=True)
class Size:
    """How much is made up, and where it lies."""

    folder: Path
    customers: int
    events: int


@dataclass(frozen=True)
class Measured:
    """What one process took; `answer` is compared between ways of computing the same."""

    cpu_seconds: float
    wall_seconds: float
    peak_mb: float
    answer: str


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print, or do one job when called as a child."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engine", description=__doc__)
    parser.add_argument("--customers", type=int, default=20_000)
    parser.add_argument("--events", type=int, default=4_000_000)
    parser.add_argument("--cutoffs", type=int, nargs="+", default=[1, 3, 12, 26], help="how many, per row")
    parser.add_argument("--naive", type=int, nargs="*", default=[12], help="cutoffs of the naive joins")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--write", action="store_true", help="put the table into benchmarks/README.md")
    parser.add_argument("--folder", type=Path, help="where to work; a temporary folder by default")
    parser.add_argument("--job", help=argparse.SUPPRESS)
    asked = parser.parse_args(argv)
    if asked.job:
        from benchmarks.engine_jobs import do

        print(json.dumps(do(asked.job, asked.folder, asked.customers, asked.events)))
        return 0
    with tempfile.TemporaryDirectory() as temporary:
        size = Size(asked.folder or Path(temporary), asked.customers, asked.events)
        table = "\n".join(report(size, asked.cutoffs, asked.naive, asked.runs))
    print(table)
    if asked.write:
        before, _, rest = README.read_text(encoding="utf-8").partition(MARKS[0])
        after = rest.partition(MARKS[1])[2]
        README.write_text(f"{before}{MARKS[0]}\n{table}\n{MARKS[1]}{after}", encoding="utf-8")
    return 0


def report(size: Size, cutoffs: Sequence[int], naive: Sequence[int], runs: int) -> Iterator[str]:
    """Yield the lines of the table."""
    measure(size, "generate")
    once = measure(size, "ingest")
    jobs = ["limit", *(f"engine {n}" for n in cutoffs), *(f"{kind} {n}" for kind in NAIVE for n in naive)]
    found = medians(size, jobs, runs)
    for kind in NAIVE:
        for n in set(cutoffs) & set(naive):
            if found[f"engine {n}"].answer != found[f"{kind} {n}"].answer:
                raise RuntimeError(f"engine and '{kind}' count differently at {n} cutoffs")
    limit = found["limit"].cpu_seconds
    yield f"{size.customers:,} customers, {size.events:,} logins of 18 months, {os.cpu_count()} cores;"
    yield f"medians of {runs} alternating runs.\n"
    yield "| what | CPU s | wall s | peak MB | x limit (CPU) |"
    yield "|---|---|---|---|---|"
    yield _line("ingest: check, code, sort and write, once", once, None)
    yield _line("limit: read the needed columns, one group-by", found["limit"], limit)
    for n in cutoffs:
        yield _line(f"engine, every login signal, {_cutoffs(n)}", found[f"engine {n}"], limit)
    for kind, told in NAIVE.items():
        for n in naive:
            yield _line(f"{told}, {_cutoffs(n)}", found[f"{kind} {n}"], limit)


def _cutoffs(n: int) -> str:
    return f"{n} cutoff" if n == 1 else f"{n} cutoffs"


def _line(what: str, one: Measured, limit: float | None) -> str:
    ratio = f"{one.cpu_seconds / limit:.1f}" if limit else ""
    return f"| {what} | {one.cpu_seconds:.2f} | {one.wall_seconds:.2f} | {one.peak_mb:,.0f} | {ratio} |"


def medians(size: Size, jobs: Sequence[str], runs: int) -> dict[str, Measured]:
    """Run the jobs in turn, again and again, and return the medians of each."""
    made: dict[str, list[Measured]] = {job: [] for job in jobs}
    for _ in range(runs):
        for job in jobs:
            made[job].append(measure(size, job))

    def median(job: str, value: Callable[[Measured], float]) -> float:
        return statistics.median(value(one) for one in made[job])

    return {
        job: Measured(
            median(job, lambda one: one.cpu_seconds),
            median(job, lambda one: one.wall_seconds),
            median(job, lambda one: one.peak_mb),
            made[job][0].answer,
        )
        for job in jobs
    }


def measure(size: Size, job: str) -> Measured:
    """Do a job in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.engine", "--job", job, "--folder", str(size.folder)]
    command += ["--customers", str(size.customers), "--events", str(size.events)]
    print(f"{job} …", file=sys.stderr, flush=True)
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1])
    assert child.stdout is not None  # a pipe was asked for
    said = child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise RuntimeError(f"job '{job}' ended {child.returncode}")
    facts = json.loads(said)
    kilobytes = usage.ru_maxrss / (1024 if sys.platform == "darwin" else 1)
    return Measured(facts["cpu_seconds"], facts["wall_seconds"], kilobytes / 1024, facts["answer"])


if __name__ == "__main__":
    raise SystemExit(main())
