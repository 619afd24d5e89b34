"""Observed churn by level."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from churn.kpis.observed_churn import (
    Outcomes,
    churn_difference,
    churn_share,
    churn_table,
    matured_months,
    read_outcomes,
)
from churn.metrics.standard_errors import wilson_interval
from churn.params import LabelParams
from tests.drawn_company import draw

CONTRACT = {"kind": "contract", "horizon_days": 30, "grace_days": 10}


def outcomes_of(counted: list[list[int]], left: list[list[int]]) -> Outcomes:
    cutoffs = tuple(date(2024, month + 1, 1) for month in range(len(counted)))
    return Outcomes(cutoffs, np.array(counted, dtype=bool), np.array(left, dtype=bool))


def test_a_customer_counts_at_each_cutoff_and_is_one_trial_of_the_interval() -> None:
    outcomes = outcomes_of([[1, 1, 0], [1, 1, 1]], [[0, 1, 0], [0, 0, 0]])

    share = churn_share("all", np.ones((2, 3), dtype=bool), outcomes)

    assert (share.n, share.customers, share.left, share.share) == (5, 3, 1, 0.2)
    assert (share.low, share.high) == pytest.approx(wilson_interval(0.2 * 3, 3))


def test_a_level_without_customers_has_a_reason_and_no_share() -> None:
    table = churn_table(
        "levels",
        30,
        ("some", "none"),
        np.array([[0, 0]]),
        outcomes_of([[1, 1]], [[1, 0]]),
        [("none", "some")],
    )

    some, none = table.levels
    assert some.share == 0.5
    assert (none.share, none.reason) == (None, "no customers")
    difference = table.differences[0]
    assert (difference.value, difference.means_something) == (None, None)
    assert difference.reason == "no customers who are none"


@pytest.mark.parametrize(("n", "means_something"), [(20, False), (400, True)])
def test_a_difference_means_something_if_its_interval_excludes_zero(n: int, means_something: bool) -> None:
    left = np.zeros((1, 2 * n), dtype=bool)
    left[0, : n // 5], left[0, n : n + n // 10] = True, True
    first = np.arange(2 * n)[None] < n
    outcomes = Outcomes((date(2024, 1, 1),), np.ones_like(left), left)

    difference = churn_difference(
        churn_share("first", first, outcomes), churn_share("second", ~first, outcomes)
    )

    assert difference.value == pytest.approx(0.1)
    assert difference.means_something is means_something


def test_only_months_whose_label_is_matured_are_cutoffs() -> None:
    label = LabelParams.model_validate(CONTRACT)

    months = matured_months(label, 2, date(2024, 1, 15), date(2024, 4, 12))

    assert months == (date(2024, 2, 1), date(2024, 3, 1))  # 2024-03-01 + 30 + 10 + 2 days is 2024-04-12
    assert matured_months(label, 3, date(2024, 1, 15), date(2024, 4, 12)) == (date(2024, 2, 1),)
    assert len(matured_months(label, 0, date(2020, 1, 1), date(2024, 4, 12))) == 12


def test_outcomes_are_those_of_the_label_and_never_of_today(tmp_path: object) -> None:
    store = draw(
        tmp_path,  # type: ignore[arg-type]
        customers="""
            customer | signed_up_at | objected_at
            ana      | 2024-01-05   | 2024-06-01
            ben      | 2024-01-05   |
            cleo     | 2024-02-20   |
        """,
        subscriptions="""
            customer | started_at | ended_at
            ana      | 2024-01-05 | 2024-03-20
            ben      | 2024-01-05 | 2024-06-10
            cleo     | 2024-02-20 |
        """,
        label=CONTRACT,
        since=None,
    ).store

    outcomes = read_outcomes(store, [date(2024, 2, 1), date(2024, 3, 1)])

    assert outcomes.is_counted.tolist() == [[True, True, False], [True, True, True]]
    assert outcomes.has_left.tolist() == [[False, False, False], [True, False, False]]
