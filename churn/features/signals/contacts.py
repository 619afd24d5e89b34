"""Contacts that the company made: how often a customer was contacted, and whether the customer answers.

A customer who was contacted had a high risk at that time. So these signals also show who was at risk earlier.
They do not show the earlier risk of the control group, which is not contacted; see `docs/loop.md`.
"""

from __future__ import annotations

from churn.features.language.events import Array, Events, ShrunkRate, shrunk
from churn.features.signal import signal


@signal(
    table="contacts",
    looks_back=28,
    unit="contacts",
    riskier_when="either",
    family="contact",
    reason="was contacted [once|{value:.0f} times] in the last 28 days",
    german="wurde in den letzten 28 Tagen {value:.0f}-mal kontaktiert",
)
def contacts_count_28d(contacts: Events) -> Array:
    """Contacts made in the last 28 days; contacts withheld from the control group do not count."""
    return contacts.count()


@signal(
    table="contacts",
    looks_back=91,
    unit="contacts",
    riskier_when="either",
    family="contact",
    reason="was contacted [once|{value:.0f} times] in the last 91 days",
    german="wurde in den letzten 91 Tagen {value:.0f}-mal kontaktiert",
)
def contacts_count_91d(contacts: Events) -> Array:
    """Contacts made in the last 91 days; contacts withheld from the control group do not count."""
    return contacts.count()


@signal(
    table="contacts",
    looks_back=366,
    unit="days",
    riskier_when="either",
    family="contact",
    reason="was last contacted {value:.0f} [day|days] ago",
    german="wurde zuletzt vor {value:.0f} [Tag|Tagen] kontaktiert",
)
def contacts_days_since_last(contacts: Events) -> Array:
    """Days since the last contact; missing if there was none in the last 366 days."""
    return contacts.days_since_last()


@signal(
    table="contacts",
    looks_back=182,
    unit="share",
    riskier_when="either",
    family="contact",
    reason="answered about {value:.0%} of the contacts of the last 182 days",
    german="hat etwa {value:.0%} der Kontakte der letzten 182 Tage beantwortet",
)
def contacts_answered_share(contacts: Events) -> ShrunkRate:
    """Share of answered contacts in the last 182 days; with few contacts, near the share of all contacts."""
    return shrunk(contacts.having("answered_at").count(), contacts.count())
