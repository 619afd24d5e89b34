"""Estimates without outcomes agree with outcomes that are drawn from the probabilities."""

from __future__ import annotations

import numpy as np
import pytest

from churn.drift.performance import (
    Outcomes,
    estimate_figures,
    observed_expected_interval,
    realised_figures,
)
from churn.drift.result import Figures
from churn.metrics.interval import Interval
from churn.metrics.metrics import auc

MEASURES = ("auc", "log_loss", "brier")


def draw_probabilities(n_rows: int = 1500) -> np.ndarray:
    return np.random.default_rng(4).beta(1, 9, n_rows)


def test_the_estimates_are_the_means_over_drawn_outcomes_and_the_intervals_hold_95_per_cent() -> None:
    probability, rng = draw_probabilities(), np.random.default_rng(6)
    weights = np.ones(len(probability))
    estimated = estimate_figures(probability, weights)

    drawn = [
        realised_figures((rng.random(len(probability)) < probability).astype(float), probability, weights)
        for _ in range(400)
    ]

    for name in MEASURES:
        values = np.array([getattr(figures, name).value for figures in drawn])
        interval = getattr(estimated, name)
        assert values.mean() == pytest.approx(interval.value, abs=3 * values.std() / 20)
        assert 0.92 < np.mean((values >= interval.low) & (values <= interval.high)) < 0.98


def test_probabilities_that_are_too_extreme_lie_outside_the_estimate() -> None:
    probability, rng = draw_probabilities(), np.random.default_rng(8)
    left = (rng.random(len(probability)) < probability).astype(float)
    extreme = np.clip(probability**2 * 4, 0.0001, 0.9999)
    weights = np.ones(len(probability))

    estimated, realised = estimate_figures(extreme, weights), realised_figures(left, extreme, weights)

    assert realised.log_loss.value is not None
    assert estimated.log_loss.high is not None
    assert realised.log_loss.value > estimated.log_loss.high


def test_realised_measures_equal_the_metrics_and_a_weight_counts_like_copies() -> None:
    probability, left = np.array([0.1, 0.2, 0.7, 0.4]), np.array([0.0, 1.0, 1.0, 0.0])
    weights = np.array([1.0, 3.0, 1.0, 2.0])

    plain = realised_figures(left, probability, np.ones(4))
    weighted = realised_figures(left, probability, weights)
    copied = realised_figures(
        np.repeat(left, weights.astype(int)), np.repeat(probability, weights.astype(int)), np.ones(7)
    )

    assert plain.auc.value == pytest.approx(auc(left, probability))
    assert plain.brier.value == pytest.approx(np.mean((left - probability) ** 2))
    assert [getattr(weighted, name).value for name in MEASURES] == pytest.approx(
        [getattr(copied, name).value for name in MEASURES]
    )


def test_without_churners_the_auc_is_missing_and_the_other_measures_are_not() -> None:
    figures = realised_figures(np.zeros(5), np.full(5, 0.1), np.ones(5))

    assert figures.auc == Interval(value=None)
    assert figures.brier.value == pytest.approx(0.01)


def test_the_estimated_auc_of_two_customers_counts_only_pairs_of_different_customers() -> None:
    figures = estimate_figures(np.array([0.2, 0.8]), np.ones(2))

    assert figures.auc.value == pytest.approx(0.64 / (0.64 + 0.04))


def outcomes_of(left: np.ndarray, probability: float, customer: np.ndarray | None = None) -> Outcomes:
    rows = len(left)
    own_customer = np.arange(rows) if customer is None else customer
    return Outcomes(left.astype(float), np.full(rows, probability), np.ones(rows), own_customer)


def test_the_level_is_observed_over_expected_with_an_interval_around_it() -> None:
    level = observed_expected_interval(outcomes_of(np.arange(1000) < 120, 0.1))

    assert level.value == pytest.approx(1.2)
    assert level.low == pytest.approx(1.2 / np.exp(1.96 * np.sqrt(0.88 / 120)), rel=0.01)
    assert level.low is not None
    assert level.high is not None
    assert level.low < 1.2 < level.high


def test_the_level_of_few_churners_has_no_interval_and_of_nobody_no_value() -> None:
    few = observed_expected_interval(outcomes_of(np.arange(100) < 9, 0.1))

    assert (few.value, few.low) == (pytest.approx(0.9), None)
    assert observed_expected_interval(outcomes_of(np.zeros(0), 0.1)).value is None


def test_rows_of_one_customer_widen_the_interval() -> None:
    left = np.arange(1000) < 120

    alone = observed_expected_interval(outcomes_of(left, 0.1))
    grouped = observed_expected_interval(outcomes_of(left, 0.1, np.arange(1000) // 10))

    assert (grouped.low or 0) < (alone.low or 0)


def test_figures_are_written_without_values_that_json_cannot_hold() -> None:
    figures = realised_figures(np.zeros(5), np.full(5, 0.1), np.ones(5))

    assert Figures.model_validate(figures.as_json()) == figures
    assert figures.as_json()["auc"]["value"] is None
