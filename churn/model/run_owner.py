"""Which process has opened an MLflow run, so that the runs of killed processes can be ended."""

from __future__ import annotations

import os
import socket
from pathlib import Path

OWNER_TAG = "churn.process"
"""The tag of a run that names the process that opened it last, in the form of `owner`."""

START_FIELD = 19
"""The position of the start time in /proc/PID/stat, counted from the field after the name of the program."""


def owner() -> str:
    """Return the name of the machine, the id of this process and its start time, as one text."""
    return f"{socket.gethostname()} {os.getpid()} {_start_of(os.getpid())}"


def has_ended(owner_text: str) -> bool:
    """Return whether the process that owns a run has certainly ended; False for a process on another machine.

    Args:
        owner_text: A text that `owner` returned.
    """
    host, _, process = owner_text.partition(" ")
    number, _, start = process.partition(" ")
    if host != socket.gethostname() or not number.isdigit():
        return False
    return not _is_running(int(number)) or start != _start_of(int(number))


def _is_running(number: int) -> bool:
    try:
        os.kill(number, 0)  # signal 0 sends nothing and only checks whether the process exists
    except ProcessLookupError:
        return False
    except PermissionError:  # the process runs, for another user
        return True
    return True


def _start_of(number: int) -> str:
    """Return when a process started, in clock ticks since the machine was started; "" if it is not known."""
    try:
        text = Path(f"/proc/{number}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
    return text.rpartition(")")[2].split()[START_FIELD]
