"""Frequency: how many rows, on how many days, in each window."""

from __future__ import annotations

from collections.abc import Iterator

from churn.features.generic.about import About, generic
from churn.features.language.events import Array, Events
from churn.features.signal import Signal

LIFE_DAYS = 728
"""How far back the rate since sign-up looks: two years, whatever the windows are."""

RATE_DAYS = 28
QUIET_DAYS = 30


@generic()
def frequency(about: About) -> Iterator[Signal]:
    """Counts and, where the customer acts, active days over `signals.windows`, and the rate since sign-up."""
    for days in about.windows:
        yield about.signal(
            "count",
            days,
            Events.count,
            unit=about.counted,
            riskier_when=about.less,
            doc=f"{{noun}} in the last {days} days.",
            said=f"{{noun}} in the last {days} days: {{value:,.0f}}",
            sagt=f"{{noun}} in den letzten {days} Tagen: {{value:,.0f}}",
        )
        if about.own:
            yield about.signal(
                "active_days",
                days,
                Events.active_days,
                unit="days",
                riskier_when=about.less,
                doc=f"distinct days with {{noun}} in the last {days} days.",
                said=f"days with {{noun}} in the last {days} days: {{value:,.0f}}",
                sagt=f"Tage mit {{noun}} in den letzten {days} Tagen: {{value:,.0f}}",
            )
    if about.own:
        yield about.signal(
            "rate",
            LIFE_DAYS,
            rate,
            unit=f"{about.counted} per {RATE_DAYS} days",
            riskier_when=about.less,
            doc=f"{{noun}} per {RATE_DAYS} days since sign-up, two years at most, {QUIET_DAYS} days added.",
            said=f"{{noun}}: {{value:,.1f}} per {RATE_DAYS} days since sign-up",
            sagt=f"{{noun}}: {{value:,.1f}} je {RATE_DAYS} Tage seit der Anmeldung",
        )


def rate(events: Events) -> Array:
    """Return the count per 28 days since sign-up; 30 quiet days are added, for those who just came."""
    return events.per(RATE_DAYS, quiet_days=QUIET_DAYS)
