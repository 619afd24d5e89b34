"""Breadth: how many kinds of rows a customer has, and how the mix of kinds changes.

The signals of this module need every row of their windows; sums over periods are not enough.
"""

from __future__ import annotations

from collections.abc import Iterator

from churn.features.generic.family import TableFacts, generic
from churn.features.language.events import Array, Events
from churn.features.signal import Signal

KIND_WINDOWS = (28, 91)
QUARTER_DAYS = 91
RECENT_DAYS = 28


@generic(needs="kind")
def breadth(table: TableFacts) -> Iterator[Signal]:
    """Measure how many kinds of rows occur, how equal their shares are, and how much the shares changed."""
    for days in KIND_WINDOWS:
        yield table.signal(
            "kinds",
            days,
            Events.kinds,
            unit="kinds",
            riskier_when=table.lower_if_own,
            doc=f"distinct kinds of {{noun}} in the last {days} days.",
            english=f"different kinds of {{noun}} in the last {days} days: {{value:.0f}}",
            german=f"{{noun}}: verschiedene Arten in den letzten {days} Tagen: {{value:.0f}}",
        )
    yield table.signal(
        "kinds_kept",
        QUARTER_DAYS,
        kinds_kept,
        unit="share",
        riskier_when=table.lower_if_own,
        doc=f"number of kinds of {{noun}} in the last {RECENT_DAYS} days, divided by the number in the last "
        f"{QUARTER_DAYS} days.",
        english=f"{{noun}}: {{value:.0%}} of the kinds of three months occurred in the last {RECENT_DAYS} "
        "days",
        german=f"{{noun}}: {{value:.0%}} der Arten dreier Monate kamen in den letzten {RECENT_DAYS} Tagen "
        "vor",
    )
    yield table.signal(
        "kinds_new",
        QUARTER_DAYS,
        kinds_new,
        unit="kinds",
        riskier_when="either",
        doc=f"kinds of {{noun}} that occurred in the last {RECENT_DAYS} days, but not in the "
        f"{QUARTER_DAYS - RECENT_DAYS} days before.",
        english=f"new kinds of {{noun}} in the last {RECENT_DAYS} days: {{value:.0f}}",
        german=f"{{noun}}: neue Arten in den letzten {RECENT_DAYS} Tagen: {{value:.0f}}",
    )
    yield table.signal(
        "kind_entropy",
        QUARTER_DAYS,
        Events.kind_entropy,
        unit="nats",
        riskier_when="either",
        doc=f"entropy of the kinds of {{noun}} in the last {QUARTER_DAYS} days; 0 for a single kind.",
        english="{noun}: variety of kinds {value:.2f} (0 is a single kind)",
        german="{noun}: Vielfalt der Arten {value:.2f} (0 ist eine einzige Art)",
    )
    yield table.signal(
        "kind_shift",
        QUARTER_DAYS,
        kind_shift,
        unit="0..1",
        riskier_when="either",
        doc=f"how far the mix of kinds of {{noun}} in the last {RECENT_DAYS} days differs from the mix in "
        f"the {QUARTER_DAYS - RECENT_DAYS} days before (Jensen-Shannon distance).",
        english="{noun}: the mix of kinds has shifted by {value:.0%}",
        german="{noun}: die Mischung der Arten hat sich um {value:.0%} verschoben",
    )


def kinds_kept(events: Events) -> Array:
    """Of the kinds of rows in the window, return the share that occurs in the last `RECENT_DAYS` days."""
    return events.kind_share(RECENT_DAYS)


def kinds_new(events: Events) -> Array:
    """Count the kinds of rows that occur in the window's last `RECENT_DAYS` days but not before."""
    return events.kinds_new(RECENT_DAYS)


def kind_shift(events: Events) -> Array:
    """Return how much the mix of kinds of rows in the last `RECENT_DAYS` days differs from the mix before."""
    return events.kind_shift(RECENT_DAYS)
