"""Unopened e-mails: the customer no longer reads the e-mails of the company."""

from __future__ import annotations

from churn.features.language.events import Array, Events, ShrunkRate, shrunk
from churn.features.signal import signal


@signal(
    table="emails",
    looks_back=182,
    unit="e-mails",
    riskier_when="higher",
    family="email",
    reason="has not opened the last [e-mail|{value:.0f} e-mails]",
    german="hat die [letzte E-Mail|letzten {value:.0f} E-Mails] nicht geöffnet",
)
def emails_unopened_run(emails: Events) -> Array:
    """Number of e-mails sent after the newest e-mail that the customer opened."""
    return emails.run_lacking("opened_at")


@signal(
    table="emails",
    looks_back=91,
    unit="share",
    riskier_when="lower",
    family="email",
    reason="opened about {value:.0%} of the e-mails of the last 91 days",
    german="hat etwa {value:.0%} der E-Mails der letzten 91 Tage geöffnet",
)
def emails_open_rate(emails: Events) -> ShrunkRate:
    """Share of opened e-mails in the last 91 days; with few e-mails, near the share of all e-mails."""
    return shrunk(emails.having("opened_at").count(), emails.count())


@signal(
    table="emails",
    looks_back=91,
    unit="share",
    riskier_when="lower",
    family="email",
    reason="clicked in about {value:.0%} of the e-mails of the last 91 days",
    german="hat in etwa {value:.0%} der E-Mails der letzten 91 Tage geklickt",
)
def emails_click_rate(emails: Events) -> ShrunkRate:
    """Share of clicked e-mails in the last 91 days; with few e-mails, near the share of all e-mails."""
    return shrunk(emails.having("clicked_at").count(), emails.count())


@signal(
    table="emails",
    looks_back=366,
    unit="days",
    riskier_when="lower",
    family="email",
    reason="unsubscribed from our e-mails {value:.0f} [day|days] ago",
    german="hat unsere E-Mails vor {value:.0f} [Tag|Tagen] abbestellt",
)
def emails_days_since_unsubscribed(emails: Events) -> Array:
    """Days since the customer unsubscribed; missing if the customer has not."""
    return emails.by("unsubscribed_at").days_since_last()


@signal(
    table="emails",
    looks_back=182,
    unit="e-mails",
    riskier_when="higher",
    family="email",
    reason="[did not click in the last e-mail|has clicked in none of the last {value:.0f} e-mails]",
    german="hat in [der letzten E-Mail nicht|keiner der letzten {value:.0f} E-Mails] geklickt",
)
def emails_unclicked_run(emails: Events) -> Array:
    """Number of e-mails sent after the newest e-mail in which the customer clicked."""
    return emails.run_lacking("clicked_at")


@signal(
    table="emails",
    looks_back=182,
    unit="share",
    riskier_when="lower",
    family="email",
    reason="has recently opened about {value:.0%} of our e-mails",
    german="hat in letzter Zeit etwa {value:.0%} unserer E-Mails geöffnet",
)
def emails_open_rate_decayed(emails: Events) -> ShrunkRate:
    """Open rate; an e-mail's weight halves every 30 days; with few e-mails, near the rate of all e-mails."""
    return shrunk(emails.having("opened_at").decayed_count(30), emails.decayed_count(30))


@signal(
    table="emails",
    looks_back=182,
    unit="share",
    riskier_when="lower",
    family="email",
    reason="has recently clicked in about {value:.0%} of our e-mails",
    german="hat in letzter Zeit in etwa {value:.0%} unserer E-Mails geklickt",
)
def emails_click_rate_decayed(emails: Events) -> ShrunkRate:
    """Click rate; an e-mail's weight halves every 30 days; with few e-mails, near the rate of all e-mails."""
    return shrunk(emails.having("clicked_at").decayed_count(30), emails.decayed_count(30))


@signal(
    table="emails",
    looks_back=366,
    unit="days",
    riskier_when="higher",
    family="email",
    reason="last opened an e-mail {value:.0f} [day|days] ago",
    german="hat zuletzt vor {value:.0f} [Tag|Tagen] eine E-Mail geöffnet",
)
def emails_days_since_open(emails: Events) -> Array:
    """Days since the customer last opened an e-mail, no matter when it was sent."""
    return emails.by("opened_at").days_since_last()
