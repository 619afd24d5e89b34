"""Slow support, and support tickets that are still open."""

from __future__ import annotations

import numpy as np

from churn.features.language.events import Array, Events
from churn.features.signal import signal


@signal(
    table="tickets",
    looks_back=91,
    unit="hours",
    riskier_when="higher",
    family="support",
    reason="waited {value:.0f} [hour|hours] for a first reply on average",
    german="wartete im Mittel {value:.0f} [Stunde|Stunden] auf eine erste Antwort",
)
def tickets_reply_hours(tickets: Events) -> Array:
    """Mean hours to the first reply to the tickets of the last 91 days that have a reply."""
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


@signal(
    table="tickets",
    looks_back=182,
    unit="days",
    riskier_when="higher",
    family="support",
    reason="the oldest open support ticket is {value:.0f} [day|days] old",
    german="die älteste offene Support-Anfrage ist {value:.0f} [Tag|Tage] alt",
)
def tickets_oldest_open_days(tickets: Events) -> Array:
    """Days since the oldest open ticket of the last 182 days; 0 if all tickets are closed."""
    oldest = tickets.lacking("closed_at").days_since_first()
    return np.where(tickets.count() > 0, np.nan_to_num(oldest), np.nan)


@signal(
    table="tickets",
    looks_back=91,
    unit="tickets",
    riskier_when="higher",
    family="support",
    reason="support tickets without a reply: {value:.0f}",
    german="Support-Anfragen ohne Antwort: {value:.0f}",
)
def tickets_unanswered(tickets: Events) -> Array:
    """Tickets of the last 91 days without a first reply."""
    return tickets.lacking("first_reply_at").count()


@signal(
    table="tickets",
    looks_back=182,
    unit="tickets",
    riskier_when="higher",
    family="support",
    reason="support tickets of the last half year without a reply by the promised day: {value:.0f}",
    german="Support-Anfragen im letzten halben Jahr ohne Antwort bis zum zugesagten Tag: {value:.0f}",
)
def tickets_replied_late(tickets: Events) -> Array:
    """Tickets of the last 182 days that had no reply by the end of the promised day (`due_at`)."""
    return tickets.count_late("first_reply_at", "due_at")


@signal(
    table="tickets",
    looks_back=366,
    unit="hours",
    riskier_when="higher",
    family="support",
    reason="has recently waited {value:.0f} [hour|hours] for a first reply on average",
    german="wartete in letzter Zeit im Mittel {value:.0f} [Stunde|Stunden] auf eine erste Antwort",
)
def tickets_reply_hours_decayed(tickets: Events) -> Array:
    """Mean hours to the first reply; a ticket's weight halves per 30 days of age."""
    return tickets.decayed_hours_to("first_reply_at", half_life_days=30)


@signal(
    table="tickets",
    looks_back=366,
    unit="hours",
    riskier_when="higher",
    family="support",
    reason="has recently waited {value:.0f} [hour|hours] for a solution on average",
    german="wartete in letzter Zeit im Mittel {value:.0f} [Stunde|Stunden] auf eine Lösung",
)
def tickets_resolution_hours_decayed(tickets: Events) -> Array:
    """Mean hours from opening to closing a ticket; a ticket's weight halves per 30 days of age."""
    return tickets.decayed_hours_to("closed_at", half_life_days=30)


@signal(
    table="tickets",
    looks_back=366,
    unit="points",
    riskier_when="lower",
    family="support",
    reason="gave the latest closed support ticket a satisfaction rating of {value:g}",
    german="bewertete die zuletzt geschlossene Support-Anfrage mit {value:g}",
)
def tickets_last_satisfaction(tickets: Events) -> Array:
    """Satisfaction with the latest closed ticket of the last 366 days."""
    return tickets.by("closed_at").latest("satisfaction")


@signal(
    table="tickets",
    looks_back=366,
    unit="-1..1",
    riskier_when="lower",
    family="sentiment",
    reason="how recent messages to support sound, from -1 (bad) to 1 (good): {value:.1f}",
    german="wie die letzten Nachrichten an den Support klingen, von -1 (schlecht) bis 1 (gut): {value:.1f}",
)
def tickets_mood(tickets: Events) -> Array:
    """Mean mood (by a word list) of messages in the last 366 days; a message's weight halves per 90 days."""
    return tickets.decayed_mean("mood", half_life_days=90)
