"""What `train` leaves under output/train for `evaluate` and `promote`."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from churn.errors import CallError
from churn.model.bundle import write_json
from churn.params import Params
from churn.snapshots.read import Snapshots
from churn.training.backtest import OutOfTime
from churn.training.calibration import Choice
from churn.training.recipe import Recipe
from churn.training.select import Tried

PROMOTION = ("promotion.json", "promotion.md", "promotion.html")
"""What `promote` leaves under output/evaluate; it belongs to the evaluation it judged."""


@dataclass(frozen=True)
class Record:
    """The challenger that was trained last, and how.

    Attributes:
        version: Its version in the registry.
        run_id: Its MLflow run.
        digest: The digest of its bundle.
        snapshots_digest: What it learnt from.
        chosen_by: The first test cutoff: the date at which every choice was made.
        choice_cutoffs: The cutoffs whose out-of-time predictions chose the calibration.
        tried: The candidates, the one taken first.
        logistic: The logistic regression that it is held against.
        importance: Each signal's share of what the model says, the largest first.
    """

    model: str
    version: str
    run_id: str
    digest: str
    snapshots_digest: str
    recipe: Recipe
    calibration: Choice
    chosen_by: date | None
    choice_cutoffs: tuple[date, ...]
    tried: tuple[Tried, ...]
    logistic: Recipe
    importance: dict[str, float]

    def check_fits(self, snapshots: Snapshots, first_test: date, params: Params) -> None:
        """Check that the challenger learnt from these snapshots and was chosen before the first test.

        Raises:
            CallError: it was not; train again.
        """
        if self.snapshots_digest != snapshots.digest:
            raise CallError(
                f"{training_folder(params)}: the challenger learnt from other snapshots than those beside "
                "it. Run `churn train` again."
            )
        if self.chosen_by is None or self.chosen_by > first_test:
            raise CallError(
                f"{params.locate('evaluate.test_cutoffs')} starts on {first_test}, but the challenger was "
                f"chosen with labels known by {self.chosen_by}. Run `churn train` again, or test later "
                "cutoffs."
            )


def training_folder(params: Params) -> Path:
    """Return where the record, the bundle and the out-of-time predictions lie."""
    return params.output / "train"


def write_record(folder: Path, record: Record, made: OutOfTime, snapshots: Snapshots) -> None:
    """Write `train.json`, `recipe.json`, `out_of_time.parquet`, and signals and importance for people."""
    write_json(folder / "recipe.json", record.recipe.as_dict())
    write_json(folder / "signals.json", list(snapshots.signals))
    write_json(folder / "importance.json", record.importance)
    made.frame(snapshots.customers).to_parquet(folder / "out_of_time.parquet", index=False)
    facts = {
        "model": record.model,
        "version": record.version,
        "run_id": record.run_id,
        "digest": record.digest,
        "snapshots_digest": record.snapshots_digest,
        "recipe": record.recipe.as_dict(),
        "calibration": record.calibration.as_dict(),
        "chosen_by": record.chosen_by,
        "choice_cutoffs": [day.isoformat() for day in record.choice_cutoffs],
        "tried": [asdict(one) for one in record.tried],
        "logistic": record.logistic.as_dict(),
        "importance": [[name, share] for name, share in record.importance.items()],
    }
    write_json(folder / "train.json", facts)


def read_record(params: Params) -> Record:
    """Read what `train` left.

    Raises:
        CallError: nothing was trained yet.
    """
    try:
        facts: dict[str, Any] = json.loads((training_folder(params) / "train.json").read_text("utf-8"))
    except (OSError, ValueError):
        raise CallError(
            f"{training_folder(params)}: no challenger was trained yet. Run `churn train` first."
        ) from None
    return Record(
        model=facts["model"],
        version=facts["version"],
        run_id=facts["run_id"],
        digest=facts["digest"],
        snapshots_digest=facts["snapshots_digest"],
        recipe=Recipe(**facts["recipe"]),
        calibration=Choice.of(facts["calibration"]),
        chosen_by=date.fromisoformat(facts["chosen_by"]) if facts["chosen_by"] else None,
        choice_cutoffs=tuple(date.fromisoformat(day) for day in facts["choice_cutoffs"]),
        tried=tuple(Tried.of(one) for one in facts["tried"]),
        logistic=Recipe(**facts["logistic"]),
        importance=dict(facts["importance"]),
    )


def read_out_of_time(params: Params, snapshots: Snapshots) -> OutOfTime | None:
    """Return the out-of-time predictions `train` made, or None where they do not fit the snapshots."""
    try:
        frame = pd.read_parquet(training_folder(params) / "out_of_time.parquet")
    except OSError:
        return None
    cutoffs = [date.fromisoformat(day) for day in frame["cutoff"].unique()]
    rows = snapshots.rows.at(cutoffs)
    if len(rows) != len(frame):
        return None
    return OutOfTime(frame["logit"].to_numpy(dtype=float), rows.left, rows.customer, rows.cutoff)
