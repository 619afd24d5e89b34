"""Measure a job in its own process: CPU time, wall time, and the peak memory of it and its children."""

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

# The parent has no heavy imports, because the peak memory of a child includes its parent's at the fork.


@dataclass(frozen=True)
class Measurement:
    """The cost of one job. Times are without the start of Python and the imports; the peak includes them.

    `peak_mb` is the largest sampled memory of the job and its children together, shared pages counted once,
    and at least the peak of the largest process. `answer` is the job's summary of its result.
    """

    cpu_seconds: float
    wall_seconds: float
    peak_mb: float
    answer: Mapping[str, Any]


def measure(command: Sequence[str], folder: Path) -> Measurement:
    """Run a job; the last line that it prints is JSON with `cpu`, `wall` and `answer`.

    Raises:
        RuntimeError: The job failed.
    """
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=folder)
    peak = _Peak(child.pid)
    peak.start()
    assert child.stdout is not None  # it is a pipe
    output = child.stdout.read()
    peak.stop()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise RuntimeError(f"'{' '.join(command)}' ended {child.returncode}")
    facts = json.loads(output.strip().split("\n")[-1])
    own_kilobytes = usage.ru_maxrss / (1024 if sys.platform == "darwin" else 1)
    return Measurement(
        cpu_seconds=facts["cpu"],
        wall_seconds=facts["wall"],
        peak_mb=max(own_kilobytes, peak.kilobytes) / 1024,
        answer=facts["answer"],
    )


@dataclass(frozen=True)
class MeasurementLog:
    """The last measurement of each job, in a file."""

    file: Path

    def find(self, job: str) -> Measurement | None:
        """Return the measurement of a job, if there is one."""
        return Measurement(**entry) if (entry := self._read().get(job)) else None

    def save(self, job: str, measurement: Measurement) -> None:
        """Replace the last measurement of a job."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self.file.write_text(json.dumps(self._read() | {job: asdict(measurement)}), encoding="utf-8")

    def _read(self) -> dict[str, Any]:
        return json.loads(self.file.read_text(encoding="utf-8")) if self.file.exists() else {}


def medians(jobs: Sequence[str], runs: int, run_job: Callable[[str], Measurement]) -> dict[str, Measurement]:
    """Run all jobs in turn, `runs` times, and return the medians of each."""
    measurements: dict[str, list[Measurement]] = {job: [] for job in jobs}
    for _ in range(runs):
        for job in jobs:
            measurements[job].append(run_job(job))

    def median(job: str, value: Callable[[Measurement], float]) -> float:
        return statistics.median(value(measurement) for measurement in measurements[job])

    return {
        job: Measurement(
            median(job, lambda measurement: measurement.cpu_seconds),
            median(job, lambda measurement: measurement.wall_seconds),
            median(job, lambda measurement: measurement.peak_mb),
            measurements[job][0].answer,
        )
        for job in jobs
    }


class _Peak(threading.Thread):
    """Samples the memory of a process and its children together, on Linux; elsewhere it is 0."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.kilobytes = 0
        self._pid = pid
        self._is_finished = threading.Event()

    def run(self) -> None:
        """Sample until `stop`; the exact peak of a process without children is known at its end."""
        while not self._is_finished.wait(SAMPLE_SECONDS):
            tree = list(process_tree(self._pid))
            if len(tree) > 1:
                self.kilobytes = max(self.kilobytes, sum(_proportional_kilobytes(pid) for pid in tree))

    def stop(self) -> None:
        """Stop sampling."""
        self._is_finished.set()
        self.join()


def process_tree(pid: int) -> Iterator[int]:
    """Yield a process and all its descendants, on Linux; elsewhere only the process."""
    yield pid
    for file in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = file.read_text().split()
        except OSError:  # it has ended
            continue
        for child in children:
            yield from process_tree(int(child))


def _proportional_kilobytes(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:  # it has ended
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)
