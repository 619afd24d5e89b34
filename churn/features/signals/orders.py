"""Fewer and smaller orders."""

from __future__ import annotations

from churn.features.events import Array, Events, ratio
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
    """Orders in the last 28 days over the 28-day average of the 84 days before, one added to each."""
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
