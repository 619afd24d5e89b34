"""Decay: counts in which older rows weigh less; such counts do not jump at the edge of a window."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from churn.features.generic.family import TableFacts, generic
from churn.features.language.events import Array, Events, ratio
from churn.features.signal import Function, Signal

LOOKS_BACK = {7: 56, 30: 182, 90: 366}
"""The look-back for each half-life, both in days. Older rows would weigh almost nothing."""

FAST, SLOW = 7, 30


@generic()
def decay(table: TableFacts) -> Iterator[Signal]:
    """Count rows with weights that halve every 7, 30 or 90 days of age; compare the first two counts."""
    for half_life, days in LOOKS_BACK.items():
        yield table.signal(
            f"decayed_{half_life}d",
            days,
            decayed_count_of(half_life),
            unit=table.count_unit,
            riskier_when=table.lower_if_own,
            doc=f"number of {{noun}}; the weight of a row halves with every {half_life} days of age.",
            english=f"{{noun}}, each counting half as much for every {half_life} days of age: {{value:,.1f}}",
            german=f"{{noun}}, alle {half_life} Tage halb gewichtet: {{value:,.1f}}",
            with_days=False,
        )
    yield table.signal(
        "pace",
        LOOKS_BACK[SLOW],
        pace,
        unit="ratio",
        riskier_when=table.lower_if_own,
        doc="recent number of {noun} per day divided by the usual number per day. In the recent number, the "
        f"weight of a row halves with every {FAST} days of age; in the usual number, with every {SLOW} days.",
        english="{noun}: the recent pace is {value:.0%} of the usual one",
        german="{noun}: das Tempo der letzten Zeit ist {value:.0%} des üblichen",
        with_days=False,
    )


def decayed_count_of(half_life: int) -> Function:
    """Return the function of a signal that counts rows; the weight of a row halves every `half_life` days."""

    def decayed_of(events: Events) -> Array:
        return events.decayed_count(half_life)

    return decayed_of


def pace(events: Events) -> Array:
    """Divide the count with the half-life `FAST` by the count with the half-life `SLOW`.

    Both counts are in rows per day, and 0.1 is added to each.
    """
    fast, slow = (events.decayed_count(half_life) * (np.log(2) / half_life) for half_life in (FAST, SLOW))
    return ratio(fast, slow, prior=0.1)
