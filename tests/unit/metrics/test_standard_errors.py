from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from churn.metrics.standard_errors import (
    clustered_departure,
    clustered_difference,
    clustered_mean,
    clustered_ratio,
    clustered_slope,
    customer_wilson_interval,
    wilson_interval,
)


@pytest.mark.parametrize(("hits", "trials"), [(0, 10), (1, 10), (5, 10), (10, 10), (3, 1000)])
def test_the_interval_of_a_share_is_wilsons(hits: int, trials: int) -> None:
    reference = binomtest(hits, trials).proportion_ci(0.95, method="wilson")

    assert wilson_interval(hits, trials) == pytest.approx((reference.low, reference.high), abs=1e-7)


def test_without_trials_a_share_may_be_anything() -> None:
    assert wilson_interval(0, 0) == (0.0, 1.0)


def test_rows_that_repeat_a_customer_leave_the_interval_of_a_share_as_it_is() -> None:
    left = np.repeat([1.0, 0.0, 0.0, 0.0], 5)

    once = customer_wilson_interval(left, np.arange(20))
    twice = customer_wilson_interval(np.tile(left, 2), np.tile(np.arange(20), 2))

    assert once == wilson_interval(5, 20)
    assert twice == once


def sample(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    probability = 1 / (1 + np.exp(-rng.normal(-1.5, 1.2, rows)))
    return (rng.random(rows) < probability).astype(float), probability


def test_the_standard_error_of_a_mean_is_the_usual_one_where_every_row_is_a_customer() -> None:
    values = np.random.default_rng(4).normal(size=50)

    assert clustered_mean(values, np.arange(50)) == pytest.approx(
        (values.mean(), values.std(ddof=1) / np.sqrt(50))
    )


def test_the_error_of_a_ratio_is_that_of_a_share_where_all_probabilities_are_equal() -> None:
    left = np.repeat([1.0, 0.0], [30, 70])

    ratio, error = clustered_ratio(left, np.full(100, 0.2), np.arange(100))

    assert ratio == pytest.approx(1.5)
    assert error == pytest.approx(np.sqrt(0.3 * 0.7 / 99) / 0.3)


def test_churners_less_expected_churners_are_summed_by_customer_before_they_are_squared() -> None:
    customer = np.array([3, 8, 3])
    left, probability = np.array([1.0, 0.0, 1.0]), np.array([0.2, 0.5, 0.3])

    # customer 3: 2 left, .5 expected; customer 8: none left, .5 expected
    assert clustered_difference(left, probability, customer) == pytest.approx((1.0, np.sqrt(1.5**2 + 0.5**2)))


@pytest.mark.parametrize("measure", [clustered_ratio, clustered_slope])
def test_rows_that_repeat_a_customer_say_nothing_new(measure) -> None:
    left, probability = sample(400, seed=2)

    once = measure(left, probability, np.arange(400))
    thrice = measure(np.tile(left, 3), np.tile(probability, 3), np.tile(np.arange(400) * 7, 3))

    assert thrice == pytest.approx(once)


@pytest.mark.parametrize("measure", [clustered_ratio, clustered_slope])
def test_intervals_hold_the_truth_as_often_as_they_should(measure) -> None:
    held = []
    for seed in range(300):
        value, error = measure(*sample(500, seed), np.arange(500))
        off = np.log(value) if measure is clustered_ratio else value - 1
        held.append(abs(off) < 1.96 * error)

    assert 0.92 <= np.mean(held) <= 0.98


def test_nobody_left_gives_no_error_of_a_ratio_and_no_slope() -> None:
    nobody, probability = np.zeros(20), np.linspace(0.1, 0.3, 20)

    assert clustered_ratio(nobody, probability, np.arange(20)) == pytest.approx((0.0, np.nan), nan_ok=True)
    assert np.isnan(clustered_slope(nobody, probability, np.arange(20))).all()


def test_a_segment_departs_from_all_as_often_as_chance_lets_it() -> None:
    held = []
    for seed in range(300):
        left, probability = sample(800, seed)
        segment = np.arange(800) % 3 == 0
        departure, error = clustered_departure(left, 0.7 * probability, np.arange(800) // 2, segment)
        held.append(abs(departure) < 1.96 * error)

    assert 0.92 <= np.mean(held) <= 0.98
