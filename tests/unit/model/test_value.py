from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from churn.model.value import health_band, lifetime_value, monthly_money, value_at_risk
from churn.params import ValueParams

NIGHT = {"base_rate": 0.1, "horizon_days": 30, "terms": ValueParams()}


# usual odds at a rate of .2: 1 to 4; odds ratios of 3 and of 1/3 are just inside the bands 2 and 5
@pytest.mark.parametrize(("odds_ratio", "band"), [(1 / 3, 5), (0.6, 4), (1.0, 3), (3.0, 2), (3.1, 1)])
def test_the_health_band_compares_the_odds_with_the_usual_odds(odds_ratio: float, band: int) -> None:
    odds = odds_ratio / 4

    assert health_band(np.array([odds / (1 + odds)]), 0.2)[0] == band


def test_without_a_probability_there_is_no_health_band() -> None:
    assert np.isnan(health_band(np.array([np.nan]), 0.2)[0])


def test_lifetime_value_meets_the_published_example() -> None:
    value = lifetime_value(np.array([100.0]), 0.8, 0.1, math.inf)

    assert value[0] == pytest.approx(333.33, abs=0.005)


def test_three_periods_count_three_payments_each_at_the_end_of_its_period() -> None:
    value = lifetime_value(np.array([100.0]), 0.8, 0.1, 3)

    assert value[0] == pytest.approx(100 / 1.1 + 80 / 1.1**2 + 64 / 1.1**3)


def test_without_churn_and_discount_the_value_is_the_plain_sum() -> None:
    assert lifetime_value(np.array([10.0]), 1.0, 0.0, 12)[0] == pytest.approx(120)


def test_unknown_money_is_unknown_value_at_risk_and_never_zero() -> None:
    value = value_at_risk(np.array([0.5, 0.5]), np.array([np.nan, 20.0]), **NIGHT)

    assert np.isnan(value[0])
    assert value[1] > 0


def test_value_at_risk_grows_with_the_probability_up_to_certainty() -> None:
    value = value_at_risk(np.array([0.1, 0.5, 0.9, 1.0]), np.full(4, 20.0), **NIGHT)

    assert (np.diff(value) > 0).all()


def test_more_returned_than_bought_puts_nothing_at_risk() -> None:
    assert value_at_risk(np.array([0.5]), np.array([-20.0]), **NIGHT)[0] == 0


def test_monthly_money_is_the_contract_where_there_is_one_else_a_third_of_three_months() -> None:
    #            orders  contract  expected
    drawn = {
        "ann": (300.0, 40.0, 40.0),
        "bob": (300.0, None, 100.0),
        "cem": (None, 40.0, 40.0),
        "dea": (None, None, None),
    }
    money = pd.DataFrame(
        [(customer, spent) for customer, (spent, _, _) in drawn.items() if spent],
        columns=["customer_id", "money"],
    )
    mrr = pd.DataFrame(
        [(customer, paid) for customer, (_, paid, _) in drawn.items() if paid], columns=["customer_id", "mrr"]
    )

    monthly = monthly_money(pd.Series(list(drawn)), money, mrr)

    np.testing.assert_allclose(
        monthly, np.array([expected for _, _, expected in drawn.values()], dtype=float)
    )


def test_monthly_money_is_unknown_for_everybody_without_any_table_of_money() -> None:
    none = pd.DataFrame({"customer_id": [], "money": []})

    assert np.isnan(monthly_money(pd.Series(["ann"]), none, none.rename(columns={"money": "mrr"}))).all()
