"""Whole runs on public data sets, by the parameter files of `examples/` and with fewer snapshots."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pyarrow.csv as pa_csv
import pytest

pytestmark = [pytest.mark.data, pytest.mark.slow]


@pytest.mark.parametrize(
    ("example", "least_auc", "least_low"),
    [("completejourney", 0.84, 0.80), ("fightchurn_socialnet7", 0.70, 0.67)],
)
def test_a_public_data_set_gives_a_call_list_and_a_model_that_knows_something(
    example: str,
    least_auc: float,
    least_low: float,
    real_data: Path,
    root: Path,
    tmp_path: Path,
    churn: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    moved = {
        "snapshot.every": "month",
        "evaluate.bootstrap": 200,
        "output": str(tmp_path / "output"),
        "models": str(tmp_path / "models"),
        "tracking.uri": f"sqlite:///{tmp_path / 'mlflow.db'}",
    }
    overrides = [word for key, value in moved.items() for word in ("--set", f"{key}={json.dumps(value)}")]

    done = churn(
        "run",
        "--params",
        str(root / "examples" / f"{example}.yaml"),
        *overrides,
        cwd=tmp_path,
        CHURN_DATA=str(real_data),
    )

    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    (calls,) = (tmp_path / "output" / "calls").glob("cutoff=*/calls.csv")
    assert pa_csv.read_csv(calls).num_rows > 0
    evaluated = json.loads((tmp_path / "output" / "evaluate" / "metrics.json").read_text())
    auc = evaluated["candidates"]["challenger"]["auc"]
    assert auc["value"] >= least_auc
    assert auc["low"] >= least_low
    assert evaluated["paired"]["challenger_minus_base_rate"]["log_loss"]["high"] < 0


def test_labels_drawn_at_random_end_in_no_signal_and_a_refusal(
    real_data: Path, root: Path, tmp_path: Path, churn: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    moved = {
        "output": str(tmp_path / "output"),
        "models": str(tmp_path / "models"),
        "tracking.uri": f"sqlite:///{tmp_path / 'mlflow.db'}",
    }
    overrides = [word for key, value in moved.items() for word in ("--set", f"{key}={json.dumps(value)}")]

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
