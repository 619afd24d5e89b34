from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from churn.evaluation.sections.calibration_by_segment import calibration_by_segment
from churn.params import EvaluateParams, TrainParams
from churn.snapshots.read import Snapshots
from churn.training.backtest import OutOfTime
from churn.training.recipe import Recipe


@pytest.fixture
def snapshots(snapshots_of: Callable[..., Snapshots]) -> Snapshots:
    return snapshots_of(customers=1500, cutoffs=3)


def measured(snapshots: Snapshots, by: float, seed: int = 0) -> dict[str, Any]:
    """Predict everybody right, but those of plan plus, whose truth lies `by` above."""
    rows = snapshots.rows
    rng = np.random.default_rng(seed)
    logits = rng.normal(-1.5, 0.7, len(rows))
    plus = rows.matrix[:, rows.names.index("plan")] == rows.levels["plan"].index("plus")
    left = (rng.random(len(rows)) < 1 / (1 + np.exp(-logits - by * plus))).astype(float)
    made = OutOfTime(logits, left, rows.customer, rows.cutoff)
    record = SimpleNamespace(recipe=Recipe.start(TrainParams()))
    params = SimpleNamespace(evaluate=EvaluateParams())
    return calibration_by_segment(
        SimpleNamespace(snapshots=snapshots, made=made, record=record, params=params)
    )


@pytest.mark.parametrize(("by", "less"), [(0.5, "more"), (-0.5, "fewer")])
def test_a_group_whose_risk_is_missed_is_told(snapshots: Snapshots, by: float, less: str) -> None:
    found = measured(snapshots, by)

    groups = found["calibration_by_segment"]["groups"]
    assert "plus" in [one["level"] for one in groups["plan"] if one["off"]]
    assert not any(one["off"] for one in groups["tenure_days"])
    assert f"{less} customers leave" in found["notes"]["calibration of plan plus"]


def test_groups_predicted_right_are_seldom_told(snapshots: Snapshots) -> None:
    told = [bool(measured(snapshots, 0.0, seed)["notes"]) for seed in range(40)]

    assert sum(told) <= 5


def test_each_group_has_its_interval_and_slope(snapshots: Snapshots) -> None:
    section = measured(snapshots, 0.5)["calibration_by_segment"]

    ones = [one for levels in section["groups"].values() for one in levels]
    assert section["cutoffs"] == [day.isoformat() for day in snapshots.cutoffs]
    for one in ones:
        for name in ("observed_expected", "calibration_slope"):
            assert one[name]["low"] < one[name]["value"] < one[name]["high"]
        assert one["judged"] == (max(one["churners"], one["expected"]) >= 100)
    assert not all(one["judged"] for one in ones)
