"""The files of the challenger: the spec of its model, and what `train` writes for later verbs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from churn.data.files import checksum_of, write_json
from churn.data.own_files import read_own_json, read_own_parquet, write_own_json
from churn.errors import CallError, ModelError, SourceError
from churn.model.bundle import Champion, bundle_digest, load_scorer
from churn.model.scorer import SPEC_FORMAT, Floats
from churn.params import LabelParams, digest_of
from churn.snapshots.read import Snapshots
from churn.training.backtest import OutOfTime
from churn.training.calibration import CalibrationChoice
from churn.training.fitted_model import GRID, FittedModel, quantiles
from churn.training.recipe import Recipe
from churn.training.select import CandidateScore

PROMOTION = ("promotion.json", "promotion.md", "promotion.html")
"""The files that `promote` writes under output/evaluate; a new evaluation removes them."""
OUT_OF_TIME = "out_of_time.parquet"
TRAIN_AGAIN = "Run `churn train` again."
"""The way out of the error that a file of the challenger is damaged."""
BASE_RATE_CHURNERS = 200
"""The number of churners over which the base rate is taken; with this number its Poisson error, 1 /
sqrt(200), is 7 %.
"""


@dataclass(frozen=True)
class Challenger:
    """The challenger that was trained last.

    Attributes:
        model: The name of the registered model.
        version: The version of the model in the registry.
        run_id: The id of the MLflow run that trained the model.
        digest: The digest of the model's files.
        snapshots_digest: The digest of the snapshots from which the model learnt.
        recipe: The settings of the model's fit.
        calibration: The selected calibration method.
        chosen_by: The first test cutoff. No label that became known after this day was used to choose the
            model. None if there is no test.
        choice_cutoffs: The cutoffs on whose out-of-time predictions the calibration was selected.
        scores: The candidate recipes with their log loss, the selected one first; empty after
            `train --refresh`.
        logistic: The recipe of the logistic regression that serves as a baseline.
        importance: Each signal's share of the model's log-odds, the largest first.
    """

    model: str
    version: str
    run_id: str
    digest: str
    snapshots_digest: str
    recipe: Recipe
    calibration: CalibrationChoice
    chosen_by: date | None
    choice_cutoffs: tuple[date, ...]
    scores: tuple[CandidateScore, ...]
    logistic: Recipe
    importance: Mapping[str, float]

    def check_fits(self, snapshots: Snapshots, first_test: date, folder: Path, test_key: str) -> None:
        """Check that the challenger learnt from these snapshots, and that it was selected before the first
        test cutoff.

        Args:
            snapshots: The snapshots of the evaluation.
            first_test: The first test cutoff.
            folder: The folder of the challenger, for messages.
            test_key: The parameter file and the key of the test cutoffs, as a message names them, such as
                `params.yaml: evaluate.test_cutoffs`.

        Raises:
            CallError: the challenger learnt from other snapshots, or it was selected after a test cutoff.
        """
        if self.snapshots_digest != snapshots.digest:
            raise CallError(
                f"{folder}: the challenger learnt from other snapshots than the present ones. "
                "Run `churn train` again."
            )
        if self.chosen_by is None or self.chosen_by > first_test:
            last_day = f", up to {self.chosen_by}" if self.chosen_by else ""
            raise CallError(
                f"{test_key} starts on {first_test}, but the challenger was selected with labels that "
                f"became known after this day{last_day}. Run `churn train` again, or test later cutoffs."
            )

    def as_dict(self) -> dict[str, Any]:
        """Return the challenger as the JSON values of `train.json`."""
        return {
            "model": self.model,
            "version": self.version,
            "run_id": self.run_id,
            "digest": self.digest,
            "snapshots_digest": self.snapshots_digest,
            "recipe": self.recipe.as_dict(),
            "calibration": self.calibration.as_dict(),
            "chosen_by": self.chosen_by,
            "choice_cutoffs": [day.isoformat() for day in self.choice_cutoffs],
            "tried": [score.as_dict() for score in self.scores],
            "logistic": self.logistic.as_dict(),
            "importance": [[name, share] for name, share in self.importance.items()],
        }

    def training_id(self, search: Mapping[str, Any] | None = None) -> str:
        """Return a digest of the model and of the choices in its training; equal trainings have equal
        digests.

        Args:
            search: The search of settings, as JSON values; None if there was no search.
        """
        facts = {key: value for key, value in self.as_dict().items() if key not in ("version", "run_id")}
        return digest_of({"challenger": facts, "search": search})[:16]

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> Challenger:
        """Return the challenger from the JSON values of `as_dict`."""
        return cls(
            model=facts["model"],
            version=facts["version"],
            run_id=facts["run_id"],
            digest=facts["digest"],
            snapshots_digest=facts["snapshots_digest"],
            recipe=Recipe(**facts["recipe"]),
            calibration=CalibrationChoice.of(facts["calibration"]),
            chosen_by=date.fromisoformat(facts["chosen_by"]) if facts["chosen_by"] else None,
            choice_cutoffs=tuple(date.fromisoformat(day) for day in facts["choice_cutoffs"]),
            scores=tuple(CandidateScore.of(score) for score in facts["tried"]),
            logistic=Recipe(**facts["logistic"]),
            importance=dict(facts["importance"]),
        )


def training_folder(output: Path) -> Path:
    """Return the folder that holds the challenger, its model files and its out-of-time predictions."""
    return output / "train"


def write_challenger(
    folder: Path, challenger: Challenger, predictions: OutOfTime, snapshots: Snapshots
) -> None:
    """Write `train.json`, `recipe.json`, `signals.json`, `importance.json` and `out_of_time.parquet`.

    Args:
        folder: The folder to write to.
        challenger: The challenger.
        predictions: The challenger's out-of-time predictions.
        snapshots: The snapshots that the challenger learnt from.
    """
    write_json(folder / "recipe.json", challenger.recipe.as_dict())
    write_json(folder / "signals.json", list(snapshots.signals))
    write_json(folder / "importance.json", challenger.importance)
    path = folder / OUT_OF_TIME
    predictions.frame(snapshots.customers).to_parquet(path, index=False)
    write_own_json(folder / "train.json", challenger.as_dict() | {"files": {path.name: checksum_of(path)}})


def read_challenger(output: Path) -> Challenger:
    """Read the challenger that `train` has written below `output`.

    Raises:
        CallError: nothing was trained yet.
        SourceError: `train.json` is damaged, or another version of the program wrote it.
    """
    facts = _read_facts(output)
    try:
        return Challenger.of(facts)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise SourceError(
            f"{training_folder(output) / 'train.json'}: {type(error).__name__}: {error}: another version of "
            "churn wrote the file. Run `churn train` again."
        ) from None


def _read_facts(output: Path) -> dict[str, Any]:
    folder = training_folder(output)
    try:
        return read_own_json(folder / "train.json", dict[str, Any], way_out=TRAIN_AGAIN)
    except FileNotFoundError:
        raise CallError(f"{folder}: no challenger was trained yet. Run `churn train` first.") from None


def load_challenger(output: Path, threads: int = 0) -> Champion:
    """Load the model of the challenger that `train` has written below `output`.

    Args:
        output: The output folder.
        threads: The number of threads for prediction; 0 means LightGBM's default.

    Raises:
        CallError: nothing was trained yet.
        SourceError: the file `train.json` is damaged.
        ModelError: the files of the model are damaged.
    """
    record, bundle = read_challenger(output), training_folder(output) / "bundle"
    scorer = load_scorer(bundle, threads, way_out=TRAIN_AGAIN)
    if bundle_digest(bundle) != record.digest:
        raise ModelError(
            f"{bundle}: the model in this folder is not the trained model (version {record.version}). Run "
            "`churn train` again."
        )
    return Champion(scorer, record.version, record.digest)


def read_out_of_time(output: Path, snapshots: Snapshots) -> OutOfTime | None:
    """Return the out-of-time predictions that `train` wrote; None if they do not fit the snapshots.

    Raises:
        CallError: nothing was trained yet.
        SourceError: the file is damaged.
    """
    checksum = _read_facts(output)["files"].get(OUT_OF_TIME)
    try:
        frame = read_own_parquet(
            training_folder(output) / OUT_OF_TIME,
            ("cutoff", "logit"),
            way_out=TRAIN_AGAIN,
            checksum=checksum,
        ).to_pandas()
    except FileNotFoundError:
        return None
    cutoffs = [date.fromisoformat(day) for day in frame["cutoff"].unique()]
    rows = snapshots.rows.at(cutoffs)
    if len(rows) != len(frame):
        return None
    return OutOfTime(frame["logit"].to_numpy(dtype=float), rows.left, rows.customer, rows.cutoff, rows.weight)


def spec_of(
    snapshots: Snapshots,
    model_fit: FittedModel,
    recipe: Recipe,
    calibration: Mapping[str, Any],
    probabilities: Floats,
    *,
    model: str,
    label: LabelParams,
    timezone: str,
) -> dict[str, Any]:
    """Return the spec of a model, which describes the model, its signals in training, and its training data.

    Args:
        snapshots: The snapshots that the model learnt from.
        model_fit: The fitted model.
        recipe: The settings of the model's fit.
        calibration: The fitted calibration.
        probabilities: The model's calibrated out-of-time probabilities, whose deciles the spec stores.
        model: The name under which the model is registered.
        label: The label that the model predicts.
        timezone: The time zone of the cutoffs.
    """
    rows = snapshots.rows
    rate, n_cutoffs = base_rate(snapshots)
    return {
        "format": SPEC_FORMAT,
        "model": model,
        "label_id": snapshots.label_id,
        "label": label.model_dump(mode="json"),
        "timezone": timezone,
        "horizon_days": label.horizon_days,
        "gap_days": label.gap_days,
        "trained_cutoffs": [day.isoformat() for day in snapshots.cutoffs],
        "mature_on": max(snapshots.mature_on.values()).isoformat(),
        "rows": len(rows),
        "churners": rows.churners,
        "training_rate": rows.rate,
        "base_rate": rate,
        "base_rate_cutoffs": n_cutoffs,
        "snapshots_digest": snapshots.digest,
        "store_digest": snapshots.store_digest,
        "watermark": snapshots.watermark,
        "recipe": recipe.as_dict(),
        "signals": [
            dict(signal) | model_fit.signal_facts(rows, index)
            for index, signal in enumerate(snapshots.signals)
        ],
        "score_quantiles": quantiles(probabilities),
        "quantile_grid": list(GRID),
        "members": list(model_fit.members),
        "calibration": dict(calibration),
    }


def base_rate(snapshots: Snapshots, cutoffs: Sequence[date] | None = None) -> tuple[float, int]:
    """Return the recent share of customers who left, and the number of cutoffs over which it is computed.

    The newest cutoffs that together hold 200 churners are used. If all cutoffs together hold fewer churners,
    all cutoffs are used. So the probabilities of a night are compared with a recent rate, and not with an old
    one.

    Args:
        snapshots: All snapshots whose labels are known.
        cutoffs: The cutoffs whose labels are known, in order; by default the cutoffs of all these snapshots.
    """
    newest: list[date] = []
    for day in reversed(snapshots.cutoffs if cutoffs is None else cutoffs):
        newest.append(day)
        rows = snapshots.rows.at(newest)
        if rows.churners >= BASE_RATE_CHURNERS:
            break
    return rows.rate, len(newest)
