"""Frequency: how many rows, on how many days, in each window."""

from __future__ import annotations

from collections.abc import Iterator

from churn.features.events import Events
from churn.features.generic.about import About, generic
from churn.features.signal import Signal


@generic()
def frequency(about: About) -> Iterator[Signal]:
    """Counts and, where the customer acts, distinct active days over `signals.windows`."""
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
