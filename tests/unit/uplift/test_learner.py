"""The DR learner: unbiased pseudo-outcomes, and an effect that it finds again."""

from __future__ import annotations

import numpy as np
import pytest

from churn.snapshots.dataset import LabelledRows
from churn.uplift.learner import fit_uplift, pseudo_outcomes
from churn.uplift.sample import Sample, make_sample
from tests.unit.uplift.drawn_samples import drawn_sample


def four_rows(*, is_wanted: bool) -> Sample:
    """Two treated, the first with the outcome, and two controls, the first with the outcome."""
    rows = LabelledRows(
        names=("x",),
        levels={},
        matrix=np.zeros((4, 1)),
        left=np.array([1.0, 0.0, 1.0, 0.0]),
        customer=np.arange(4),
        cutoff=np.zeros(4, dtype=np.int64),
    )
    in_treatment = np.array([True, True, False, False])
    return make_sample(rows, list("abcd"), in_treatment, np.full(4, 0.8), is_wanted=is_wanted)


@pytest.mark.parametrize(("is_wanted", "sign"), [(True, 1), (False, -1)])
def test_a_pseudo_outcome_is_the_formula_and_above_0_is_good(is_wanted: bool, sign: int) -> None:
    p_control, p_treatment = np.full(4, 0.2), np.full(4, 0.3)

    values = pseudo_outcomes(four_rows(is_wanted=is_wanted), p_control, p_treatment)

    by_hand = np.array([0.1 + 0.7 / 0.8, 0.1 - 0.3 / 0.8, 0.1 - 0.8 / 0.2, 0.1 + 0.2 / 0.2])
    assert values == pytest.approx(sign * by_hand)


def test_the_mean_is_the_effect_also_where_the_outcome_models_are_wrong() -> None:
    sample, effect = drawn_sample(1, n=50_000, propensity=0.9)

    values = pseudo_outcomes(sample, np.full(len(sample), 0.9), np.full(len(sample), 0.1))

    assert values.mean() == pytest.approx(effect.mean(), abs=0.04)
    assert np.abs(values).max() > 5  # so wide that a wrong weight would be seen


@pytest.mark.parametrize("is_wanted", [True, False])
def test_the_effect_is_high_for_those_whom_a_contact_helps(is_wanted: bool) -> None:
    sample, _ = drawn_sample(2, is_wanted=is_wanted)
    fresh, effect = drawn_sample(3, n=1000, is_wanted=is_wanted)

    predictions = fit_uplift(sample, seed=7, threads=1).predict_effect(fresh.rows, 1)

    assert predictions[effect > 0].mean() == pytest.approx(0.3, abs=0.08)
    assert predictions[effect == 0].mean() == pytest.approx(0.0, abs=0.08)


def test_the_same_rows_give_the_same_trees_with_any_number_of_threads() -> None:
    sample, _ = drawn_sample(4, n=1500)

    models = [fit_uplift(sample, seed=7, threads=threads) for threads in (1, 2)]

    assert models[0].effect.boosters == models[1].effect.boosters


@pytest.mark.parametrize("probability", [0.0, 1.0])
def test_a_probability_that_no_draw_can_have_is_refused(probability: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        drawn_sample(5, n=10, propensity=probability)
