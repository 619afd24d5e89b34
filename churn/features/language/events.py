"""What the author of a signal needs: `Events`, whose methods are the verbs, and functions for arithmetic.

A chain of verbs, such as `logins.last(days=28).count()`, gives an array `[n]`: one number for each of the n
customers.
"""

from __future__ import annotations

from churn.features.language.arithmetic import drop_score, log_ratio, ratio
from churn.features.language.btyd_verbs import LifetimeVerbs
from churn.features.language.folding import FoldingVerbs
from churn.features.language.mix import MixVerbs
from churn.features.language.population import ShrunkRate, among_peers, beyond_population, shrunk
from churn.features.language.reader import Array
from churn.features.language.rhythm import RhythmVerbs
from churn.features.language.value_order import OrderedVerbs
from churn.features.language.weeks import WeekVerbs

__all__ = [
    "Array",
    "Events",
    "ShrunkRate",
    "among_peers",
    "beyond_population",
    "drop_score",
    "log_ratio",
    "ratio",
    "shrunk",
]


class Events(FoldingVerbs, WeekVerbs, OrderedVerbs, MixVerbs, RhythmVerbs, LifetimeVerbs):
    """The events of one table in `[cutoff - days, cutoff - skip)`, as known at the cutoff."""
