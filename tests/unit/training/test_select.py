from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from churn.labels.calendar import spaced_cutoffs, trainable
from churn.metrics.metrics import log_loss
from churn.params import TrainParams
from churn.snapshots.dataset import cutoffs_of
from churn.training import split
from churn.training.backtest import predict_out_of_time
from churn.training.recipe import REFIT, Recipe, fit_recipe
from churn.training.select import CandidateScore, select_candidate
from churn.training.split import folds_of, plan_cutoffs

QUICK = TrainParams(max_rounds=60)


def scores_of(
    snapshots, cutoffs, settings: TrainParams = QUICK, threads: int = 1
) -> tuple[CandidateScore, ...]:
    return select_candidate(folds_of(snapshots, cutoffs), snapshots.monotone, settings, threads).scores


def test_each_fold_learns_only_labels_known_at_its_cutoff(snapshots_of) -> None:
    snapshots = snapshots_of(customers=500, cutoffs=8)
    cutoffs = plan_cutoffs(snapshots.rows, snapshots.mature_on)

    folds = folds_of(snapshots, cutoffs)

    assert [cutoffs_of(fold.validation.cutoff) for fold in folds] == [[day] for day in cutoffs.choice]
    for fold, day in zip(folds, cutoffs.choice, strict=True):
        assert cutoffs_of(fold.train.cutoff) == list(trainable(snapshots.mature_on, day))


def test_labels_known_after_the_first_test_cutoff_change_no_score(snapshots_of) -> None:
    snapshots = snapshots_of(customers=500, cutoffs=8)
    cutoffs = plan_cutoffs(snapshots.rows, snapshots.mature_on)
    scores_before = scores_of(snapshots, cutoffs)

    later = ~np.isin(
        snapshots.rows.cutoff, snapshots.rows.at(trainable(snapshots.mature_on, cutoffs.test[0])).cutoff
    )
    snapshots.rows.left[later] = 1 - snapshots.rows.left[later]

    assert later.any()
    assert scores_of(snapshots, cutoffs) == scores_before


def test_with_few_churners_the_folds_are_parts_of_the_customers(snapshots_of, monkeypatch) -> None:
    monkeypatch.setattr(split, "MIN_CHOICE_CHURNERS", 10**6)
    snapshots = snapshots_of(customers=300, cutoffs=8)
    cutoffs = plan_cutoffs(snapshots.rows, snapshots.mature_on)

    folds = folds_of(snapshots, cutoffs)

    assert len(folds) == 5
    watched = np.concatenate([fold.validation.customer for fold in folds])
    assert len(watched) == len(snapshots.rows.at(trainable(snapshots.mature_on, cutoffs.test[0])))
    for fold in folds:
        assert not set(fold.train.customer) & set(fold.validation.customer)


def test_the_candidates_come_with_the_lowest_log_loss_first(snapshots_of) -> None:
    snapshots = snapshots_of(customers=500, cutoffs=8)

    scores = scores_of(snapshots, plan_cutoffs(snapshots.rows, snapshots.mature_on))

    assert sorted(score.recipe.candidate for score in scores) == ["blend", "extra_trees", "logistic", "trees"]
    assert [score.log_loss for score in scores] == sorted(score.log_loss for score in scores)
    assert scores[0].behind == 0
    for score in scores[1:]:
        assert score.behind == pytest.approx(score.log_loss - scores[0].log_loss)
        assert score.standard_error > 0


def test_a_blend_is_the_mean_of_both_log_odds(snapshots_of) -> None:
    snapshots = snapshots_of(customers=500, cutoffs=3)
    rows = snapshots.rows
    trees = Recipe.start(QUICK)
    logistic = Recipe.start(QUICK, "logistic").with_strength(0.01)

    parts = [fit_recipe(rows, recipe, snapshots.monotone, 1).logits(rows, 1) for recipe in (trees, logistic)]
    blend = fit_recipe(rows, trees.blend_with(logistic), snapshots.monotone, 1).logits(rows, 1)

    assert np.abs(blend - np.mean(parts, axis=0)).max() < 1e-12


def test_the_log_loss_is_that_of_models_fitted_at_each_choice_cutoff(snapshots_of) -> None:
    snapshots = snapshots_of(customers=500, cutoffs=8)
    cutoffs = plan_cutoffs(snapshots.rows, snapshots.mature_on)
    settings = replace_candidates(("trees",))

    (scores,) = scores_of(snapshots, cutoffs, settings)

    rounds = round(scores.recipe.rounds / REFIT)
    refits = predict_out_of_time(snapshots, scores.recipe.with_rounds(rounds), cutoffs.choice, 1)
    assert scores.log_loss == pytest.approx(log_loss(refits.left, 1 / (1 + np.exp(-refits.logits))), abs=1e-9)


def test_the_folds_predict_every_row_of_the_choice_cutoffs(snapshots_of) -> None:
    snapshots = snapshots_of(customers=500, cutoffs=8)
    cutoffs = plan_cutoffs(snapshots.rows, snapshots.mature_on)

    selection = select_candidate(
        folds_of(snapshots, cutoffs), snapshots.monotone, replace_candidates(("trees",)), 1
    )

    recipe = selection.recipe
    refits = predict_out_of_time(
        snapshots, recipe.with_rounds(round(recipe.rounds / REFIT)), cutoffs.choice, 1
    )
    assert selection.predictions is not None
    assert selection.predictions.cutoffs == cutoffs.choice
    assert np.array_equal(selection.predictions.customer, refits.customer)
    assert np.abs(selection.predictions.logits - refits.logits).max() < 1e-9


def test_customer_folds_give_no_out_of_time_predictions(snapshots_of, monkeypatch) -> None:
    monkeypatch.setattr(split, "MIN_CHOICE_CHURNERS", 10**6)
    snapshots = snapshots_of(customers=300, cutoffs=8)
    cutoffs = plan_cutoffs(snapshots.rows, snapshots.mature_on)

    assert select_candidate(folds_of(snapshots, cutoffs), snapshots.monotone, QUICK, 1).predictions is None


def replace_candidates(candidates: tuple[str, ...]) -> TrainParams:
    return TrainParams.model_validate({"candidates": candidates, "max_rounds": 60})


def test_threads_do_not_change_the_choice(snapshots_of) -> None:
    snapshots = snapshots_of(customers=500, cutoffs=8)
    cutoffs = plan_cutoffs(snapshots.rows, snapshots.mature_on)

    assert scores_of(snapshots, cutoffs, threads=1) == scores_of(snapshots, cutoffs, threads=2)


def test_a_fold_of_very_many_rows_learns_from_a_share_of_the_customers(snapshots_of, monkeypatch) -> None:
    snapshots = snapshots_of(customers=600, cutoffs=8)
    cutoffs = plan_cutoffs(snapshots.rows, snapshots.mature_on)
    whole = folds_of(snapshots, cutoffs)
    monkeypatch.setattr(split, "MAX_FOLD_ROWS", len(whole[0].train) // 2)

    thinned = folds_of(snapshots, cutoffs)

    assert len(thinned[0].train) <= len(whole[0].train) // 2 + 50
    assert len(thinned[0].validation) == len(whole[0].validation)


def test_cutoffs_chosen_lie_a_horizon_apart() -> None:
    weeks = [date(2024, 1, 1 + 7 * week) for week in range(5)]

    assert spaced_cutoffs(weeks, 3, 0.9 * 14) == (weeks[0], weeks[2], weeks[4])


def test_months_count_as_a_horizon_of_31_days_apart() -> None:
    months = [date(2024, month, 1) for month in range(1, 6)]

    assert spaced_cutoffs(months, 9, 0.9 * 31) == tuple(months)


def test_a_recipe_survives_its_json(snapshots_of) -> None:
    recipe = replace(Recipe.start(QUICK), candidate="blend", strength=0.03)

    assert Recipe(**recipe.as_dict()) == recipe
