"""Weeks: the last weeks one by one, and how activity fell from week to week."""

from __future__ import annotations

from collections.abc import Iterator

from churn.features.generic.about import About, generic
from churn.features.language.events import Array, Events
from churn.features.signal import Function, Signal

WEEKS_ALONE = 5
QUARTER_DAYS, HALF_YEAR_DAYS = 84, 182


@generic()
def weeks(about: About) -> Iterator[Signal]:
    """Counts of each of the last five weeks, active and silent weeks, and the fall from the best weeks."""
    for k in range(1, WEEKS_ALONE + 1):
        yield about.signal(
            f"week_{k}",
            7 * k,
            week(k),
            unit=about.counted,
            riskier_when=about.less,
            doc=f"{{noun}} of the {NTH[k]} week before the cutoff.",
            said=f"{{noun}} {AGO[k]}: {{value:,.0f}}",
            sagt=f"{{noun}} {VOR[k]}: {{value:,.0f}}",
            dated=False,
        )
    yield about.signal(
        "active_weeks",
        QUARTER_DAYS,
        Events.active_weeks,
        unit="share",
        riskier_when=about.less,
        doc="share of the last 12 weeks with {noun}.",
        said="{noun} in {value:.0%} of the last 12 weeks",
        sagt="{noun} in {value:.0%} der letzten 12 Wochen",
    )
    yield about.signal(
        "inactive_weeks",
        HALF_YEAR_DAYS,
        Events.inactive_weeks,
        unit="weeks",
        riskier_when=about.more,
        doc="whole weeks without {noun} up to the cutoff, at most 26.",
        said="whole weeks without {noun}: {value:.0f}",
        sagt="{noun}: keine seit [einer ganzen Woche|{value:.0f} ganzen Wochen]",
    )
    yield about.signal(
        "quieting_rate",
        HALF_YEAR_DAYS,
        Events.quieting_rate,
        unit="share",
        riskier_when=about.more,
        doc="share of the weeks with {noun} of the last 26 that a silent one followed, (k + 1) / (n + 2).",
        said="{noun}: about {value:.0%} of the active weeks were followed by a silent one",
        sagt="{noun}: auf etwa {value:.0%} der aktiven Wochen folgte eine stille",
    )
    yield about.signal(
        "drawdown",
        HALF_YEAR_DAYS,
        Events.drawdown,
        unit="ratio",
        riskier_when=about.less,
        doc="{noun} of the last four weeks over those of the best four in a row of 26.",
        said="{noun}: the last four weeks reach {value:.0%} of the best four",
        sagt="{noun}: die letzten vier Wochen erreichen {value:.0%} der besten vier",
    )
    yield about.signal(
        "shortfall",
        HALF_YEAR_DAYS,
        Events.shortfall,
        unit="mean weeks",
        riskier_when=about.more,
        doc="accumulated shortfall of {noun} below the mean of 26 weeks, in mean weeks (CUSUM).",
        said="{noun}: behind the usual number by {value:.1f} usual weeks",
        sagt="{noun}: {value:.1f} übliche Wochen im Rückstand",
    )
    yield about.signal(
        "shortfall_weeks",
        HALF_YEAR_DAYS,
        Events.shortfall_weeks,
        unit="weeks",
        riskier_when=about.more,
        doc="weeks since {noun} began to fall short of the mean of 26 weeks.",
        said="{noun}: fewer than usual for {value:.0f} [week|weeks]",
        sagt="{noun}: seit {value:.0f} [Woche|Wochen] weniger als üblich",
    )


NTH = ("", "last", "second last", "third last", "fourth last", "fifth last")
AGO = ("", "in the last week", "two weeks ago", "three weeks ago", "four weeks ago", "five weeks ago")
VOR = ("", "in der letzten Woche", "vor zwei Wochen", "vor drei Wochen", "vor vier Wochen", "vor fünf Wochen")


def week(k: int) -> Function:
    """Return the signal of the count of the k-th last week."""

    def week_of(events: Events) -> Array:
        return events.week(k).count()

    return week_of
