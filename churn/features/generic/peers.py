"""Peers: compare the customer with others at the same cutoff, which removes effects of the season."""

from __future__ import annotations

from collections.abc import Iterator

from churn.features.generic.family import TableFacts, generic
from churn.features.language.events import Events, among_peers, beyond_population
from churn.features.language.population import AmongPeers, BeyondPopulation
from churn.features.signal import Signal

RECENT_DAYS = 28


@generic()
def peers(table: TableFacts) -> Iterator[Signal]:
    """Compare the row count with similar customers, and the change of the count with all customers."""
    yield table.signal(
        "peer_rank",
        RECENT_DAYS,
        peer_rank,
        unit="share",
        riskier_when=table.lower_if_own,
        doc=f"share of peers (same plan and tenure band) with fewer {{noun}} than the customer in "
        f"{RECENT_DAYS} days; a peer with the same number counts half.",
        english=f"{{noun}} in the last {RECENT_DAYS} days: more than {{value:.0%}} of comparable customers "
        "have",
        german=f"{{noun}} in den letzten {RECENT_DAYS} Tagen: mehr als {{value:.0%}} vergleichbarer Kunden",
    )
    yield table.signal(
        f"beyond_season_{RECENT_DAYS}d",
        2 * RECENT_DAYS,
        beyond_season,
        unit="log ratio",
        riskier_when=table.lower_if_own,
        doc="change of the customer's number of {noun}, minus the change for all customers together. A "
        f"change is the log of a ratio: the number in the last {RECENT_DAYS} days, divided by the number in "
        f"the {RECENT_DAYS} days before.",
        english="{noun} of four weeks: about {value:log .0% more|fewer} than the trend of all customers",
        german="{noun} von vier Wochen: etwa {value:log .0% mehr|weniger}, als folgten sie denen aller",
        with_days=False,
    )


def peer_rank(events: Events) -> AmongPeers:
    """Return the share of peers with fewer rows than the customer; a peer with equally many counts half."""
    return among_peers(events.count())


def beyond_season(events: Events) -> BeyondPopulation:
    """Return the change of the customer's row count, minus the change for all customers together.

    A change is the log of this ratio: the count in the last 28 days, divided by the count in the 28 days
    before.
    """
    return beyond_population(
        events.last(RECENT_DAYS).count(), events.last(2 * RECENT_DAYS, skip=RECENT_DAYS).count()
    )
