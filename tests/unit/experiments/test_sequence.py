"""Nightly looks, compared with `ville` (sequences) and `tea-tasting` (sample ratio): no code is shared."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import tea_tasting
from numpy.typing import NDArray
from ville import AsymptoticCS, BernoulliTest

from churn.experiments.effect import NoVerdict, Verdict
from churn.experiments.sequence import (
    RATIO_PRIOR,
    anytime_half_width,
    difference_sequence,
    nightly_effect,
    sample_ratio,
    sample_ratio_sequence,
)

Ints = NDArray[np.int64]


def stream(seed: int, n: int, control_share: float, churn: float) -> tuple[Ints, Ints]:
    """Draw, for each unit in the order of time, whether it is in the control and whether it left."""
    rng = np.random.default_rng(seed)
    return (rng.random(n) < control_share).astype(int), (rng.random(n) < churn).astype(int)


@pytest.mark.parametrize("control_share", [0.05, 0.1, 0.5])
@pytest.mark.parametrize("looks", [[200], [150, 900, 4000]])
def test_the_interval_at_each_look_equals_villes(looks: list[int], control_share: float) -> None:
    in_control, left = stream(1, looks[-1], control_share, 0.2)
    n_target = 3000
    at = np.array(looks) - 1
    counts = [
        np.cumsum(rows)[at]
        for rows in (left * in_control, in_control, left * (1 - in_control), 1 - in_control)
    ]

    sequence = difference_sequence(*counts, n_target=n_target)

    # ville takes the mean of weighted outcomes; its parameter rho is 1 / r^2 of the formula.
    r2 = (-2 * np.log(0.05) + np.log(-2 * np.log(0.05) + 1)) / n_target
    for row, n in enumerate(looks):
        oracle = AsymptoticCS(alpha=0.05, min_samples=2)
        oracle.rho_ = 1 / r2
        share = in_control[:n].mean()
        mean_c, mean_t = (left[:n][in_control[:n] == arm].mean() for arm in (1, 0))
        weighted = np.where(
            in_control[:n] == 1, (left[:n] - mean_c) / share, -(left[:n] - mean_t) / (1 - share)
        )
        low, high = oracle.fit(weighted + mean_c - mean_t).interval()
        assert sequence.low[row] == pytest.approx(low, abs=1e-9)
        assert sequence.high[row] == pytest.approx(high, abs=1e-9)


def test_the_interval_is_narrowest_beside_a_single_look_at_its_target() -> None:
    n = np.array([100, 1000, 3000, 10_000, 100_000])

    in_standard_errors = anytime_half_width(np.ones(5), n, 3000, 0.05)

    assert in_standard_errors.argmin() == 2
    assert in_standard_errors.min() > 1.96


@pytest.mark.parametrize(
    ("counts", "verdict", "reason"),
    [
        ((200, 1000, 900, 9000), Verdict.FEWER_LEAVE, None),
        ((60, 1000, 1000, 9000), Verdict.MORE_LEAVE, None),
        ((20, 200, 180, 1800), Verdict.NOT_SHOWN, None),
        ((19, 20, 900, 9000), None, NoVerdict.FEW_CHURNERS),
        ((200, 1000, 19, 9000), None, NoVerdict.FEW_CHURNERS),
        ((0, 0, 900, 9000), None, NoVerdict.EMPTY_ARM),
        ((0, 0, 0, 0), None, NoVerdict.EMPTY_ARM),
    ],
)
def test_a_night_has_a_verdict_from_twenty_churners_in_each_arm(
    counts: tuple[int, int, int, int], verdict: Verdict | None, reason: NoVerdict | None
) -> None:
    nights = [np.array([0, count]) for count in counts]

    effect = nightly_effect(difference_sequence(*nights, n_target=10_000))

    assert (effect.verdict, effect.no_verdict_because) == (verdict, reason)
    assert (effect.difference.value is None) == (reason == NoVerdict.EMPTY_ARM)


def test_an_arm_without_churners_raises_no_alarm_though_its_interval_has_no_width() -> None:
    # The formula takes the variance of this control for 0: without the rule it would alarm.
    counts = [np.array([count]) for count in (0, 100, 60, 900)]

    sequence = difference_sequence(*counts, n_target=10_000)

    assert sequence.high[0] < 0
    assert not sequence.alarms[0]


def test_experiments_side_by_side_give_what_each_gives_alone() -> None:
    rng = np.random.default_rng(2)
    n = np.array([[50, 100, 400]] * 3)
    counts = rng.binomial(n, 0.3), n, rng.binomial(9 * n, 0.3), 9 * n

    together = difference_sequence(*counts, n_target=4000)

    for row in range(3):
        alone = difference_sequence(*(count[row] for count in counts), n_target=4000)
        assert np.array_equal(together.low[row], alone.low)
        assert np.array_equal(together.alarms[row], alone.alarms)


@pytest.mark.parametrize("control_share", [0.05, 0.1, 0.5])
@pytest.mark.parametrize("n_control", [430, 500, 640])
def test_the_sample_ratio_equals_tea_tastings(n_control: int, control_share: float) -> None:
    n_treatment = round(500 * (1 - control_share) / control_share)

    ratio = sample_ratio(n_control, n_treatment, control_share)

    arms = np.repeat([0, 1], [n_control, n_treatment])
    oracle = tea_tasting.SampleRatio((1 - control_share) / control_share, method="norm", correction=False)
    result = tea_tasting.Experiment(ratio=oracle).analyze(pd.DataFrame({"variant": arms}), control=0)["ratio"]
    assert ratio.p_value == pytest.approx(result.pvalue, abs=1e-9)
    assert ratio.alarm == (result.pvalue < 0.001)


def test_without_units_there_is_no_sample_ratio_and_no_alarm() -> None:
    ratio = sample_ratio(0, 0, 0.1)

    assert (ratio.p_value, ratio.alarm) == (None, False)


@pytest.mark.parametrize("control_share", [0.05, 0.1, 0.5])
@pytest.mark.parametrize("drawn_share", [0.05, 0.1, 0.5])
def test_the_sequence_of_sample_ratios_equals_villes(control_share: float, drawn_share: float) -> None:
    in_control, _ = stream(3, 500, drawn_share, 0.1)

    p_values = sample_ratio_sequence(np.cumsum(in_control), np.cumsum(1 - in_control), control_share)

    prior = RATIO_PRIOR * control_share, RATIO_PRIOR * (1 - control_share)
    oracle = BernoulliTest(control_share, prior=prior).fit(in_control)
    assert p_values == pytest.approx(oracle.p_values_, abs=1e-9)


@pytest.mark.parametrize(
    ("n_treatment", "alarms"), [(9000, False), (9300, False), (8100, True), (10_000, True)]
)
def test_a_tenth_of_an_arm_missing_or_added_is_seen_among_ten_thousand(
    n_treatment: int, alarms: bool
) -> None:
    p_values = sample_ratio_sequence(np.array([1000 * 3]), np.array([n_treatment * 3]), 0.1)

    assert (p_values[-1] < 0.001) == alarms


@pytest.mark.parametrize("share", [0.0, 1.0, -0.1])
def test_a_share_by_design_lies_between_0_and_1(share: float) -> None:
    with pytest.raises(ValueError, match="control_share is a share between 0 and 1"):
        sample_ratio(10, 90, share)
    with pytest.raises(ValueError, match="control_share is a share between 0 and 1"):
        sample_ratio_sequence(np.array([10]), np.array([90]), share)


def test_the_parameters_of_the_interval_are_checked() -> None:
    with pytest.raises(ValueError, match="n_target is a number of units above 0, not 0"):
        anytime_half_width(np.ones(1), np.ones(1), 0, 0.05)
    with pytest.raises(ValueError, match="alpha is a share between 0 and 1, not 5"):
        anytime_half_width(np.ones(1), np.ones(1), 10, 5)
