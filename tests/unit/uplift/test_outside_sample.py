"""Experiments of the company as samples: probabilities by design, and what forbids a model."""

from __future__ import annotations

import numpy as np
import pytest

from churn.experiments.outside import measure_outside
from churn.uplift.measure import SampleFacts
from churn.uplift.outside_sample import outside_samples
from churn.uplift.result import UpliftReason
from churn.uplift.sample import Sample
from tests.unit.experiments.test_outside import experiment, units_of

SIZES = {"none": 1, "mail": 3}


def samples_of(
    arms: dict[str, tuple[int, int]], covariates: dict[str, object] | None = None, **settings: object
) -> list[tuple[Sample, SampleFacts]]:
    n = sum(size for _, size in arms.values())
    columns = {"age": np.random.default_rng(1).random(n)} if covariates is None else covariates
    plan, units = experiment(sizes=SIZES, **settings), units_of(arms, covariates=columns)
    return list(outside_samples(plan, units, measure_outside(plan, units)))


def test_the_probability_of_the_treatment_is_that_of_the_design() -> None:
    ((sample, facts),) = samples_of({"none": (10, 100), "mail": (60, 300)})

    assert facts.obstacle is None
    assert (facts.control, facts.treatment) == ("none", "mail")
    assert sample.propensity == pytest.approx(np.full(400, 0.75))
    assert (sample.in_treatment.sum(), sample.rows.left.sum()) == (300, 70)
    assert sample.is_wanted


def test_each_treated_arm_is_a_sample_with_the_one_control() -> None:
    sizes = {"none": 1, "mail": 3, "post": 1}
    arms = {"none": (10, 100), "mail": (60, 300), "post": (20, 100)}

    plan = experiment(sizes=sizes, treated=["mail", "post"])
    units = units_of(arms, covariates={"age": np.random.default_rng(1).random(500)})
    samples = list(outside_samples(plan, units, measure_outside(plan, units)))

    assert [facts.treatment for _, facts in samples] == ["mail", "post"]
    assert [len(sample) for sample, _ in samples] == [400, 200]
    assert [sample.propensity[0] for sample, _ in samples] == [0.75, 0.5]


def test_the_order_of_the_rows_changes_nothing() -> None:
    arms = {"none": (10, 100), "mail": (60, 300)}
    plan, units = experiment(sizes=SIZES), units_of(arms, covariates={"age": np.arange(400.0)})
    back = units_of(arms, covariates={"age": np.arange(400.0)[::-1]})
    back = back.__class__(
        unit=units.unit[::-1],
        arm=units.arm[::-1],
        outcome=None if units.outcome is None else units.outcome[::-1],
        account=None,
        score=None,
        score_at=None,
        assigned_at=None,
        left_out_count=0,
        covariates=back.covariates,
    )

    ((first, _),) = outside_samples(plan, units, measure_outside(plan, units))
    ((second, _),) = outside_samples(plan, back, measure_outside(plan, back))

    assert np.array_equal(first.rows.matrix, second.rows.matrix)
    assert np.array_equal(first.fold, second.fold)


def test_what_forbids_a_model_is_said() -> None:
    sound = {"none": (10, 100), "mail": (60, 300)}

    ((_, no_covariates),) = samples_of(sound, covariates={})
    ((_, wrong_sizes),) = samples_of({"none": (10, 300), "mail": (60, 300)})
    ((_, unequal),) = samples_of(sound, covariates={"spend": np.arange(400.0)})
    plan, units = experiment(), units_of(sound, covariates={"age": np.zeros(400)})
    ((_, no_design),) = outside_samples(plan, units, measure_outside(plan, units))

    assert no_covariates.obstacle == UpliftReason.NO_COVARIATES
    assert wrong_sizes.obstacle == UpliftReason.WRONG_SIZES
    assert (unequal.obstacle, unequal.unequal_covariates) == (UpliftReason.UNEQUAL_ARMS, ("spend",))
    assert no_design.obstacle == UpliftReason.NO_DESIGN
