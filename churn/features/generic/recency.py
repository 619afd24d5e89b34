"""Recency: how long the customer has been silent."""

from __future__ import annotations

from collections.abc import Iterator

from churn.features.generic.about import About, generic
from churn.features.language.events import Array, Events, ratio
from churn.features.signal import Signal

DAYS = 366
"""How far back the latest event is looked for."""

HABIT_DAYS = 182
WEEK_DAYS = 7


@generic()
def recency(about: About) -> Iterator[Signal]:
    """Days since the latest row, and that silence beside the usual gap."""
    yield about.signal(
        "days_since_last",
        DAYS,
        Events.days_since_last,
        unit="days",
        riskier_when=about.more,
        doc=f"days since the latest of {{noun}}; missing if there was none in {DAYS} days.",
        said="{noun}: the last one {value:.0f} [day|days] ago",
        sagt="{noun}: zuletzt vor {value:.0f} [Tag|Tagen]",
        dated=False,
    )
    if about.own:
        yield about.signal(
            "silence",
            HABIT_DAYS,
            silence,
            unit="ratio",
            riskier_when=about.more,
            doc=f"days since the latest of {{noun}} over the mean gap of {HABIT_DAYS} days, 7 added to each.",
            said="{noun}: the present silence is {value:.1f} times the usual gap",
            sagt="{noun}: die jetzige Pause ist {value:.1f}-mal so lang wie üblich",
        )
        yield about.signal(
            "silent_share",
            DAYS,
            silent_share,
            unit="share",
            riskier_when=about.more,
            doc="days since the latest of {noun} over the days since sign-up.",
            said="{noun}: silent for {value:.0%} of the time since sign-up",
            sagt="{noun}: {value:.0%} der Zeit seit der Anmeldung keine",
            dated=False,
        )


def silence(events: Events) -> Array:
    """Return the days since the latest row over the mean gap, a week added to each."""
    return ratio(events.days_since_last(), events.mean_gap(), prior=WEEK_DAYS)


def silent_share(events: Events) -> Array:
    """Return the days since the latest row over the days since sign-up."""
    return ratio(events.days_since_last(), events.tenure_days())
