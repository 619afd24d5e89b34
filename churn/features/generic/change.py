"""Change: the customer compared with their own past."""

from __future__ import annotations

from collections.abc import Iterator

from churn.features.generic.family import TableFacts, generic
from churn.features.language.events import Array, Events, drop_score, log_ratio
from churn.features.signal import Function, Signal

CHANGE_WINDOWS = (7, 28, 91)
TREND_DAYS = 91
HABIT_DAYS = 182
RECENT_DAYS = 28


@generic()
def change(table: TableFacts) -> Iterator[Signal]:
    """Compare the recent row count with the count before and the usual count; measure the count's trend."""
    for days in CHANGE_WINDOWS:
        yield table.signal(
            f"change_{days}d",
            2 * days,
            change_from_before(days),
            unit="log ratio",
            riskier_when=table.lower_if_own,
            doc=f"logarithm of (a + 1) / (b + 1): a is the number of {{noun}} in the last {days} days, b "
            f"the number in the {days} days before.",
            english=f"{{noun}}: about {{value:log .0% more|fewer}} in {days} days than in the {days} before",
            german=f"{{noun}}: in {days} Tagen etwa {{value:log .0% mehr|weniger}} als in den {days} davor",
            with_days=False,
        )
    yield table.signal(
        "slope",
        TREND_DAYS,
        Events.slope,
        unit=f"{table.count_unit} a day per 28 days",
        riskier_when=table.lower_if_own,
        doc=f"trend of the daily number of {{noun}} in the last {TREND_DAYS} days (least-squares line), as "
        "the change per 28 days.",
        english="{noun}: {value:.2f more|fewer} a day with every four weeks",
        german="{noun}: alle vier Wochen {value:.2f mehr|weniger} am Tag",
    )
    yield table.signal(
        "acceleration",
        TREND_DAYS,
        acceleration,
        unit=f"{table.count_unit} a day per 28 days",
        riskier_when="either",
        doc=f"trend of the daily number of {{noun}} in the last {RECENT_DAYS} days, minus the trend in the "
        f"last {TREND_DAYS} days.",
        english="{noun}: the trend of four weeks lies {value:.2f a day above|a day below} the trend of "
        "three months",
        german="{noun}: der Trend von vier Wochen liegt {value:.2f am Tag über|am Tag unter} dem dreier "
        "Monate",
    )
    yield table.signal(
        "drop",
        HABIT_DAYS,
        drop,
        unit="standard deviations",
        riskier_when=table.lower_if_own,
        doc=f"number of {{noun}} in the last {RECENT_DAYS} days minus the usual number in {RECENT_DAYS} "
        "days, divided by the Poisson standard deviation.",
        english="{noun} of 4 weeks: {value:.1f times the usual swing above|times the usual swing below} "
        "normal",
        german="{noun} in vier Wochen: {value:.1f übliche Schwankungen über|übliche Schwankungen unter} "
        "normal",
    )


def change_from_before(days: int) -> Function:
    """Return the signal `log((recent + 1) / (before + 1))`, which compares two numbers of rows.

    `recent` is the number in the last `days` days, and `before` the number in the `days` days before these.
    """

    def change_of(events: Events) -> Array:
        return log_ratio(events.last(days=days).count(), events.last(days=2 * days, skip=days).count())

    return change_of


def acceleration(events: Events) -> Array:
    """Return the trend of the daily row count in the recent days, minus the trend in the whole window."""
    return events.last(days=RECENT_DAYS).slope() - events.slope()


def drop(events: Events) -> Array:
    """Return the recent number of rows minus the usual number, divided by the Poisson standard deviation."""
    usual = events.last(days=HABIT_DAYS, skip=RECENT_DAYS).per(days=RECENT_DAYS)
    return drop_score(events.last(days=RECENT_DAYS).count(), usual)
