"""Change: the customer against their own past."""

from __future__ import annotations

from collections.abc import Iterator

from churn.features.events import Array, Events, drop_score, log_ratio
from churn.features.generic.about import About, generic
from churn.features.signal import Function, Signal

SPANS = (7, 28, 91)
TREND_DAYS = 91
HABIT_DAYS = 182
RECENT_DAYS = 28


@generic()
def change(about: About) -> Iterator[Signal]:
    """Counts against the time before, trends of the daily count, and how far below the habit."""
    for days in SPANS:
        yield about.signal(
            f"change_{days}d",
            2 * days,
            changed(days),
            unit="log ratio",
            riskier_when=about.less,
            doc=f"log of {{noun}} in the last {days} days over the {days} days before, one added to each.",
            said=f"{{noun}}: change of the last {days} days to the {days} before: {{value:+.2f}} (log)",
            sagt=f"{{noun}}: Veränderung der letzten {days} Tage zu den {days} davor: {{value:+.2f}} (log)",
            dated=False,
        )
    yield about.signal(
        "slope",
        TREND_DAYS,
        Events.slope,
        unit=f"{about.counted} a day per 28 days",
        riskier_when=about.less,
        doc=f"least-squares trend of {{noun}} a day over {TREND_DAYS} days, per 28 days.",
        said="{noun}: trend {value:+.2f} a day every four weeks",
        sagt="{noun}: Trend {value:+.2f} pro Tag alle vier Wochen",
    )
    yield about.signal(
        "acceleration",
        TREND_DAYS,
        acceleration,
        unit=f"{about.counted} a day per 28 days",
        riskier_when="either",
        doc=f"trend of {{noun}} a day over {RECENT_DAYS} days minus that over {TREND_DAYS} days.",
        said="{noun}: the trend of four weeks differs by {value:+.2f} a day from that of three months",
        sagt="{noun}: der Trend von vier Wochen weicht um {value:+.2f} pro Tag von dem dreier Monate ab",
    )
    yield about.signal(
        "drop",
        HABIT_DAYS,
        drop,
        unit="standard deviations",
        riskier_when=about.less,
        doc=f"{{noun}} of {RECENT_DAYS} days minus the usual number, in Poisson standard deviations.",
        said="{noun}: {value:+.1f} standard deviations off the usual number of four weeks",
        sagt="{noun}: {value:+.1f} Standardabweichungen neben der üblichen Zahl in vier Wochen",
    )


def changed(days: int) -> Function:
    """Return the signal of the change from the `days` before the last `days`."""

    def change_of(events: Events) -> Array:
        return log_ratio(events.last(days=days).count(), events.last(days=2 * days, skip=days).count())

    return change_of


def acceleration(events: Events) -> Array:
    """Return the trend of the recent days minus that of the whole window."""
    return events.last(days=RECENT_DAYS).slope() - events.slope()


def drop(events: Events) -> Array:
    """Return how far the recent count lies off the usual one."""
    usual = events.last(days=HABIT_DAYS, skip=RECENT_DAYS).per(days=RECENT_DAYS)
    return drop_score(events.last(days=RECENT_DAYS).count(), usual)
