"""Verbs as processes of their own, forked from a process that has already imported what verbs import."""

from __future__ import annotations

import atexit
import importlib
import io
import os
import random
import signal
import sys
import tempfile
import time
import traceback
import weakref
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

POLL_SECONDS = 0.002
CLOCK_START = 1_700_000_000.0
EMPTY_CHART = {
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg" width="1pt" height="1pt" viewBox="0 0 1 1"></svg>',
    "png": b"\x89PNG\r\n\x1a\n",
}


@dataclass(frozen=True)
class Ending:
    """How a verb ended.

    Attributes:
        code: The exit code; below 0 for the number of the signal that ended the process.
        text: What the verb printed, stdout and stderr.
        cpu_seconds: The CPU time that the process has used.
    """

    code: int
    text: str
    cpu_seconds: float

    @property
    def last_line(self) -> str:
        """Return the last line that the verb printed."""
        lines = self.text.strip().splitlines()
        return lines[-1][:300] if lines else "(no word)"


class Verb:
    """A running verb: the leader of a process group, as a command in a terminal is."""

    def __init__(
        self, folder: Path, verb: str, options: Sequence[str] = (), *, is_repeatable: bool = False
    ) -> None:
        """Start the verb.

        Args:
            folder: The folder of `params.yaml`; the verb works there.
            verb: The name of the verb.
            options: Further options.
            is_repeatable: Whether ids and times are the same in each run of this kind, so that two runs that
                end at the same step leave the same bytes.
        """
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 (open until the verb has ended)
        sys.stdout.flush()
        self.pid = os.fork()
        if not self.pid:
            _become(folder, verb, options, self._log.fileno(), is_repeatable)
        with suppress(ProcessLookupError, PermissionError):
            os.setpgid(self.pid, self.pid)  # the verb does it too: whoever is first

    def cpu_seconds(self) -> float:
        """Return the CPU time that the process has used."""
        try:
            return time.clock_gettime((~self.pid << 3) | 2)  # the number of a process's clock in Linux
        except OSError:
            return float("inf")  # the process has ended

    def has_ended(self) -> bool:
        """Return whether the process has ended; it is not reaped yet."""
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def wait_for(self, condition: Callable[[], bool]) -> None:
        """Wait until a condition holds or the verb has ended."""
        while not condition() and not self.has_ended():
            time.sleep(POLL_SECONDS)

    def send(self, number: signal.Signals) -> bool:
        """Send a signal to the process group, as a terminal does on Ctrl-C.

        The verb is paused first, so that it cannot end by itself just before the signal comes.

        Returns:
            Whether the verb got the signal; otherwise it had ended before.
        """
        os.killpg(self.pid, signal.SIGSTOP)  # not reaped yet, so the group exists
        state = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WSTOPPED | os.WNOWAIT)
        for sent in (number, signal.SIGCONT):
            os.killpg(self.pid, sent)
        return state is not None and state.si_code == os.CLD_STOPPED

    def end(self) -> Ending:
        """Wait for the end of the process."""
        _, status, usage = os.wait4(self.pid, 0)
        self._log.seek(0)
        text = self._log.read().decode("utf-8", "replace")
        self._log.close()
        return Ending(os.waitstatus_to_exitcode(status), text, usage.ru_utime + usage.ru_stime)


def run_verb(folder: Path, verb: str, *options: str) -> Ending:
    """Run a verb to its end."""
    return Verb(folder, verb, options).end()


def import_what_verbs_import(folder: Path, verb: str = "run") -> None:
    """Import each module that a verb imports: the verbs are forks, and need not import anything.

    Args:
        folder: A folder in which the verb works; it is called once, to see what it imports.
        verb: The verb.
    """
    names_file = folder / "modules"
    child = os.fork()
    if not child:
        atexit.register(lambda: names_file.write_text("\n".join(sys.modules)))
        with (folder / "log").open("wb") as log:
            _become(folder, verb, (), log.fileno(), False)
    os.waitpid(child, 0)
    for name in names_file.read_text().splitlines():
        with suppress(Exception):  # a module that was made by hand and has no file
            importlib.import_module(name)
    if "mlflow" in sys.modules:
        from mlflow.utils import requirements_utils

        requirements_utils._init_modules_to_packages_map()  # MLflow lists all packages, once in a process


def _become(folder: Path, verb: str, options: Sequence[str], log: int, is_repeatable: bool) -> None:
    """Turn this process into the verb, and end with it as a program ends."""
    code = 1
    try:
        weakref.finalize._registry.clear()  # type: ignore[attr-defined]  # those of the parent process
        os.setpgid(0, 0)
        os.chdir(folder)
        null = os.open(os.devnull, os.O_RDONLY)
        for source, target in ((null, 0), (log, 1), (log, 2)):
            os.dup2(source, target)
        sys.stdout = io.TextIOWrapper(os.fdopen(1, "wb", closefd=False), write_through=True)
        sys.stderr = io.TextIOWrapper(os.fdopen(2, "wb", closefd=False), write_through=True)
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # as `pipelines/__main__.py` does
        _draw_no_charts()
        if is_repeatable:
            os.urandom = random.Random(1).randbytes
            time.time = lambda: CLOCK_START
        from pipelines.cli import main

        code = main(verb, list(options))
        atexit._run_exitfuncs()
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def _draw_no_charts() -> None:
    """Let charts be empty: drawing takes half the time of a run and changes no file but the pages."""
    from matplotlib.figure import Figure

    def save(figure: Figure, target: Any, format: str = "png", **_: Any) -> None:
        content = EMPTY_CHART[format]
        target.write(content.decode() if isinstance(target, io.StringIO) else content)

    Figure.savefig = save  # type: ignore[assignment,method-assign]
