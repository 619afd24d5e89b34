"""Every look of our own model at a test is written down, so that the table can say how many there were."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from churn.data.files import exclusive_lock, write_atomically

LOOKS = Path(__file__).with_name("looks.json")


def read_looks(path: Path = LOOKS) -> list[dict[str, Any]]:
    """Return all looks, the oldest first."""
    if not path.exists():
        return []
    found: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return found


def log_look(
    name: str, what: str, figures: Mapping[str, Any], date: str | None = None, path: Path = LOOKS
) -> bool:
    """Write down that a model of ours was judged on a set's test, and return whether that was new.

    The same figures of the same contestant, seen again, are no new look.

    Args:
        name: The set.
        what: The contestant.
        figures: What was seen.
        date: When, if whoever called says so.
        path: The log.
    """
    with exclusive_lock(path.with_name(f".{path.name}.lock")):
        looks = read_looks(path)
        seen = hashlib.sha256(json.dumps(figures, sort_keys=True).encode()).hexdigest()[:12]
        if any((look["set"], look["what"], look["figures"]) == (name, what, seen) for look in looks):
            return False
        looks.append({"set": name, "date": date, "what": what, "figures": seen})
        lines = ",\n".join(json.dumps(look) for look in looks)
        write_atomically(path, f"[\n{lines}\n]\n".encode())
    return True


def count_looks(name: str, what: str, path: Path = LOOKS) -> int:
    """Return how often a contestant looked at a set's test."""
    return sum((look["set"], look["what"]) == (name, what) for look in read_looks(path))
