"""Ctrl-C, SIGTERM and SIGHUP become exceptions, so that `with` and `finally` blocks can clean up."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interruption(KeyboardInterrupt):
    """A signal asked the program to end.

    Libraries treat this exception like the `KeyboardInterrupt` of Ctrl-C, whichever signal caused it.
    """


class Interrupts:
    """Notes the first signal that asks the program to end, even if a library catches the `Interruption`.

    Attributes:
        first_signal: The first signal that came, or None.
        is_raising: Whether a signal raises `Interruption`; while this is False, a signal is only noted.
    """

    def __init__(self) -> None:
        self.first_signal: signal.Signals | None = None
        self.is_raising = False

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Note the signal, and raise `Interruption` in the code that runs now."""
        self.first_signal = self.first_signal or signal.Signals(number)
        self.raise_if_noted()

    def raise_if_noted(self) -> None:
        """Raise `Interruption` if a signal came, even if an earlier call has raised it for the same signal.

        The earlier exception may be lost: Python prints and drops an exception that arises in a callback or
        in `__del__`, and a library may catch the exception.

        Raises:
            Interruption: a signal came.
        """
        if self.is_raising and self.first_signal:
            raise Interruption

    @property
    def exit_code(self) -> int:
        """Return 128 plus the number of the signal: 130 for Ctrl-C."""
        return 128 + int(self.first_signal or signal.SIGINT)

    @property
    def words(self) -> str:
        """Return what ended the program, in words."""
        by_hand = self.first_signal in (None, signal.SIGINT)
        return "stopped by hand" if by_hand else f"ended by {signal.Signals(self.first_signal).name}"  # type: ignore[arg-type]


@contextmanager
def watch_interrupts() -> Iterator[Interrupts]:
    """Turn the `SIGNALS` into exceptions until the `with` block ends; ignored signals stay ignored.

    The caller sets `is_raising` to True only inside the `try` block whose `except` catches the exception.
    """
    interrupts = Interrupts()
    if threading.current_thread() is not threading.main_thread():
        yield interrupts  # only the main thread may handle signals
        return
    earlier = {
        number: signal.signal(number, interrupts.handle)
        for number in SIGNALS
        if signal.getsignal(number) is not signal.SIG_IGN
    }
    earlier_hook, sys.unraisablehook = sys.unraisablehook, _without_interruptions(sys.unraisablehook)
    try:
        yield interrupts
    finally:
        sys.unraisablehook = earlier_hook
        for number, handler in earlier.items():
            signal.signal(number, handler)


def _without_interruptions(hook: Callable[[Any], object]) -> Callable[[Any], object]:
    """Return a `sys.unraisablehook` that prints no `Interruption`: the program itself reports the signal."""

    def report(unraisable: Any) -> None:
        error: BaseException | None = unraisable.exc_value
        while error is not None and not isinstance(error, Interruption):
            error = error.__cause__ or error.__context__
        if error is None:
            hook(unraisable)

    return report
