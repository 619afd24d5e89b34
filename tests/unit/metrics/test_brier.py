from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from churn.metrics.bootstrap import draw_customers, judge
from churn.metrics.brier import brier_parts
from churn.metrics.metrics import brier, equal_count_bins


def drawn(rows: int, seed: int = 0, spread: float = 2.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    probability = np.round(rng.beta(1, spread, rows), 2).clip(0.01, 0.99)
    return (rng.random(rows) < probability).astype(float), probability


def by_the_book(left: np.ndarray, probability: np.ndarray) -> dict[str, float]:
    """Bin by bin, with the corrections of Ferro and Fricker and the two terms of Stephenson et al."""
    bins, n, base = equal_count_bins(probability), len(left), left.mean()
    found = dict.fromkeys(("reliability", "resolution", "within", "noise"), 0.0)
    for each in np.unique(bins):
        y, p = left[bins == each], probability[bins == each]
        found["reliability"] += len(y) / n * (p.mean() - y.mean()) ** 2
        found["resolution"] += len(y) / n * (y.mean() - base) ** 2
        found["within"] += np.sum((p - p.mean()) ** 2 - 2 * (p - p.mean()) * (y - y.mean())) / n
        if len(y) > 1:
            found["noise"] += len(y) / n * y.mean() * (1 - y.mean()) / (len(y) - 1)
    of_base = base * (1 - base) / (n - 1)
    return {
        "brier_reliability": found["reliability"] - found["noise"],
        "brier_resolution": found["resolution"] - found["noise"] + of_base,
        "brier_uncertainty": base * (1 - base) + of_base,
        "brier_within_bin": found["within"],
    }


@settings(max_examples=40)
@given(rows=st.lists(st.tuples(st.booleans(), st.integers(1, 99)), min_size=2, max_size=60))
def test_the_parts_are_those_of_the_sources_and_add_up(rows: list[tuple[bool, int]]) -> None:
    left = np.array([float(gone) for gone, _ in rows])
    probability = np.array([step / 100 for _, step in rows])

    parts = brier_parts(left, probability)

    assert parts == pytest.approx(by_the_book(left, probability), abs=1e-12)
    assert parts["brier_reliability"] - parts["brier_resolution"] + parts["brier_uncertainty"] + parts[
        "brier_within_bin"
    ] == pytest.approx(brier(left, probability), abs=1e-12)


def test_perfect_predictions_have_no_reliability_term_on_average() -> None:
    found = [brier_parts(*drawn(400, seed))["brier_reliability"] for seed in range(200)]

    assert np.mean(found) == pytest.approx(0, abs=3 * np.std(found) / np.sqrt(200))


def test_the_base_rate_for_everybody_resolves_nothing() -> None:
    left, _ = drawn(500)

    parts = brier_parts(left, np.full(500, left.mean()))

    assert parts["brier_resolution"] == pytest.approx(0, abs=1e-12)
    assert parts["brier_within_bin"] == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("shift", [0.0, 0.1])
def test_intervals_of_the_parts_hold_the_truth_about_as_often_as_they_say(shift: float) -> None:
    left, probability = drawn(400_000, seed=9)
    truth = brier_parts(left, probability + shift)
    held = dict.fromkeys(truth, 0)

    for seed in range(60):
        left, probability = drawn(500, seed=100 + seed)
        draws = draw_customers(500, 200, seed)
        estimates = judge(left, probability + shift, np.arange(500), draws, share=0.1)
        for name, true in truth.items():
            held[name] += estimates[name].low <= true <= estimates[name].high

    assert all(0.85 <= each / 60 <= 1.0 for each in held.values()), held
