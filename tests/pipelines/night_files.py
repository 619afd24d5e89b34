"""The files of a night, as the tests of nights compare them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

SCORES, CALLS = "scores/cutoff={}/scores.parquet", "calls/cutoff={}/calls.csv"
NIGHT = "2025-10-01"

Digests = Mapping[str, str]


def night_in(output: Path, night: str = NIGHT) -> Digests:
    """Return the SHA-256 of the files of a night that are there."""
    paths = {name: output / name.format(night) for name in (SCORES, CALLS)}
    return {
        name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in paths.items() if path.exists()
    }
