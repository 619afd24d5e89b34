"""Peers: the customer beside everybody else at the same cutoff, so that season and price list drop out."""

from __future__ import annotations

from collections.abc import Iterator

from churn.features.generic.about import About, generic
from churn.features.language.events import Events, among_peers, beyond_population
from churn.features.language.population import AmongPeers, BeyondPopulation
from churn.features.signal import Signal

DAYS = 28


@generic()
def peers(about: About) -> Iterator[Signal]:
    """Place among customers of the same plan and tenure, and own change beyond that of everybody."""
    yield about.signal(
        "peer_rank",
        DAYS,
        peer_rank,
        unit="share",
        riskier_when=about.less,
        doc=f"share of peers (plan, tenure band) with fewer {{noun}} in {DAYS} days, ties counted half.",
        said=f"{{noun}} in the last {DAYS} days: more than {{value:.0%}} of comparable customers have",
        sagt=f"{{noun}} in den letzten {DAYS} Tagen: mehr als {{value:.0%}} vergleichbarer Kunden",
    )
    yield about.signal(
        f"beyond_season_{DAYS}d",
        2 * DAYS,
        beyond_season,
        unit="log ratio",
        riskier_when=about.less,
        doc=f"log change of {{noun}} to the {DAYS} days before, minus that of all customers together.",
        said="{noun} of four weeks: about {value:log .0% more|fewer} than if they followed those of all",
        sagt="{noun} von vier Wochen: etwa {value:log .0% mehr|weniger}, als folgten sie denen aller",
        dated=False,
    )


def peer_rank(events: Events) -> AmongPeers:
    """Return the place of the count among the peers' counts."""
    return among_peers(events.count())


def beyond_season(events: Events) -> BeyondPopulation:
    """Return the own change beyond the population's."""
    return beyond_population(events.last(DAYS).count(), events.last(2 * DAYS, skip=DAYS).count())
