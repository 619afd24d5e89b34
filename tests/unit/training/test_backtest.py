from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace

import numpy as np
import pytest

from churn.training.backtest import champion_predictions
from tests.unit.training.conftest import FIRST


@pytest.mark.parametrize(("learnt_by_test", "unseen"), [(2, 3), (3, 2), (5, 0)])
def test_a_champion_has_seen_what_lies_before_its_last_label_was_known(
    snapshots_of, learnt_by_test: int, unseen: int
) -> None:
    snapshots = snapshots_of(customers=40, cutoffs=5)
    gone = str(FIRST - timedelta(days=3))  # trained on, but no longer among the snapshots
    learnt_by = str(FIRST + timedelta(days=28 * learnt_by_test))
    scorer = SimpleNamespace(
        spec={"trained_cutoffs": [gone], "mature_on": learnt_by},
        predict=lambda columns: np.full(len(columns["noise"]), 0.2),
    )

    probability, found = champion_predictions(snapshots, scorer, snapshots.cutoffs[2:])

    assert len(found) == unseen
    assert np.isfinite(probability).sum() == 40 * unseen
