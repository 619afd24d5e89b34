"""Fewer interactions and fewer kinds of interaction: the customer does less than before."""

from __future__ import annotations

from churn.features.language.events import Array, Events, ratio
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
    """(Interactions in the last 28 days + 1) / (mean interactions per 28 days in the 84 days before + 1)."""
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
    """Number of distinct kinds of interaction in the last 28 days."""
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
    """Number of interaction kinds that occurred in the last 84 days, but not in the last 28 days."""
    return interactions.last(days=84).kinds() - interactions.last(days=28).kinds()


@signal(
    table="interactions",
    looks_back=56,
    unit="ratio",
    riskier_when="lower",
    family="activity",
    reason="uses {value:.0%} as many kinds of interaction as four weeks ago",
    german="nutzt {value:.0%} so viele Arten von Interaktion wie vor vier Wochen",
)
def interaction_kinds_change(interactions: Events) -> Array:
    """(Kinds of interaction in the last 28 days + 1) / (kinds of interaction in the 28 days before + 1)."""
    return ratio(interactions.last(28).kinds(), interactions.last(56, skip=28).kinds(), prior=1)


@signal(
    table="interactions",
    looks_back=91,
    unit="nats",
    riskier_when="either",
    family="activity",
    reason="variety of the interactions: {value:.2f} (0 is a single kind)",
    german="Vielfalt der Interaktionen: {value:.2f} (0 ist eine einzige Art)",
)
def interaction_kind_entropy(interactions: Events) -> Array:
    """Entropy of the kinds of interaction in the last 91 days; 0 if all are of one kind."""
    return interactions.kind_entropy()


@signal(
    table="interactions",
    looks_back=112,
    unit="0..1",
    riskier_when="either",
    family="activity",
    reason="the mix of interactions has shifted by {value:.0%}",
    german="die Mischung der Interaktionen hat sich um {value:.0%} verschoben",
)
def interaction_kind_shift(interactions: Events) -> Array:
    """Jensen-Shannon distance between the mixes of kinds in the last 28 days and in the 84 days before."""
    return interactions.kind_shift(28)


@signal(
    table="interactions",
    looks_back=182,
    unit="weeks",
    riskier_when="higher",
    family="activity",
    reason="has interacted less than usual for {value:.0f} [week|weeks]",
    german="interagiert seit {value:.0f} [Woche|Wochen] weniger als üblich",
)
def interaction_weeks_falling(interactions: Events) -> Array:
    """Weeks since interactions began to fall below the mean of the last 26 weeks (CUSUM)."""
    return interactions.shortfall_weeks()


@signal(
    table="interactions",
    looks_back=366,
    unit="-1..1",
    riskier_when="lower",
    family="sentiment",
    reason="how recent messages sound, from -1 (bad) to 1 (good): {value:.1f}",
    german="wie die letzten Nachrichten klingen, von -1 (schlecht) bis 1 (gut): {value:.1f}",
)
def interaction_mood(interactions: Events) -> Array:
    """Mean mood (from a word list) of messages of the last 366 days; weights halve per 90 days of age."""
    return interactions.decayed_mean("mood", half_life_days=90)
