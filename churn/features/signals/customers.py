"""Profile: the time since a customer signed up."""

from __future__ import annotations

from churn.features.language.events import Array, Events
from churn.features.signal import signal


@signal(
    table="customers",
    looks_back=1,
    unit="days",
    riskier_when="either",
    family="profile",
    reason="has been a customer for {value:.0f} [day|days]",
    german="ist seit {value:.0f} [Tag|Tagen] Kunde",
)
def tenure_days(customers: Events) -> Array:
    """Days since sign-up."""
    return customers.tenure_days()
