"""Weeks: count the rows in each of the last weeks, and measure how much these numbers fall."""

from __future__ import annotations

from collections.abc import Iterator

from churn.features.generic.family import TableFacts, generic
from churn.features.language.events import Array, Events
from churn.features.signal import Function, Signal

SINGLE_WEEKS = 5
TWELVE_WEEKS_DAYS, HALF_YEAR_DAYS = 84, 182


@generic()
def weeks(table: TableFacts) -> Iterator[Signal]:
    """Count rows in each of the last 5 weeks; count weeks without rows; compare the rows of recent
    weeks with those of the last half year.
    """
    for k in range(1, SINGLE_WEEKS + 1):
        yield table.signal(
            f"week_{k}",
            7 * k,
            week(k),
            unit=table.count_unit,
            riskier_when=table.lower_if_own,
            doc=f"number of {{noun}} in the {NTH[k]} week before the cutoff.",
            english=f"{{noun}} {AGO[k]}: {{value:,.0f}}",
            german=f"{{noun}} {VOR[k]}: {{value:,.0f}}",
            with_days=False,
        )
    yield table.signal(
        "active_weeks",
        TWELVE_WEEKS_DAYS,
        Events.active_weeks,
        unit="share",
        riskier_when=table.lower_if_own,
        doc="of the last 12 weeks, the share that had {noun}.",
        english="{noun} in {value:.0%} of the last 12 weeks",
        german="{noun} in {value:.0%} der letzten 12 Wochen",
    )
    yield table.signal(
        "inactive_weeks",
        HALF_YEAR_DAYS,
        Events.inactive_weeks,
        unit="weeks",
        riskier_when=table.higher_if_own,
        doc="number of successive whole weeks without {noun} directly before the cutoff, at most 26.",
        english="whole weeks without {noun}: {value:.0f}",
        german="{noun}: keine seit [einer ganzen Woche|{value:.0f} ganzen Wochen]",
    )
    yield table.signal(
        "quieting_rate",
        HALF_YEAR_DAYS,
        Events.quieting_rate,
        unit="share",
        riskier_when=table.higher_if_own,
        doc="probability that a week with {noun} is followed by a week without {noun}, estimated from the "
        "last 26 weeks.",
        english="{noun}: about {value:.0%} of the active weeks were followed by a silent one",
        german="{noun}: auf etwa {value:.0%} der aktiven Wochen folgte eine stille",
    )
    yield table.signal(
        "drawdown",
        HALF_YEAR_DAYS,
        Events.drawdown,
        unit="ratio",
        riskier_when=table.lower_if_own,
        doc="number of {noun} in the last four weeks, divided by the number in the best four successive "
        "weeks of the last 26.",
        english="{noun}: the last four weeks reach {value:.0%} of the best four",
        german="{noun}: die letzten vier Wochen erreichen {value:.0%} der besten vier",
    )
    yield table.signal(
        "shortfall",
        HALF_YEAR_DAYS,
        Events.shortfall,
        unit="mean weeks",
        riskier_when=table.higher_if_own,
        doc="lag of {noun} behind their weekly mean m of the last 26 weeks, divided by m. The lag starts at "
        "0; each week with y {noun} changes it to max(0, lag + m - y) (CUSUM).",
        english="{noun}: behind the usual number by {value:.1f} usual weeks",
        german="{noun}: {value:.1f} übliche Wochen im Rückstand",
    )
    yield table.signal(
        "shortfall_weeks",
        HALF_YEAR_DAYS,
        Events.shortfall_weeks,
        unit="weeks",
        riskier_when=table.higher_if_own,
        doc="weeks since {noun} fell behind their weekly mean of the last 26 weeks.",
        english="{noun}: fewer than usual for {value:.0f} [week|weeks]",
        german="{noun}: seit {value:.0f} [Woche|Wochen] weniger als üblich",
    )


NTH = ("", "last", "second last", "third last", "fourth last", "fifth last")
AGO = ("", "in the last week", "two weeks ago", "three weeks ago", "four weeks ago", "five weeks ago")
VOR = ("", "in der letzten Woche", "vor zwei Wochen", "vor drei Wochen", "vor vier Wochen", "vor fünf Wochen")


def week(k: int) -> Function:
    """Return the signal of the count in the week `k` before the cutoff; 1 is the last week."""

    def week_of(events: Events) -> Array:
        return events.week(k).count()

    return week_of
