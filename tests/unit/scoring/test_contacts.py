from __future__ import annotations

import numpy as np
import pytest

from churn.params import BudgetParams
from churn.scoring.contacts import contacted, places, rank, why_not


def test_customers_are_ranked_by_value_then_unknown_value_by_probability_then_by_id():
    table = [  # customer, value at risk, probability
        ("unknown-low", np.nan, 0.2),
        ("b-tied", 50.0, 0.3),
        ("a-tied", 50.0, 0.3),
        ("nothing", 0.0, 0.9),
        ("unknown-high", np.nan, 0.8),
        ("top", 90.0, 0.1),
    ]
    customers, value, probability = (np.array(column) for column in zip(*table, strict=True))

    order = rank(customers.astype(object), value, probability)

    expected = ["top", "a-tied", "b-tied", "nothing", "unknown-high", "unknown-low"]
    assert customers[order].tolist() == expected


def test_the_order_does_not_depend_on_the_order_of_the_rows():
    customers = np.array([f"c{number:02d}" for number in range(20)], dtype=object)
    value = np.array([5.0, np.nan] * 10)
    probability = np.full(20, 0.5)
    shuffled = np.random.default_rng(7).permutation(20)

    straight = customers[rank(customers, value, probability)]
    mixed = customers[shuffled][rank(customers[shuffled], value[shuffled], probability[shuffled])]

    np.testing.assert_array_equal(straight, mixed)


@pytest.mark.parametrize(
    ("budget", "cohort", "expected"),
    [
        ({"share": 0.1}, 100, 10),
        ({"share": 0.1}, 109, 10),
        ({"share": 0.29}, 100, 29),  # 28.999999999999996 in floating point
        ({"share": 0.1}, 3, 1),
        ({"share": 0.1}, 0, 0),
        ({"contacts": 7}, 100, 7),
        ({"contacts": 7, "share": 0.5}, 100, 7),
        ({"contacts": 7}, 3, 3),
    ],
)
def test_the_budget_is_a_number_or_a_share(budget, cohort, expected):
    assert places(BudgetParams(**budget), cohort) == expected


def test_who_has_no_play_takes_no_place_and_every_silence_has_its_reason():
    order = np.array([2, 0, 3, 1])
    has_play = np.array([True, True, False, True])

    called = contacted(order, has_play, 2)

    assert called.tolist() == [0, 3]
    assert why_not(has_play, called).tolist() == [None, "below the budget", "no play", None]
