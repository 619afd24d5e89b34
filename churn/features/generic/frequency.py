"""Frequency: how many rows a customer has in each window, and on how many days."""

from __future__ import annotations

from collections.abc import Iterator

from churn.features.generic.family import TableFacts, generic
from churn.features.language.events import Array, Events
from churn.features.signal import Signal

LIFE_DAYS = 728
"""The look-back of the rate since sign-up: two years, independent of `signals.windows`."""

RATE_DAYS = 28
QUIET_DAYS = 30


@generic()
def frequency(table: TableFacts) -> Iterator[Signal]:
    """Count rows in each window. For activity and purchases, also count active days and rows per 28 days."""
    for days in table.windows:
        yield table.signal(
            "count",
            days,
            Events.count,
            unit=table.count_unit,
            riskier_when=table.lower_if_own,
            doc=f"number of {{noun}} in the last {days} days.",
            english=f"{{noun}} in the last {days} days: {{value:,.0f}}",
            german=f"{{noun}} in den letzten {days} Tagen: {{value:,.0f}}",
        )
        if table.is_own:
            yield table.signal(
                "active_days",
                days,
                Events.active_days,
                unit="days",
                riskier_when=table.lower_if_own,
                doc=f"number of days with {{noun}} in the last {days} days.",
                english=f"days with {{noun}} in the last {days} days: {{value:,.0f}}",
                german=f"Tage mit {{noun}} in den letzten {days} Tagen: {{value:,.0f}}",
            )
    if table.is_own:
        yield table.signal(
            "rate",
            LIFE_DAYS,
            rate,
            unit=f"{table.count_unit} per {RATE_DAYS} days",
            riskier_when=table.lower_if_own,
            doc=f"{{noun}} per {RATE_DAYS} days in the time since the sign-up (at most the last two years). "
            f"{QUIET_DAYS} days are added to this time, so that a few {{noun}} soon after the sign-up do not "
            "give a high rate.",
            english=f"{{noun}}: {{value:,.1f}} per {RATE_DAYS} days since sign-up",
            german=f"{{noun}}: {{value:,.1f}} je {RATE_DAYS} Tage seit der Anmeldung",
        )


def rate(events: Events) -> Array:
    """Return the number of rows per 28 days since the sign-up.

    The divisor is the number of days since the sign-up, plus 30.
    """
    return events.per(RATE_DAYS, quiet_days=QUIET_DAYS)
