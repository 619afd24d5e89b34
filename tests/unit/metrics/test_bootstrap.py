from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as sk

from churn.metrics import metrics
from churn.metrics.bootstrap import draw_customers, estimate_metrics, paired_differences
from churn.metrics.interval import Interval


def world(customers: int, repeats: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows of customers who have a stable risk of their own, so that their rows depend on each other."""
    rng = np.random.default_rng(seed)
    own = np.repeat(rng.normal(size=customers), repeats)
    z = -1 + own
    left = (rng.random(customers * repeats) < 1 / (1 + np.exp(-z))).astype(float)
    predicted = 1 / (1 + np.exp(-(-1 + 0.5 * own + 0.3 * rng.normal(size=len(own)))))
    return left, predicted, np.repeat(np.arange(customers), repeats)


def test_a_draw_equals_the_metric_of_repeated_rows() -> None:
    left, probability, customer = world(80, 3, seed=1)
    draws = draw_customers(80, 5, seed=3)

    estimates = estimate_metrics(left, probability, customer, draws, share=0.1)

    for draw, counts in enumerate(draws):
        times = counts[customer].astype(int)
        rows, predicted = np.repeat(left, times), np.repeat(probability, times)
        first = metrics.Ranking.of(predicted)
        precision = metrics.precision_at_share(first.sums(rows), first.sums(np.ones(len(rows))), 0.1)
        expected = {
            "auc": sk.roc_auc_score(rows, predicted),
            "log_loss": sk.log_loss(rows, predicted),
            "brier": sk.brier_score_loss(rows, predicted),
            "average_precision": sk.average_precision_score(rows, predicted),
            "precision_at_contact_share": precision,
            "lift_at_contact_share": precision / rows.mean(),
            "observed_expected": rows.sum() / predicted.sum(),
        }
        assert {name: estimates[name].draws[draw] for name in expected} == pytest.approx(expected)
        assert estimates["calibration_slope"].draws[draw] == pytest.approx(
            metrics.calibration_line(rows, predicted)[1], abs=0.15
        )


def test_values_are_those_of_all_rows() -> None:
    left, probability, customer = world(80, 3, seed=1)

    estimates = estimate_metrics(left, probability, customer, draw_customers(80, 5, seed=3), share=0.1)

    assert estimates["auc"].value == pytest.approx(metrics.auc(left, probability))
    assert estimates["calibration_slope"].value == pytest.approx(
        metrics.calibration_line(left, probability)[1]
    )
    assert "ece" not in estimates  # drawing rows adds noise to it: it has a floor instead of an interval


def test_intervals_hold_the_truth_as_often_as_they_should() -> None:
    left, probability, _ = world(200_000, 1, seed=9)
    truth = {"auc": metrics.auc(left, probability), "log_loss": metrics.log_loss(left, probability)}
    hits = dict.fromkeys(truth, 0)

    for seed in range(60):
        left, probability, customer = world(200, 3, seed=100 + seed)
        estimates = estimate_metrics(left, probability, customer, draw_customers(200, 200, seed), share=0.1)
        for name, value in truth.items():
            hits[name] += estimates[name].low <= value <= estimates[name].high

    assert all(0.85 <= count / 60 <= 1.0 for count in hits.values()), hits


def test_rows_of_one_customer_do_not_count_as_independent() -> None:
    left, probability, customer = world(300, 1, seed=4)
    thrice = [np.tile(rows, 3) for rows in (left, probability, customer)]
    draws = draw_customers(300, 300, seed=0)

    once = estimate_metrics(left, probability, customer, draws, share=0.1)["auc"]
    copied = estimate_metrics(thrice[0], thrice[1], thrice[2], draws, share=0.1)["auc"]

    assert copied.high - copied.low == pytest.approx(once.high - once.low, rel=1e-6)


def test_the_paired_interval_of_a_model_with_itself_is_zero() -> None:
    left, probability, customer = world(100, 2, seed=5)
    estimates = estimate_metrics(left, probability, customer, draw_customers(100, 100, seed=0), share=0.1)

    difference = paired_differences(estimates, estimates)["log_loss"]

    assert difference == Interval(value=0.0, low=0.0, high=0.0)


def test_the_same_seed_draws_the_same_customers() -> None:
    assert np.array_equal(draw_customers(50, 4, seed=7), draw_customers(50, 4, seed=7))
    assert not np.array_equal(draw_customers(50, 4, seed=7), draw_customers(50, 4, seed=8))
    assert (draw_customers(50, 4, seed=7).sum(axis=1) == 50).all()


def test_a_row_that_stands_for_three_gives_the_values_of_three_equal_rows() -> None:
    left, probability, customer = world(80, 3, seed=1)
    weight = np.where(np.random.default_rng(2).random(len(left)) < 0.2, 3, 1)
    draws = draw_customers(80, 5, seed=3)

    weighted = estimate_metrics(left, probability, customer, draws, 0.1, weight=weight.astype(float))
    repeated = estimate_metrics(
        *(np.repeat(own, weight) for own in (left, probability, customer)), draws, 0.1
    )

    for name in (
        "auc",
        "log_loss",
        "brier",
        "average_precision",
        "lift_at_contact_share",
        "observed_expected",
    ):
        assert weighted[name].value == pytest.approx(repeated[name].value)
        assert weighted[name].draws.tolist() == pytest.approx(repeated[name].draws.tolist())
    assert weighted["calibration_slope"].value == pytest.approx(repeated["calibration_slope"].value)


def test_weights_of_one_give_the_values_without_weights() -> None:
    left, probability, customer = world(80, 3, seed=1)
    draws = draw_customers(80, 5, seed=3)

    plain = estimate_metrics(left, probability, customer, draws, 0.1)
    weighted = estimate_metrics(left, probability, customer, draws, 0.1, weight=np.ones(len(left)))

    assert {name: one.value for name, one in weighted.items()} == pytest.approx(
        {name: one.value for name, one in plain.items()}
    )


def test_unequal_weights_do_not_make_a_right_model_look_unreliable() -> None:
    rng, reliabilities = np.random.default_rng(8), []
    for _ in range(60):
        probability = rng.uniform(0.02, 0.4, 600)
        left = (rng.random(600) < probability).astype(float)
        weight = np.where(rng.random(600) < 0.1, 10.0, 1.0)
        draws = draw_customers(600, 1, seed=1)
        estimates = estimate_metrics(left, probability, np.arange(600), draws, 0.1, weight=weight)
        reliabilities.append(estimates["brier_reliability"].value)

    assert abs(np.mean(reliabilities)) < 0.001
