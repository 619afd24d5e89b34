"""Rhythm: the gaps between active days, and the days of the week; each passes over the rows of its window."""

from __future__ import annotations

from collections.abc import Iterator

from churn.features.generic.about import About, generic
from churn.features.language.events import Array, Events, ratio
from churn.features.signal import Signal

DAYS = 182
QUARTER_DAYS = 91


@generic()
def rhythm(about: About) -> Iterator[Signal]:
    """Length, spread, order and trend of the gaps between active days, and the habit of weekdays."""
    yield about.signal(
        "gap_mean",
        DAYS,
        Events.mean_gap,
        unit="days",
        riskier_when=about.more,
        doc=f"mean days between active days of {{noun}} of the last {DAYS} days.",
        said="{noun}: {value:.1f} days apart on average",
        sagt="{noun}: im Mittel {value:.1f} Tage auseinander",
    )
    yield about.signal(
        "gap_median",
        DAYS,
        gap_median,
        unit="days",
        riskier_when=about.more,
        doc=f"median of the days between active days of {{noun}} of the last {DAYS} days.",
        said="{noun}: mostly {value:.0f} [day|days] apart",
        sagt="{noun}: meist {value:.0f} [Tag|Tage] auseinander",
    )
    yield about.signal(
        "gap_variation",
        DAYS,
        gap_variation,
        unit="ratio",
        riskier_when="either",
        doc=f"standard deviation over mean of the gaps of {{noun}} of the last {DAYS} days.",
        said="{noun}: the gaps vary by {value:.0%} of their mean",
        sagt="{noun}: die Abstände schwanken um {value:.0%} ihres Mittels",
    )
    yield about.signal(
        "gap_rank",
        DAYS,
        Events.gap_rank,
        unit="share",
        riskier_when=about.more,
        doc=f"share of the customer's own gaps of {{noun}} of {DAYS} days that the present silence reaches.",
        said="{noun}: {value:.0%} of the past gaps were no longer than the present silence",
        sagt="{noun}: {value:.0%} der früheren Pausen waren nicht länger als die jetzige",
    )
    yield about.signal(
        "gap_latest",
        DAYS,
        gap_latest,
        unit="ratio",
        riskier_when=about.more,
        doc=f"the latest gap between active days of {{noun}} over the mean gap of the last {DAYS} days.",
        said="{noun}: the latest gap was {value:.1f} times as long as usual",
        sagt="{noun}: der letzte Abstand war {value:.1f}-mal so lang wie üblich",
    )
    yield about.signal(
        "gap_trend",
        DAYS,
        Events.gap_trend,
        unit="log days per gap",
        riskier_when=about.more,
        doc=f"least-squares trend of the log of the gaps of {{noun}} of the last {DAYS} days.",
        said="{noun}: each gap is about {value:log .0% longer|shorter} than the one before",
        sagt="{noun}: jeder Abstand ist etwa {value:log .0% länger|kürzer} als der vorige",
    )
    yield about.signal(
        "gap_longest",
        DAYS,
        Events.longest_gap,
        unit="days",
        riskier_when=about.more,
        doc=f"the longest gap between active days of {{noun}} of the last {DAYS} days.",
        said="{noun}: the longest gap was {value:.0f} [day|days]",
        sagt="{noun}: der längste Abstand betrug {value:.0f} [Tag|Tage]",
    )
    yield about.signal(
        "burstiness",
        DAYS,
        Events.burstiness,
        unit="-1..1",
        riskier_when="either",
        doc=f"burstiness of {{noun}} of {DAYS} days: -1 like a clock, 0 at random, towards 1 in bursts.",
        said="{noun}: {value:.0% of the way from chance to bursts|of the way from chance to clockwork}",
        sagt="{noun}: {value:.0% des Weges von Zufall zu Schüben|des Weges von Zufall zum Takt einer Uhr}",
    )
    yield about.signal(
        "clumpiness",
        DAYS,
        Events.clumpiness,
        unit="0..1",
        riskier_when="either",
        doc=f"clumpiness of {{noun}} of the last {DAYS} days: 0 spread evenly, 1 all at once.",
        said="{noun}: {value:.0%} of the way from evenly spread to all at once",
        sagt="{noun}: {value:.0%} des Weges von gleich verteilt zu alle auf einmal",
    )
    yield about.signal(
        "weekday_entropy",
        DAYS,
        Events.weekday_entropy,
        unit="0..1",
        riskier_when="either",
        doc=f"evenness of {{noun}} over the weekdays of {DAYS} days: 0 always the same day, 1 all alike.",
        said="{noun}: {value:.0%} of the way from one weekday only to all weekdays alike",
        sagt="{noun}: {value:.0%} des Weges von einem einzigen Wochentag zu allen gleich",
    )
    yield about.signal(
        "missed_weekdays",
        QUARTER_DAYS,
        Events.missed_weekdays,
        unit="share",
        riskier_when=about.more,
        doc=f"share of active days of {{noun}} of {QUARTER_DAYS} days on weekdays that the last week lacks.",
        said="{noun}: {value:.0%} used to fall on weekdays on which the last week had none",
        sagt="{noun}: {value:.0%} fielen sonst auf Wochentage, an denen es letzte Woche keine gab",
    )


def gap_median(events: Events) -> Array:
    """Return the median gap."""
    return events.gap_quantile(0.5)


def gap_variation(events: Events) -> Array:
    """Return the spread of the gaps over their mean."""
    return ratio(events.gap_spread(), events.mean_gap())


def gap_latest(events: Events) -> Array:
    """Return the latest gap over the mean gap."""
    return ratio(events.last_gap(), events.mean_gap())
