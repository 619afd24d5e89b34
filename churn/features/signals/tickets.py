"""Slow or unfinished support."""

from __future__ import annotations

from churn.features.events import Array, Events
from churn.features.signal import signal


@signal(
    table="tickets",
    looks_back=91,
    unit="hours",
    riskier_when="higher",
    family="support",
    reason="waited {value:.0f} hours for a first reply on average",
    german="wartete im Mittel {value:.0f} Stunden auf eine erste Antwort",
)
def tickets_reply_hours(tickets: Events) -> Array:
    """Mean hours to the first reply over the tickets of the last 91 days that have one."""
    return tickets.mean_hours_to("first_reply_at")


@signal(
    table="tickets",
    looks_back=182,
    unit="tickets",
    riskier_when="higher",
    family="support",
    reason="open support tickets: {value:.0f}",
    german="offene Support-Anfragen: {value:.0f}",
)
def tickets_open(tickets: Events) -> Array:
    """Tickets of the last 182 days that are not closed."""
    return tickets.lacking("closed_at").count()
