"""Measure a job in a process of its own: CPU, wall time, and the peak memory of it and its children."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

SAMPLE_SECONDS = 0.05

# The parent imports nothing heavy: the peak memory of a child counts what it was forked from.


@dataclass(frozen=True)
class Measured:
    """What one job took without the start of Python and the imports; the peak holds them.

    `peak_mb` is the memory of the job and its children together, shared pages once, sampled; at least the
    largest process' own peak. `answer` is what the job says of its result.
    """

    cpu_seconds: float
    wall_seconds: float
    peak_mb: float
    answer: Mapping[str, Any]


def measure(command: Sequence[str], folder: Path) -> Measured:
    """Run a job; the last line that it prints is JSON with `cpu`, `wall` and `answer`.

    Raises:
        RuntimeError: the job failed.
    """
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=folder)
    peak = _Peak(child.pid)
    peak.start()
    assert child.stdout is not None  # a pipe was asked for
    said = child.stdout.read()
    peak.stop()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise RuntimeError(f"'{' '.join(command)}' ended {child.returncode}")
    facts = json.loads(said.strip().split("\n")[-1])
    own_kilobytes = usage.ru_maxrss / (1024 if sys.platform == "darwin" else 1)
    return Measured(
        cpu_seconds=facts["cpu"],
        wall_seconds=facts["wall"],
        peak_mb=max(own_kilobytes, peak.kilobytes) / 1024,
        answer=facts["answer"],
    )


@dataclass(frozen=True)
class Kept:
    """The last measurement of every job, in a file."""

    file: Path

    def find(self, job: str) -> Measured | None:
        """Return the measurement of a job, if there is one."""
        return Measured(**found) if (found := self._read().get(job)) else None

    def keep(self, job: str, measured: Measured) -> None:
        """Keep a measurement in place of the last of its job."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self.file.write_text(json.dumps(self._read() | {job: asdict(measured)}), encoding="utf-8")

    def _read(self) -> dict[str, Any]:
        return json.loads(self.file.read_text(encoding="utf-8")) if self.file.exists() else {}


def medians(jobs: Sequence[str], runs: int, once: Callable[[str], Measured]) -> dict[str, Measured]:
    """Run the jobs in turn, again and again, and return the medians of each."""
    made: dict[str, list[Measured]] = {job: [] for job in jobs}
    for _ in range(runs):
        for job in jobs:
            made[job].append(once(job))

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


class _Peak(threading.Thread):
    """Watches how much memory a process and its children hold together; Linux tells, elsewhere 0."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.kilobytes = 0
        self._pid = pid
        self._over = threading.Event()

    def run(self) -> None:
        """Look again and again; a process alone is not asked, as its own peak is known exactly."""
        while not self._over.wait(SAMPLE_SECONDS):
            tree = list(process_tree(self._pid))
            if len(tree) > 1:
                self.kilobytes = max(self.kilobytes, sum(_proportional_kilobytes(pid) for pid in tree))

    def stop(self) -> None:
        """Look no more."""
        self._over.set()
        self.join()


def process_tree(pid: int) -> Iterator[int]:
    """Yield a process and all below it; Linux tells, elsewhere only the process itself."""
    yield pid
    for file in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = file.read_text().split()
        except OSError:  # it has ended meanwhile
            continue
        for child in children:
            yield from process_tree(int(child))


def _proportional_kilobytes(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:  # it has ended meanwhile
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)
