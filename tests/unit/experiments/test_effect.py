from __future__ import annotations

import math

import pytest
from scipy.stats import norm

from churn.experiments.effect import Effect, NoVerdict, Verdict, rate_difference, saved_customers
from churn.metrics.interval import Interval
from churn.metrics.standard_errors import wilson_interval


def width(effect: Effect) -> float:
    low, high = effect.difference.low, effect.difference.high
    assert low is not None
    assert high is not None
    return high - low


def test_the_difference_is_control_minus_treatment_with_newcombes_interval() -> None:
    result = rate_difference(60, 500, 240, 4500)

    low_c, high_c = wilson_interval(60, 500, norm.ppf(0.975))
    low_t, high_t = wilson_interval(240, 4500, norm.ppf(0.975))
    churn_c, churn_t = 60 / 500, 240 / 4500
    difference = result.difference
    assert (result.control.churn, result.treatment.churn) == (churn_c, churn_t)
    assert difference.value == pytest.approx(churn_c - churn_t, abs=1e-12)
    assert difference.low == pytest.approx(
        churn_c - churn_t - math.hypot(churn_c - low_c, high_t - churn_t), abs=1e-9
    )
    assert difference.high == pytest.approx(
        churn_c - churn_t + math.hypot(high_c - churn_c, churn_t - low_t), abs=1e-9
    )
    assert result.verdict == Verdict.FEWER_LEAVE


def test_the_interval_has_newcombes_published_ends() -> None:
    # Newcombe (1998), table II, contrast a: 56/70 against 48/80, method 10
    result = rate_difference(56, 70, 48, 80)

    difference = result.difference.as_json()
    assert {end: round(value, 4) for end, value in difference.items()} == {
        "value": 0.2,
        "low": 0.0524,
        "high": 0.3339,
    }


@pytest.mark.parametrize(
    ("counts", "verdict", "reason"),
    [
        ((60, 500, 240, 4500), Verdict.FEWER_LEAVE, None),
        ((64, 1000, 100, 1000), Verdict.MORE_LEAVE, None),
        ((20, 200, 20, 210), Verdict.NOT_SHOWN, None),
        ((19, 50, 500, 4500), None, NoVerdict.FEW_CHURNERS),
        ((500, 4500, 19, 4500), None, NoVerdict.FEW_CHURNERS),
        ((0, 0, 50, 100), None, NoVerdict.EMPTY_ARM),
        ((50, 100, 0, 0), None, NoVerdict.EMPTY_ARM),
    ],
)
def test_there_is_a_verdict_from_twenty_churners_in_each_arm(
    counts: tuple[int, int, int, int], verdict: Verdict | None, reason: NoVerdict | None
) -> None:
    result = rate_difference(*counts)

    assert (result.verdict, result.no_verdict_because) == (verdict, reason)
    assert (result.difference.value is None) == (reason == NoVerdict.EMPTY_ARM)


def test_more_churners_than_units_are_refused() -> None:
    with pytest.raises(ValueError, match="an arm of 10 units cannot have 11 churners"):
        rate_difference(1, 10, 11, 10)


def test_saved_customers_and_money_have_the_interval_of_the_effect() -> None:
    saved = saved_customers(Interval(value=0.01, low=-0.02, high=0.03), 2000, 150.0)

    assert saved.customers.as_json() == {"value": 20.0, "low": -40.0, "high": 60.0}
    assert saved.money.as_json() == {"value": 3000.0, "low": -6000.0, "high": 9000.0}


def test_without_a_difference_nothing_is_saved_and_nothing_is_0() -> None:
    saved = saved_customers(rate_difference(0, 0, 5, 10).difference, 10, 150.0)

    assert saved.money.as_json() == {"value": None, "low": None, "high": None}
