"""Results are kept until their inputs or the code change."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from churn.data.files import write_atomically

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class StoredPredictions:
    """The probabilities of a contestant, its wall time in seconds, and its own remarks."""

    predictions: pd.DataFrame
    seconds: float
    facts: dict[str, Any]


def code_digest(*paths: str) -> str:
    """Return a digest of some Python files of the project, and of the files in some folders."""
    digest = hashlib.sha256()
    for relative_path in paths:
        start = ROOT / relative_path
        for path in sorted(start.rglob("*.py")) if start.is_dir() else [start]:
            digest.update(
                f"{path.relative_to(ROOT)} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode()
            )
    return digest.hexdigest()[:16]


def text_digest(path: Path) -> str:
    """Return a digest of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def rows_digest(rows: pd.DataFrame) -> str:
    """Return a digest of rows in their order."""
    return hashlib.sha256(pd.util.hash_pandas_object(rows, index=False).to_numpy().tobytes()).hexdigest()[:16]


def keep_predictions(
    folder: Path, name: str, stamp: str, make: Callable[[], tuple[pd.DataFrame, dict[str, Any]]]
) -> StoredPredictions:
    """Return the stored result with this name and stamp; without one, compute and store the result.

    Files are written in one step, so that a run can continue after a crash.
    """
    about, table = folder / f"{name}.json", folder / f"{name}.parquet"
    if about.exists():
        record = json.loads(about.read_text(encoding="utf-8"))
        if record["stamp"] == stamp:
            return StoredPredictions(pd.read_parquet(table), record["seconds"], record["facts"])
    begun = time.perf_counter()
    predictions, facts = make()
    seconds = round(time.perf_counter() - begun, 1)
    folder.mkdir(parents=True, exist_ok=True)
    about.unlink(missing_ok=True)
    temporary_file = table.with_name(f".{name}.{os.getpid()}")
    predictions.to_parquet(temporary_file, index=False)
    temporary_file.replace(table)
    write_atomically(about, json.dumps({"stamp": stamp, "seconds": seconds, "facts": facts}).encode())
    return StoredPredictions(predictions, seconds, facts)
