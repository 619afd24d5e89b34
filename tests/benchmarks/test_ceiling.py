from __future__ import annotations

import numpy as np
import pytest

from benchmarks.scoreboard.ceiling import ceiling, make_up
from churn.features.language.btyd import LifetimeModel, fit_lifetimes, p_none

SHOP = LifetimeModel(r=0.7, alpha=20.0, a=0.8, b=2.5)
AGE = np.repeat([100.0, 200.0, 300.0], 4_000)


def test_the_model_fitted_on_what_it_made_up_is_itself_again() -> None:
    made = make_up(SHOP, AGE, ahead_days=28, seed=1)

    found = fit_lifetimes(made.x, made.recency, made.age)

    assert found is not None
    assert found.r / found.alpha == pytest.approx(SHOP.r / SHOP.alpha, rel=0.1)
    assert found.a / (found.a + found.b) == pytest.approx(SHOP.a / (SHOP.a + SHOP.b), rel=0.15)


def test_histories_and_the_truth_both_say_how_many_will_not_come() -> None:
    made = make_up(SHOP, AGE, ahead_days=28, seed=2)

    known = p_none(SHOP, made.x, made.recency, made.age, 28)

    assert known.mean() == pytest.approx(made.is_silent.mean(), abs=0.02)
    assert made.truth.mean() == pytest.approx(made.is_silent.mean(), abs=0.01)


def test_who_sees_into_the_customers_ranks_them_better_than_who_knows_their_histories() -> None:
    found = ceiling(SHOP, AGE, ahead_days=28, active_days=56)

    assert 0.5 < found["histories"]["high"] < found["inside"]["low"] < 1


def test_nobody_can_rank_customers_who_are_all_alike() -> None:
    alike = LifetimeModel(r=5_000.0, alpha=50_000.0, a=1e-6, b=1.0)

    found = ceiling(alike, AGE, ahead_days=14, active_days=28)

    assert found["histories"]["value"] == pytest.approx(0.5, abs=0.02)
    assert found["inside"]["value"] == pytest.approx(0.5, abs=0.02)
