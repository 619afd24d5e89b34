from __future__ import annotations

import numpy as np
import pytest

from churn.features.language.btyd import LifetimeModel, expected_events
from churn.kpis.gamma_gamma import OrderValueModel, discounted_orders, fit_order_values


def test_the_parameters_of_a_simulation_are_recovered() -> None:
    rng = np.random.default_rng(8)
    n, p, q, v = 20000, 6.25, 3.74, 15.44
    count = rng.geometric(0.3, n).astype(np.float64)
    mean = rng.gamma(p * count, 1 / (rng.gamma(q, 1 / v, n) * count))

    model = fit_order_values(count, mean)

    assert model is not None
    assert (model.p, model.q, model.v) == pytest.approx((p, q, v), rel=0.1)


def test_the_expected_value_lies_between_the_own_mean_and_the_mean_of_all() -> None:
    model = OrderValueModel(6.25, 3.74, 15.44)

    value = model.expected_value(np.array([0.0, 1.0, 1000.0]), np.array([0.0, 100.0, 100.0]))

    everybody = 6.25 * 15.44 / 2.74
    assert value[0] == pytest.approx(everybody)
    assert everybody < value[1] < 100
    assert value[2] == pytest.approx(100, rel=0.01)


def test_too_few_customers_and_an_infinite_mean_give_no_model() -> None:
    rng = np.random.default_rng(1)
    one = np.ones(99)
    heavy = rng.gamma(2.0, 1 / rng.gamma(0.5, 1.0, 5000))

    assert fit_order_values(one, one) is None
    assert fit_order_values(np.ones(5000), heavy) is None


def test_without_discount_the_orders_are_those_of_the_whole_time() -> None:
    model = LifetimeModel(r=0.2426, alpha=4.4136, a=0.7929, b=2.4259)
    x, recency, age = (np.array([value]) for value in (2.0, 30.43, 38.86))

    months = discounted_orders(model, x, recency, age, months=3, days_per_month=13, discount=0)
    later = discounted_orders(model, x, recency, age, months=3, days_per_month=13, discount=0.01)

    assert months == pytest.approx(expected_events(model, x, recency, age, 39))
    assert months[0] / 1.01**3 < later[0] < months[0] / 1.01
