"""Skipped payments: bills that fall due and are not paid, or are paid late."""

from __future__ import annotations

import numpy as np

from churn.features.events import Array, Events, Shrunk, shrunk
from churn.features.signal import signal


@signal(
    table="payments",
    looks_back=182,
    unit="days",
    riskier_when="higher",
    family="payment",
    reason="a payment is {value:.0f} days overdue",
    german="eine Zahlung ist {value:.0f} Tage überfällig",
)
def payment_days_overdue(payments: Events) -> Array:
    """Days since the oldest unpaid bill of the last 182 days fell due; 0 when all are paid."""
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
    """Bills that fell due in the last 91 days and are not paid."""
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
def payment_failed_share(payments: Events) -> Shrunk:
    """Share of the bills of the last 182 days with a failed charge, drawn towards everybody's."""
    return shrunk(payments.having("failed_at").count(), payments.count())


@signal(
    table="payments",
    looks_back=182,
    unit="days",
    riskier_when="higher",
    family="payment",
    reason="pays {value:.1f} days after the due date on average",
    german="zahlt im Mittel {value:.1f} Tage nach Fälligkeit",
)
def payment_days_late(payments: Events) -> Array:
    """Mean days from due to paid over the paid bills of the last 182 days; early counts below 0."""
    return payments.mean_days_to("paid_at")


@signal(
    table="payments",
    looks_back=91,
    unit="days",
    riskier_when="lower",
    family="payment",
    reason="the card on file expires in {value:.0f} days",
    german="die hinterlegte Karte läuft in {value:.0f} Tagen ab",
)
def card_days_left(payments: Events) -> Array:
    """Days until the card of the latest bill expires; below 0 when it has."""
    return payments.days_until("card_expires_at")
