"""Decay: counts in which the past fades, so that no window has an edge."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from churn.features.generic.about import About, generic
from churn.features.language.events import Array, Events, ratio
from churn.features.signal import Function, Signal

LOOKS_BACK = {7: 56, 30: 182, 90: 366}
"""Days by half-life: what is older weighs next to nothing, and a table must go back so far."""

FAST, SLOW = 7, 30


@generic()
def decay(about: About) -> Iterator[Signal]:
    """Counts that halve with every half-life, and the fast one over the slow one."""
    for half_life, days in LOOKS_BACK.items():
        yield about.signal(
            f"decayed_{half_life}d",
            days,
            decayed(half_life),
            unit=about.counted,
            riskier_when=about.less,
            doc=f"{{noun}}, each weighing half as much for every {half_life} days of its age.",
            said=f"{{noun}}, each counting half as much for every {half_life} days of age: {{value:,.1f}}",
            sagt=f"{{noun}}, alle {half_life} Tage halb gewichtet: {{value:,.1f}}",
            dated=False,
        )
    yield about.signal(
        "pace",
        LOOKS_BACK[SLOW],
        pace,
        unit="ratio",
        riskier_when=about.less,
        doc=f"the pace of {{noun}} with a half-life of {FAST} days over that with {SLOW} days.",
        said="{noun}: the recent pace is {value:.0%} of the usual one",
        sagt="{noun}: das Tempo der letzten Zeit ist {value:.0%} des üblichen",
        dated=False,
    )


def decayed(half_life: int) -> Function:
    """Return the signal of a fading count."""

    def decayed_of(events: Events) -> Array:
        return events.decayed_count(half_life)

    return decayed_of


def pace(events: Events) -> Array:
    """Return the fast fading count over the slow one, both as rows a day with a tenth of a row added."""
    fast, slow = (events.decayed_count(half_life) * (np.log(2) / half_life) for half_life in (FAST, SLOW))
    return ratio(fast, slow, prior=0.1)
