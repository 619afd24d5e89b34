"""Score nights that are killed, each followed by a whole one: a program that `test_night.py` calls.

Each night is a forked process of a program that has imported what a night needs. A line of JSON for each
night states its exit code, the files that it left, the exit code of the next night, and the files then.

    python -m tests.pipelines.killed_nights FOLDER BEFORE steps rename,unlink
    python -m tests.pipelines.killed_nights FOLDER BEFORE moments 3

`FOLDER` is where the company is; `BEFORE` is copied to its `output` before each night that is killed, or is
empty.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pipelines.score  # noqa: F401  a night would import it; here it is imported once for all nights
from pipelines.cli import main
from tests.pipelines.night_files import night_in


def nights_killed_at_steps(folder: Path, before: str, names: list[str]) -> Iterator[list[Any]]:
    """Kill a night before its first call of one of these functions of `os`, the next before its second, ...

    The last night makes fewer calls than that and ends well.
    """
    step, code = 0, -signal.SIGKILL
    while code == -signal.SIGKILL:
        step += 1
        count_down = _count_down(step)

        def night(count_down: Callable[[], None] = count_down) -> int:
            for name in names:
                setattr(os, name, _counted(getattr(os, name), count_down))
            return _score(folder)

        start_from(folder, before)
        code, _ = _in_a_process(night)
        yield _with_the_next_night(folder, code)


def nights_killed_at_moments(folder: Path, before: str, moments: int) -> Iterator[list[Any]]:
    """Kill a night after the first part of the CPU time that one takes, the next after two parts, ..."""
    start_from(folder, before)
    _, seconds = _in_a_process(lambda: _score(folder))
    for moment in range(1, moments + 1):

        def night(limit: float = seconds * moment / moments) -> int:
            signal.setitimer(signal.ITIMER_PROF, limit)  # its signal ends the process at once
            return _score(folder)

        start_from(folder, before)
        code, _ = _in_a_process(night)
        yield _with_the_next_night(folder, code)


def start_from(folder: Path, before: str) -> None:
    """Let the output be as it was before."""
    shutil.rmtree(folder / "output", ignore_errors=True)
    if before:
        shutil.copytree(before, folder / "output", symlinks=True)


def _score(folder: Path) -> int:
    return main("score", ["--params", str(folder / "params.yaml")])


def _with_the_next_night(folder: Path, code: int) -> list[Any]:
    files = dict(night_in(folder / "output"))
    next_code, _ = _in_a_process(lambda: _score(folder))
    return [code, files, next_code, dict(night_in(folder / "output"))]


def _in_a_process(work: Callable[[], int]) -> tuple[int, float]:
    """Return the exit code of the work and its CPU seconds."""
    child = os.fork()
    if not child:
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.dup2(silence, 2)
        os._exit(work())
    _, status, usage = os.wait4(child, 0)
    return os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime


def _count_down(calls: int) -> Callable[[], None]:
    """Return what kills this process when it is called for the n-th time."""
    left = iter(range(calls - 1, -1, -1))

    def call() -> None:
        if next(left) == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    return call


def _counted(function: Callable[..., Any], count: Callable[[], None]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        count()
        return function(*args, **kwargs)

    return call


if __name__ == "__main__":
    company, output_before, how, argument = sys.argv[1:]
    nights = (
        nights_killed_at_steps(Path(company), output_before, argument.split(","))
        if how == "steps"
        else nights_killed_at_moments(Path(company), output_before, int(argument))
    )
    for facts in nights:
        print(json.dumps(facts), flush=True)
