"""Ctrl-C, SIGTERM and SIGHUP become exceptions, so that every block can clean up."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interruption(KeyboardInterrupt):
    """The program was asked to end.

    Libraries treat it as Ctrl-C, whichever signal it was.
    """


class Interrupts:
    """Notes the first signal that asks the program to end, also if a library swallows the exception."""

    def __init__(self) -> None:
        self.first_signal: signal.Signals | None = None

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Note the signal and raise `Interruption` where the program is."""
        self.first_signal = signal.Signals(number)
        raise Interruption

    @property
    def exit_code(self) -> int:
        """Return 128 and the number of the signal: 130 for Ctrl-C."""
        return 128 + int(self.first_signal or signal.SIGINT)

    @property
    def words(self) -> str:
        """Return what ended the program, in words."""
        by_hand = self.first_signal in (None, signal.SIGINT)
        return "stopped by hand" if by_hand else f"ended by {signal.Signals(self.first_signal).name}"  # type: ignore[arg-type]


@contextmanager
def watch_interrupts() -> Iterator[Interrupts]:
    """Turn the signals into exceptions until the block ends; ignored signals stay ignored."""
    interrupts = Interrupts()
    if threading.current_thread() is not threading.main_thread():
        yield interrupts  # only the main thread may handle signals
        return
    earlier = {
        number: signal.signal(number, interrupts.handle)
        for number in SIGNALS
        if signal.getsignal(number) is not signal.SIG_IGN
    }
    try:
        yield interrupts
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)
