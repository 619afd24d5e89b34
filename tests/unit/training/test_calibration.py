from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from churn.metrics.metrics import log_loss
from churn.training import calibration


def distorted(
    rows: int, a: float, b: float, c: float, seed: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores whose truth is `a log p - b log(1 - p) + c`."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(-1, 1.5, rows)
    true = a * -np.logaddexp(0, -logits) + b * np.logaddexp(0, logits) + c
    probability = 1 / (1 + np.exp(-true))
    return logits, (rng.random(rows) < probability).astype(float), probability


@pytest.mark.parametrize(("a", "b", "c"), [(1.0, 1.0, 0.0), (0.5, 1.5, 0.3), (2.0, 0.7, -0.5)])
def test_beta_recovers_a_distortion(a: float, b: float, c: float) -> None:
    logits, left, probability = distorted(60_000, a, b, c)

    fitted = calibration.fit_beta(logits, left)

    assert [fitted["a"], fitted["b"], fitted["c"]] == pytest.approx([a, b, c], abs=0.15)
    assert np.abs(calibration.apply_calibration(logits, fitted) - probability).max() < 0.03


@settings(max_examples=25)
@given(st.integers(0, 10_000))
def test_calibration_never_turns_the_order_round(seed: int) -> None:
    rng = np.random.default_rng(seed)
    logits, left = rng.normal(0, 2, 200), (rng.random(200) < rng.uniform(0.2, 0.8)).astype(float)
    ladder = np.linspace(-8, 8, 100)

    for fit in (calibration.fit_beta, calibration.fit_platt):
        probability = calibration.apply_calibration(ladder, fit(logits, left))

        assert (np.diff(probability) >= 0).all()
        assert ((probability >= 0) & (probability <= 1)).all()


def test_platt_recovers_slope_and_intercept() -> None:
    rng = np.random.default_rng(3)
    logits = rng.normal(0, 1.5, 50_000)
    left = (rng.random(50_000) < 1 / (1 + np.exp(-(0.5 * logits - 0.7)))).astype(float)

    fitted = calibration.fit_platt(logits, left)

    assert [fitted["a"], fitted["c"]] == pytest.approx([0.5, -0.7], abs=0.05)


def test_a_distortion_is_mended_when_later_cutoffs_confirm_it() -> None:
    logits, left, _ = distorted(9_000, 0.5, 1.6, 0.4)
    cutoff, customer = np.repeat([1, 2, 3], 3_000), np.tile(np.arange(3_000), 3)

    choice = calibration.select_calibration("auto", logits, left, cutoff, cutoff + 1, customer)

    assert choice.method == "beta"
    assert choice.log_loss["beta"] < choice.log_loss["none"]


def test_a_distortion_that_later_cutoffs_deny_is_left_alone() -> None:
    logits, left, _ = distorted(6_000, 0.4, 1.6, 0.5)
    honest, fair, _ = distorted(6_000, 1.0, 1.0, 0.0, seed=1)
    cutoff, customer = np.repeat([1, 2], 6_000), np.tile(np.arange(6_000), 2)

    choice = calibration.select_calibration(
        "auto", np.r_[logits, honest], np.r_[left, fair], cutoff, cutoff + 1, customer
    )

    assert choice.method == "none"
    assert choice.log_loss["none"] == pytest.approx(log_loss(fair, 1 / (1 + np.exp(-honest))))


def test_a_gain_no_larger_than_its_standard_error_is_not_taken() -> None:
    logits, left, _ = distorted(3_000, 0.97, 1.0, 0.05, seed=6)
    cutoff, customer = np.repeat([1, 2, 3], 1_000), np.tile(np.arange(1_000), 3)

    choice = calibration.select_calibration("auto", logits, left, cutoff, cutoff + 1, customer)

    best = min(choice.log_loss, key=lambda name: choice.log_loss[name])
    gain = choice.against_none[best]
    assert -gain["standard_error"] < gain["difference"] < 0
    assert choice.method == "none"


@pytest.mark.parametrize(("cutoffs", "later_cutoffs"), [(1, 0), (2, 1)])
def test_a_gain_seen_at_fewer_than_two_later_cutoffs_is_not_trusted_to_last(
    cutoffs: int, later_cutoffs: int
) -> None:
    logits, left, _ = distorted(4_000, 0.4, 1.8, 0.5)
    cutoff = np.arange(4_000) * cutoffs // 4_000

    choice = calibration.select_calibration("auto", logits, left, cutoff, cutoff + 1, np.arange(4_000))

    assert choice.method == "none"
    assert choice.later_cutoffs == later_cutoffs


@pytest.mark.parametrize(("wait", "later_cutoffs"), [(1, 3), (2, 2), (3, 1), (4, 0)])
def test_a_cutoff_is_calibrated_with_labels_known_by_then(wait: int, later_cutoffs: int) -> None:
    logits, left, _ = distorted(8_000, 0.4, 1.8, 0.5)
    cutoff, customer = np.repeat([1, 2, 3, 4], 2_000), np.tile(np.arange(2_000), 4)

    choice = calibration.select_calibration("auto", logits, left, cutoff, cutoff + wait, customer)

    assert choice.later_cutoffs == later_cutoffs


def test_a_level_that_moves_back_at_one_later_cutoff_is_left_alone() -> None:
    far, left, _ = distorted(9_000, 1.0, 1.0, 0.8)
    near, fair, _ = distorted(3_000, 1.0, 1.0, -0.1, seed=1)
    cutoff, customer = np.repeat([1, 2, 3, 4], 3_000), np.tile(np.arange(3_000), 4)

    choice = calibration.select_calibration(
        "auto", np.r_[far, near], np.r_[left, fair], cutoff, cutoff + 1, customer
    )

    platt = choice.against_none["platt"]
    assert platt["difference"] < -platt["standard_error"]
    assert platt["worst_cutoff"] > 0
    assert choice.method == "none"


@pytest.mark.parametrize("left", [np.zeros(100), np.r_[np.ones(5), np.zeros(95)]])
def test_too_few_leavers_leave_the_scores_alone(left: np.ndarray) -> None:
    assert calibration.fit_calibration("beta", np.zeros(100), left, np.arange(100)) == {"method": "none"}
    cutoff = np.arange(100) // 50
    assert (
        calibration.select_calibration("auto", np.zeros(100), left, cutoff, cutoff + 1, np.arange(100)).method
        == "none"
    )


def test_a_method_named_by_the_user_is_taken() -> None:
    logits, left, _ = distorted(900, 1, 1, 0)
    cutoff, customer = np.repeat([1, 2, 3], 300), np.tile(np.arange(300), 3)

    choice = calibration.select_calibration("platt", logits, left, cutoff, cutoff + 1, customer)

    assert choice.method == "platt"
    assert set(choice.log_loss) == set(calibration.METHODS)


@pytest.mark.parametrize("method", ["platt", "beta", "venn_abers"])
def test_a_row_that_stands_for_three_counts_like_three_equal_rows(method: str) -> None:
    rng = np.random.default_rng(5)
    logits = rng.normal(-1, 1, 400).round(2)
    left = (rng.random(400) < 1 / (1 + np.exp(-0.6 * logits))).astype(float)
    weight = np.where(rng.random(400) < 0.2, 3.0, 1.0)
    times = weight.astype(int)

    weighted = calibration.fit_calibration(method, logits, left, np.arange(400), weight)
    repeated = calibration.fit_calibration(
        method, np.repeat(logits, times), np.repeat(left, times), np.repeat(np.arange(400), times)
    )

    grid = np.linspace(-3, 1, 30)
    difference = calibration.apply_calibration(grid, weighted) - calibration.apply_calibration(grid, repeated)
    # Venn-Abers adds one more row to a level; its share is larger among 400 rows than among the repeated.
    assert np.abs(difference).mean() < (0.02 if method == "venn_abers" else 1e-4)


def test_weights_of_one_change_nothing() -> None:
    logits, left, _ = distorted(2000, 0.5, 1.5, 0.2)
    customer = np.arange(len(left))

    plain = calibration.fit_calibration("beta", logits, left, customer)

    weighted = calibration.fit_calibration("beta", logits, left, customer, np.ones(len(left)))
    assert [weighted[key] for key in "abc"] == pytest.approx([plain[key] for key in "abc"], rel=1e-5)


def test_without_treated_rows_beta_is_taken_although_no_gain_is_shown() -> None:
    rng = np.random.default_rng(2)
    logits = rng.normal(-1, 1, 3000)
    left = (rng.random(3000) < 1 / (1 + np.exp(-logits))).astype(float)
    cutoff = np.repeat([0, 30, 60], 1000)
    drawn = ("auto", logits, left, cutoff, cutoff + 28, np.arange(3000))

    assert calibration.select_calibration(*drawn).method == "none"
    assert calibration.select_calibration(*drawn, np.ones(3000), is_untreated=True).method == "beta"
    assert (
        calibration.select_calibration("platt", *drawn[1:], np.ones(3000), is_untreated=True).method
        == "platt"
    )
