from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as sk
from sklearn.linear_model import LogisticRegression

from churn.metrics import metrics


def drawn(rows: int = 400, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Outcomes, probabilities with ties, and integer weights of which some are 0."""
    rng = np.random.default_rng(seed)
    probability = np.round(rng.beta(1, 3, rows), 2).clip(0.01, 0.99)
    left = (rng.random(rows) < probability).astype(float)
    return left, probability, rng.integers(0, 4, rows).astype(float)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (metrics.log_loss, sk.log_loss),
        (metrics.brier, sk.brier_score_loss),
        (metrics.auc, sk.roc_auc_score),
        (metrics.average_precision, sk.average_precision_score),
    ],
)
def test_a_weight_counts_as_a_repeated_row(ours, theirs, seed: int) -> None:
    left, probability, weight = drawn(seed=seed)
    times = weight.astype(int)

    weighted = ours(left, probability, weight)

    assert weighted == pytest.approx(theirs(np.repeat(left, times), np.repeat(probability, times)), abs=1e-12)
    assert ours(left, probability) == pytest.approx(theirs(left, probability), abs=1e-12)


# rank:        1    2    3    4    5    6    7    8    9   10
#  left:       x    x    .    x    .    .    .    .    .    .
# share .2 -> both of two left: precision 1, lift 1 / .3
@pytest.mark.parametrize(
    ("share", "precision"), [(0.1, 1.0), (0.2, 1.0), (0.3, 2 / 3), (0.4, 3 / 4), (1.0, 0.3)]
)
def test_precision_counts_leavers_among_the_most_likely(share: float, precision: float) -> None:
    left = np.array([1, 1, 0, 1, 0, 0, 0, 0, 0, 0], dtype=float)
    probability = np.linspace(0.9, 0.1, 10)

    assert metrics.precision_at(left, probability, share) == pytest.approx(precision)
    assert metrics.lift_at(left, probability, share) == pytest.approx(precision / 0.3)


def test_equal_probabilities_cut_by_the_budget_count_by_their_average() -> None:
    left = np.array([1, 0, 1, 0], dtype=float)

    assert metrics.precision_at(left, np.full(4, 0.5), 0.25) == pytest.approx(0.5)


@pytest.mark.parametrize(("base", "share", "ceiling"), [(0.05, 0.1, 10.0), (0.5, 0.1, 2.0), (0.2, 0.2, 5.0)])
def test_no_ranking_lifts_more_than_the_ceiling(base: float, share: float, ceiling: float) -> None:
    left = np.repeat([1.0, 0.0], [round(1000 * base), round(1000 * (1 - base))])

    assert metrics.lift_ceiling(base, share) == pytest.approx(ceiling)
    assert metrics.lift_at(left, left * 0.9, share) == pytest.approx(ceiling)


def test_observed_over_expected_is_leavers_over_summed_probabilities() -> None:
    left, probability = np.array([1.0, 0.0, 0.0, 1.0]), np.array([0.5, 0.25, 0.25, 0.25])

    assert metrics.observed_expected(left, probability) == pytest.approx(2 / 1.25)
    assert metrics.observed_expected(left, probability, np.array([2.0, 0, 0, 0])) == pytest.approx(2.0)


def test_the_calibration_line_is_a_logistic_regression_on_the_log_odds() -> None:
    left, probability, weight = drawn(2000)
    reference = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(
        metrics.log_odds(probability)[:, None], left, sample_weight=weight
    )

    intercept, slope = metrics.calibration_line(left, probability, weight)

    assert slope == pytest.approx(reference.coef_[0, 0], abs=1e-5)
    assert intercept == pytest.approx(reference.intercept_[0], abs=1e-5)


def test_too_extreme_predictions_have_a_slope_below_one() -> None:
    rng = np.random.default_rng(1)
    z = rng.normal(-1, 1, 20_000)
    left = (rng.random(20_000) < 1 / (1 + np.exp(-z))).astype(float)

    _, slope = metrics.calibration_line(left, 1 / (1 + np.exp(-2 * z)))

    assert slope == pytest.approx(0.5, abs=0.03)


def test_perfect_predictions_stay_near_the_noise_floor() -> None:
    rng = np.random.default_rng(2)
    errors, floors = [], []
    for _ in range(60):
        probability = rng.beta(1, 4, 1000)
        error, floor = metrics.calibration_error((rng.random(1000) < probability).astype(float), probability)
        errors.append(error)
        floors.append(floor)

    assert np.mean(errors) == pytest.approx(np.mean(floors), rel=0.1)


@pytest.mark.parametrize("left", [np.zeros(5), np.ones(5)])
def test_metrics_that_need_two_classes_are_missing_with_one(left: np.ndarray) -> None:
    probability = np.linspace(0.1, 0.9, 5)

    assert np.isnan(metrics.auc(left, probability))
    assert np.isnan(metrics.calibration_line(left, probability)).all()
    assert np.isfinite(metrics.log_loss(left, probability))


def test_certain_and_wrong_predictions_have_a_finite_log_loss() -> None:
    assert 30 < metrics.log_loss(np.array([1.0, 0.0]), np.array([0.0, 1.0])) < 40


@pytest.mark.parametrize(
    "metric",
    [
        metrics.auc,
        metrics.average_precision,
        lambda left, probability: metrics.precision_at(left, probability, 0.13),
        lambda left, probability: metrics.lift_at(left, probability, 0.13),
    ],
    ids=["auc", "average precision", "precision", "lift"],
)
def test_a_metric_of_the_order_does_not_move_when_probabilities_keep_theirs(metric) -> None:
    left, probability, _ = drawn()

    assert metric(left, probability**3 / 2) == metric(left, probability)
