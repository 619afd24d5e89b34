from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk
from sklearn.linear_model import LogisticRegression

from churn.metrics import metrics
from churn.metrics.bootstrap import draw_customers, estimate_metrics


def sample(rows: int = 400, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Outcomes, and probabilities with ties."""
    rng = np.random.default_rng(seed)
    probability = np.round(rng.beta(1, 3, rows), 2).clip(0.01, 0.99)
    return (rng.random(rows) < probability).astype(float), probability


def running(left: np.ndarray, probability: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Running churners and running rows."""
    ranking = metrics.Ranking.of(probability)
    return ranking.sums(left), ranking.sums(np.ones(len(left)))


def average_precision(left: np.ndarray, probability: np.ndarray) -> float:
    return metrics.average_precision_from_sums(*running(left, probability))


def precision_at(left: np.ndarray, probability: np.ndarray, share: float) -> float:
    return metrics.precision_at_share(*running(left, probability), share)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("ours", "reference"),
    [
        (metrics.log_loss, sk.log_loss),
        (metrics.auc, sk.roc_auc_score),
        (average_precision, sk.average_precision_score),
    ],
)
def test_a_metric_is_that_of_scikit_learn(ours, reference, seed: int) -> None:
    left, probability = sample(seed=seed)

    assert ours(left, probability) == pytest.approx(reference(left, probability), abs=1e-12)


# rank:        1    2    3    4    5    6    7    8    9   10
#  left:       x    x    .    x    .    .    .    .    .    .
# share .2 -> both of two left: precision 1
@pytest.mark.parametrize(
    ("share", "precision"), [(0.1, 1.0), (0.2, 1.0), (0.3, 2 / 3), (0.4, 3 / 4), (1.0, 0.3)]
)
def test_precision_counts_churners_among_the_most_likely(share: float, precision: float) -> None:
    left = np.array([1, 1, 0, 1, 0, 0, 0, 0, 0, 0], dtype=float)

    assert precision_at(left, np.linspace(0.9, 0.1, 10), share) == pytest.approx(precision)


def test_equal_probabilities_that_the_contact_share_cuts_count_by_their_average() -> None:
    left = np.array([1, 0, 1, 0], dtype=float)

    assert precision_at(left, np.full(4, 0.5), 0.25) == pytest.approx(0.5)


@pytest.mark.parametrize(("base", "share", "ceiling"), [(0.05, 0.1, 10.0), (0.5, 0.1, 2.0), (0.2, 0.2, 5.0)])
def test_a_perfect_ranking_has_the_lift_of_the_ceiling(base: float, share: float, ceiling: float) -> None:
    left = np.repeat([1.0, 0.0], [round(1000 * base), round(1000 * (1 - base))])

    assert metrics.lift_ceiling(base, share) == pytest.approx(ceiling)
    assert precision_at(left, left * 0.9, share) / base == pytest.approx(ceiling)


def test_observed_over_expected_is_churners_over_summed_probabilities() -> None:
    left, probability = np.array([1.0, 0.0, 0.0, 1.0]), np.array([0.5, 0.25, 0.25, 0.25])

    assert metrics.observed_expected(left, probability) == pytest.approx(2 / 1.25)


def test_the_calibration_line_is_a_logistic_regression_on_the_log_odds() -> None:
    left, probability = sample(2000)
    reference = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(
        metrics.log_odds(probability)[:, None], left
    )

    intercept, slope = metrics.calibration_line(left, probability)

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


@pytest.mark.parametrize("metric", [metrics.auc, average_precision, lambda *rows: precision_at(*rows, 0.13)])
def test_a_metric_of_the_order_does_not_move_when_probabilities_keep_theirs(metric) -> None:
    left, probability = sample()

    assert metric(left, probability**3 / 2) == metric(left, probability)


def brier_parts(left: np.ndarray, probability: np.ndarray) -> dict[str, float]:
    """The parts of the Brier score of some rows."""
    nobody_apart = np.zeros(len(left), dtype=np.int64)
    sums = metrics.bin_sums(left, probability, metrics.equal_count_bins(probability), nobody_apart, 1)
    parts = metrics.brier_parts(sums, np.array([np.sum((left - probability) ** 2)]))
    return {name: float(values[0]) for name, values in parts.items()}


def brier_parts_by_the_book(left: np.ndarray, probability: np.ndarray) -> dict[str, float]:
    """Bin by bin, with the corrections of Ferro and Fricker and the two terms of Stephenson et al."""
    bins, n, base = metrics.equal_count_bins(probability), len(left), left.mean()
    terms = dict.fromkeys(("reliability", "resolution", "within", "noise"), 0.0)
    for number in np.unique(bins):
        y, p = left[bins == number], probability[bins == number]
        terms["reliability"] += len(y) / n * (p.mean() - y.mean()) ** 2
        terms["resolution"] += len(y) / n * (y.mean() - base) ** 2
        terms["within"] += np.sum((p - p.mean()) ** 2 - 2 * (p - p.mean()) * (y - y.mean())) / n
        if len(y) > 1:
            terms["noise"] += len(y) / n * y.mean() * (1 - y.mean()) / (len(y) - 1)
    of_base = base * (1 - base) / (n - 1)
    return {
        "brier_reliability": terms["reliability"] - terms["noise"],
        "brier_resolution": terms["resolution"] - terms["noise"] + of_base,
        "brier_uncertainty": base * (1 - base) + of_base,
        "brier_within_bin": terms["within"],
    }


@settings(max_examples=40)
@given(rows=st.lists(st.tuples(st.booleans(), st.integers(1, 99)), min_size=2, max_size=60))
def test_the_parts_of_the_brier_score_are_those_of_the_sources_and_add_up(
    rows: list[tuple[bool, int]],
) -> None:
    left = np.array([float(churner) for churner, _ in rows])
    probability = np.array([step / 100 for _, step in rows])

    parts = brier_parts(left, probability)

    total = (
        parts["brier_reliability"]
        - parts["brier_resolution"]
        + parts["brier_uncertainty"]
        + parts["brier_within_bin"]
    )
    assert parts == pytest.approx(brier_parts_by_the_book(left, probability), abs=1e-12)
    assert total == pytest.approx(np.mean((left - probability) ** 2), abs=1e-12)


def test_perfect_predictions_have_no_reliability_term_on_average() -> None:
    reliability = [brier_parts(*sample(400, seed))["brier_reliability"] for seed in range(200)]

    assert np.mean(reliability) == pytest.approx(0, abs=3 * np.std(reliability) / np.sqrt(200))


def test_the_base_rate_for_everybody_resolves_nothing() -> None:
    left, _ = sample(500)

    parts = brier_parts(left, np.full(500, left.mean()))

    assert parts["brier_resolution"] == pytest.approx(0, abs=1e-12)
    assert parts["brier_within_bin"] == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("shift", [0.0, 0.1])
def test_intervals_of_the_brier_parts_hold_the_truth_as_often_as_they_should(shift: float) -> None:
    left, probability = sample(400_000, seed=9)
    truth = brier_parts(left, probability + shift)
    hits = dict.fromkeys(truth, 0)

    for seed in range(60):
        left, probability = sample(500, seed=100 + seed)
        draws = draw_customers(500, 200, seed)
        estimates = estimate_metrics(left, probability + shift, np.arange(500), draws, share=0.1)
        for name, value in truth.items():
            hits[name] += estimates[name].low <= value <= estimates[name].high

    assert all(0.85 <= count / 60 <= 1.0 for count in hits.values()), hits
