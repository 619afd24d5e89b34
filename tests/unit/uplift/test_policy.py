"""Policies with equal budgets: who is chosen, the paired difference, and the groups of the effect."""

from __future__ import annotations

import numpy as np
import pytest

from churn.metrics.interval import Interval
from churn.uplift.policy import (
    EffectGroup,
    HeldOutPredictions,
    choose_share,
    compare_policies,
    group_effects,
    groups_left_alone,
    predict_held_out,
)
from churn.uplift.result import UpliftReason, UpliftVerdict, judge_comparison
from tests.unit.uplift.drawn_samples import drawn_sample

SHARE = 0.5


def test_a_better_choice_is_accepted_and_its_interval_covers_the_true_difference() -> None:
    sample, effect = drawn_sample(1)

    judged_sample, predictions = predict_held_out(sample, seed=7, threads=1)
    comparison = compare_policies(judged_sample, predictions, SHARE)

    assert judge_comparison(comparison) == (UpliftVerdict.ACCEPT, UpliftReason.BETTER)
    by_effect, by_risk = (
        choose_share(score, judged_sample.fold, SHARE) for score in (predictions.effect, predictions.risk)
    )
    true_difference = (effect[sample.fold > 0] * (by_effect - by_risk)).mean()
    low, high = comparison.difference.low, comparison.difference.high
    assert low is not None
    assert high is not None
    assert low < true_difference < high
    assert true_difference > 0.04


def test_without_any_effect_nothing_is_accepted_and_nobody_is_left_alone() -> None:
    sample, _ = drawn_sample(2, n=1500, effect=0.0)

    judged_sample, predictions = predict_held_out(sample, seed=7, threads=1)

    assert judge_comparison(compare_policies(judged_sample, predictions, SHARE))[0] == UpliftVerdict.REFUSE
    assert groups_left_alone(group_effects(judged_sample, predictions)) == ()


def test_customers_whom_contacts_drive_away_are_found_on_rows_that_no_model_has_seen() -> None:
    sample, effect = drawn_sample(3, n=6000, effect=0.2, drives_away=0.25)
    predictions = HeldOutPredictions(
        effect=sample.rows.matrix[:, 0],
        risk=sample.rows.matrix[:, 2],
        pseudo_outcome=effect + np.random.default_rng(3).normal(0, 1, len(sample)),
    )

    groups = group_effects(sample, predictions)

    assert [group.n for group in groups] == pytest.approx([1200] * 5, abs=10)
    assert [group.up_to for group in groups] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0], abs=0.03)
    assert groups_left_alone(groups) == groups[:2]


def group(low: float, high: float) -> EffectGroup:
    return EffectGroup(n=10, up_to=0.0, effect=Interval(value=(low + high) / 2, low=low, high=high))


def test_only_the_lowest_groups_in_a_row_are_left_alone() -> None:
    worst, bad, unsure = group(-0.3, -0.1), group(-0.2, 0.0), group(-0.1, 0.1)

    assert groups_left_alone((worst, bad, unsure, bad)) == (worst, bad)
    assert groups_left_alone((unsure, worst)) == ()


def test_the_share_is_taken_in_each_fold_and_equal_scores_share_the_last_places() -> None:
    score = np.array([1.0, 1.0, 1.0, 5.0, 9.0, 8.0])
    fold = np.array([0, 0, 0, 0, 1, 1])

    chosen = choose_share(score, fold, SHARE)

    assert chosen == pytest.approx([1 / 3, 1 / 3, 1 / 3, 1.0, 1.0, 0.0])


def test_money_decides_where_each_outcome_has_a_worth() -> None:
    sample, _ = drawn_sample(4, n=100)
    rich = np.arange(100) < 50
    sample = sample.__class__(**{**vars(sample), "worth": np.where(rich, 100.0, 0.0)})
    predictions = HeldOutPredictions(np.where(rich, 0.1, 0.2), np.where(rich, 0.1, 0.9), np.ones(100))

    comparison = compare_policies(sample, predictions, SHARE)

    assert comparison.chance.value == pytest.approx(25.0)
    assert comparison.effect.value == pytest.approx(50.0, abs=8)  # each fold has its own half
    assert comparison.difference.value == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (0.001, 0.02, (UpliftVerdict.ACCEPT, UpliftReason.BETTER)),
        (-0.02, -0.001, (UpliftVerdict.REFUSE, UpliftReason.WORSE)),
        (0.0, 0.02, (UpliftVerdict.REFUSE, UpliftReason.NOT_SHOWN)),
    ],
)
def test_only_an_interval_above_0_is_a_proof(
    low: float, high: float, verdict: tuple[UpliftVerdict, UpliftReason]
) -> None:
    sample, _ = drawn_sample(5, n=50)
    predictions = HeldOutPredictions(*(np.ones(50) for _ in range(3)))
    comparison = compare_policies(sample, predictions, SHARE)

    difference = Interval(value=(low + high) / 2, low=low, high=high)

    assert judge_comparison(comparison.model_copy(update={"difference": difference})) == verdict


def test_a_row_is_judged_by_models_of_earlier_folds_alone() -> None:
    sample, _ = drawn_sample(6, n=900)
    is_last = sample.fold == sample.fold.max()
    left = np.where(is_last, 1 - sample.rows.left, sample.rows.left)
    changed = sample.__class__(
        **{**vars(sample), "rows": sample.rows.__class__(**{**vars(sample.rows), "left": left})}
    )

    judged_sample, plain = predict_held_out(sample, seed=7, threads=1)
    _, other = predict_held_out(changed, seed=7, threads=1)

    assert set(judged_sample.fold.tolist()) == {1, 2, 3, 4}
    assert np.array_equal(plain.effect, other.effect)
    assert np.array_equal(plain.risk, other.risk)
