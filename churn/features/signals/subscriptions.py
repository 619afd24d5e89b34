"""What the contract says."""

from __future__ import annotations

from churn.features.events import Array, Events
from churn.features.signal import signal

CONTRACT_DAYS = 3660
"""How far back the latest contract may have begun: ten years, as a running one may be old."""


@signal(
    table="subscriptions",
    looks_back=CONTRACT_DAYS,
    unit="days",
    riskier_when="either",
    family="contract",
    reason="the contract renews in {value:.0f} days",
    german="der Vertrag verlängert sich in {value:.0f} Tagen",
)
def subscription_days_to_renewal(subscriptions: Events) -> Array:
    """Days until the latest contract's renewal, as far as it was scheduled."""
    return subscriptions.days_until("renews_at")


@signal(
    table="subscriptions",
    looks_back=CONTRACT_DAYS,
    unit="currency per month",
    riskier_when="either",
    family="contract",
    reason="pays {value:.2f} a month",
    german="zahlt {value:.2f} im Monat",
)
def subscription_mrr(subscriptions: Events) -> Array:
    """Monthly recurring revenue of the latest contract."""
    return subscriptions.latest("mrr")


@signal(
    table="subscriptions",
    looks_back=CONTRACT_DAYS,
    unit="level",
    riskier_when="either",
    family="contract",
    reason="plan: {value}",
    german="Tarif: {value}",
    level_of="plan",
)
def subscription_plan(subscriptions: Events) -> Array:
    """Plan of the latest contract that was not known to have ended."""
    return subscriptions.lacking("ended_at").latest_level("plan")
