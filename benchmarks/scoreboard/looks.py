"""A log of each use of a test set by our own models; the table shows the number of uses."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from churn.data.files import exclusive_lock, write_atomically

LOOKS = Path(__file__).with_name("looks.json")


def read_looks(path: Path = LOOKS) -> list[dict[str, Any]]:
    """Return all uses, the oldest first."""
    if not path.exists():
        return []
    looks: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return looks


def log_look(
    name: str, contestant: str, figures: Mapping[str, Any], date: str | None = None, path: Path = LOOKS
) -> bool:
    """Log that one of our models was evaluated on the test rows of a set; return whether the use was new.

    Equal figures of the same contestant are no new use.

    Args:
        name: The name of the set.
        contestant: The name of the contestant.
        figures: The figures of the evaluation.
        date: The date, if the caller gives it.
        path: The path of the log.
    """
    with exclusive_lock(path.with_name(f".{path.name}.lock")):
        looks = read_looks(path)
        seen = hashlib.sha256(json.dumps(figures, sort_keys=True).encode()).hexdigest()[:12]
        if any((look["set"], look["what"], look["figures"]) == (name, contestant, seen) for look in looks):
            return False
        looks.append({"set": name, "date": date, "what": contestant, "figures": seen})
        lines = ",\n".join(json.dumps(look) for look in looks)
        write_atomically(path, f"[\n{lines}\n]\n".encode())
    return True


def count_looks(name: str, contestant: str, path: Path = LOOKS) -> int:
    """Return how often a contestant was evaluated on the test rows of a set."""
    return sum((look["set"], look["what"]) == (name, contestant) for look in read_looks(path))
