"""Rhythm: gaps between active days, and weekdays; each signal reads all rows of its window."""

from __future__ import annotations

from collections.abc import Iterator

from churn.features.generic.family import TableFacts, generic
from churn.features.language.events import Array, Events, ratio
from churn.features.signal import Signal

HABIT_DAYS = 182
QUARTER_DAYS = 91


@generic()
def rhythm(table: TableFacts) -> Iterator[Signal]:
    """Measure the gaps between active days (length, regularity, trend) and the weekdays of active days."""
    yield table.signal(
        "gap_mean",
        HABIT_DAYS,
        Events.mean_gap,
        unit="days",
        riskier_when=table.higher_if_own,
        doc=f"mean gap in days between successive days with {{noun}} in the last {HABIT_DAYS} days.",
        english="{noun}: {value:.1f} days apart on average",
        german="{noun}: im Mittel {value:.1f} Tage auseinander",
    )
    yield table.signal(
        "gap_median",
        HABIT_DAYS,
        gap_median,
        unit="days",
        riskier_when=table.higher_if_own,
        doc=f"median gap in days between successive days with {{noun}} in the last {HABIT_DAYS} days.",
        english="{noun}: mostly {value:.0f} [day|days] apart",
        german="{noun}: meist {value:.0f} [Tag|Tage] auseinander",
    )
    yield table.signal(
        "gap_variation",
        HABIT_DAYS,
        gap_variation,
        unit="ratio",
        riskier_when="either",
        doc=f"standard deviation of the gaps between {{noun}} in the last {HABIT_DAYS} days, divided "
        "by the mean of the gaps.",
        english="{noun}: the gaps vary by {value:.0%} of their mean",
        german="{noun}: die Abstände schwanken um {value:.0%} ihres Mittels",
    )
    yield table.signal(
        "gap_rank",
        HABIT_DAYS,
        Events.gap_rank,
        unit="share",
        riskier_when=table.higher_if_own,
        doc="share of past gaps that were at most as long as the present silence (the time since the last of "
        f"the {{noun}}). A gap lies between successive days with {{noun}} in the last {HABIT_DAYS} days.",
        english="{noun}: {value:.0%} of the past gaps were at most as long as the present silence",
        german="{noun}: {value:.0%} der früheren Pausen waren nicht länger als die jetzige",
    )
    yield table.signal(
        "gap_latest",
        HABIT_DAYS,
        gap_latest,
        unit="ratio",
        riskier_when=table.higher_if_own,
        doc="the latest gap between successive days with {noun}, divided by the mean gap of the last "
        f"{HABIT_DAYS} days.",
        english="{noun}: the latest gap was {value:.1f} times as long as usual",
        german="{noun}: der letzte Abstand war {value:.1f}-mal so lang wie üblich",
    )
    yield table.signal(
        "gap_trend",
        HABIT_DAYS,
        Events.gap_trend,
        unit="log days per gap",
        riskier_when=table.higher_if_own,
        doc="slope of a least-squares line: x counts the gaps in the order of time, and y is log(gap). A gap "
        f"is the time in days between successive days with {{noun}} in the last {HABIT_DAYS} days.",
        english="{noun}: each gap is about {value:log .0% longer|shorter} than the one before",
        german="{noun}: jeder Abstand ist etwa {value:log .0% länger|kürzer} als der vorige",
    )
    yield table.signal(
        "gap_longest",
        HABIT_DAYS,
        Events.longest_gap,
        unit="days",
        riskier_when=table.higher_if_own,
        doc=f"the longest gap between successive days with {{noun}} in the last {HABIT_DAYS} days.",
        english="{noun}: the longest gap was {value:.0f} [day|days]",
        german="{noun}: der längste Abstand betrug {value:.0f} [Tag|Tage]",
    )
    yield table.signal(
        "burstiness",
        HABIT_DAYS,
        Events.burstiness,
        unit="-1..1",
        riskier_when="either",
        doc=f"burstiness of {{noun}} in the last {HABIT_DAYS} days: -1 for equal gaps, 0 for random events, "
        "near 1 for bursts.",
        english="{noun}: {value:.0% of the way from chance to bursts|of the way from chance to clockwork}",
        german="{noun}: {value:.0% des Weges von Zufall zu Schüben|des Weges von Zufall zum Takt einer Uhr}",
    )
    yield table.signal(
        "clumpiness",
        HABIT_DAYS,
        Events.clumpiness,
        unit="0..1",
        riskier_when="either",
        doc=f"clumpiness of the days with {{noun}} in the last {HABIT_DAYS} days: 0 if the days are spread "
        "evenly, near 1 if they lie close together.",
        english="{noun}: {value:.0%} of the way from evenly spread to all at once",
        german="{noun}: {value:.0%} des Weges von gleich verteilt zu alle auf einmal",
    )
    yield table.signal(
        "weekday_entropy",
        HABIT_DAYS,
        Events.weekday_entropy,
        unit="0..1",
        riskier_when="either",
        doc=f"how evenly the days with {{noun}} in the last {HABIT_DAYS} days are spread over the seven "
        "weekdays: 0 for one weekday only, 1 for equal shares.",
        english="{noun}: {value:.0%} of the way from one weekday only to all weekdays alike",
        german="{noun}: {value:.0%} des Weges von einem einzigen Wochentag zu allen gleich",
    )
    yield table.signal(
        "missed_weekdays",
        QUARTER_DAYS,
        Events.missed_weekdays,
        unit="share",
        riskier_when=table.higher_if_own,
        doc="share of the days with {noun} that fell on a weekday on which the last week had none. Only days "
        f"in the {QUARTER_DAYS - 7} days before the last week count.",
        english="{noun}: {value:.0%} used to fall on weekdays on which the last week had none",
        german="{noun}: {value:.0%} fielen sonst auf Wochentage, an denen es letzte Woche keine gab",
    )


def gap_median(events: Events) -> Array:
    """Return each customer's median gap between active days, in days."""
    return events.gap_quantile(0.5)


def gap_variation(events: Events) -> Array:
    """Return the standard deviation of each customer's gaps between active days, divided by their mean."""
    return ratio(events.gap_spread(), events.mean_gap())


def gap_latest(events: Events) -> Array:
    """Return each customer's latest gap between active days, divided by the customer's mean gap."""
    return ratio(events.last_gap(), events.mean_gap())
