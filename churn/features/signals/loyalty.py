"""Points and tiers of the loyalty programme: what a customer still has, and what is about to be lost."""

from __future__ import annotations

import numpy as np

from churn.features.language.events import Array, Events, log_ratio
from churn.features.signal import signal

MEMBER_DAYS = 3660
"""The look-back in days, ten years: the latest balance and the latest tier may be old."""


@signal(
    table="loyalty",
    looks_back=MEMBER_DAYS,
    unit="points",
    riskier_when="either",
    family="activity",
    reason="has {value:.0f} loyalty [point|points]",
    german="hat {value:.0f} [Treuepunkt|Treuepunkte]",
)
def loyalty_balance(loyalty: Events) -> Array:
    """Loyalty points in the customer's latest balance."""
    return loyalty.latest("balance")


@signal(
    table="loyalty",
    looks_back=MEMBER_DAYS,
    unit="days",
    riskier_when="either",
    family="activity",
    reason="loyalty points expire in {value:.0f} [day|days]",
    german="Treuepunkte verfallen in {value:.0f} [Tag|Tagen]",
)
def loyalty_days_to_expiry(loyalty: Events) -> Array:
    """Days until the customer's next points expire; points that expire first are assumed to be used first."""
    earned = loyalty.only("kind", "earn")
    return earned.days_until_next("expires_at", "points", loyalty.latest("balance"))


@signal(
    table="loyalty",
    looks_back=MEMBER_DAYS,
    unit="days",
    riskier_when="lower",
    family="activity",
    reason="loses the loyalty tier in {value:.0f} [day|days] unless it is earned again",
    german="verliert in {value:.0f} [Tag|Tagen] den Treuestatus, wenn er nicht neu verdient wird",
)
def loyalty_tier_days_left(loyalty: Events) -> Array:
    """Days until the loyalty tier is lost; missing if no date is known or if the date has passed."""
    days = loyalty.only("kind", "tier").days_until("expires_at")
    return np.where(np.signbit(days), np.nan, days)


@signal(
    table="loyalty",
    looks_back=MEMBER_DAYS,
    unit="level",
    riskier_when="either",
    family="activity",
    reason="customers of the loyalty tier {value} leave more often, all else equal",
    german="Kunden im Treuestatus {value} gehen unter sonst gleichen Umständen häufiger",
    level_of="tier",
)
def loyalty_tier(loyalty: Events) -> Array:
    """Latest tier of the loyalty programme."""
    return loyalty.only("kind", "tier").latest_level("tier")


@signal(
    table="loyalty",
    looks_back=MEMBER_DAYS,
    unit="yes or no",
    riskier_when="higher",
    family="activity",
    reason="has never redeemed loyalty points",
    german="hat noch nie Treuepunkte eingelöst",
)
def loyalty_never_redeemed(loyalty: Events) -> Array:
    """1 if earned points were never redeemed, else 0; missing if none earned or data begin after sign-up.

    If a redemption is known, the value is 0 even if the table's data begin after the sign-up.
    """
    has_never_earned = np.isnan(loyalty.only("kind", "earn").days_since_last())
    return np.where(has_never_earned, np.nan, loyalty.only("kind", "redeem").never())


@signal(
    table="loyalty",
    looks_back=MEMBER_DAYS,
    unit="days",
    riskier_when="higher",
    family="activity",
    reason="last redeemed loyalty points {value:.0f} [day|days] ago",
    german="hat zuletzt vor {value:.0f} [Tag|Tagen] Treuepunkte eingelöst",
)
def loyalty_days_since_redeemed(loyalty: Events) -> Array:
    """Days since the customer last redeemed points."""
    return loyalty.only("kind", "redeem").days_since_last()


@signal(
    table="loyalty",
    looks_back=112,
    unit="log ratio",
    riskier_when="lower",
    family="activity",
    reason="earned {value:log .0% more|fewer} loyalty points in the last 56 days than in the 56 days before",
    german="hat in 56 Tagen {value:log .0% mehr|weniger} Treuepunkte gesammelt als in den 56 Tagen davor",
)
def loyalty_earning_change(loyalty: Events) -> Array:
    """Logarithm of (points earned in the last 56 days + 1) / (points earned in the 56 days before + 1)."""
    earned = loyalty.only("kind", "earn")
    return log_ratio(earned.last(days=56).total("points"), earned.last(days=112, skip=56).total("points"))


@signal(
    table="loyalty",
    looks_back=182,
    unit="points",
    riskier_when="higher",
    family="activity",
    reason="let {value:.0f} loyalty [point|points] expire in the last half year",
    german="ließ im letzten halben Jahr {value:.0f} [Treuepunkt|Treuepunkte] verfallen",
)
def loyalty_points_expired(loyalty: Events) -> Array:
    """Loyalty points that expired in the last 182 days."""
    return loyalty.only("kind", "expire").total("points")
