from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from churn.kpis.figure import Figure, Period
from churn.kpis.order_histories import OrderHistories
from churn.kpis.periods import complete_periods
from churn.kpis.value import (
    MonthCounts,
    ValueTerms,
    contractual_value,
    mean_with_interval,
    value_section,
)

WINDOW = Period(kind="window", start=date(2024, 1, 1), end=date(2025, 1, 1))
LATEST = Period(kind="month", start=date(2024, 12, 1), end=date(2025, 1, 1))
TERMS = ValueTerms(
    variant="end of period",
    margin=0.5,
    discount_year=1.1**12 - 1,  # 10 % a month
    months=12,
    acquisition_cost=None,
    has_contracts=True,
)


def months(
    at_start: int = 100, lost: int = 20, money: float | None = 20000, n: int = 12
) -> list[MonthCounts]:
    periods = complete_periods("month", date(2024, 1, 1), date(2025, 1, 1))
    return [MonthCounts(period, at_start, lost, money, orders=50, order_money=4000) for period in periods]


def figures(
    counts: Sequence[MonthCounts],
    terms: ValueTerms = TERMS,
    histories: OrderHistories | None = None,
    paid: np.ndarray | None = None,
) -> dict[str, Figure]:
    result = value_section(counts, histories, paid, terms, window=WINDOW, latest=LATEST)
    return {figure.name: figure for figure in result.figures}


@pytest.mark.parametrize(
    ("variant", "value"),
    [("first payment counted", 366.67), ("first payment excluded", 266.67), ("end of period", 333.33)],
)
def test_the_three_variants_of_the_contractual_value(variant: str, value: float) -> None:
    assert round(contractual_value(100, 0.8, 0.1, variant), 2) == value  # type: ignore[arg-type]

    figure = figures(months(), replace(TERMS, variant=variant))["clv_contractual"]  # type: ignore[arg-type]

    assert figure.value == pytest.approx(value, abs=0.005)  # 20000 / 100 customers x margin .5 = 100
    assert figure.notes[0] == variant
    assert figure.low is not None
    assert figure.high is not None
    assert figure.low < value < figure.high


def test_nobody_left_and_no_discount_is_missing_and_not_infinite() -> None:
    assert contractual_value(100, 1.0, 0.0, "end of period") == math.inf

    figure = figures(months(lost=0), replace(TERMS, discount_year=0))["clv_contractual"]

    assert figure.reason == "nobody left, and nothing is discounted"
    assert figures(months(lost=0))["clv_contractual"].value == pytest.approx(1000)


def test_the_simple_value_is_a_product_and_its_lifespan_is_capped_and_flagged() -> None:
    figure, capped = figures(months())["clv_simple"], figures(months(lost=0))["clv_simple"]

    assert figure.value == pytest.approx(80 * 0.5 * 0.5 * 5)
    assert len(figure.notes) == 1
    assert capped.value == pytest.approx(80 * 0.5 * 0.5 * 120)
    assert capped.notes[1].startswith("capped: churn is 0.00% a month")


def test_one_point_of_retention_is_worth_the_difference_of_two_values() -> None:
    figure = figures(months())["value_of_one_point"]

    assert figure.value == pytest.approx(100 * 100 * (1 / 0.29 - 1 / 0.3))
    assert figure.low is not None
    assert figure.high is not None
    assert figure.low < (figure.value or 0) < figure.high
    assert figures(months(at_start=1000, lost=9))["value_of_one_point"].reason == (
        "monthly retention is above 99%"
    )


def test_the_cost_of_replacement_needs_the_cost_of_a_new_customer() -> None:
    figure = figures(months(), replace(TERMS, acquisition_cost=30))["replacement_cost"]

    assert (figure.value, figure.n) == (600, 20)
    assert "kpis.acquisition_cost" in str(figures(months())["replacement_cost"].reason)
    assert figures([], replace(TERMS, acquisition_cost=30))["replacement_cost"].reason


def test_without_months_money_or_contracts_the_values_are_missing() -> None:
    nothing, no_money = figures([]), figures(months(money=None))
    shop = figures(months(), replace(TERMS, has_contracts=False))

    for name in ("clv_simple", "clv_contractual", "value_of_one_point"):
        assert nothing[name].reason == "no month with customers at the start whose outcome is known"
    assert no_money["clv_contractual"].reason == no_money["value_of_one_point"].reason
    assert shop["clv_contractual"].reason == "customers have no contracts"
    assert nothing["clv_non_contractual"].reason == "customers have contracts"
    assert shop["clv_non_contractual"].reason == "no orders: map tables.orders"
    assert nothing["clv_historic"].reason == "no payments and no orders"


def test_the_historic_value_is_the_mean_margin_of_all_customers() -> None:
    figure = figures([], paid=np.array([100.0, 300.0, 0.0, 0.0]))["clv_historic"]

    assert (figure.value, figure.n) == (50, 4)
    assert mean_with_interval(np.array([3.0])) == (3.0, None, None)


def test_the_value_without_contracts_is_that_of_simulated_customers() -> None:
    rng = np.random.default_rng(3)
    n, days = 4000, 730
    rate, stop = rng.gamma(0.8, 1 / 30, n), rng.beta(0.8, 3.0, n)  # orders a day; chance to stop after one
    own_mean = 3.0 * 50 / rng.gamma(6.0, 1.0, n)
    repeats, recency, paid = np.zeros(n), np.zeros(n), np.zeros(n)
    later_money = np.zeros(n)
    discount = 1.1 ** (1 / 12) - 1
    for customer in range(n):
        at, alive = 0.0, rng.random() >= 0.0
        while alive:
            at += rng.exponential(1 / rate[customer])
            if at > days + 365.25:
                break
            amount = rng.gamma(3.0, own_mean[customer] / 3.0)
            if at < days:
                repeats[customer] += 1
                recency[customer], paid[customer] = at, paid[customer] + amount
            else:
                month = int((at - days) // (365.25 / 12)) + 1
                later_money[customer] += amount / (1 + discount) ** month
            alive = rng.random() >= stop[customer]
    histories = OrderHistories(
        repeats, recency, np.full(n, float(days)), repeats, paid / np.maximum(repeats, 1)
    )
    shop = replace(TERMS, has_contracts=False, margin=1.0, discount_year=0.1)

    figure = figures([], shop, histories)["clv_non_contractual"]

    assert figure.value == pytest.approx(later_money.mean(), rel=0.15)
    assert "correlation of frequency and value" in figure.notes[1]
    assert "not to be trusted" not in " ".join(figure.notes)
