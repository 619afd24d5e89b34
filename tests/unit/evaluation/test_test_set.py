from __future__ import annotations

import numpy as np
import pytest

from churn.training import backtest
from churn.training.recipe import fit_recipe
from tests.unit.evaluation.conftest import LOGISTIC, draw_snapshots


@pytest.mark.parametrize(("known_after", "newest"), [(28, 6), (29, 5)])
def test_a_label_known_a_day_after_the_test_cutoff_trains_nothing(
    monkeypatch, test_set_of, known_after: int, newest: int
) -> None:
    trained = []

    def spy(rows, *others):
        trained.append(int(rows.cutoff.max()))
        return fit_recipe(rows, *others)

    monkeypatch.setattr(backtest, "fit_recipe", spy)
    snapshots = draw_snapshots(known_after=known_after)

    test_set_of(snapshots, test_cutoffs=snapshots.cutoffs[-1:])

    assert max(trained) == snapshots.rows.cutoff[0] + 28 * newest


def test_missing_baselines_and_missing_money_have_a_note_each(test_set_of) -> None:
    test_set = test_set_of(draw_snapshots())

    assert {"recency", "bg_nbd", "value", "champion"} <= set(test_set.notes)
    assert test_set.values is None


def test_the_logistic_baseline_has_its_own_recipe_and_not_the_challengers(test_set_of) -> None:
    snapshots = draw_snapshots()

    test_set = test_set_of(snapshots)

    first = test_set.cutoffs[0]
    known = snapshots.rows.at([day for day, on in snapshots.mature_on.items() if on <= first])
    logits = fit_recipe(known, LOGISTIC, snapshots.monotone, 1).logits(snapshots.rows.at([first]), 1)
    predictions = test_set.predictions["logistic"][: len(logits)]
    np.testing.assert_allclose(predictions, 1 / (1 + np.exp(-logits)))


def test_an_estimate_uses_the_rows_with_a_probability(test_set_of) -> None:
    test_set = test_set_of(draw_snapshots())
    some = np.arange(len(test_set.rows)) % 2 == 0

    masked = test_set.estimate(test_set.challenger, some)
    absent = test_set.estimate(np.where(some, test_set.challenger, np.nan))

    assert masked["auc"].interval == absent["auc"].interval
    assert masked["auc"].interval != test_set.estimate(test_set.challenger)["auc"].interval
