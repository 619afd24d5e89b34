"""Recency: the time since the customer's latest row."""

from __future__ import annotations

from collections.abc import Iterator

from churn.features.generic.family import TableFacts, generic
from churn.features.language.events import Array, Events, ratio
from churn.features.signal import Signal

YEAR_DAYS = 366
"""The look-back for the latest row."""

HABIT_DAYS = 182
WEEK_DAYS = 7


@generic()
def recency(table: TableFacts) -> Iterator[Signal]:
    """Measure the time since the latest row; compare it with the usual gap and the time since sign-up."""
    yield table.signal(
        "days_since_last",
        YEAR_DAYS,
        Events.days_since_last,
        unit="days",
        riskier_when=table.higher_if_own,
        doc=f"days since the last of the {{noun}}; missing if there was none in {YEAR_DAYS} days.",
        english="{noun}: the last one {value:.0f} [day|days] ago",
        german="{noun}: zuletzt vor {value:.0f} [Tag|Tagen]",
        with_days=False,
    )
    if table.is_own:
        yield table.signal(
            "silence",
            HABIT_DAYS,
            silence,
            unit="ratio",
            riskier_when=table.higher_if_own,
            doc="(a + 7) / (b + 7): a is the number of days since the last of the {noun}, b the mean gap in "
            f"days between {{noun}} in the last {HABIT_DAYS} days.",
            english="{noun}: the present silence is {value:.1f} times the usual gap",
            german="{noun}: die jetzige Pause ist {value:.1f}-mal so lang wie üblich",
        )
        yield table.signal(
            "silent_share",
            YEAR_DAYS,
            silent_share,
            unit="share",
            riskier_when=table.higher_if_own,
            doc="days since the last of the {noun}, divided by the days since the sign-up.",
            english="{noun}: silent for {value:.0%} of the time since sign-up",
            german="{noun}: {value:.0%} der Zeit seit der Anmeldung keine",
            with_days=False,
        )


def silence(events: Events) -> Array:
    """Return `(days since the latest row + 7) / (mean gap between rows + 7)`."""
    return ratio(events.days_since_last(), events.mean_gap(), prior=WEEK_DAYS)


def silent_share(events: Events) -> Array:
    """Return the days since the latest row divided by the days since sign-up."""
    return ratio(events.days_since_last(), events.tenure_days())
