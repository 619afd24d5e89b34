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
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pipelines.score  # noqa: F401  a night would import it; here it is imported once for all nights
from pipelines.cli import main
from tests.pipelines.night_files import night_in


def nights_killed_at_steps(folder: Path, before: str, names: list[str]) -> Iterator[list[Any]]:
    """Let the next night follow a night killed before its first call of these functions, its second, ...

    The functions are those of `os`. One night runs to its end, and copies its output before each such call. A
    copy is what a night leaves that is killed there. The last line is about the night that ended. Of the
    steps that remove an empty scratch folder of a connection, the first counts: the others leave the same.
    """
    states = folder / "states"
    shutil.rmtree(states, ignore_errors=True)
    start_from(folder, before)

    def night() -> int:
        steps = count(1)
        for name in names:
            setattr(os, name, _after_a_copy(getattr(os, name), folder / "output", states, steps))
        return _score(folder)

    code, _ = _in_a_process(night)
    ended = states / "ended"
    shutil.copytree(folder / "output", ended, symlinks=True)
    for step in range(1, len(list(states.iterdir()))):
        start_from(folder, str(states / str(step)))
        yield _with_the_next_night(folder, -signal.SIGKILL)
    start_from(folder, str(ended))
    yield _with_the_next_night(folder, code)
    shutil.rmtree(states)


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


def _after_a_copy(
    function: Callable[..., Any], output: Path, states: Path, steps: Iterator[int]
) -> Callable[..., Any]:
    """Return the function, with a copy of the output made before each call of this process.

    The copy is made by another process, where the function is as it was.
    """
    owner = os.getpid()
    scratch_steps = count()

    def call(*args: Any, **kwargs: Any) -> Any:
        is_scratch = Path(args[0]).parent == output / ".scratch"
        if os.getpid() == owner and not (is_scratch and next(scratch_steps)):
            state = states / str(next(steps))
            state.mkdir(parents=True)
            if output.exists():
                subprocess.run(["cp", "-a", f"{output}/.", str(state)], check=True)
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
