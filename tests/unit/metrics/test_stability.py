from __future__ import annotations

import numpy as np
import pytest

from churn.metrics.stability import population_stability_index, psi_by_chance


def test_equal_shares_have_no_index_and_a_list_without_rows_has_none() -> None:
    assert population_stability_index(np.array([10.0, 30.0]), np.array([1e6, 3e6])) == pytest.approx(
        0, abs=2e-4
    )
    assert np.isnan(population_stability_index(np.array([10.0, 30.0]), np.zeros(2)))


def test_the_index_equals_the_formula_by_hand() -> None:
    before, after = np.array([499.5, 499.5]), np.array([199.5, 799.5])

    index = population_stability_index(before, after)

    assert index == pytest.approx((0.2 - 0.5) * np.log(0.2 / 0.5) + (0.8 - 0.5) * np.log(0.8 / 0.5))


def test_a_bin_that_was_empty_in_training_gives_a_large_finite_index() -> None:
    assert 1 < population_stability_index(np.array([1000.0, 0.0]), np.array([700.0, 300.0])) < 10


@pytest.mark.parametrize(("n_before", "n_after"), [(400, 400), (5000, 300)])
def test_equal_distributions_exceed_the_index_by_chance_as_often_as_stated(
    n_before: int, n_after: int
) -> None:
    rng = np.random.default_rng(3)
    shares = np.full(10, 0.1)
    indices = [
        population_stability_index(
            rng.multinomial(n_before, shares).astype(float), rng.multinomial(n_after, shares).astype(float)
        )
        for _ in range(2000)
    ]

    share_above = np.mean(np.array(indices) > psi_by_chance(10, n_before, n_after, 0.05))

    assert 0.03 < share_above < 0.07
    assert np.mean(indices) == pytest.approx(9 * (1 / n_before + 1 / n_after), rel=0.1)
