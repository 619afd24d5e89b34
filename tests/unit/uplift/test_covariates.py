"""Covariates: the rows of a model, and arms that must be equal in them."""

from __future__ import annotations

import warnings

import numpy as np
import numpy.typing as npt

from churn.snapshots.dataset import LabelledRows
from churn.uplift.covariates import covariate_rows, unequal_covariates

N = 2000


def rows_with(**covariates: npt.NDArray[np.object_] | npt.NDArray[np.float64]) -> LabelledRows:
    n = len(next(iter(covariates.values())))
    return covariate_rows(covariates, np.zeros(n, dtype=bool), [str(row) for row in range(n)])


def test_texts_become_levels_and_what_is_missing_stays_missing() -> None:
    rows = covariate_rows(
        {"town": np.array(["b", None, "a"], dtype=object), "age": np.array([3.0, np.nan, 5.0])},
        np.array([True, False, True]),
        ["x", "y", "x"],
    )

    assert rows.names == ("age", "town")
    assert rows.levels == {"town": ("a", "b")}
    assert np.array_equal(rows.matrix, [[3.0, 1.0], [np.nan, np.nan], [5.0, 0.0]], equal_nan=True)
    assert rows.left.tolist() == [1.0, 0.0, 1.0]
    assert rows.customer.tolist() == [0, 1, 0]


def test_a_fair_draw_is_silent() -> None:
    rng = np.random.default_rng(1)
    number = np.where(rng.random(N) < 0.1, np.nan, rng.random(N))
    town = np.array([None, "a", "b", "rare"], dtype=object)[rng.choice(4, N, p=[0.1, 0.5, 0.395, 0.005])]

    assert unequal_covariates(rows_with(number=number, town=town), rng.random(N) < 0.9) == ()


def test_what_the_treatment_has_moved_is_found() -> None:
    rng = np.random.default_rng(2)
    in_treatment = rng.random(N) < 0.5
    rows = rows_with(
        before=rng.random(N),
        spend=rng.random(N) + 0.3 * in_treatment,
        known_if_treated=np.where(in_treatment & (rng.random(N) < 0.2), 1.0, np.nan),
        last_mail=np.where(in_treatment & (rng.random(N) < 0.3), "spring", "winter").astype(object),
        asked_more=np.where(rng.random(N) < 0.5 - 0.2 * in_treatment, np.nan, rng.random(N)),
    )

    assert unequal_covariates(rows, in_treatment) == ("asked_more", "known_if_treated", "last_mail", "spend")


def test_a_covariate_without_a_value_or_with_one_value_is_equal() -> None:
    in_treatment = np.arange(100) < 50

    rows = rows_with(constant=np.ones(100), empty=np.full(100, np.nan))

    assert unequal_covariates(rows, in_treatment) == ()


def test_arms_of_the_same_size_that_are_almost_equal_give_no_warning() -> None:
    rows = rows_with(number=np.arange(30.0))

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert unequal_covariates(rows, np.arange(30) % 2 == 0) == ()
