"""Fewer interactions: the customer does less, and fewer different things."""

from __future__ import annotations

from churn.features.events import Array, Events, ratio
from churn.features.signal import signal


@signal(
    table="interactions",
    looks_back=112,
    unit="ratio",
    riskier_when="lower",
    family="activity",
    reason="interacts {value:.0%} as much as usual",
    german="interagiert {value:.0%} so viel wie üblich",
)
def interaction_change(interactions: Events) -> Array:
    """Interactions in the last 28 days over the 28-day average of the 84 days before, one added to each."""
    recent = interactions.last(days=28).count()
    usual = interactions.last(days=112, skip=28).per(days=28)
    return ratio(recent, usual, prior=1)


@signal(
    table="interactions",
    looks_back=28,
    unit="kinds",
    riskier_when="lower",
    family="activity",
    reason="different kinds of interaction in the last 28 days: {value:.0f}",
    german="verschiedene Arten von Interaktion in den letzten 28 Tagen: {value:.0f}",
)
def interaction_kinds(interactions: Events) -> Array:
    """Distinct kinds of interaction in the last 28 days."""
    return interactions.kinds()


@signal(
    table="interactions",
    looks_back=84,
    unit="kinds",
    riskier_when="higher",
    family="activity",
    reason="kinds of interaction given up in the last 28 days: {value:.0f}",
    german="in den letzten 28 Tagen aufgegebene Arten von Interaktion: {value:.0f}",
)
def interaction_kinds_given_up(interactions: Events) -> Array:
    """Distinct kinds of the last 84 days that the last 28 days lack."""
    return interactions.last(days=84).kinds() - interactions.last(days=28).kinds()
