"""Fewer orders, and smaller orders: the customer buys less."""

from __future__ import annotations

from churn.features.language.events import Array, Events, ShrunkRate, ratio, shrunk
from churn.features.language.population import CohortValue
from churn.features.signal import signal


@signal(
    table="orders",
    looks_back=112,
    unit="ratio",
    riskier_when="lower",
    family="purchase",
    reason="orders {value:.0%} as often as usual",
    german="bestellt {value:.0%} so oft wie üblich",
)
def order_change(orders: Events) -> Array:
    """(Orders in the last 28 days + 1) / (mean orders per 28 days in the 84 days before + 1)."""
    recent = orders.last(days=28).count()
    usual = orders.last(days=112, skip=28).per(days=28)
    return ratio(recent, usual, prior=1)


@signal(
    table="orders",
    looks_back=182,
    unit="currency",
    riskier_when="either",
    family="purchase",
    reason="spends {value:.2f} per order on average",
    german="gibt im Mittel {value:.2f} je Bestellung aus",
)
def order_value(orders: Events) -> Array:
    """Mean amount of the orders of the last 182 days."""
    return orders.mean("amount")


@signal(
    table="orders",
    looks_back=730,
    unit="probability",
    riskier_when="higher",
    family="purchase",
    reason="going by past orders, none in the next 28 days is {value:.0%} likely",
    german="bestellt nach den bisherigen Bestellungen zu {value:.0%} in den nächsten 28 Tagen nicht",
)
def orders_p_none_next_28d(orders: Events) -> CohortValue:
    """Probability of no order in the next 28 days, from a model of how customers order until they stop."""
    return orders.p_none_next(days=28)


@signal(
    table="orders",
    looks_back=730,
    unit="probability",
    riskier_when="higher",
    family="purchase",
    reason="going by past orders, none in the next 91 days is {value:.0%} likely",
    german="bestellt nach den bisherigen Bestellungen zu {value:.0%} in den nächsten 91 Tagen nicht",
)
def orders_p_none_next_91d(orders: Events) -> CohortValue:
    """Probability of no order in the next 91 days, from a model of how customers order until they stop."""
    return orders.p_none_next(days=91)


@signal(
    table="orders",
    looks_back=730,
    unit="days",
    riskier_when="lower",
    family="purchase",
    reason="going by past orders, days with orders to expect in the next 91 days: {value:.1f}",
    german="nach den bisherigen Bestellungen zu erwartende Tage mit Bestellungen in 91 Tagen: {value:.1f}",
)
def orders_expected_next_91d(orders: Events) -> CohortValue:
    """Expected days with orders in the next 91 days, from a model of how customers order until they stop."""
    return orders.expected_next(days=91)


@signal(
    table="orders",
    looks_back=182,
    unit="ratio",
    riskier_when="lower",
    family="purchase",
    reason="spends {value:.0%} as much per order as a quarter ago",
    german="gibt {value:.0%} so viel je Bestellung aus wie vor einem Vierteljahr",
)
def order_value_change(orders: Events) -> Array:
    """Mean amount of the orders of the last 91 days divided by the mean amount of the 91 days before."""
    recent, before = orders.last(days=91), orders.last(days=182, skip=91)
    return ratio(recent.mean("amount"), before.mean("amount"))


@signal(
    table="orders",
    looks_back=210,
    unit="share",
    riskier_when="either",
    family="purchase",
    reason="returned about {value:.0%} of the orders",
    german="hat etwa {value:.0%} der Bestellungen zurückgegeben",
)
def order_return_share(orders: Events) -> ShrunkRate:
    """Share of returned orders from 28 to 210 days ago; with few orders, near the share of all orders."""
    old_enough = orders.last(days=210, skip=28)
    return shrunk(old_enough.having("returned_at").count(), old_enough.count())


@signal(
    table="orders",
    looks_back=182,
    unit="share",
    riskier_when="either",
    family="purchase",
    reason="discounts make up {value:.0%} of what the orders cost",
    german="Rabatte machen {value:.0%} dessen aus, was die Bestellungen kosten",
)
def order_discount_share(orders: Events) -> Array:
    """Discounts on the orders of the last 182 days divided by the sum of amounts and discounts."""
    discount = orders.total("discount")
    return ratio(discount, orders.total("amount") + discount)
