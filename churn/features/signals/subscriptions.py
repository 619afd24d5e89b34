"""Contract: price, plan, age and renewal of the latest contract."""

from __future__ import annotations

from churn.features.language.events import Array, Events
from churn.features.signal import signal

CONTRACT_DAYS = 3660
"""The look-back in days, ten years: the latest contract may have begun long ago."""

LONGEST_NOTICE_DAYS = 366
"""A contract that runs for more days after a request to cancel shows that the request was withdrawn."""


@signal(
    table="subscriptions",
    looks_back=CONTRACT_DAYS,
    unit="days",
    riskier_when="either",
    family="contract",
    reason="the contract renews in {value:.0f} [day|days]",
    german="der Vertrag verlängert sich in {value:.0f} [Tag|Tagen]",
)
def subscription_days_to_renewal(subscriptions: Events) -> Array:
    """Days until the latest contract's renewal; missing if no renewal is scheduled."""
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
    reason="customers of the plan {value} leave more often, all else equal",
    german="Kunden im Tarif {value} gehen unter sonst gleichen Umständen häufiger",
    level_of="plan",
)
def subscription_plan(subscriptions: Events) -> Array:
    """Plan of the latest contract that was not known to have ended."""
    return subscriptions.lacking("ended_at").latest_level("plan")


@signal(
    table="subscriptions",
    looks_back=CONTRACT_DAYS,
    unit="days",
    riskier_when="either",
    family="contract",
    reason="the contract began {value:.0f} [day|days] ago",
    german="der Vertrag begann vor {value:.0f} [Tag|Tagen]",
)
def subscription_age_days(subscriptions: Events) -> Array:
    """Days since the latest contract began."""
    return subscriptions.days_since_last()


@signal(
    table="subscriptions",
    looks_back=CONTRACT_DAYS,
    unit="currency per month",
    riskier_when="lower",
    family="contract",
    reason="pays {value:.2f more|less} a month than under the contract before",
    german="zahlt im Monat {value:.2f mehr|weniger} als im Vertrag davor",
)
def subscription_mrr_change(subscriptions: Events) -> Array:
    """Monthly recurring revenue of the latest contract minus the revenue of the contract before."""
    return subscriptions.latest("mrr") - subscriptions.previous("mrr")


@signal(
    table="subscriptions",
    looks_back=CONTRACT_DAYS,
    unit="days",
    riskier_when="either",
    family="contract",
    reason="asked to cancel {value:.0f} [day|days] ago and stayed",
    german="wollte vor {value:.0f} [Tag|Tagen] kündigen und ist geblieben",
)
def subscription_days_since_cancel_reversed(subscriptions: Events) -> Array:
    """Days since the latest withdrawn request to cancel: over a year old, but its contract still runs."""
    requests = subscriptions.by("cancel_requested_at").last(days=CONTRACT_DAYS, skip=LONGEST_NOTICE_DAYS)
    return requests.lacking("ended_at").days_since_last()
