"""Skipped payments: bills that are not paid, or are paid late."""

from __future__ import annotations

import numpy as np

from churn.features.language.events import Array, Events, ShrunkRate, shrunk
from churn.features.signal import signal

GRACE_DAYS = 3
"""A bill that is paid within this number of days after it fell due is not late."""


@signal(
    table="payments",
    looks_back=182,
    unit="days",
    riskier_when="higher",
    family="payment",
    reason="a payment is {value:.0f} [day|days] overdue",
    german="eine Zahlung ist {value:.0f} [Tag|Tage] überfällig",
)
def payment_days_overdue(payments: Events) -> Array:
    """Days since the oldest unpaid bill of the last 182 days fell due; 0 if all bills are paid."""
    overdue = payments.lacking("paid_at").days_since_first()
    return np.where(payments.count() > 0, np.nan_to_num(overdue), np.nan)


@signal(
    table="payments",
    looks_back=91,
    unit="bills",
    riskier_when="higher",
    family="payment",
    reason="unpaid bills of the last 91 days: {value:.0f}",
    german="unbezahlte Rechnungen der letzten 91 Tage: {value:.0f}",
)
def payments_skipped(payments: Events) -> Array:
    """Unpaid bills that fell due in the last 91 days."""
    return payments.lacking("paid_at").count()


@signal(
    table="payments",
    looks_back=182,
    unit="share",
    riskier_when="higher",
    family="payment",
    reason="a charge failed on about {value:.0%} of the bills of the last 182 days",
    german="bei etwa {value:.0%} der Rechnungen der letzten 182 Tage schlug eine Abbuchung fehl",
)
def payment_failed_share(payments: Events) -> ShrunkRate:
    """Share of bills with a failed charge (last 182 days); with few bills, near the share of all bills."""
    return shrunk(payments.having("failed_at").count(), payments.count())


@signal(
    table="payments",
    looks_back=182,
    unit="days",
    riskier_when="higher",
    family="payment",
    reason="pays {value:.1f days after|days before} the due date on average",
    german="zahlt im Mittel {value:.1f Tage nach|Tage vor} der Fälligkeit",
)
def payment_days_late(payments: Events) -> Array:
    """Mean days from due date to payment of the bills of the last 182 days; below 0 if early."""
    return payments.mean_days_to("paid_at")


@signal(
    table="payments",
    looks_back=91,
    unit="days",
    riskier_when="lower",
    family="payment",
    reason="the card on file: {value:.0f [day|days] until it expires|[day|days] since it expired}",
    german="die hinterlegte Karte: {value:.0f [Tag|Tage] bis zum Ablauf|[Tag|Tage] seit dem Ablauf}",
)
def card_days_left(payments: Events) -> Array:
    """Days until the card of the latest bill expires; below 0 if it has expired."""
    return payments.days_until("card_expires_at")


@signal(
    table="payments",
    looks_back=366,
    unit="days",
    riskier_when="higher",
    family="payment",
    reason="has recently paid {value:.1f days after|days before} the due date on average",
    german="zahlte in letzter Zeit im Mittel {value:.1f Tage nach|Tage vor} der Fälligkeit",
)
def payment_days_late_decayed(payments: Events) -> Array:
    """Mean days from due date to payment in the last 366 days; a bill's weight halves per 60 days of age."""
    return payments.decayed_hours_to("paid_at", half_life_days=60) / 24.0


@signal(
    table="payments",
    looks_back=182,
    unit="share",
    riskier_when="higher",
    family="payment",
    reason="pays about {value:.0%} of the bills more than 3 days late",
    german="zahlt etwa {value:.0%} der Rechnungen mehr als 3 Tage zu spät",
)
def payment_late_share(payments: Events) -> ShrunkRate:
    """Share of bills over 3 days late, due 3 to 182 days ago; with few bills, near the share of all bills.

    Such a bill was paid more than 3 days after it fell due, or it is still unpaid.
    """
    due = payments.last(days=182, skip=GRACE_DAYS)
    late = due.having("paid_at").count_slower("paid_at", GRACE_DAYS) + due.lacking("paid_at").count()
    return shrunk(late, due.count())


@signal(
    table="payments",
    looks_back=182,
    unit="days",
    riskier_when="higher",
    family="payment",
    reason="pays {value:.1f days later|days earlier} than a quarter ago",
    german="zahlt {value:.1f Tage später|Tage früher} als vor einem Vierteljahr",
)
def payment_days_late_change(payments: Events) -> Array:
    """Mean days from due date to payment: bills of the last 91 days minus bills of the 91 days before."""
    recent, before = payments.last(days=91), payments.last(days=182, skip=91)
    return recent.mean_days_to("paid_at") - before.mean_days_to("paid_at")


@signal(
    table="payments",
    looks_back=91,
    unit="charges",
    riskier_when="higher",
    family="payment",
    reason="failed charges in the last 91 days: {value:.0f}",
    german="fehlgeschlagene Abbuchungen in den letzten 91 Tagen: {value:.0f}",
)
def payments_failed(payments: Events) -> Array:
    """Charges that failed in the last 91 days, no matter when the bills were due."""
    return payments.by("failed_at").count()


@signal(
    table="payments",
    looks_back=182,
    unit="bills",
    riskier_when="higher",
    family="payment",
    reason="has not paid the last [bill|{value:.0f} bills]",
    german="hat die [letzte Rechnung|letzten {value:.0f} Rechnungen] nicht bezahlt",
)
def payments_unpaid_run(payments: Events) -> Array:
    """Unpaid bills in a row, counted back from the latest bill that fell due, up to 182 days back."""
    return payments.run_lacking("paid_at")
