"""The rows of a sample: folds by name, and the counts that a model needs."""

from __future__ import annotations

import numpy as np

from churn.uplift.sample import N_FOLDS, folds_of
from tests.unit.uplift.drawn_samples import drawn_sample


def test_a_fold_depends_on_the_name_and_not_on_the_order() -> None:
    names = [f"c{number}" for number in range(1000)]

    folds = folds_of(names, N_FOLDS, "a")

    assert folds_of(names[::-1], N_FOLDS, "a").tolist() == folds.tolist()[::-1]
    assert folds_of([*names, "c0"], N_FOLDS, "a")[-1] == folds[0]
    assert np.bincount(folds, minlength=N_FOLDS).min() > 150


def test_two_divisions_are_independent() -> None:
    names = [f"c{number}" for number in range(2000)]

    both = np.stack([folds_of(names, 2, purpose) for purpose in ("a", "b")])

    assert abs(np.corrcoef(both)[0, 1]) < 0.1


def test_the_fewest_events_are_those_of_the_smallest_kind_in_the_smallest_arm() -> None:
    sample, _ = drawn_sample(1, n=20)
    happened = np.array([1.0] * 3 + [0.0] * 7 + [1.0] * 2 + [0.0] * 8)
    rows = sample.rows.__class__(**{**vars(sample.rows), "left": happened})
    sample = sample.__class__(**{**vars(sample), "rows": rows, "in_treatment": np.arange(20) < 10})

    assert sample.fewest_events() == 2
