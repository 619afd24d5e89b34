from __future__ import annotations

import logging

import numpy as np
import pytest

from churn.labels.calendar import trainable
from churn.params import TrainParams
from churn.training.recipe import Recipe
from churn.training.select import select_candidate
from churn.training.split import folds_of, plan_cutoffs
from churn.training.tune import SearchResult, search, simplest_within_one_error


def settings_with(trials: int = 3, **others: object) -> TrainParams:
    return TrainParams.model_validate({"max_rounds": 40, "search": {"trials": trials}} | others)


def search_with(snapshots, settings: TrainParams, threads: int = 1) -> SearchResult:
    folds = folds_of(snapshots, plan_cutoffs(snapshots.rows, snapshots.mature_on))
    return search(folds, snapshots.monotone, settings, threads)


def test_the_same_seed_gives_the_same_search_whatever_the_threads(snapshots_of) -> None:
    snapshots = snapshots_of(customers=400, cutoffs=8)

    first = search_with(snapshots, settings_with(4))

    assert len({trial.recipe for trial in first.trials}) == 4
    assert search_with(snapshots, settings_with(4), threads=2) == first
    assert search_with(snapshots, settings_with(4, seed=8)).trials[2:] != first.trials[2:]


def test_the_defaults_of_each_kind_come_first_and_stay_sized_by_the_data(snapshots_of) -> None:
    snapshots = snapshots_of(customers=400, cutoffs=8)
    settings = settings_with()

    result = search_with(snapshots, settings)
    folds = folds_of(snapshots, plan_cutoffs(snapshots.rows, snapshots.mature_on))
    scores = select_candidate(folds, snapshots.monotone, settings, 1).scores

    unsearched = {trial.recipe.candidate: (trial.recipe, trial.log_loss) for trial in scores}
    for trial, kind in zip(result.trials, ("trees", "extra_trees"), strict=False):
        assert (trial.recipe, trial.log_loss) == unsearched[kind]


def test_labels_known_after_the_first_test_cutoff_do_not_change_the_search(snapshots_of) -> None:
    snapshots = snapshots_of(customers=400, cutoffs=8)
    result_before = search_with(snapshots, settings_with())

    first = plan_cutoffs(snapshots.rows, snapshots.mature_on).test[0]
    cutoffs_known = snapshots.rows.at(trainable(snapshots.mature_on, first)).cutoff
    later = ~np.isin(snapshots.rows.cutoff, cutoffs_known)
    snapshots.rows.left[later] = 1 - snapshots.rows.left[later]

    assert later.any()
    assert search_with(snapshots, settings_with()) == result_before


def test_the_result_of_a_search_replaces_all_trees(snapshots_of) -> None:
    snapshots = snapshots_of(customers=400, cutoffs=8)
    settings = settings_with()
    start = Recipe.start(settings, "extra_trees")
    tree_recipe = Recipe(**start.as_dict() | {"num_leaves": 4, "min_child_samples": 20, "lambda_l2": 1.0})

    folds = folds_of(snapshots, plan_cutoffs(snapshots.rows, snapshots.mature_on))
    scores = select_candidate(folds, snapshots.monotone, settings, 1, tree_recipe=tree_recipe).scores

    recipes = {score.recipe.candidate: score.recipe for score in scores}
    assert set(recipes) == {"extra_trees", "logistic", "blend"}
    for kind in ("extra_trees", "blend"):
        recipe = recipes[kind]
        assert (recipe.num_leaves, recipe.min_child_samples, recipe.extra_trees) == (4, 20, True)


def test_without_time_left_only_the_defaults_are_tried(snapshots_of) -> None:
    snapshots = snapshots_of(customers=200, cutoffs=8)
    settings = settings_with(30, search={"trials": 30, "minutes": 1e-9})

    assert 2 <= len(search_with(snapshots, settings).trials) <= 3  # a trial begun is finished


def test_only_kinds_of_trees_that_are_candidates_are_tried(snapshots_of) -> None:
    snapshots = snapshots_of(customers=200, cutoffs=8)

    result = search_with(snapshots, settings_with(8, candidates=("blend",), max_rounds=10))

    assert {trial.recipe.candidate for trial in result.trials} == {"trees"}


def test_the_simplest_within_one_standard_error_is_selected() -> None:
    rng = np.random.default_rng(3)
    customer = np.arange(4_000) // 4
    base = rng.exponential(0.3, 4_000)
    wobble = rng.normal(0, 0.1, 1_000)[customer]
    wobble -= wobble.mean()  # a distance of 0 with a standard error of about .003
    losses = [base + 0.002 + wobble, base, base + 0.006 + wobble, base + 0.001 + wobble]

    assert simplest_within_one_error(losses, [60, 100, 10, 80], customer) == 0
    assert simplest_within_one_error(losses, [100, 60, 100, 100], customer) == 1
    assert simplest_within_one_error(losses, [60, 100, 10, 60], customer) == 3


def test_rows_of_one_customer_are_not_counted_as_many() -> None:
    customer = np.arange(4_000) // 40
    behind = np.random.default_rng(5).normal(0, 0.1, 100)[customer]
    behind += 0.005 - behind.mean()  # standard error .01 by customer, .002 by row
    losses = [np.full(4_000, 0.3), 0.3 + behind]

    assert simplest_within_one_error(losses, [10, 5], customer) == 1
    assert simplest_within_one_error(losses, [10, 5], np.arange(4_000)) == 0


def test_a_recipe_with_searched_settings_survives_its_json_and_reaches_the_trees() -> None:
    plain = Recipe.start(TrainParams())
    recipe = Recipe(**plain.as_dict() | {"min_child_samples": 31, "lambda_l2": 0.0, "feature_fraction": 0.9})

    settings = recipe.tree_params(10_000, 500)

    assert Recipe(**recipe.as_dict()) == recipe
    assert [settings[name] for name in ("min_child_samples", "lambda_l2", "feature_fraction")] == [31, 0, 0.9]
    assert plain.tree_params(10_000, 500)["min_child_samples"] == 50


def test_a_search_logs_nothing_and_restores_the_users_logging(snapshots_of, caplog) -> None:
    import optuna

    optuna.logging.enable_propagation()
    verbosity = optuna.logging.get_verbosity()
    with caplog.at_level(logging.DEBUG):
        search_with(snapshots_of(customers=200, cutoffs=8), settings_with(max_rounds=10))
    optuna.logging.disable_propagation()

    assert [record for record in caplog.records if record.name.startswith("optuna")] == []
    assert optuna.logging.get_verbosity() == verbosity


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"search": {"trials": 1}}, "1 trial"),
        ({"search": {"trials": 5}, "candidates": ["logistic"]}, "no trees"),
    ],
)
def test_a_search_of_nothing_is_refused(section: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TrainParams.model_validate(section)


def test_the_description_gives_the_best_trial_and_the_distance_to_the_defaults(snapshots_of) -> None:
    result = search_with(snapshots_of(customers=200, cutoffs=8), settings_with(max_rounds=10))

    assert result.describe().startswith(f"search: 3 trials; the best is trial {result.best}, log loss ")
    assert "the defaults (standard error " in result.describe()
