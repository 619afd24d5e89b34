from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from churn.metrics.bootstrap import draw_customers
from churn.metrics.profit import empc
from churn.metrics.profit_curve import BUDGETS, Worth, judge_worth
from churn.params import ProfitParams

TERMS = ProfitParams()


def world(rows: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Outcomes, probabilities, customers of two rows each, and values in whole cents."""
    rng = np.random.default_rng(seed)
    probability = np.round(rng.beta(1, 4, rows), 3).clip(0.001, 0.999)
    left = (rng.random(rows) < probability).astype(float)
    return left, probability, np.arange(rows) // 2, np.round(rng.gamma(2, 60, rows), 2)


def profit_of(contacted: np.ndarray, left: np.ndarray, value: np.ndarray) -> float:
    """The profit per customer, customer by customer."""
    total = 0.0
    for here, gone, worth in zip(contacted, left, value, strict=True):
        if here and gone:
            total += TERMS.accept_share * (worth - TERMS.incentive_cost) - TERMS.contact_cost
        elif here:
            total -= TERMS.incentive_cost + TERMS.contact_cost
    return total / len(left)


def first(share: float, probability: np.ndarray, value: np.ndarray) -> np.ndarray:
    """Mark the customers that a call list of this share holds; values at risk must all differ."""
    places = np.argsort(-probability * value)[: round(share * len(value))]
    return np.isin(np.arange(len(value)), places)


def test_money_is_that_of_a_call_list_by_value_at_risk() -> None:
    left, probability, customer, value = world(400)
    contacted = first(0.1, probability, value)

    found = judge_worth(left, probability, customer, draw_customers(200, 20, 0), 0.1, Worth(value, TERMS))

    lost = left * value
    curve = {row["share"]: row["value"] for row in found.curve}
    assert found.estimates["value_lift_at_contact_share"].value == pytest.approx(
        lost[contacted].sum() / lost.sum() / 0.1
    )
    assert found.estimates["profit_per_customer_at_contact_share"].value == pytest.approx(
        profit_of(contacted, left, value)
    )
    assert curve[0.25] == pytest.approx(profit_of(first(0.25, probability, value), left, value))
    assert found.estimates["profit_per_customer_at_best_share"].value == max(curve.values())
    assert curve[found.estimates["best_share"].value] == max(curve.values())
    assert (found.estimates["empc"].value, found.estimates["empc_share"].value) == pytest.approx(
        empc(left, probability, float(value.mean()))
    )


def test_a_draw_equals_the_metrics_of_repeated_rows() -> None:
    left, probability, customer, value = world(200)
    draws = draw_customers(100, 6, seed=3)

    found = judge_worth(left, probability, customer, draws, 0.1, Worth(value, TERMS))

    for draw, counts in enumerate(draws):
        times = counts[customer]
        again = judge_worth(
            *(np.repeat(each, times) for each in (left, probability, customer)),
            draws[:1],
            0.1,
            Worth(np.repeat(value, times), TERMS),
        )
        for name in ("value_lift_at_contact_share", "profit_per_customer_at_contact_share", "best_share"):
            assert found.estimates[name].draws[draw] == pytest.approx(again.estimates[name].value), name
        assert found.estimates["empc"].draws[draw] == pytest.approx(again.estimates["empc"].value)


@settings(max_examples=30)
@given(
    rows=st.lists(
        st.tuples(st.booleans(), st.integers(1, 99), st.integers(0, 50_000)), min_size=2, max_size=40
    )
)
def test_no_ranking_earns_more_than_a_perfect_one(rows: list[tuple[bool, int, int]]) -> None:
    left = np.array([float(gone) for gone, _, _ in rows])
    probability = np.array([step / 100 for _, step, _ in rows])
    worth = Worth(np.array([cents / 100 for _, _, cents in rows]), TERMS)
    customer, draws = np.arange(len(rows)), np.ones((1, len(rows)), dtype=np.uint8)

    ours = judge_worth(left, probability, customer, draws, 0.2, worth)
    perfect = judge_worth(left, left, customer, draws, 0.2, worth)

    for name, beside in ours.beside.items():
        best = perfect.estimates[name].value
        assert np.isnan(best) or ours.estimates[name].value <= best + 1e-9
        assert np.isnan(best) or best == pytest.approx(beside["ceiling"])
    for one, other in zip(ours.curve, perfect.curve, strict=True):
        assert one["value"] <= other["value"] + 1e-9


def test_customers_of_unknown_value_are_left_out_and_not_taken_for_worthless() -> None:
    left, probability, customer, value = world(300)
    unknown = np.random.default_rng(1).random(300) < 0.3
    draws = draw_customers(150, 20, 0)

    some = judge_worth(
        left, probability, customer, draws, 0.1, Worth(np.where(unknown, np.nan, value), TERMS)
    )
    known = ~unknown
    only = judge_worth(
        left[known], probability[known], customer[known], draws, 0.1, Worth(value[known], TERMS)
    )
    none = judge_worth(left, probability, customer, draws, 0.1, Worth(np.full(300, np.nan), TERMS))

    assert {name: one.value for name, one in some.estimates.items()} == {
        name: one.value for name, one in only.estimates.items()
    }
    assert none is None


def test_nobody_is_contacted_where_it_never_pays() -> None:
    left, probability, customer, _ = world(200)

    found = judge_worth(
        left, probability, customer, draw_customers(100, 20, 0), 0.1, Worth(np.full(200, 5.0), TERMS)
    )

    assert found.estimates["best_share"].value == 0
    assert found.estimates["profit_per_customer_at_best_share"].value == 0
    assert found.estimates["profit_per_customer_at_contact_share"].high < 0


def test_the_best_budget_read_off_the_same_rows_flatters_by_its_optimism() -> None:
    flattery, optimism = [], []
    rng = np.random.default_rng(5)
    large = world(200_000, seed=1)
    nobody_drawn = np.zeros((1, 100_000), dtype=np.uint8)
    truth = judge_worth(*large[:3], nobody_drawn, 0.1, Worth(large[3], TERMS))
    curve = np.array([row["value"] for row in truth.curve])
    for _ in range(40):
        left, probability, _, value = world(200, seed=int(rng.integers(1 << 30)))
        found = judge_worth(
            left, probability, np.arange(200), draw_customers(200, 100, 0), 0.1, Worth(value, TERMS)
        )
        best = int(np.flatnonzero(found.estimates["best_share"].value == BUDGETS)[0])
        flattery.append(found.estimates["profit_per_customer_at_best_share"].value - curve[best])
        optimism.append(found.beside["profit_per_customer_at_best_share"]["optimism"])

    assert np.mean(optimism) > 0
    assert np.mean(optimism) == pytest.approx(np.mean(flattery), abs=3 * np.std(flattery) / np.sqrt(40))


def test_intervals_in_money_hold_the_truth_about_as_often_as_they_say() -> None:
    large = world(200_000, seed=2)
    nobody = np.zeros((1, 100_000), dtype=np.uint8)
    truth = judge_worth(*large[:3], nobody, 0.1, Worth(large[3], TERMS))
    names = ("value_lift_at_contact_share", "profit_per_customer_at_contact_share", "empc")
    held = dict.fromkeys(names, 0)

    for seed in range(50):
        left, probability, customer, value = world(800, seed=500 + seed)
        found = judge_worth(
            left, probability, customer, draw_customers(400, 100, seed), 0.1, Worth(value, TERMS)
        )
        for name in names:
            one = found.estimates[name]
            held[name] += one.low <= truth.estimates[name].value <= one.high

    assert all(0.84 <= each / 50 <= 1.0 for each in held.values()), held


def test_twice_the_probability_makes_the_same_call_list() -> None:
    left, probability, customer, value = world(300)
    draws, worth = draw_customers(150, 20, 0), Worth(value, TERMS)

    once = judge_worth(left, probability / 2, customer, draws, 0.1, worth)
    twice = judge_worth(left, probability, customer, draws, 0.1, worth)

    assert {name: one.as_dict() for name, one in once.estimates.items()} == {
        name: one.as_dict() for name, one in twice.estimates.items()
    }
