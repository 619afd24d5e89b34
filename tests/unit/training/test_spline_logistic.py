from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from churn.snapshots.dataset import LabelledRows, scorer_columns
from churn.training.spline_logistic import STRENGTHS, Design, fit_spline, spline_stages


def drawn(values: list[float], left: list[int], plan: list[float] | None = None) -> LabelledRows:
    """Return rows of one number and, if given, one text signal."""
    columns = [values] if plan is None else [values, plan]
    return LabelledRows(
        names=("days", "plan")[: len(columns)],
        levels={} if plan is None else {"plan": ("basic", "plus")},
        matrix=np.array(columns, dtype=float).T,
        left=np.array(left, dtype=float),
        customer=np.arange(len(left)),
        cutoff=np.zeros(len(left), dtype=np.int64),
    )


def test_a_number_has_a_ramp_per_stretch_between_its_knots_and_a_column_for_missing() -> None:
    rows = drawn([0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100], [0, 1] * 5 + [0])
    design = Design.of(rows)
    some = drawn([-5, 5, 22.5, 200, np.nan], [0] * 5)

    assert design.knots[0] == pytest.approx([0, 10, 35, 65, 90, 100])
    assert design.columns(some).tolist() == [
        # ramps 0-10  10-35  35-65  65-90  90-100  missing
        [-0.5, -0.5, -0.5, -0.5, -0.5, 0],
        [0.0, -0.5, -0.5, -0.5, -0.5, 0],
        [0.5, 0.0, -0.5, -0.5, -0.5, 0],
        [0.5, 0.5, 0.5, 0.5, 0.5, 0],
        [0.0, 0.0, 0.0, 0.0, 0.0, 1],
    ]


@pytest.mark.parametrize("strength", [0.01, 1.0])
def test_the_fit_is_that_of_a_ridge_logistic_regression_on_its_columns(snapshots_of, strength: float) -> None:
    rows = snapshots_of(customers=400, cutoffs=2).rows
    columns = Design.of(rows).columns(rows)
    reference = LogisticRegression(C=strength, tol=1e-8, max_iter=2000).fit(columns.astype(float), rows.left)

    fitted = fit_spline(rows, strength, [0] * len(rows.names))

    assert np.abs(fitted.logits(rows, 1) - reference.decision_function(columns)).max() < 5e-3


def test_the_scorer_reads_the_curves_as_they_were_fitted(snapshots_of) -> None:
    rows = snapshots_of(customers=400, cutoffs=2).rows
    fitted = fit_spline(rows, 0.01, [0] * len(rows.names))
    at = STRENGTHS.index(0.01)

    parts = fitted.scorer({"method": "none"}, 1).contributions(scorer_columns(rows))

    assert np.abs(fitted.logits(rows, 1) - spline_stages(rows, [0] * 6, rows)[at]).max() < 1e-2
    assert np.abs(sum(parts.values()) - fitted.logits(rows, 1)).max() < 1e-9
    assert all(abs(parts[name].mean()) < 1e-9 for name in rows.names)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_curve_never_runs_against_a_certain_direction(sign: int) -> None:
    rng = np.random.default_rng(0)
    days = rng.uniform(0, 100, 3000)
    wave = 2 * np.sin(days / 16) + sign * days / 50  # against the direction somewhere
    left = rng.random(3000) < 1 / (1 + np.exp(-wave))
    rows = drawn(days.tolist(), left.astype(int).tolist())
    ladder = drawn(np.linspace(-10, 110, 200).tolist(), [0] * 200)

    free = np.diff(fit_spline(rows, 1.0, [0]).logits(ladder, 1))
    bound = np.diff(fit_spline(rows, 1.0, [sign]).logits(ladder, 1))

    assert (free > 0.01).any()
    assert (free < -0.01).any()
    assert (sign * bound >= -1e-12).all()
    assert np.abs(bound).max() > 0.01


def test_beyond_what_training_knew_a_curve_is_flat() -> None:
    rows = drawn(list(range(100)), [0] * 50 + [1] * 50)
    fitted = fit_spline(rows, 1.0, [1])

    end, beyond = fitted.logits(drawn([99, 1e6], [0, 0]), 1)

    assert end == beyond


def test_missing_has_a_weight_of_its_own() -> None:
    values = [float("nan")] * 100 + list(range(100))
    rows = drawn(values, [1] * 90 + [0] * 10 + [0] * 90 + [1] * 10)

    missing, present = fit_spline(rows, 10.0, [0]).logits(drawn([float("nan"), 50.0], [0, 0]), 1)

    assert missing > present + 2


def test_of_very_many_rows_the_newest_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = [1] * 50 + [0] * 50, [0] * 50 + [1] * 50
    rows = drawn([*range(100), *range(100)], old + new)
    monkeypatch.setattr("churn.training.spline_logistic.MAX_CELLS", 100 * sum(Design.of(rows).widths))

    low, high = fit_spline(rows, 1.0, [0]).logits(drawn([0, 99], [0, 0]), 1)

    assert high > low + 1
