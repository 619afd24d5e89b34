from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from churn.training import calibration
from churn.training.calibration import fit_venn_abers


def slow_isotonic(values: list[float]) -> list[float]:
    """Pool neighbours that fall, one after another, until none does."""
    pools = [[value] for value in values]
    index = 0
    while index + 1 < len(pools):
        if np.mean(pools[index]) > np.mean(pools[index + 1]):
            pools[index : index + 2] = [pools[index] + pools[index + 1]]
            index = max(index - 1, 0)
        else:
            index += 1
    return [float(np.mean(pool)) for pool in pools for _ in pool]


def slow_venn_abers(scores: np.ndarray, left: np.ndarray, new: float) -> tuple[float, float]:
    """Join the new score with each guess, average equal scores, fit, and read it off again."""
    probabilities = []
    for guess in (0.0, 1.0):
        joined, outcomes = np.append(scores, new), np.append(left, guess)
        order = np.unique(joined)
        rows = [outcomes[joined == score] for score in order]
        pools = [value for outcome in rows for value in [outcome.mean()] * len(outcome)]
        fitted = slow_isotonic(pools)
        probabilities.append(
            fitted[sum(len(outcome) for score, outcome in zip(order, rows, strict=True) if score < new)]
        )
    return probabilities[0], probabilities[1]


@settings(max_examples=60)
@given(st.integers(0, 10_000), st.integers(2, 40))
def test_every_level_gets_what_two_isotonic_fits_with_one_more_customer_give(seed: int, rows: int) -> None:
    rng = np.random.default_rng(seed)
    scores, left = rng.integers(-5, 6, rows) / 2, (rng.random(rows) < 0.4).astype(float)

    fitted = fit_venn_abers(scores, left)

    step = np.searchsorted(fitted["upto"], scores)
    by_score = {score: slow_venn_abers(scores, left, score) for score in np.unique(scores)}
    expected = np.array([by_score[score] for score in scores])
    assert np.array(fitted["p0"])[step] == pytest.approx(expected[:, 0], abs=1e-12)
    assert np.array(fitted["p1"])[step] == pytest.approx(expected[:, 1], abs=1e-12)
    probability = calibration.apply_calibration(scores, fitted)
    assert probability == pytest.approx(expected[:, 1] / (1 - expected[:, 0] + expected[:, 1]), abs=1e-12)


def test_four_customers_worked_by_hand() -> None:
    # a stayer scored -1, a leaver and a stayer scored 0, a leaver scored 1
    fitted = fit_venn_abers(np.array([-1.0, 0.0, 0.0, 1.0]), np.array([0.0, 1.0, 0.0, 1.0]))

    assert fitted["upto"] == [-0.5, 0.5]
    assert fitted["p0"] == pytest.approx([0, 1 / 3, 1 / 2])
    assert fitted["p1"] == pytest.approx([1 / 2, 2 / 3, 1])


def test_the_steps_are_few_and_plain_numbers() -> None:
    rng = np.random.default_rng(1)
    logits = rng.normal(-2, 1.5, 20_000)
    left = (rng.random(20_000) < 1 / (1 + np.exp(-logits))).astype(float)

    fitted = fit_venn_abers(logits, left)

    assert len(fitted["p0"]) == len(fitted["p1"]) == len(fitted["upto"]) + 1 <= 200
    assert json.loads(json.dumps(fitted)) == fitted
    assert np.abs(calibration.apply_calibration(logits, fitted) - 1 / (1 + np.exp(-logits))).mean() < 0.02


@settings(max_examples=25)
@given(st.integers(0, 10_000))
def test_probabilities_stay_inside_and_keep_their_order(seed: int) -> None:
    rng = np.random.default_rng(seed)
    logits, left = rng.normal(0, 2, 300), (rng.random(300) < rng.uniform(0, 1)).astype(float)
    ladder = np.sort(np.concatenate([np.linspace(-30, 30, 500), logits]))

    fitted = fit_venn_abers(logits, left)

    probability = calibration.apply_calibration(ladder, fitted)
    assert (np.diff(probability) >= 0).all()
    assert ((probability > 0) & (probability < 1)).all()
    width = np.array(fitted["p1"]) - np.array(fitted["p0"])
    assert (width > 0).all()
