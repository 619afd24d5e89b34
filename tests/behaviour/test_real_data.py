"""Whole runs on public data sets, by the parameter files of `examples/` with less to read and to train.

`make scoreboard` judges the models of the whole parameter files on these data.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pyarrow.csv as pa_csv
import pytest

pytestmark = [pytest.mark.data, pytest.mark.slow]


LESS = {"snapshot.every": "month", "evaluate.bootstrap": 200, "train.calibration": "none"}
"""The settings that make a run short; the data and the test cutoffs are those of the parameter file."""


@pytest.mark.parametrize(
    ("example", "settings", "least_auc", "least_low"),
    [
        ("completejourney", {"signals.windows": [28, 91], "train.candidates": ["logistic"]}, 0.84, 0.80),
        ("fightchurn_socialnet7", {"train.candidates": ["logistic"]}, 0.70, 0.67),
    ],
    ids=["completejourney", "fightchurn_socialnet7"],
)
def test_a_public_data_set_gives_a_call_list_and_a_model_that_knows_something(
    example: str,
    settings: dict[str, object],
    least_auc: float,
    least_low: float,
    real_data: Path,
    root: Path,
    tmp_path: Path,
    churn: Callable[..., subprocess.CompletedProcess[str]],
    migrated: Path,
) -> None:
    shutil.copy(migrated, tmp_path)
    overrides = overrides_of(tmp_path, LESS | settings)

    done = churn(
        "run",
        "--params",
        str(root / "examples" / f"{example}.yaml"),
        *overrides,
        cwd=tmp_path,
        CHURN_DATA=str(real_data),
    )

    # On fightchurn_socialnet7 the upper bound against recency, frequency and value lies at 0, so a model that
    # knows something may still be refused; the night is then a trial.
    is_trial = example == "fightchurn_socialnet7" and "as a trial (beats_rfm)" in " ".join(
        done.stderr.split()
    )
    assert done.returncode == (15 if is_trial else 0), f"{done.stdout}\n{done.stderr}"
    (calls,) = (tmp_path / "output" / "calls").glob("cutoff=*/calls.csv")
    assert pa_csv.read_csv(calls).num_rows > 0
    evaluated = json.loads((tmp_path / "output" / "evaluate" / "metrics.json").read_text())
    auc = evaluated["candidates"]["challenger"]["auc"]
    assert auc["value"] >= least_auc
    assert auc["low"] >= least_low
    assert evaluated["paired"]["challenger_minus_base_rate"]["log_loss"]["high"] < 0


def test_labels_drawn_at_random_end_in_no_signal_and_a_refusal(
    real_data: Path,
    root: Path,
    tmp_path: Path,
    churn: Callable[..., subprocess.CompletedProcess[str]],
    migrated: Path,
) -> None:
    shutil.copy(migrated, tmp_path)
    overrides = overrides_of(tmp_path, LESS | {"train.candidates": ["trees"], "train.learning_rate": 0.1})

    done = churn(
        "run",
        "--params",
        str(root / "examples" / "ravenstack.yaml"),
        *overrides,
        cwd=tmp_path,
        CHURN_DATA=str(real_data),
    )

    evaluated = json.loads((tmp_path / "output" / "evaluate" / "metrics.json").read_text())
    auc = evaluated["candidates"]["challenger"]["auc"]
    assert done.returncode == 15, f"{done.stdout}\n{done.stderr}"
    assert evaluated["signal"]["found"] == "no signal"
    assert auc["low"] < 0.5 < auc["high"]
    assert "promote: no signal: AUC" in done.stderr
    assert not (tmp_path / "models" / "champion").exists()


def overrides_of(folder: Path, settings: dict[str, object]) -> list[str]:
    """Return the options of a run with these settings that writes everything into a folder."""
    places = {
        "output": str(folder / "output"),
        "models": str(folder / "models"),
        "tracking.uri": f"sqlite:///{folder / 'mlflow.db'}",
    }
    return [
        word for key, value in (settings | places).items() for word in ("--set", f"{key}={json.dumps(value)}")
    ]
