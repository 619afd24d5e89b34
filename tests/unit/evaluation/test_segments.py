from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from churn.errors import ParamsError
from churn.evaluation.measures import CalibrationBySegment
from churn.evaluation.segments import (
    calibration_by_segment,
    check_segments,
    measure_segments,
    segment_masks,
)
from churn.snapshots.read import Snapshots
from churn.training.backtest import OutOfTime
from tests.small_snapshots import rows_of, snapshots_from
from tests.unit.evaluation.conftest import draw_signals

NAN = float("nan")


@pytest.fixture
def snapshots(snapshots_of: Callable[..., Snapshots]) -> Snapshots:
    return snapshots_of(customers=1500, cutoffs=3)


def measured(snapshots: Snapshots, by: float, seed: int = 0) -> tuple[CalibrationBySegment, dict[str, str]]:
    """Predict all customers well, except those of plan plus, whose log-odds are `by` higher."""
    rows = snapshots.rows
    rng = np.random.default_rng(seed)
    logits = rng.normal(-1.5, 0.7, len(rows))
    plus = rows.matrix[:, rows.names.index("plan")] == rows.levels["plan"].index("plus")
    left = (rng.random(len(rows)) < 1 / (1 + np.exp(-logits - by * plus))).astype(float)
    past = OutOfTime(logits, left, rows.customer, rows.cutoff)
    return calibration_by_segment(rows, past, 1 / (1 + np.exp(-logits)))


@pytest.mark.parametrize(("by", "side"), [(0.5, "low"), (-0.5, "high")])
def test_a_segment_whose_risk_is_missed_is_off_and_has_a_note(
    snapshots: Snapshots, by: float, side: str
) -> None:
    calibration, notes = measured(snapshots, by)

    assert "plus" in [segment.level for segment in calibration.groups["plan"] if segment.off]
    assert not any(segment.off for segment in calibration.groups["tenure_days"])
    assert f"the probabilities are too {side} in" in notes["calibration of plan plus"]


def test_segments_predicted_well_are_seldom_off(snapshots: Snapshots) -> None:
    off = [bool(measured(snapshots, 0.0, seed)[1]) for seed in range(40)]

    assert sum(off) <= 5


def test_each_segment_has_its_interval_and_slope(snapshots: Snapshots) -> None:
    calibration, _ = measured(snapshots, 0.5)

    segments = [segment for levels in calibration.groups.values() for segment in levels]
    assert calibration.cutoffs == snapshots.cutoffs
    for segment in segments:
        for interval in (segment.observed_expected, segment.calibration_slope):
            assert interval.low < interval.value < interval.high
        assert segment.judged == (max(segment.churners, segment.expected) >= 100)
    assert not all(segment.judged for segment in segments)


def test_texts_of_few_levels_and_bands_of_tenure_make_segments() -> None:
    rows = rows_of(
        {
            "plan": [0, 1, NAN, 1],
            "city": [0, 1, 2, 3],
            "one": [0, 0, 0, 0],
            "tenure_days": [90, 91, 800, NAN],
        },
        [0, 0, 1, 1],
        levels={"plan": ("basic", "plus"), "city": tuple("abcdefghijklm"), "one": ("same",)},
    )

    segments = segment_masks(rows)

    assert {
        name: {level: mask.tolist() for level, mask in masks.items()} for name, masks in segments.items()
    } == {
        "city": {name: [name == each for each in "abcd"] for name in "abcd"},
        "plan": {
            "basic": [True, False, False, False],
            "plus": [False, True, False, True],
            "(missing)": [False, False, True, False],
        },
        "tenure_days": {
            "[0, 91)": [True, False, False, False],
            "[91, 182)": [False, True, False, False],
            "from 730": [False, False, True, False],
            "(missing)": [False, False, False, True],
        },
    }
    assert set(segment_masks(rows, ["one"])) == {"one", "tenure_days"}


def test_a_segment_asked_for_must_be_a_signal_of_text() -> None:
    rows = rows_of({"plan": [0, 1], "tenure_days": [1, 2]}, [0, 1], levels={"plan": ("basic", "plus")})

    with pytest.raises(ParamsError) as told:
        check_segments(["plans", "tenure_days", "plan"], rows, "team.yaml: evaluate.segments")

    assert all(problem.startswith("team.yaml: evaluate.segments: ") for problem in told.value.problems)
    assert [problem.split("'")[1] for problem in told.value.problems] == ["plans", "tenure_days"]


def test_a_small_segment_has_its_level_and_no_ranking(test_set_of) -> None:
    signals, left = draw_signals()
    signals["plan"] = np.tile(np.arange(400) < 8, 8).astype(float)
    snapshots = snapshots_from(rows_of(signals, left, cutoffs=8, levels={"plan": ("plus", "rare")}))

    plus, rare = measure_segments(test_set_of(snapshots))["plan"]

    assert {"auc", "log_loss", "observed_expected"} <= plus.as_json().keys()
    assert (rare.level, rare.rows) == ("rare", 24)
    assert "auc" not in rare.as_json()
    assert rare.observed_expected.low <= rare.observed_expected.value
