"""What a signal is written with: the view of a table's events with all verbs, and the arithmetic beside it.

Each verb ends in one number per customer.
"""

from __future__ import annotations

from churn.features.arithmetic import drop_score, log_ratio, ratio
from churn.features.btyd_verbs import LifetimeVerbs
from churn.features.folding import FoldingVerbs
from churn.features.mix import MixVerbs
from churn.features.ordered import OrderedVerbs
from churn.features.population import Shrunk, among_peers, beyond_population, shrunk
from churn.features.reader import Array
from churn.features.rhythm import RhythmVerbs
from churn.features.weeks import WeekVerbs

__all__ = [
    "Array",
    "Events",
    "Shrunk",
    "among_peers",
    "beyond_population",
    "drop_score",
    "log_ratio",
    "ratio",
    "shrunk",
]


class Events(FoldingVerbs, WeekVerbs, OrderedVerbs, MixVerbs, RhythmVerbs, LifetimeVerbs):
    """The events of one table as known at the cutoff, in `[cutoff - days, cutoff - skip)`."""
