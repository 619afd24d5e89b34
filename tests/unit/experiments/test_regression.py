from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import norm, t

from churn.errors import Stop
from churn.experiments.effect import AdjustedDifference, Effect, NoVerdict, Verdict, rate_difference
from churn.experiments.regression import account_rate_difference, adjusted_difference

BEFORE, FIRST, AFTER = (np.datetime64(day) for day in ("2025-02-28", "2025-03-01", "2025-03-02"))


def adjust(
    left: NDArray[np.bool_],
    in_treatment: NDArray[np.bool_],
    score: NDArray[np.float64],
    account: list[str] | None = None,
) -> AdjustedDifference:
    n = len(left)
    return adjusted_difference(
        left,
        in_treatment,
        score,
        unit=[f"c{row}" for row in range(n)],
        score_date=np.where(np.isnan(score), np.datetime64("NaT"), BEFORE),
        first_assigned_date=np.full(n, FIRST),
        account=account,
    )


def experiment(
    seed: int, n: int = 2000, effect: float = 0.05
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.float64]]:
    """Draw outcomes whose probability is the score, less the effect where the unit is contacted."""
    rng = np.random.default_rng(seed)
    score = rng.beta(2, 8, n)
    in_treatment = rng.random(n) < 0.7
    left = rng.random(n) < np.clip(score - effect * in_treatment, 0, 1)
    return left, in_treatment, score


def width(effect: Effect) -> float:
    low, high = effect.difference.low, effect.difference.high
    assert low is not None
    assert high is not None
    return high - low


def test_the_adjusted_difference_of_a_drawn_table_is_lins() -> None:
    #                control               treatment
    score = np.array([0.1, 0.2, 0.3, 0.6, 0.1, 0.2, 0.4, 0.5])
    left = np.array([0, 1, 0, 1, 0, 0, 1, 0]).astype(bool)
    in_treatment = np.array([0, 0, 0, 0, 1, 1, 1, 1]).astype(bool)

    result = adjust(left, in_treatment, score)

    # A line through each arm is read at the mean score of all units, .3. Each arm has the mean score .3 too,
    # so the lines are there at the means of the arms, 2 of 4 and 1 of 4.
    assert result.difference.value == pytest.approx(0.25)
    assert result.no_verdict_because == NoVerdict.FEW_CHURNERS


def test_the_adjustment_reads_both_lines_at_the_mean_score_of_all_units() -> None:
    #                control          treatment
    score = np.array([0.0, 0.2, 0.4, 0.4, 0.6, 0.8])
    left = np.array([0, 0, 1, 0, 0, 1]).astype(bool)
    in_treatment = np.array([0, 0, 0, 1, 1, 1]).astype(bool)

    result = adjust(left, in_treatment, score)

    # Both lines have the slope 2.5 and the mean 1/3, at the scores .2 and .6. At .4 the control is at
    # 1/3 + .5 and the treatment at 1/3 - .5. The plain difference is 0.
    assert result.difference.value == pytest.approx(1.0)


def test_the_standard_error_is_hc2() -> None:
    left, in_treatment, score = experiment(seed=1)

    result = adjust(left, in_treatment, score)

    centred = score - score.mean()
    design = np.column_stack([np.ones(len(left)), in_treatment, centred, in_treatment * centred])
    inverse = np.linalg.inv(design.T @ design)
    coefficients = inverse @ design.T @ left
    residual = left - design @ coefficients
    leverage = np.einsum("ij,jk,ik->i", design, inverse, design)
    covariance = inverse @ (design.T * (residual**2 / (1 - leverage))) @ design @ inverse
    assert result.difference.value == pytest.approx(-coefficients[1], abs=1e-9)
    assert result.standard_error == pytest.approx(math.sqrt(covariance[1, 1]), abs=1e-9)
    expected = mover_ends(
        (coefficients[0], covariance[0, 0]),
        (coefficients[0] + coefficients[1], covariance[:2, :2].sum()),
        norm.ppf(0.975),
    )
    assert (result.difference.low, result.difference.high) == pytest.approx(expected, abs=1e-9)
    assert result.verdict == Verdict.FEWER_LEAVE


def mover_ends(control: tuple[float, float], treatment: tuple[float, float], z: float) -> tuple[float, float]:
    """Return the ends of the difference of two rates, each with its variance, from Wilson's quadratics."""
    ends = []
    for rate, variance in (control, treatment):
        n = rate * (1 - rate) / variance  # (rate - p)^2 = z^2 p (1 - p) / n
        ends.append(sorted(np.roots([1 + z**2 / n, -2 * rate - z**2 / n, rate**2])))
    (low_c, high_c), (low_t, high_t) = ends
    down, up = (control[0] - low_c, high_t - treatment[0]), (high_c - control[0], treatment[0] - low_t)
    difference = control[0] - treatment[0]
    return difference - math.sqrt(down[0] ** 2 + down[1] ** 2), difference + math.sqrt(
        up[0] ** 2 + up[1] ** 2
    )


def test_a_score_that_tells_nothing_gives_nearly_newcombes_interval() -> None:
    n = 4000
    in_treatment = np.arange(n) % 10 != 0
    left = np.arange(n) % 20 == np.where(in_treatment, 1, 0)
    score = (np.arange(n) // 20 % 2) / 2 + 0.2

    result = adjust(left, in_treatment, score).difference

    plain = rate_difference(
        int(left[~in_treatment].sum()), 400, int(left[in_treatment].sum()), 3600
    ).difference
    assert (result.value, result.low, result.high) == pytest.approx(
        (plain.value, plain.low, plain.high), abs=2e-4
    )


def test_where_nobody_of_an_arm_left_the_interval_is_finite() -> None:
    rng = np.random.default_rng(5)
    in_treatment = np.arange(400) % 2 == 0
    left = ~in_treatment & (rng.random(400) < 0.2)

    result = adjust(left, in_treatment, rng.random(400))

    assert result.difference.low is not None
    assert result.difference.high is not None
    assert result.difference.low < result.difference.high < 0.4
    assert result.no_verdict_because == NoVerdict.FEW_CHURNERS


def test_the_adjusted_interval_is_shorter_where_the_score_tells_who_leaves() -> None:
    rng = np.random.default_rng(3)
    score = rng.choice([0.02, 0.9], 2000)
    in_treatment = rng.random(2000) < 0.5
    left = rng.random(2000) < score

    adjusted = adjust(left, in_treatment, score)

    plain = rate_difference(
        int(left[~in_treatment].sum()),
        int((~in_treatment).sum()),
        int(left[in_treatment].sum()),
        int(in_treatment.sum()),
    )
    assert width(adjusted) < 0.6 * width(plain)


def test_units_without_an_earlier_score_are_counted_and_adjusted_for_by_an_indicator() -> None:
    rng = np.random.default_rng(4)
    n = 4000
    is_new = rng.random(n) < 0.5
    in_treatment = rng.random(n) < 0.5
    left = rng.random(n) < np.where(is_new, 0.9, 0.05)
    score = np.where(is_new, np.nan, rng.beta(2, 38, n))

    result = adjust(left, in_treatment, score)

    assert result.units_without_score == is_new.sum()
    # The indicator explains most of the variance: the standard error without it is about .016.
    assert result.standard_error == pytest.approx(0.0083, abs=0.0005)


@pytest.mark.parametrize("contacted", [False, True])
def test_a_single_unit_without_a_score_does_not_spoil_the_regression(contacted: bool) -> None:
    left, in_treatment, score = experiment(seed=5)
    score[int(np.flatnonzero(in_treatment == contacted)[0])] = np.nan

    result = adjust(left, in_treatment, score)

    assert result.units_without_score == 1
    assert result.verdict == Verdict.FEWER_LEAVE


@pytest.mark.parametrize(
    ("score", "in_treatment", "reason"),
    [
        ([np.nan] * 6, [0, 0, 0, 1, 1, 1], NoVerdict.NO_SCORE),
        ([0.2] * 6, [0, 0, 0, 1, 1, 1], NoVerdict.NO_SCORE),
        ([0.1, 0.2, 0.3, 0.4, 0.5, 0.6], [1] * 6, NoVerdict.EMPTY_ARM),
        ([0.1, 0.2, 0.3, 0.4, 0.5, 0.6], [0] * 6, NoVerdict.EMPTY_ARM),
        ([0.1, 0.2, 0.3, 0.4, 0.5, 0.6], [0, 0, 1, 1, 1, 1], NoVerdict.FEW_UNITS),
        ([0.1, 0.1, 0.1, 0.4, 0.5, 0.6], [0, 0, 0, 1, 1, 1], NoVerdict.FEW_UNITS),
    ],
    ids=[
        "no score",
        "equal scores",
        "no control",
        "no treatment",
        "two units in the control",
        "no slope in the control",
    ],
)
def test_a_regression_that_is_not_identified_gives_a_reason_and_no_number(
    score: list[float], in_treatment: list[int], reason: NoVerdict
) -> None:
    left = np.array([0, 1, 0, 1, 0, 1]).astype(bool)

    result = adjust(left, np.array(in_treatment).astype(bool), np.array(score))

    assert (result.no_verdict_because, result.verdict) == (reason, None)
    assert result.difference.as_json() == {"value": None, "low": None, "high": None}


@pytest.mark.parametrize("score_date", [FIRST, AFTER], ids=["on the day", "after"])
def test_a_score_from_on_or_after_the_first_assignment_is_refused(score_date: np.datetime64) -> None:
    left, in_treatment, score = experiment(seed=6, n=200)
    dates = np.full(200, BEFORE)
    dates[[7, 9]] = score_date

    with pytest.raises(Stop) as stop:
        adjusted_difference(
            left,
            in_treatment,
            score,
            unit=[f"c{row}" for row in range(200)],
            score_date=dates,
            first_assigned_date=np.full(200, FIRST),
        )

    assert stop.value.exit_code == 15
    assert str(stop.value) == (
        "measure: 2 of 200 units have a score that was computed on or after the day of their first "
        f"assignment (first: c7, scored {score_date}, assigned 2025-03-01). The contact may have changed "
        "such a score, and then the adjusted effect can have the wrong sign. Use the last score that was "
        "computed before the first assignment."
    )


def test_all_problems_of_the_dates_come_at_once() -> None:
    left, in_treatment, score = experiment(seed=6, n=4)
    score[1] = np.nan
    nat = np.datetime64("NaT")

    with pytest.raises(Stop) as stop:
        adjusted_difference(
            left,
            in_treatment,
            score,
            unit=["a", "b", "c", "d"],
            score_date=np.array([AFTER, BEFORE, nat, BEFORE]),
            first_assigned_date=np.array([FIRST, FIRST, FIRST, nat]),
        )

    problems = stop.value.problems
    assert [problem.split("(first: ")[1][:4] for problem in problems] == ["a, s", "b, c", "d). "]
    assert "2 of 4 units have a score without a date, or a date without a score" in problems[1]
    assert "1 of 4 units have no date of their first assignment" in problems[2]


def test_a_score_that_contact_has_moved_would_turn_the_sign() -> None:
    """The reason for the rule: 3 points fewer leave, and the score after contact falls by 6 points."""
    rng = np.random.default_rng(8)
    n = 40_000
    in_treatment = rng.random(n) < 0.5
    risk = rng.uniform(0.1, 0.5, n)
    left = rng.random(n) < risk - 0.03 * in_treatment

    honest = adjust(left, in_treatment, risk)
    moved = adjust(left, in_treatment, risk - 0.06 * in_treatment)

    assert honest.difference.value == pytest.approx(0.03, abs=0.009)
    assert (honest.verdict, moved.verdict) == (Verdict.FEWER_LEAVE, Verdict.MORE_LEAVE)


def test_where_accounts_are_assigned_the_interval_is_robust_for_accounts() -> None:
    rng = np.random.default_rng(9)
    n_accounts, size = 60, 8
    arm = rng.random(n_accounts) < 0.5
    leaves = rng.random(n_accounts) < 0.3
    left, in_treatment = np.repeat(leaves, size), np.repeat(arm, size)
    account = np.repeat([f"a{number}" for number in range(n_accounts)], size).tolist()

    result = account_rate_difference(left, in_treatment, account)

    # Whole accounts leave, so the standard error is that of accounts, with the usual correction for few.
    churn = [leaves[~arm].mean(), leaves[arm].mean()]
    sizes = [(~arm).sum(), arm.sum()]
    n = n_accounts * size
    correction = math.sqrt(n_accounts / (n_accounts - 1) * (n - 1) / (n - 2))
    assert result.difference.value == pytest.approx(churn[0] - churn[1])
    variances = [p * (1 - p) / k * correction**2 for p, k in zip(churn, sizes, strict=True)]
    expected = mover_ends((churn[0], variances[0]), (churn[1], variances[1]), t.ppf(0.975, n_accounts - 1))
    assert (result.difference.low, result.difference.high) == pytest.approx(expected, abs=1e-9)
    assert result.no_verdict_because == NoVerdict.FEW_CHURNERS


def test_many_accounts_with_churners_have_a_verdict() -> None:
    in_treatment = np.repeat([False, True], 400)
    account = np.repeat([f"a{number}" for number in range(200)], 4).tolist()
    left = np.zeros(800, dtype=bool)
    left[0:200:4] = True  # one customer in each of 50 accounts of the control
    left[400:480:4] = True  # and in each of 20 accounts of the treatment

    result = account_rate_difference(left, in_treatment, account)

    assert result.difference.value == pytest.approx(30 / 400)
    assert result.verdict == Verdict.FEWER_LEAVE


def test_a_regression_on_as_few_accounts_as_columns_gives_a_reason_and_no_number() -> None:
    left, in_treatment, score = experiment(seed=7, n=40)
    in_treatment = np.repeat([False, True], 20)
    account = np.repeat(["a", "b", "c", "d"], 10).tolist()

    result = adjust(left, in_treatment, score, account)

    assert (result.no_verdict_because, result.difference.value) == (NoVerdict.FEW_UNITS, None)


def test_the_rule_of_twenty_churners_counts_accounts_where_accounts_are_assigned() -> None:
    # Three accounts of ten leave as a whole in each arm: thirty churners, but three decisions.
    in_treatment = np.repeat([False, True], 100)
    left = np.tile(np.repeat([True, False], [30, 70]), 2)
    account = np.repeat([f"a{number}" for number in range(20)], 10).tolist()
    score = np.linspace(0, 1, 200)

    plain = account_rate_difference(left, in_treatment, account)
    adjusted = adjust(left, in_treatment, score, account)

    assert plain.no_verdict_because == adjusted.no_verdict_because == NoVerdict.FEW_CHURNERS


def test_an_account_in_both_arms_is_refused() -> None:
    left, in_treatment = np.array([True, False, True]), np.array([True, False, False])

    with pytest.raises(Stop, match=r"1 of 2 accounts are in both arms \(first: acme\)") as stop:
        account_rate_difference(left, in_treatment, ["acme", "acme", "other"])

    assert stop.value.exit_code == 15


@pytest.mark.parametrize(
    ("arms", "reason"), [([0, 0, 0, 0], NoVerdict.EMPTY_ARM), ([0, 0, 1, 1], NoVerdict.FEW_UNITS)]
)
def test_arms_of_one_account_or_none_have_no_difference(arms: list[int], reason: NoVerdict) -> None:
    left = np.array([True, False, True, False])

    result = account_rate_difference(left, np.array(arms).astype(bool), ["a", "a", "b", "b"])

    assert (result.difference.value, result.no_verdict_because) == (None, reason)
