from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta

from churn.metrics.bootstrap import draw_customers
from churn.metrics.metrics import Ranking
from churn.metrics.profit import (
    CONTACT_SHARES,
    CustomerValues,
    contact_profit,
    empc_from_sums,
    estimate_profit,
    value_lift_at_share,
)
from churn.params import ProfitParams

ALTERNATING = np.array([0, 1] * 4, dtype=float)
SCORES = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 0.8, 0.9])

TERMS = ProfitParams()

lists = st.lists(st.tuples(st.booleans(), st.integers(1, 9)), min_size=2, max_size=25)


def empc(
    left: np.ndarray, probability: np.ndarray, value: float = 200.0, terms: ProfitParams = TERMS
) -> tuple[float, float]:
    """The expected maximum profit of rows; the defaults are those of its source."""
    ranking = Ranking.of(probability)
    return empc_from_sums(ranking.sums(left), ranking.sums(np.ones(len(left))), value, terms)


def integrated(left: np.ndarray, probability: np.ndarray, value: float, terms: ProfitParams) -> float:
    """The expected maximum profit by brute force: the best threshold at each of many accept shares."""
    alpha = 20 * terms.accept_share
    edges = np.linspace(0, 1, 2001)
    middle, mass = (edges[1:] + edges[:-1]) / 2, np.diff(beta.cdf(edges, alpha, 20 - alpha))
    best = np.zeros(len(middle))
    for threshold in np.unique(probability):
        contacted = probability >= threshold
        hits = float(left[contacted].sum())
        misses = contacted.sum() - hits
        d, f = terms.incentive_cost, terms.contact_cost
        best = np.maximum(best, hits * (middle * (value - d) - f) - misses * (d + f))
    return float(best @ mass / len(left))


def test_the_expected_maximum_profit_is_that_of_the_published_example() -> None:
    assert empc(ALTERNATING, SCORES) == pytest.approx((23.8755934, 0.8743701), abs=5e-8)


@settings(max_examples=25)
@given(rows=lists, value=st.sampled_from([15.0, 60.0, 200.0]), accept=st.sampled_from([0.1, 0.3, 0.7]))
def test_the_expected_maximum_profit_is_the_best_threshold_over_all_accept_shares(
    rows: list[tuple[bool, int]], value: float, accept: float
) -> None:
    left = np.array([float(gone) for gone, _ in rows])
    probability = np.array([step / 10 for _, step in rows])
    terms = ProfitParams(accept_share=accept)

    assert empc(left, probability, value, terms)[0] == pytest.approx(
        integrated(left, probability, value, terms), abs=2e-4 * value
    )


def test_the_expected_maximum_profit_depends_on_the_order_alone() -> None:
    rng = np.random.default_rng(3)
    probability = np.round(rng.random(200), 2)
    left = (rng.random(200) < probability).astype(float)

    assert empc(left, probability**3) == pytest.approx(empc(left, probability))


def test_an_incentive_above_the_value_of_a_customer_is_never_given() -> None:
    assert empc(ALTERNATING, SCORES, value=5.0) == (0.0, 0.0)


def test_without_rows_there_is_no_expected_maximum_profit() -> None:
    assert np.isnan(empc_from_sums(np.zeros(3), np.zeros(3), 200.0, ProfitParams())).all()


# contacted: a churner worth 200, a stayer, a churner worth 50; costs 1 and 10, 30 % accept
#  .3 * (200 - 10) + .3 * (50 - 10) - 10 (the stayer takes it) - 3 * 1 = 57 + 12 - 10 - 3
def test_a_campaign_earns_the_value_of_saved_churners_less_incentives_and_contacts() -> None:
    profit = contact_profit(np.array(3.0), np.array(2.0), np.array(250.0), ProfitParams())

    assert float(profit) == pytest.approx(56.0)


# order:  1    2    3    4        all churners are worth 100 + 300 = 400
#  left:  x    .    x    .
#  value: 300  900  100  50
@pytest.mark.parametrize(("share", "lift"), [(0.25, 3.0), (0.5, 1.5), (0.625, 0.875 / 0.625), (1.0, 1.0)])
def test_value_lift_is_the_share_of_the_churners_value_over_the_share_contacted(
    share: float, lift: float
) -> None:
    ranking = Ranking.of(np.array([0.9, 0.8, 0.7, 0.6]))
    lost = np.array([300.0, 0.0, 100.0, 0.0])

    assert value_lift_at_share(ranking.sums(lost), ranking.sums(np.ones(4)), share) == pytest.approx(lift)


def test_without_lost_value_there_is_no_value_lift() -> None:
    assert np.isnan(value_lift_at_share(np.zeros(3), np.arange(3.0), 0.5))


def world(rows: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Outcomes, probabilities, customers of two rows each, and values in whole cents."""
    rng = np.random.default_rng(seed)
    probability = np.round(rng.beta(1, 4, rows), 3).clip(0.001, 0.999)
    left = (rng.random(rows) < probability).astype(float)
    return left, probability, np.arange(rows) // 2, np.round(rng.gamma(2, 60, rows), 2)


def profit_of(contacted: np.ndarray, left: np.ndarray, value: np.ndarray) -> float:
    """The profit per customer, customer by customer."""
    total = 0.0
    for is_contacted, churner, own_value in zip(contacted, left, value, strict=True):
        if is_contacted and churner:
            total += TERMS.accept_share * (own_value - TERMS.incentive_cost) - TERMS.contact_cost
        elif is_contacted:
            total -= TERMS.incentive_cost + TERMS.contact_cost
    return total / len(left)


def call_list(share: float, probability: np.ndarray, value: np.ndarray) -> np.ndarray:
    """Mark the customers that a call list of this share holds; values at risk must all differ."""
    contacted = np.argsort(-probability * value)[: round(share * len(value))]
    return np.isin(np.arange(len(value)), contacted)


def test_profit_is_that_of_a_call_list_by_value_at_risk() -> None:
    left, probability, customer, value = world(400)
    contacted = call_list(0.1, probability, value)

    metrics = estimate_profit(
        left, probability, customer, draw_customers(200, 20, 0), 0.1, CustomerValues(value, TERMS)
    )

    lost = left * value
    curve = {point.share: point.profit.value for point in metrics.curve}
    assert metrics.estimates["value_lift_at_contact_share"].value == pytest.approx(
        lost[contacted].sum() / lost.sum() / 0.1
    )
    assert metrics.estimates["profit_per_customer_at_contact_share"].value == pytest.approx(
        profit_of(contacted, left, value)
    )
    assert curve[0.25] == pytest.approx(profit_of(call_list(0.25, probability, value), left, value))
    assert metrics.estimates["profit_per_customer_at_best_share"].value == max(curve.values())
    assert curve[metrics.estimates["best_share"].value] == max(curve.values())
    assert (metrics.estimates["empc"].value, metrics.estimates["empc_share"].value) == pytest.approx(
        empc(left, probability, float(value.mean()))
    )


def test_a_draw_equals_the_metrics_of_repeated_rows() -> None:
    left, probability, customer, value = world(200)
    draws = draw_customers(100, 6, seed=3)

    metrics = estimate_profit(left, probability, customer, draws, 0.1, CustomerValues(value, TERMS))

    for draw, counts in enumerate(draws):
        times = counts[customer]
        again = estimate_profit(
            *(np.repeat(each, times) for each in (left, probability, customer)),
            draws[:1],
            0.1,
            CustomerValues(np.repeat(value, times), TERMS),
        )
        for name in ("value_lift_at_contact_share", "profit_per_customer_at_contact_share", "best_share"):
            assert metrics.estimates[name].draws[draw] == pytest.approx(again.estimates[name].value), name
        assert metrics.estimates["empc"].draws[draw] == pytest.approx(again.estimates["empc"].value)


@settings(max_examples=30)
@given(
    rows=st.lists(
        st.tuples(st.booleans(), st.integers(1, 99), st.integers(0, 50_000)), min_size=2, max_size=40
    )
)
def test_no_ranking_earns_more_than_a_perfect_one(rows: list[tuple[bool, int, int]]) -> None:
    left = np.array([float(gone) for gone, _, _ in rows])
    probability = np.array([step / 100 for _, step, _ in rows])
    values = CustomerValues(np.array([cents / 100 for _, _, cents in rows]), TERMS)
    customer, draws = np.arange(len(rows)), np.ones((1, len(rows)), dtype=np.uint8)

    ours = estimate_profit(left, probability, customer, draws, 0.2, values)
    perfect = estimate_profit(left, left, customer, draws, 0.2, values)

    for name, reference in ours.references.items():
        best = perfect.estimates[name].value
        assert np.isnan(best) or ours.estimates[name].value <= best + 1e-9
        assert np.isnan(best) or best == pytest.approx(reference["ceiling"])
    for own, best_possible in zip(ours.curve, perfect.curve, strict=True):
        assert own.profit.value <= best_possible.profit.value + 1e-9


def test_customers_of_unknown_value_are_left_out_and_do_not_count_as_worthless() -> None:
    left, probability, customer, value = world(300)
    unknown = np.random.default_rng(1).random(300) < 0.3
    draws = draw_customers(150, 20, 0)

    with_unknown = estimate_profit(
        left, probability, customer, draws, 0.1, CustomerValues(np.where(unknown, np.nan, value), TERMS)
    )
    valued = ~unknown
    without_them = estimate_profit(
        left[valued], probability[valued], customer[valued], draws, 0.1, CustomerValues(value[valued], TERMS)
    )
    none = estimate_profit(
        left, probability, customer, draws, 0.1, CustomerValues(np.full(300, np.nan), TERMS)
    )

    assert {name: estimate.value for name, estimate in with_unknown.estimates.items()} == {
        name: estimate.value for name, estimate in without_them.estimates.items()
    }
    assert none is None


def test_nobody_is_contacted_where_it_never_pays() -> None:
    left, probability, customer, _ = world(200)

    metrics = estimate_profit(
        left, probability, customer, draw_customers(100, 20, 0), 0.1, CustomerValues(np.full(200, 5.0), TERMS)
    )

    assert metrics.estimates["best_share"].value == 0
    assert metrics.estimates["profit_per_customer_at_best_share"].value == 0
    assert metrics.estimates["profit_per_customer_at_contact_share"].high < 0


def test_the_best_share_read_off_the_same_rows_flatters_by_its_optimism() -> None:
    flattery, optimism = [], []
    rng = np.random.default_rng(5)
    large = world(200_000, seed=1)
    nobody_drawn = np.zeros((1, 100_000), dtype=np.uint8)
    truth = estimate_profit(*large[:3], nobody_drawn, 0.1, CustomerValues(large[3], TERMS))
    curve = np.array([point.profit.value for point in truth.curve])
    for _ in range(40):
        left, probability, _, value = world(200, seed=int(rng.integers(1 << 30)))
        metrics = estimate_profit(
            left, probability, np.arange(200), draw_customers(200, 100, 0), 0.1, CustomerValues(value, TERMS)
        )
        best = int(np.flatnonzero(metrics.estimates["best_share"].value == CONTACT_SHARES)[0])
        flattery.append(metrics.estimates["profit_per_customer_at_best_share"].value - curve[best])
        optimism.append(metrics.references["profit_per_customer_at_best_share"]["optimism"])

    assert np.mean(optimism) > 0
    assert np.mean(optimism) == pytest.approx(np.mean(flattery), abs=3 * np.std(flattery) / np.sqrt(40))


def test_intervals_in_money_hold_the_truth_as_often_as_they_should() -> None:
    large = world(200_000, seed=2)
    nobody = np.zeros((1, 100_000), dtype=np.uint8)
    truth = estimate_profit(*large[:3], nobody, 0.1, CustomerValues(large[3], TERMS))
    names = ("value_lift_at_contact_share", "profit_per_customer_at_contact_share", "empc")
    held = dict.fromkeys(names, 0)

    for seed in range(50):
        left, probability, customer, value = world(800, seed=500 + seed)
        metrics = estimate_profit(
            left, probability, customer, draw_customers(400, 100, seed), 0.1, CustomerValues(value, TERMS)
        )
        for name in names:
            estimate = metrics.estimates[name]
            held[name] += estimate.low <= truth.estimates[name].value <= estimate.high

    assert all(0.84 <= each / 50 <= 1.0 for each in held.values()), held


def test_twice_the_probability_makes_the_same_call_list() -> None:
    left, probability, customer, value = world(300)
    draws, values = draw_customers(150, 20, 0), CustomerValues(value, TERMS)

    once = estimate_profit(left, probability / 2, customer, draws, 0.1, values)
    twice = estimate_profit(left, probability, customer, draws, 0.1, values)

    assert {name: estimate.interval for name, estimate in once.estimates.items()} == {
        name: estimate.interval for name, estimate in twice.estimates.items()
    }


def test_a_row_that_stands_for_three_earns_what_three_equal_rows_earn() -> None:
    rng = np.random.default_rng(4)
    left, probability = (rng.random(200) < 0.3).astype(float), rng.random(200).round(2)
    value, weight = rng.uniform(10, 900, 200).round(2), np.where(rng.random(200) < 0.3, 3, 1)
    draws, customer = draw_customers(200, 5, seed=1), np.arange(200)

    weighted = estimate_profit(
        left, probability, customer, draws, 0.1, CustomerValues(value, TERMS), weight.astype(float)
    )
    left, probability, customer, value = (
        np.repeat(own, weight) for own in (left, probability, customer, value)
    )
    repeated = estimate_profit(left, probability, customer, draws, 0.1, CustomerValues(value, TERMS))

    assert weighted is not None
    assert repeated is not None
    assert {name: one.value for name, one in weighted.estimates.items()} == pytest.approx(
        {name: one.value for name, one in repeated.estimates.items()}
    )
