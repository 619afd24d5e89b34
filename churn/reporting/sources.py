"""What the report reads: the files of a night, and of an evaluation where there was one."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq

from churn.errors import CallError
from churn.scoring.calls import plain_cell
from churn.scoring.sink import calls_path, facts_path, scores_path


@dataclass(frozen=True)
class Sources:
    """A night's table, its call list as `(customer_id, name)` in order, its facts, and the evaluation.

    `metrics` and `promotion` are None where `churn evaluate` or `churn promote` has not been run; `tested`,
    the customers of the test cutoffs with what the model said and what came of it, comes with `metrics`.
    """

    cutoff: date
    scores: pd.DataFrame
    called: tuple[tuple[str, str], ...]
    facts: Mapping[str, Any]
    metrics: Mapping[str, Any] | None
    promotion: Mapping[str, Any] | None
    tested: pd.DataFrame | None = None


def read_sources(output: Path, cutoff: date | None = None) -> Sources:
    """Read a whole night, the latest by default.

    Raises:
        CallError: no night is there, or not the one asked for.
    """
    nights = sorted(
        date.fromisoformat(path.parent.name.removeprefix("cutoff="))
        for path in output.glob("scores/cutoff=*/scores.parquet")
    )
    if not nights:
        raise CallError(f"{output / 'scores'}: no night here. Run `churn score` first.")
    if cutoff is not None and cutoff not in nights:
        raise CallError(
            f"--cutoff {cutoff}: this night was not scored; the latest is {nights[-1]}. "
            f"Run `churn score --cutoff {cutoff}` first."
        )
    night = cutoff or nights[-1]
    lines = csv.DictReader(io.StringIO(calls_path(output, night).read_text(encoding="utf-8-sig"), newline=""))
    return Sources(
        cutoff=night,
        scores=pq.read_table(scores_path(output, night), partitioning=None).to_pandas(),
        called=tuple((plain_cell(line["customer_id"]), plain_cell(line["name"])) for line in lines),
        facts=json.loads(facts_path(output, night).read_text(encoding="utf-8")),
        metrics=_json(output / "evaluate" / "metrics.json"),
        promotion=_json(output / "evaluate" / "promotion.json"),
        tested=_tested(output / "evaluate" / "predictions.parquet"),
    )


def _tested(path: Path) -> pd.DataFrame | None:
    if not path.is_file():
        return None
    columns = ["customer_id", "left", "challenger"]
    found: pd.DataFrame = pq.read_table(path, columns=columns, partitioning=None).to_pandas()
    return found


def _json(path: Path) -> Mapping[str, Any] | None:
    if not path.is_file():
        return None
    found: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found
