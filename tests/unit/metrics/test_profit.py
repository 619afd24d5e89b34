from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta

from churn.metrics.metrics import Ranking
from churn.metrics.profit import contact_profit, empc, empc_of, value_lift_of
from churn.params import ProfitParams

ALTERNATING = np.array([0, 1] * 4, dtype=float)
SCORES = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 0.8, 0.9])

lists = st.lists(st.tuples(st.booleans(), st.integers(1, 9)), min_size=2, max_size=25)


def integrated(left: np.ndarray, probability: np.ndarray, clv: float, terms: ProfitParams) -> float:
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
        best = np.maximum(best, hits * (middle * (clv - d) - f) - misses * (d + f))
    return float(best @ mass / len(left))


def test_the_expected_maximum_profit_is_that_of_the_published_example() -> None:
    assert empc(ALTERNATING, SCORES) == pytest.approx((23.8755934, 0.8743701), abs=5e-8)


@settings(max_examples=25)
@given(rows=lists, clv=st.sampled_from([15.0, 60.0, 200.0]), accept=st.sampled_from([0.1, 0.3, 0.7]))
def test_the_expected_maximum_profit_is_the_best_threshold_over_all_accept_shares(
    rows: list[tuple[bool, int]], clv: float, accept: float
) -> None:
    left = np.array([float(gone) for gone, _ in rows])
    probability = np.array([step / 10 for _, step in rows])
    terms = ProfitParams(accept_share=accept)

    assert empc(left, probability, clv, terms)[0] == pytest.approx(
        integrated(left, probability, clv, terms), abs=2e-4 * clv
    )


def test_the_expected_maximum_profit_follows_the_order_and_counts_weights_as_repeated_rows() -> None:
    rng = np.random.default_rng(3)
    probability = np.round(rng.random(200), 2)
    left = (rng.random(200) < probability).astype(float)
    times = rng.integers(0, 4, 200)

    found = empc(left, probability, weight=times.astype(float))

    assert empc(left, probability**3) == pytest.approx(empc(left, probability))
    assert found == pytest.approx(empc(np.repeat(left, times), np.repeat(probability, times)))


def test_an_incentive_above_the_value_of_a_customer_is_never_given() -> None:
    assert empc(ALTERNATING, SCORES, clv=5.0) == (0.0, 0.0)


def test_nobody_drawn_has_no_expected_maximum_profit() -> None:
    assert np.isnan(empc_of(np.zeros(3), np.zeros(3), 200.0, ProfitParams())).all()


# contacted: a leaver worth 200, a stayer, a leaver worth 50; costs 1 and 10, 30 % accept
#  .3 * (200 - 10) + .3 * (50 - 10) - 10 (the stayer takes it) - 3 * 1 = 57 + 12 - 10 - 3
def test_a_campaign_earns_what_kept_leavers_are_worth_less_incentives_and_contacts() -> None:
    profit = contact_profit(np.array(3.0), np.array(2.0), np.array(250.0), ProfitParams())

    assert float(profit) == pytest.approx(56.0)


# order:  1    2    3    4        all leavers are worth 100 + 300 = 400
#  left:  x    .    x    .
#  value: 300  900  100  50
@pytest.mark.parametrize(("share", "lift"), [(0.25, 3.0), (0.5, 1.5), (0.625, 0.875 / 0.625), (1.0, 1.0)])
def test_value_lift_is_the_share_of_the_leavers_value_over_the_share_contacted(
    share: float, lift: float
) -> None:
    ranking = Ranking.of(np.array([0.9, 0.8, 0.7, 0.6]))
    lost = np.array([300.0, 0.0, 100.0, 0.0])

    assert value_lift_of(ranking.sums(lost), ranking.sums(np.ones(4)), share) == pytest.approx(lift)


def test_without_lost_value_there_is_no_value_lift() -> None:
    assert np.isnan(value_lift_of(np.zeros(3), np.arange(3.0), 0.5))
