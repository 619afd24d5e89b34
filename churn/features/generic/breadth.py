"""Breadth: how many kinds, how evenly, and which are new or given up; each passes over the rows."""

from __future__ import annotations

from collections.abc import Iterator

from churn.features.generic.about import About, generic
from churn.features.language.events import Array, Events
from churn.features.signal import Signal

SPANS = (28, 91)
DAYS = 91
RECENT_DAYS = 28


@generic(needs="kind")
def breadth(about: About) -> Iterator[Signal]:
    """Distinct kinds, their evenness, and the shift of their mix."""
    for days in SPANS:
        yield about.signal(
            "kinds",
            days,
            Events.kinds,
            unit="kinds",
            riskier_when=about.less,
            doc=f"distinct kinds of {{noun}} in the last {days} days.",
            said=f"different kinds of {{noun}} in the last {days} days: {{value:.0f}}",
            sagt=f"{{noun}}: verschiedene Arten in den letzten {days} Tagen: {{value:.0f}}",
        )
    yield about.signal(
        "kinds_kept",
        DAYS,
        kinds_kept,
        unit="share",
        riskier_when=about.less,
        doc=f"kinds of {{noun}} of the last {RECENT_DAYS} days over all kinds of {DAYS} days.",
        said=f"{{noun}}: {{value:.0%}} of the kinds of three months occurred in the last {RECENT_DAYS} days",
        sagt=f"{{noun}}: {{value:.0%}} der Arten dreier Monate kamen in den letzten {RECENT_DAYS} Tagen vor",
    )
    yield about.signal(
        "kinds_new",
        DAYS,
        kinds_new,
        unit="kinds",
        riskier_when="either",
        doc=f"kinds of {{noun}} of the last {RECENT_DAYS} days that the rest of {DAYS} days lacks.",
        said=f"new kinds of {{noun}} in the last {RECENT_DAYS} days: {{value:.0f}}",
        sagt=f"{{noun}}: neue Arten in den letzten {RECENT_DAYS} Tagen: {{value:.0f}}",
    )
    yield about.signal(
        "kind_entropy",
        DAYS,
        Events.kind_entropy,
        unit="nats",
        riskier_when="either",
        doc=f"entropy of the kinds of {{noun}} of the last {DAYS} days: 0 for a single kind.",
        said="{noun}: variety of kinds {value:.2f} (0 is a single kind)",
        sagt="{noun}: Vielfalt der Arten {value:.2f} (0 ist eine einzige Art)",
    )
    yield about.signal(
        "kind_shift",
        DAYS,
        kind_shift,
        unit="0..1",
        riskier_when="either",
        doc=f"Jensen-Shannon distance of the kinds of {{noun}} of {RECENT_DAYS} days to the rest of {DAYS}.",
        said="{noun}: the mix of kinds has shifted by {value:.0%}",
        sagt="{noun}: die Mischung der Arten hat sich um {value:.0%} verschoben",
    )


def kinds_kept(events: Events) -> Array:
    """Return the share of the window's kinds that the recent days have."""
    return events.kind_share(RECENT_DAYS)


def kinds_new(events: Events) -> Array:
    """Return the number of kinds that only the recent days have."""
    return events.kinds_new(RECENT_DAYS)


def kind_shift(events: Events) -> Array:
    """Return the distance of the recent mix to the one before."""
    return events.kind_shift(RECENT_DAYS)
