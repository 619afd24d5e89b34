from __future__ import annotations

import math

import pytest
from scipy.stats import norm

from churn.experiments.power import days_until_answer, power_of, smallest_effect, units_needed


@pytest.mark.parametrize(
    ("churn_control", "churn_treatment", "n"),
    [(0.10, 0.08, 3213), (0.05, 0.04, 6745), (0.20, 0.18, 6039)],
)
def test_the_units_needed_per_arm_are_the_published_ones(
    churn_control: float, churn_treatment: float, n: int
) -> None:
    size = units_needed(churn_control, churn_treatment)

    assert (size.n_control, size.n_treatment, size.n) == (n, n, 2 * n)


@pytest.mark.parametrize("control_share", [0.05, 0.1, 0.5, 0.9])
@pytest.mark.parametrize(("churn_control", "churn_treatment"), [(0.1, 0.08), (0.08, 0.1), (0.03, 0.001)])
def test_the_units_needed_just_reach_the_power(
    churn_control: float, churn_treatment: float, control_share: float
) -> None:
    size = units_needed(churn_control, churn_treatment, control_share=control_share)

    assert power_of(churn_control, churn_treatment, size.n_control, size.n_treatment) >= 0.8
    smaller = int(0.98 * size.n_control), int(0.98 * size.n_treatment)
    assert power_of(churn_control, churn_treatment, *smaller) < 0.8


@pytest.mark.parametrize(
    ("churn_control", "churn_treatment", "n_control", "n_treatment"),
    [(0.03, 0.02, 300, 2700), (0.10, 0.08, 3213, 3213), (0.02, 0.03, 500, 700)],
)
def test_the_power_is_that_of_the_pooled_test_in_the_true_direction(
    churn_control: float, churn_treatment: float, n_control: int, n_treatment: int
) -> None:
    power = power_of(churn_control, churn_treatment, n_control, n_treatment)

    pooled = (churn_control * n_control + churn_treatment * n_treatment) / (n_control + n_treatment)
    under_null = math.sqrt(pooled * (1 - pooled) * (1 / n_control + 1 / n_treatment))
    under_effect = math.sqrt(
        churn_control * (1 - churn_control) / n_control
        + churn_treatment * (1 - churn_treatment) / n_treatment
    )
    z = (abs(churn_control - churn_treatment) - norm.ppf(0.975) * under_null) / under_effect
    assert power == pytest.approx(norm.cdf(z), abs=1e-9)


def test_three_thousand_customers_with_a_tenth_as_control_find_a_third_less_churn_in_24_percent() -> None:
    assert round(power_of(0.03, 0.02, 300, 2700), 2) == 0.24


def test_without_an_effect_or_without_an_arm_nothing_is_found() -> None:
    assert power_of(0.1, 0.1, 5000, 5000) == pytest.approx(0.025)
    assert power_of(0.1, 0.05, 0, 5000) == 0


def test_the_smallest_effect_is_the_one_with_the_power() -> None:
    detectable = smallest_effect(0.05, 300, 2700)

    assert detectable.effect is not None
    assert power_of(0.05, 0.05 - detectable.effect, 300, 2700) == pytest.approx(0.8, abs=1e-9)


@pytest.mark.parametrize(("n_control", "n_treatment"), [(0, 500), (30, 270)])
def test_too_few_units_are_told_in_words_with_their_number(n_control: int, n_treatment: int) -> None:
    detectable = smallest_effect(0.03, n_control, n_treatment)

    assert detectable.effect is None
    assert (
        f"With n = {n_control + n_treatment} ({n_control} in the control), no effect" in detectable.in_words()
    )


@pytest.mark.parametrize(
    ("n", "units_per_night", "maturity_days", "days"),
    [(6426, 100, 35, 99), (100, 100, 35, 35), (101, 100, 35, 36), (100, 0, 35, None), (10, 0.5, 0, 19)],
)
def test_the_answer_comes_when_the_last_unit_has_matured(
    n: int, units_per_night: float, maturity_days: int, days: int | None
) -> None:
    assert days_until_answer(n, units_per_night, maturity_days) == days


@pytest.mark.parametrize(
    ("churn_control", "churn_treatment", "control_share", "message"),
    [
        (0.0, 0.1, 0.5, "churn_control is a share between 0 and 1, not 0.0"),
        (0.1, 1.0, 0.5, "churn_treatment is a share between 0 and 1, not 1.0"),
        (0.2, 0.1, 1.0, "control_share is a share between 0 and 1, not 1.0"),
        (0.1, 0.1, 0.5, "no number of units finds a difference between 0.1 and itself"),
    ],
)
def test_impossible_plans_are_refused(
    churn_control: float, churn_treatment: float, control_share: float, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        units_needed(churn_control, churn_treatment, control_share=control_share)
