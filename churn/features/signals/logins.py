"""Login drop: the customer logs in less often than in the past."""

from __future__ import annotations

import numpy as np

from churn.features.language.events import Array, Events, ratio
from churn.features.signal import signal


@signal(
    table="logins",
    looks_back=112,
    unit="ratio",
    riskier_when="lower",
    family="activity",
    reason="logs in {value:.0%} as often as usual",
    german="meldet sich {value:.0%} so oft an wie üblich",
)
def login_change(logins: Events) -> Array:
    """(Logins in the last 28 days + 1) / (mean logins per 28 days in the 84 days before + 1)."""
    recent = logins.last(days=28).count()
    usual = logins.last(days=112, skip=28).per(days=28)
    return ratio(recent, usual, prior=1)


@signal(
    table="logins",
    looks_back=35,
    unit="ratio",
    riskier_when="lower",
    family="activity",
    reason="logged in last week {value:.0%} as often as in the four weeks before",
    german="hat sich letzte Woche {value:.0%} so oft angemeldet wie in den vier Wochen davor",
)
def login_change_week(logins: Events) -> Array:
    """(Logins in the last 7 days + 1) / (mean logins per 7 days in the 28 days before + 1)."""
    recent = logins.last(days=7).count()
    usual = logins.last(days=35, skip=7).per(days=7)
    return ratio(recent, usual, prior=1)


@signal(
    table="logins",
    looks_back=112,
    unit="ratio",
    riskier_when="lower",
    family="activity",
    reason="is active on {value:.0%} as many days as usual",
    german="ist an {value:.0%} so vielen Tagen aktiv wie üblich",
)
def login_days_change(logins: Events) -> Array:
    """(Active days in the last 28 days + 1) / (mean active days per 28 days in the 84 days before + 1)."""
    before = logins.last(days=112, skip=28)
    usual = np.where(np.isnan(before.per(days=84)), np.nan, before.active_days() / 3)
    return ratio(logins.last(days=28).active_days(), usual, prior=1)


@signal(
    table="logins",
    looks_back=182,
    unit="ratio",
    riskier_when="lower",
    family="activity",
    reason="logged in {value:.0%} as often in the last four weeks as in the best four of half a year",
    german="hat sich in vier Wochen {value:.0%} so oft angemeldet wie in den besten vier eines halben Jahres",
)
def login_drawdown(logins: Events) -> Array:
    """Logins in the last 4 weeks, divided by the highest number in any 4 successive weeks of the last 26."""
    return logins.drawdown()


@signal(
    table="logins",
    looks_back=182,
    unit="weeks",
    riskier_when="higher",
    family="activity",
    reason="has logged in less than usual for {value:.0f} [week|weeks]",
    german="meldet sich seit {value:.0f} [Woche|Wochen] seltener an als üblich",
)
def login_weeks_falling(logins: Events) -> Array:
    """Weeks since logins began to fall below the mean of the last 26 weeks (CUSUM)."""
    return logins.shortfall_weeks()
