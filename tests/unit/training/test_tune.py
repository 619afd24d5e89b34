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


def asking(trials: int = 3, **others: object) -> TrainParams:
    return TrainParams.model_validate({"max_rounds": 40, "search": {"trials": trials}} | others)


def searched(snapshots, asked: TrainParams, threads: int = 1) -> SearchResult:
    folds = folds_of(snapshots, plan_cutoffs(snapshots.rows, snapshots.mature_on))
    return search(folds, snapshots.monotone, asked, threads)


def test_the_same_seed_gives_the_same_search_whatever_the_threads(snapshots_of) -> None:
    snapshots = snapshots_of(customers=400, cutoffs=8)

    first = searched(snapshots, asking(4))

    assert len({one.recipe for one in first.trials}) == 4
    assert searched(snapshots, asking(4), threads=2) == first
    assert searched(snapshots, asking(4, seed=8)).trials[2:] != first.trials[2:]


def test_the_defaults_of_each_kind_come_first_and_stay_sized_by_the_data(snapshots_of) -> None:
    snapshots = snapshots_of(customers=400, cutoffs=8)
    asked = asking()

    found = searched(snapshots, asked)
    folds = folds_of(snapshots, plan_cutoffs(snapshots.rows, snapshots.mature_on))
    tried = select_candidate(folds, snapshots.monotone, asked, 1).scores

    unsearched = {one.recipe.candidate: (one.recipe, one.log_loss) for one in tried}
    for trial, kind in zip(found.trials, ("trees", "extra_trees"), strict=False):
        assert (trial.recipe, trial.log_loss) == unsearched[kind]


def test_nothing_that_became_known_after_the_first_test_cutoff_moves_the_search(snapshots_of) -> None:
    snapshots = snapshots_of(customers=400, cutoffs=8)
    before = searched(snapshots, asking())

    first = plan_cutoffs(snapshots.rows, snapshots.mature_on).test[0]
    known = snapshots.rows.at(trainable(snapshots.mature_on, first)).cutoff
    later = ~np.isin(snapshots.rows.cutoff, known)
    snapshots.rows.left[later] = 1 - snapshots.rows.left[later]

    assert later.any()
    assert searched(snapshots, asking()) == before


def test_what_was_found_stands_for_all_trees(snapshots_of) -> None:
    snapshots = snapshots_of(customers=400, cutoffs=8)
    asked = asking()
    found = Recipe.start(asked, "extra_trees")
    found = Recipe(**found.as_dict() | {"num_leaves": 4, "min_child_samples": 20, "lambda_l2": 1.0})

    folds = folds_of(snapshots, plan_cutoffs(snapshots.rows, snapshots.mature_on))
    tried = select_candidate(folds, snapshots.monotone, asked, 1, tree_recipe=found).scores

    made = {one.recipe.candidate: one.recipe for one in tried}
    assert set(made) == {"extra_trees", "logistic", "blend"}
    for kind in ("extra_trees", "blend"):
        assert (made[kind].num_leaves, made[kind].min_child_samples, made[kind].extra_trees) == (4, 20, True)


def test_a_budget_that_is_spent_leaves_the_defaults(snapshots_of) -> None:
    snapshots = snapshots_of(customers=200, cutoffs=8)
    asked = asking(30, search={"trials": 30, "minutes": 1e-9})

    assert 2 <= len(searched(snapshots, asked).trials) <= 3  # a trial begun is finished


def test_only_kinds_of_trees_that_are_candidates_are_tried(snapshots_of) -> None:
    snapshots = snapshots_of(customers=200, cutoffs=8)

    found = searched(snapshots, asking(8, candidates=("blend",), max_rounds=10))

    assert {one.recipe.candidate for one in found.trials} == {"trees"}


def test_the_simplest_within_one_standard_error_is_taken() -> None:
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
    searched = Recipe(
        **plain.as_dict() | {"min_child_samples": 31, "lambda_l2": 0.0, "feature_fraction": 0.9}
    )

    settings = searched.tree_params(10_000, 500)

    assert Recipe(**searched.as_dict()) == searched
    assert [settings[name] for name in ("min_child_samples", "lambda_l2", "feature_fraction")] == [31, 0, 0.9]
    assert plain.tree_params(10_000, 500)["min_child_samples"] == 50


def test_a_search_keeps_quiet_and_leaves_the_users_logging_as_it_was(snapshots_of, caplog) -> None:
    import optuna

    optuna.logging.enable_propagation()
    before = optuna.logging.get_verbosity()
    with caplog.at_level(logging.DEBUG):
        searched(snapshots_of(customers=200, cutoffs=8), asking(max_rounds=10))
    optuna.logging.disable_propagation()

    assert [one for one in caplog.records if one.name.startswith("optuna")] == []
    assert optuna.logging.get_verbosity() == before


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ({"search": {"trials": 1}}, "1 trial would be the defaults alone"),
        ({"search": {"trials": 5}, "candidates": ["logistic"]}, "names no trees"),
    ],
)
def test_a_search_of_nothing_is_refused(section: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        TrainParams.model_validate(section)


def test_the_words_tell_the_best_the_chosen_and_the_distance_to_the_defaults(snapshots_of) -> None:
    found = searched(snapshots_of(customers=200, cutoffs=8), asking(max_rounds=10))

    assert found.describe().startswith(f"search: 3 trials; the best is {found.best}, log loss ")
    assert "the defaults (standard error " in found.describe()
