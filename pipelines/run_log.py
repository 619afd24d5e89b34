"""Write to a file all that the verbs of `churn run` print; the user sees a summary."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from churn.controls import escape_controls
from churn.secrets import hide_secrets
from pipelines.echo import Advance, Echo

LOG_FILE = "run.txt"
"""The name of the file below `output`."""


class RunLog(Echo):
    """Writes to a file what the verbs of a run print; shows progress on a terminal, and each warning once.

    Attributes:
        path: The file.
    """

    def __init__(self, echo: Echo, path: Path, file: TextIO) -> None:
        """Take the `Echo` that prints for the user, and the open file.

        Args:
            echo: Prints for the user; if its `shows_details` is true, it prints all that the file gets.
            path: The file.
            file: The file at `path`, open for writing.
        """
        super().__init__(echo.raise_if_stopped)
        self.speak = echo.speak
        self.path = path
        self._echo = echo
        self._file = file
        self._shown_warnings: set[str] = set()
        self._has_shown_path = False

    def __call__(self, text: str) -> None:
        """Write a line to the file."""
        self._write(text)
        if self._echo.shows_details:
            self._echo(text)

    def show(self, text: str) -> None:
        """Write a line to the file, and print it."""
        self._write(text)
        self._echo(text)

    def show_path(self) -> None:
        """Print where the file is, once."""
        if not self._has_shown_path:
            self._has_shown_path = True
            self._echo(f"details    {self.path}")

    def finish_step(self, step: str) -> None:
        """Record that a step of the run is done."""
        self._echo.finish_step(step)

    def warn(self, text: str) -> None:
        """Write a warning to the file, and show it if the user has not seen it in this run."""
        self._write(f"warning: {text}")
        if text not in self._shown_warnings:
            self._shown_warnings.add(text)
            self._echo.warn(text)

    @contextmanager
    def progress(self, label: str, total: int) -> Iterator[Advance]:
        """Show the progress of a verb; without a terminal, only check whether the run was asked to end."""
        if self._echo.shows_details or self._echo.has_terminal():
            with self._echo.progress(label, total) as advance:
                yield advance
            return

        def check_only(steps: int = 1) -> None:
            self.raise_if_stopped()

        yield check_only

    def _write(self, text: str) -> None:
        self._file.write(f"{escape_controls(hide_secrets(self.speak(text)))}\n")
        self._file.flush()


@contextmanager
def run_log(echo: Echo, output: Path, call: str) -> Iterator[RunLog]:
    """Open `run.txt` in the output folder for one run; print its path if the run ends with an error.

    Args:
        echo: Prints for the user.
        output: The output folder.
        call: The first line of the file: the command, such as `churn run`, and the time of its start.
    """
    output.mkdir(parents=True, exist_ok=True)
    path = output / LOG_FILE
    with path.open("w", encoding="utf-8", errors="backslashreplace") as file:
        log = RunLog(echo, path, file)
        log(call)
        try:
            yield log
        except Exception:
            log.show_path()
            raise
