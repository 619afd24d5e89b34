"""The output of a verb: lines, warnings and progress; a terminal shows the progress as a bar."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Protocol, TextIO

from churn.controls import escape_controls
from churn.secrets import hide_secrets
from pipelines.streams import SafeStream


class Advance(Protocol):
    """Reports progress to a bar or to plain lines."""

    def __call__(self, steps: int = 1) -> None:
        """Report that `steps` more steps are done."""


class Echo:
    """Prints what a verb reports: lines on stdout, warnings and progress on stderr.

    Attributes:
        finished_steps: The steps of the verb that are done; if the verb is stopped, a message names them.
        raise_if_stopped: The function that raises an exception if the program was asked to end.
        shows_details: Whether `run` shows the lines of all its verbs.
        speak: Returns a line in words that fit the label (leaving or another event); see
            `LabelWords.speak`.
    """

    def __init__(self, raise_if_stopped: Callable[[], None] = lambda: None) -> None:
        """Take the function `raise_if_stopped`, which is called before each line."""
        self.finished_steps: list[str] = []
        self.raise_if_stopped = raise_if_stopped
        self.shows_details = False
        self.speak: Callable[[str], str] = str

    def has_terminal(self) -> bool:
        """Return whether progress is shown on a terminal."""
        return sys.stderr.isatty()

    def __call__(self, text: str) -> None:
        """Print a line on stdout."""
        self.raise_if_stopped()
        print(_clean(self.speak(text)), flush=True)

    def show(self, text: str) -> None:
        """Print a main line of the verb; `churn run` shows only main lines, and writes all to a file."""
        self(text)

    def finish_step(self, step: str) -> None:
        """Record that a step of the verb is done."""
        self.raise_if_stopped()
        self.finished_steps.append(step)

    def warn(self, text: str) -> None:
        """Print a warning on stderr."""
        self.raise_if_stopped()
        print(f"warning: {_clean(self.speak(text))}", file=sys.stderr, flush=True)

    def report(self, lines: Iterable[str], warnings: Iterable[str] = ()) -> None:
        """Print lines, then warnings."""
        for line in lines:
            self(line)
        for warning in warnings:
            self.warn(warning)

    @contextmanager
    def progress(self, label: str, total: int) -> Iterator[Advance]:
        """Show how many of `total` steps are done: a bar on a terminal, a few plain lines elsewhere.

        Progress goes to stderr, so that the output of a verb can be piped.
        """
        with _bar(label, total) if self.has_terminal() else _lines(label, total) as show:

            def advance(steps: int = 1) -> None:
                self.raise_if_stopped()
                show(steps)

            yield advance


class QuietEcho(Echo):
    """Prints warnings and progress only, for verbs that write output for a program to stdout."""

    def __call__(self, text: str) -> None:
        """Drop the line."""


def _clean(text: str) -> str:
    """Return the text with its secrets hidden, and with control characters of a terminal written as codes."""
    return escape_controls(hide_secrets(text))


def _stream_of_bar() -> TextIO:
    return sys.stderr.with_cursor() if isinstance(sys.stderr, SafeStream) else sys.stderr


@contextmanager
def _bar(label: str, total: int) -> Iterator[Advance]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    name = TextColumn("{task.description}", markup=False)  # a table may be called [/b]
    columns = (name, BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    on_terminal = sys.stdout.isatty()  # a redirected stdout keeps its lines
    with Progress(
        *columns, console=Console(file=_stream_of_bar()), transient=True, redirect_stdout=on_terminal
    ) as bar:
        task = bar.add_task(_clean(label), total=total)

        def advance(steps: int = 1) -> None:
            bar.advance(task, steps)

        yield advance


@contextmanager
def _lines(label: str, total: int) -> Iterator[Advance]:
    n_done = quarters = 0

    def advance(steps: int = 1) -> None:
        nonlocal n_done, quarters
        n_done += steps
        quarters_done = 4 * n_done // max(total, 1)
        if quarters_done > quarters:
            quarters = quarters_done
            print(f"{label}: {n_done} of {total}", file=sys.stderr, flush=True)

    yield advance
