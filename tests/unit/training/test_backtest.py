from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace

import numpy as np
import pytest

from churn.params import TrainParams
from churn.training import backtest
from churn.training.backtest import predict_and_fit, predict_champion, predict_out_of_time
from churn.training.recipe import Recipe, fit_recipe
from tests.snapshot_world import FIRST


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

    probability, unseen_cutoffs = predict_champion(snapshots, scorer, snapshots.cutoffs[2:])

    assert len(unseen_cutoffs) == unseen
    assert np.isfinite(probability).sum() == 40 * unseen


RECIPE = Recipe.start(TrainParams()).with_rounds(20)


@pytest.mark.parametrize("threads", [1, 2])
def test_the_last_fit_beside_the_tests_is_that_on_everything(snapshots_of, threads: int) -> None:
    snapshots = snapshots_of(customers=300, cutoffs=6)
    test = snapshots.cutoffs[-3:]

    predictions, model = predict_and_fit(snapshots, RECIPE, test, threads)

    single_fit = fit_recipe(snapshots.rows, RECIPE, snapshots.monotone, 1)
    assert dict(model.boosters) == dict(single_fit.boosters)
    assert predictions.cutoffs == test
    assert np.array_equal(predictions.logits, predict_out_of_time(snapshots, RECIPE, test, 1).logits)


def test_without_a_test_cutoff_there_is_the_last_fit_alone(snapshots_of) -> None:
    predictions, model = predict_and_fit(snapshots_of(customers=300, cutoffs=6), RECIPE, (), 1)

    assert len(predictions.logits) == 0
    assert model.boosters


def test_of_very_many_rows_a_backtest_learns_from_a_share_of_the_customers(snapshots_of, monkeypatch) -> None:
    snapshots = snapshots_of(customers=400, cutoffs=6)
    test = snapshots.cutoffs[-1:]
    training_rows = []
    monkeypatch.setattr(backtest, "MAX_BACKTEST_ROWS", 1_100)  # five cutoffs known: every second customer
    monkeypatch.setattr(
        backtest, "fit_recipe", lambda rows, *others: training_rows.append(rows) or fit_recipe(rows, *others)
    )

    predictions = predict_out_of_time(snapshots, RECIPE, test, 1)

    assert set(training_rows[0].customer % 2) == {0}
    assert len(training_rows[0]) == 5 * 200
    assert len(predictions.logits) == 400
