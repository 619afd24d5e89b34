"""The shifted beta-geometric model."""

from __future__ import annotations

import numpy as np
import pytest

from churn.kpis.contract_model import (
    contract_model,
    discounted_lifetime,
    fit_sbg,
    months_of_age,
)
from churn.kpis.lives import FirstLives
from churn.labels.kaplan_meier import Lives

HIGH_END = [1, 0.869, 0.743, 0.653, 0.593, 0.551, 0.517, 0.491]


def test_fit_and_residual_lifetime_are_those_of_fader_and_hardie() -> None:
    """The high-end customers of Fader and Hardie (2007): alpha .668, beta 3.806; DERL 7.530 at 10 %."""
    survivors = 1000 * np.array(HIGH_END)

    fit = fit_sbg(survivors[:-1], survivors[:-1] - survivors[1:])

    assert fit is not None
    assert (fit.alpha, fit.beta) == pytest.approx((0.668, 3.806), abs=5e-4)
    assert float(discounted_lifetime(fit.alpha, fit.beta, 7, 0.1)) == pytest.approx(7.530, abs=5e-4)
    assert fit.survival(7) == pytest.approx(HIGH_END, abs=0.02)


def test_a_constant_churn_rate_has_no_model() -> None:
    survivors = 1000 * 0.9 ** np.arange(9)

    assert fit_sbg(survivors[:-1], survivors[:-1] - survivors[1:]) is None


def lives_of(days: np.ndarray, follow: np.ndarray) -> FirstLives:
    until = int(follow.max())
    has_left = days < follow
    lives = Lives(np.minimum(days, follow), has_left, np.zeros(len(days), dtype=np.int64))
    return FirstLives(np.arange(len(days)), until - follow, lives, 0, until, 0)


def test_a_month_counts_only_customers_who_can_be_followed_over_it() -> None:
    #                days of life, days of follow-up
    days = np.array([10, 40, 70, 35, 500])
    follow = np.array([100, 100, 100, 50, 20])

    at_risk, lost = months_of_age(lives_of(days, follow))

    assert at_risk.tolist() == [4, 2, 1]  # the one with 50 days is not followed over the second month
    assert lost.tolist() == [1, 1, 1]


def drawn_company(n: int, months: int, seed: int = 2) -> FirstLives:
    rng = np.random.default_rng(seed)
    chance = rng.beta(0.7, 4.0, n)
    days = (rng.geometric(chance) * 30.4 - 3).astype(np.int64)
    return lives_of(days, rng.integers(20, 30 * months, n))


def test_the_model_of_a_drawn_company_holds_the_true_parameters() -> None:
    model = contract_model(drawn_company(20_000, 18), 0.1)

    assert model.reason is None
    assert (model.alpha, model.beta) == pytest.approx((0.7, 4.0), rel=0.15)
    assert max(abs(month.observed_share - month.fitted_share) for month in model.months) < 0.02
    new = model.residual_lifetimes[0]
    assert new.low < float(discounted_lifetime(0.7, 4.0, 0, 1.1 ** (1 / 12) - 1)) < new.high


@pytest.mark.parametrize(
    ("n", "months", "reason"),
    [(400, 2, "cohorts"), (400, 4, "months of age"), (60, 12, "customers who left")],
)
def test_too_few_customers_give_a_reason_and_no_model(n: int, months: int, reason: str) -> None:
    model = contract_model(drawn_company(n, months), 0.1)

    assert reason in str(model.reason)
    assert (model.alpha, model.months, model.residual_lifetimes) == (None, (), ())
