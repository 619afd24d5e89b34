from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from churn.model.value import lifetime_value, monthly_money, value_at_risk

NIGHT = {"base_rate": 0.1, "horizon_days": 30, "months": 12, "margin": 1.0, "discount_year": 0.1}


@pytest.mark.parametrize(
    ("variant", "expected"),
    [("first payment counted", 366.67), ("first payment excluded", 266.67), ("end of period", 333.33)],
)
def test_lifetime_value_meets_the_published_example(variant, expected):
    value = lifetime_value(np.array([100.0]), 0.8, 0.1, math.inf, variant)

    assert value[0] == pytest.approx(expected, abs=0.005)


@pytest.mark.parametrize(
    ("variant", "payments"),
    [
        ("first payment counted", [100, 80 / 1.1, 64 / 1.1**2]),
        ("first payment excluded", [80 / 1.1, 64 / 1.1**2, 51.2 / 1.1**3]),
        ("end of period", [100 / 1.1, 80 / 1.1**2, 64 / 1.1**3]),
    ],
)
def test_a_horizon_of_three_periods_counts_three_payments(variant, payments):
    value = lifetime_value(np.array([100.0]), 0.8, 0.1, 3, variant)

    assert value[0] == pytest.approx(sum(payments))


def test_nobody_leaving_and_no_discount_is_the_plain_sum():
    assert lifetime_value(np.array([10.0]), 1.0, 0.0, 12)[0] == pytest.approx(120)


def test_unknown_money_is_unknown_value_at_risk_and_never_zero():
    value = value_at_risk(np.array([0.5, 0.5]), np.array([np.nan, 20.0]), **NIGHT)

    assert np.isnan(value[0])
    assert value[1] > 0


def test_value_at_risk_grows_with_the_probability_up_to_certainty():
    value = value_at_risk(np.array([0.1, 0.5, 0.9, 1.0]), np.full(4, 20.0), **NIGHT)

    assert (np.diff(value) > 0).all()


def test_more_returned_than_bought_puts_nothing_at_risk():
    assert value_at_risk(np.array([0.5]), np.array([-20.0]), **NIGHT)[0] == 0


def test_monthly_money_is_the_contract_where_there_is_one_else_a_third_of_three_months():
    #            orders  contract  expected
    drawn = {
        "ann": (300.0, 40.0, 40.0),
        "bob": (300.0, None, 100.0),
        "cem": (None, 40.0, 40.0),
        "dea": (None, None, None),
    }
    money = pd.DataFrame(
        [(who, o) for who, (o, _, _) in drawn.items() if o], columns=["customer_id", "money"]
    )
    mrr = pd.DataFrame([(who, m) for who, (_, m, _) in drawn.items() if m], columns=["customer_id", "mrr"])

    monthly = monthly_money(pd.Series(list(drawn)), money, mrr)

    np.testing.assert_allclose(monthly, np.array([e for _, _, e in drawn.values()], dtype=float))


def test_monthly_money_is_unknown_for_everybody_without_any_table_of_money():
    none = pd.DataFrame({"customer_id": [], "money": []})

    assert np.isnan(monthly_money(pd.Series(["ann"]), none, none.rename(columns={"money": "mrr"}))).all()
