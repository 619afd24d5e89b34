"""Who is compared with whom: customers of the same plan in the same band of tenure."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from churn.data.store import Store
from churn.features.engine.timeline import IntArray
from churn.features.language.population import AmongPeers, Deferred, Peers
from churn.features.language.reader import Array
from churn.features.signal import REGISTRY, Signal

TENURE_BANDS = (91, 182, 365, 730)
"""Days since sign-up at which a customer changes peers."""

PLAN_SIGNAL = "subscription_plan"
"""The signal that says which plan a customer has."""

_TABLE = "subscriptions"


def peers_of(cutoff: int, signed_up: IntArray, plans: Array | None = None) -> Peers:
    """Return the group of each customer: the tenure band, apart for each plan's code; none is a group too.

    >>> peers_of(800, np.array([0, 790, 790]), np.array([np.nan, np.nan, 1.0]))
    array([ 4,  0, 10])
    """
    bands = np.searchsorted(TENURE_BANDS, cutoff - signed_up, side="right").astype(np.int64)
    if plans is None:
        return bands
    codes = np.where(np.isnan(plans), -1, plans).astype(np.int64)
    return (codes + 1) * (len(TENURE_BANDS) + 1) + bands


def plan_signal(store: Store, deferred: dict[str, type[Deferred]]) -> Signal | None:
    """Return the signal of the plan's code, where a signal compares peers and the company states plans."""
    if AmongPeers not in deferred.values() or not store.has(_TABLE):
        return None
    if not {"plan", "ended_at_day"} <= set(store.tables[_TABLE].columns):
        return None
    return replace(REGISTRY[PLAN_SIGNAL], name="(plan)")
