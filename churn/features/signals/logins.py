"""Login drop: the customer logs in less than they used to."""

from __future__ import annotations

from churn.features.events import Array, Events, ratio
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
    """Logins in the last 28 days over the 28-day average of the 84 days before, one added to each."""
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
    """Logins in the last 7 days over the weekly average of the 28 days before, one added to each."""
    recent = logins.last(days=7).count()
    usual = logins.last(days=35, skip=7).per(days=7)
    return ratio(recent, usual, prior=1)
