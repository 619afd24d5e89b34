from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from churn.evaluation.exposure import measure_exposure
from churn.evaluation.test_set import TestSet
from churn.snapshots.exposure import CutoffExposure
from churn.snapshots.read import Snapshots
from tests.small_snapshots import rows_of, snapshots_from
from tests.unit.evaluation.conftest import draw_signals


def treated_snapshots(share: float = 0.15) -> Snapshots:
    """Return snapshots in which most of those at high risk are treated from the third cutoff on, and stay."""
    signals, left = draw_signals(customers=1500, cutoffs=8)
    rng = np.random.default_rng(5)
    at_risk = (signals["trouble"] > np.quantile(signals["trouble"], 1 - share)) & (
        np.arange(len(left)) >= 3000
    )
    is_control = rng.random(len(left)) < 0.2
    treated = at_risk & ~is_control
    left[treated & (rng.random(len(left)) < 0.8)] = 0
    weight = np.where(treated, 0.0, np.where(at_risk, 5.0, 1.0))
    snapshots = snapshots_from(rows_of(signals, left.tolist(), cutoffs=8))
    exposures = [CutoffExposure.of(cutoff, weight[snapshots.rows_at(cutoff)]) for cutoff in snapshots.cutoffs]
    return snapshots.without_treated(weight, exposures)


def test_the_untreated_rows_judge_and_everybody_is_shown_beside_them(
    test_set_of: Callable[..., TestSet],
) -> None:
    test_set = test_set_of(treated_snapshots())

    exposure, notes = measure_exposure(test_set, seed=7, threads=1)

    judged = test_set.estimate(test_set.challenger)["observed_expected"].value
    assert judged == pytest.approx(1.0, abs=0.1)
    assert exposure is not None
    assert exposure.everybody is not None
    assert exposure.everybody.rows == 4500
    assert exposure.everybody.observed_expected.value is not None
    assert exposure.everybody.observed_expected.value < 0.85
    assert "On all 4,500 rows, the treated rows included, observed/expected is" in notes["treated"]


def test_treated_rows_are_in_no_test_set(test_set_of: Callable[..., TestSet]) -> None:
    snapshots = treated_snapshots()
    test_set = test_set_of(snapshots)

    assert snapshots.treated_rows is not None
    assert len(test_set.rows) == 4500 - len(snapshots.treated_rows.at(test_set.cutoffs))


def test_without_tasks_nothing_is_said_of_everybody(test_set_of: Callable[..., TestSet]) -> None:
    signals, left = draw_signals()
    test_set = test_set_of(snapshots_from(rows_of(signals, left.tolist(), cutoffs=8)))

    assert measure_exposure(test_set, seed=7, threads=1) == (None, {})


def test_the_reason_for_no_controls_is_shown(test_set_of: Callable[..., TestSet]) -> None:
    snapshots = replace(treated_snapshots(), no_controls_accepted="a pilot")

    exposure, notes = measure_exposure(test_set_of(snapshots), seed=7, threads=1)

    assert exposure is not None
    assert exposure.no_controls_accepted == "a pilot"
    assert "accepted: a pilot" in notes["treated"]
