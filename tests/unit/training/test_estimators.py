from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from churn.params import TrainParams
from churn.training import choose, estimators, metrics
from churn.training.backtest import columns_of, out_of_time
from churn.training.baselines import base_rate, recency, recency_signals
from churn.training.choose import choose_rounds
from churn.training.estimators import fit_logistic, fit_trees, frequent_levels, recoded
from churn.training.recipe import Recipe
from churn.training.rows import dates_of
from churn.training.split import plan

RECIPE = Recipe.start(TrainParams()).with_rounds(60)


@pytest.mark.parametrize(
    ("rows", "churners", "leaves", "leaf"), [(500, 100, 6, 25), (4_000, 900, 6, 50), (50_000, 5_000, 12, 250)]
)
def test_trees_are_sized_by_the_churners_to_learn_from(
    rows: int, churners: int, leaves: int, leaf: int
) -> None:
    settings = RECIPE.tree_params(rows, churners)

    assert (settings["num_leaves"], settings["min_child_samples"]) == (leaves, leaf)


def test_leaves_named_by_the_user_are_taken() -> None:
    recipe = Recipe.start(TrainParams(num_leaves=17))

    assert recipe.tree_params(100, 10)["num_leaves"] == 17


def test_risk_never_falls_where_a_signal_may_only_raise_it(snapshots_of) -> None:
    snapshots = snapshots_of(customers=500, cutoffs=3, strength=0.3)
    fitted = fit_trees(snapshots.rows, RECIPE, snapshots.monotone, 1)
    scorer = fitted.scorer({"method": "none"}, 1)
    some = recoded(snapshots.rows, fitted.levels)[::50]

    for name, sign in zip(snapshots.rows.names, snapshots.monotone, strict=True):
        place = snapshots.rows.names.index(name)
        ladder = np.unique(np.nan_to_num(some[:, place]))
        moved = np.repeat(some[None], len(ladder), axis=0)
        moved[:, :, place] = ladder[:, None]
        steps = np.diff([scorer.logits(each) for each in moved], axis=0)
        if sign:
            assert (sign * steps >= -1e-12).all(), name


def test_threads_do_not_change_a_byte(snapshots_of, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimators, "SMALL", 0)
    snapshots = snapshots_of(customers=3000, cutoffs=2)

    one, two = (fit_trees(snapshots.rows, RECIPE, snapshots.monotone, threads) for threads in (1, 2))

    assert dict(one.boosters) == dict(two.boosters)


def test_folds_side_by_side_predict_what_folds_one_by_one_predict(snapshots_of) -> None:
    snapshots = snapshots_of(customers=500, cutoffs=5)
    cutoffs = plan(snapshots.rows, snapshots.mature_on)

    together = out_of_time(snapshots, RECIPE, cutoffs.test, 2)
    alone = out_of_time(snapshots, RECIPE, cutoffs.test, 1)

    assert np.array_equal(together.logits, alone.logits)


def test_a_cutoff_is_predicted_without_labels_known_later(snapshots_of) -> None:
    snapshots = snapshots_of(customers=500, cutoffs=5)
    cutoffs = plan(snapshots.rows, snapshots.mature_on)
    before = out_of_time(snapshots, RECIPE, cutoffs.test, 1)

    later = np.isin(snapshots.rows.cutoff, snapshots.rows.at(cutoffs.test).cutoff)
    first = snapshots.rows.at(cutoffs.test[:1]).cutoff[0]
    snapshots.rows.left[later] = 1 - snapshots.rows.left[later]
    after = out_of_time(snapshots, RECIPE, cutoffs.test, 1)

    assert np.array_equal(before.logits[before.cutoff == first], after.logits[after.cutoff == first])
    assert not np.array_equal(before.logits, after.logits)


def test_rounds_are_chosen_without_the_labels_of_the_test(snapshots_of) -> None:
    snapshots = snapshots_of(customers=500, cutoffs=6)
    cutoffs = plan(snapshots.rows, snapshots.mature_on)
    recipe = Recipe.start(TrainParams())
    before = choose_rounds(snapshots, cutoffs, recipe, 1)

    later = np.isin(snapshots.rows.cutoff, snapshots.rows.at(cutoffs.test).cutoff)
    snapshots.rows.left[later] = np.random.default_rng(0).permutation(snapshots.rows.left[later])

    assert 1 < before < 2200
    assert choose_rounds(snapshots, cutoffs, recipe, 1) == before


def test_the_logistic_regression_is_read_back_as_it_was_fitted(snapshots_of) -> None:
    rows = snapshots_of(customers=500, cutoffs=2).rows
    fitted = fit_logistic(rows)
    numbers = [name for name in rows.names if name != "plan"]
    design = []
    for name in rows.names:
        values = rows.matrix[:, rows.names.index(name)]
        if name == "plan":
            design += [values == 0, values == 1, np.isnan(values)]
            continue
        low, middle, high = np.nanquantile(values, [0.25, 0.5, 0.75])
        filled = np.where(np.isnan(values), middle, values)
        scale = (high - low) or values.std()
        design += [np.clip((filled - middle) / scale, -5, 5), np.isnan(values)]
    X = np.column_stack(design).astype(float)
    reference = LogisticRegression(C=0.1, solver="newton-cholesky").fit(X, rows.left)

    assert len(numbers) == 5
    assert np.abs(fitted.logits(rows, 1) - reference.decision_function(X)).max() < 1e-9


def test_contributions_of_the_logistic_regression_add_up(snapshots_of) -> None:
    rows = snapshots_of(customers=500, cutoffs=2).rows
    fitted = fit_logistic(rows)
    scorer = fitted.scorer({"method": "none"}, 1)

    parts = scorer.contributions(columns_of(rows))

    assert np.abs(sum(parts.values()) - fitted.logits(rows, 1)).max() < 1e-9
    assert all(abs(parts[name].mean()) < 1e-9 for name in rows.names)


def test_levels_seen_too_rarely_count_as_missing(snapshots_of) -> None:
    rows = snapshots_of(customers=200, cutoffs=1).rows
    place = rows.names.index("plan")
    plus = rows.matrix[:, place] == 1
    rows.matrix[np.flatnonzero(plus)[19:], place] = 0

    levels = frequent_levels(rows)

    assert levels["plan"] == ("basic",)
    assert np.isnan(recoded(rows, levels)[np.flatnonzero(plus)[:19], place]).all()


DAYS_SINCE = [
    {"name": "orders_days_since_last", "table": "orders", "riskier_when": "higher"},
    {"name": "logins_days_since_last", "table": "logins", "riskier_when": "higher"},
    {"name": "emails_days_since_last", "table": "emails", "riskier_when": "either"},
    {"name": "logins_count_7d", "table": "logins", "riskier_when": "lower"},
]


@pytest.mark.parametrize(
    ("core_table", "chosen"),
    [
        ("orders", ("orders_days_since_last",)),
        ("subscriptions", ("orders_days_since_last", "logins_days_since_last")),
    ],
)
def test_recency_is_that_of_the_label_table_else_of_all_that_the_customer_does(
    core_table: str, chosen: tuple[str, ...]
) -> None:
    assert recency_signals(DAYS_SINCE, core_table) == chosen
    assert recency_signals(DAYS_SINCE[2:], "subscriptions") == ()


def test_recency_ranks_the_silent_above_the_active(snapshots_of) -> None:
    rows = snapshots_of(customers=2000, cutoffs=2, strength=2).rows
    days = rows.matrix[:, rows.names.index("logins_days_since_last")]

    probability = recency(rows, rows, ["logins_days_since_last"])

    assert metrics.auc(rows.left, probability) == pytest.approx(metrics.auc(rows.left, days), abs=0.02)
    assert probability.mean() == pytest.approx(rows.left.mean(), abs=1e-3)
    assert base_rate(rows, rows) == pytest.approx(rows.left.mean())


# cutoffs    1  2  3  4  5  6  7  8 | test 9 10 11     known by the test: 1..8
# 300 customers, about 70 leave at each: three snapshots hold 200 churners, four are half
def test_as_many_late_snapshots_are_watched_as_hold_enough_churners(snapshots_of, monkeypatch) -> None:
    snapshots = snapshots_of(customers=300, cutoffs=11)
    cutoffs = plan(snapshots.rows, snapshots.mature_on)
    seen = {}

    def spy(train, recipe, monotone, threads, watched):
        seen.update(train=dates_of(train.cutoff), watched=dates_of(watched.cutoff), churners=watched.churners)
        return fit_trees(train, recipe, monotone, threads, watched)

    monkeypatch.setattr(choose, "fit_trees", spy)
    choose_rounds(snapshots, cutoffs, RECIPE, 1)

    known = list(snapshots.cutoffs[:8])
    assert seen["train"] + seen["watched"] == known
    assert seen["churners"] >= 200
    assert snapshots.rows.at(seen["watched"][1:]).churners < 200
