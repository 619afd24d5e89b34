from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from churn.evaluation.baselines import predict_base_rate, predict_recency, recency_signals
from churn.metrics import metrics
from churn.params import TrainParams
from churn.snapshots.dataset import frequent_levels, recode_levels
from churn.training import trees
from churn.training.backtest import predict_out_of_time
from churn.training.recipe import Recipe, fit_recipe
from churn.training.split import plan_cutoffs

RECIPE = Recipe.start(TrainParams()).with_rounds(60)


@pytest.mark.parametrize(
    ("rows", "churners", "leaves", "leaf"), [(500, 100, 6, 25), (4_000, 900, 6, 50), (50_000, 5_000, 12, 250)]
)
def test_trees_are_sized_by_the_churners_to_learn_from(
    rows: int, churners: int, leaves: int, leaf: int
) -> None:
    settings = RECIPE.tree_params(rows, churners)

    assert (settings["num_leaves"], settings["min_child_samples"]) == (leaves, leaf)


def test_the_users_number_of_leaves_is_used() -> None:
    recipe = Recipe.start(TrainParams(num_leaves=17))

    assert recipe.tree_params(100, 10)["num_leaves"] == 17


def test_risk_never_falls_where_a_signal_may_only_raise_it(snapshots_of) -> None:
    snapshots = snapshots_of(customers=500, cutoffs=3, strength=0.3)
    fitted = fit_recipe(snapshots.rows, RECIPE, snapshots.monotone, 1)
    scorer = fitted.scorer({"method": "none"}, 1)
    sample = recode_levels(snapshots.rows, fitted.levels)[::50]

    for name, sign in zip(snapshots.rows.names, snapshots.monotone, strict=True):
        index = snapshots.rows.names.index(name)
        ladder = np.unique(np.nan_to_num(sample[:, index]))
        moved = np.repeat(sample[None], len(ladder), axis=0)
        moved[:, :, index] = ladder[:, None]
        steps = np.diff([scorer.logits(matrix) for matrix in moved], axis=0)
        if sign:
            assert (sign * steps >= -1e-12).all(), name


@pytest.mark.parametrize("extra_trees", [False, True])
def test_threads_do_not_change_a_byte(snapshots_of, monkeypatch, extra_trees: bool) -> None:
    monkeypatch.setattr(trees, "SMALL", 0)
    snapshots = snapshots_of(customers=3000, cutoffs=2)
    recipe = replace(RECIPE, extra_trees=extra_trees)

    one_thread, two_threads = (
        fit_recipe(snapshots.rows, recipe, snapshots.monotone, threads) for threads in (1, 2)
    )

    assert dict(one_thread.boosters) == dict(two_threads.boosters)


def test_parallel_folds_predict_the_same_as_serial_folds(snapshots_of) -> None:
    snapshots = snapshots_of(customers=500, cutoffs=5)
    cutoffs = plan_cutoffs(snapshots.rows, snapshots.mature_on)

    two_threads = predict_out_of_time(snapshots, RECIPE, cutoffs.test, 2)
    one_thread = predict_out_of_time(snapshots, RECIPE, cutoffs.test, 1)

    assert np.array_equal(two_threads.logits, one_thread.logits)


def test_a_cutoff_is_predicted_without_labels_known_later(snapshots_of) -> None:
    snapshots = snapshots_of(customers=500, cutoffs=5)
    cutoffs = plan_cutoffs(snapshots.rows, snapshots.mature_on)
    before = predict_out_of_time(snapshots, RECIPE, cutoffs.test, 1)

    later = np.isin(snapshots.rows.cutoff, snapshots.rows.at(cutoffs.test).cutoff)
    first = snapshots.rows.at(cutoffs.test[:1]).cutoff[0]
    snapshots.rows.left[later] = 1 - snapshots.rows.left[later]
    after = predict_out_of_time(snapshots, RECIPE, cutoffs.test, 1)

    assert np.array_equal(before.logits[before.cutoff == first], after.logits[after.cutoff == first])
    assert not np.array_equal(before.logits, after.logits)


def test_rare_levels_count_as_missing(snapshots_of) -> None:
    rows = snapshots_of(customers=200, cutoffs=1).rows
    index = rows.names.index("plan")
    plus = rows.matrix[:, index] == 1
    rows.matrix[np.flatnonzero(plus)[19:], index] = 0

    levels = frequent_levels(rows)

    assert levels["plan"] == ("basic",)
    assert np.isnan(recode_levels(rows, levels)[np.flatnonzero(plus)[:19], index]).all()


DAYS_SINCE = [
    {"name": "orders_days_since_last", "table": "orders", "family": "purchase"},
    {"name": "logins_days_since_last", "table": "logins", "family": "activity"},
    {"name": "emails_days_since_last", "table": "emails", "family": "email"},
    {"name": "logins_count_7d", "table": "logins", "family": "activity"},
]


@pytest.mark.parametrize(
    ("core_table", "signals"),
    [
        ("orders", ("orders_days_since_last",)),
        ("subscriptions", ("orders_days_since_last", "logins_days_since_last")),
    ],
)
def test_recency_takes_the_label_table_or_else_all_acts_of_the_customer(
    core_table: str, signals: tuple[str, ...]
) -> None:
    assert recency_signals(DAYS_SINCE, core_table) == signals
    assert recency_signals(DAYS_SINCE[2:], "subscriptions") == ()


def test_recency_ranks_the_silent_above_the_active(snapshots_of) -> None:
    rows = snapshots_of(customers=2000, cutoffs=2, strength=2).rows
    days = rows.matrix[:, rows.names.index("logins_days_since_last")]

    probability = predict_recency(rows, rows, ["logins_days_since_last"])

    assert metrics.auc(rows.left, probability) == pytest.approx(metrics.auc(rows.left, days), abs=0.02)
    assert probability.mean() == pytest.approx(rows.left.mean(), abs=1e-3)
    assert predict_base_rate(rows, rows) == pytest.approx(rows.left.mean())
