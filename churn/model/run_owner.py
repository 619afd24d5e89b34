"""Which process has an MLflow run open, so that runs of killed processes can be ended."""

from __future__ import annotations

import os
import socket
from pathlib import Path

OWNER_TAG = "churn.process"
"""The tag of a run with the process that opened it last, as `owner` gives it."""

START_FIELD = 19
"""The place of the start time in /proc/PID/stat, counted after the name of the program."""


def owner() -> str:
    """Return the machine, the number and the start of this process, as one text."""
    return f"{socket.gethostname()} {os.getpid()} {_start_of(os.getpid())}"


def has_ended(owner_text: str) -> bool:
    """Return whether the process of an owner has surely ended; False for a process of another machine.

    Args:
        owner_text: A text that `owner` has given.
    """
    host, _, process = owner_text.partition(" ")
    number, _, start = process.partition(" ")
    if host != socket.gethostname() or not number.isdigit():
        return False
    return not _is_running(int(number)) or start != _start_of(int(number))


def _is_running(number: int) -> bool:
    try:
        os.kill(number, 0)  # sends nothing
    except ProcessLookupError:
        return False
    except PermissionError:  # it runs for another user
        return True
    return True


def _start_of(number: int) -> str:
    """Return when a process started, in ticks since the start of the machine; "" where it is not known."""
    try:
        text = Path(f"/proc/{number}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
    return text.rpartition(")")[2].split()[START_FIELD]
