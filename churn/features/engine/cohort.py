"""Decide which customers are at risk at a cutoff, why the others are not, and which customers are peers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property, partial

import numpy as np
import numpy.typing as npt

from churn.data.store import Store
from churn.features.engine.timeline import IntArray
from churn.features.language.events import Array, Events
from churn.features.language.population import AmongPeers, CohortValue, Peers
from churn.features.signal import REGISTRY, Signal
from churn.params import LabelParams

UNKNOWN, AT_RISK, OBJECTED, NO_CONTRACT, INACTIVE, CANCELLING = range(-1, 5)
"""The status of a customer at a cutoff; UNKNOWN is a customer who signs up later."""

REASONS = {
    OBJECTED: "objected",
    NO_CONTRACT: "no live contract",
    INACTIVE: "inactive",
    CANCELLING: "pending cancellation",
}
"""The reasons why a known customer is not at risk. If several reasons hold, the first one is recorded."""

GONE_REASONS = (REASONS[NO_CONTRACT], REASONS[INACTIVE])
"""The reasons of customers who have left."""

EXCLUSION = "__left_out"
"""The name of the internal signal that decides from the label's table who is at risk."""

FOREVER_DAYS = 36_600
"""The look-back in days. A contract that still runs may have begun a hundred years ago."""

TENURE_BANDS = (91, 182, 365, 730)
"""The bounds of the bands of tenure, in days since sign-up. Peers are in the same band."""

PLAN_SIGNAL = "subscription_plan"
"""The name of the signal of a customer's plan."""

Codes = npt.NDArray[np.int8]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Customers:
    """All customers of the store, ordered by code; the ids have the same order.

    Attributes:
        ids: The `customer_id` of each customer, `[n]`.
        signed_up: The day number of each customer's sign-up, `[n]`.
        has_objected: Whether the customer objected to being scored, `[n]`.
    """

    ids: npt.NDArray[np.object_]
    signed_up: IntArray
    has_objected: BoolArray


def read_customers(store: Store) -> Customers:
    """Read ids, sign-up days and objections; an objection also counts at earlier cutoffs."""
    columns = store.tables["customers"].columns
    objection = "objected_at_day IS NOT NULL" if "objected_at_day" in columns else "false"
    with store.connect() as connection:
        rows = connection.execute(
            f"SELECT customer_id, day, {objection} AS objected "
            f"FROM {store.scan('customers')} ORDER BY customer"
        ).fetchnumpy()
    return Customers(
        ids=np.asarray(rows["customer_id"], dtype=object),
        signed_up=np.asarray(rows["day"], dtype=np.int32),
        has_objected=np.asarray(rows["objected"], dtype=bool),
    )


@dataclass(frozen=True)
class Cohort:
    """The `status` of every customer at one cutoff: AT_RISK, UNKNOWN or a code of `REASONS`, `[n]`."""

    cutoff: date
    status: Codes

    @property
    def signed_up(self) -> BoolArray:
        """Return a mask over customer codes: the customers who signed up before this cutoff."""
        return np.asarray(self.status != UNKNOWN)

    @property
    def members(self) -> BoolArray:
        """Return a mask over customer codes: the customers at risk at this cutoff."""
        return np.asarray(self.status == AT_RISK)

    @cached_property
    def excluded_because(self) -> npt.NDArray[np.object_]:
        """Return the reason why each customer is not at risk, `[n]`; None without a reason."""
        words = np.array([None, *REASONS.values(), None], dtype=object)  # the last item is for UNKNOWN, -1
        return words[self.status]

    def exclusion_counts(self) -> dict[str, int]:
        """Count the known customers who are not at risk, by reason."""
        counts = np.bincount(self.status[self.signed_up], minlength=CANCELLING + 1)
        return {
            reason: int(counts[code])
            for code, reason in sorted(REASONS.items(), key=lambda item: item[1])
            if counts[code]
        }


def exclusion_signal(store: Store) -> Signal:
    """Return the internal signal that decides who is at risk, from what was known at the cutoff."""
    label = store.params.label
    looks_back = FOREVER_DAYS if label.kind == "contract" else label.days_active
    columns = store.tables[label.core_table].columns
    return Signal(
        name=EXCLUSION,
        table=label.core_table,
        looks_back=looks_back,
        unit="code",
        family="profile",
        riskier_when="either",
        reason={},
        doc="Why a customer is not at risk.",
        function=partial(_status, label=label, columns=columns),
    )


def _status(core: Events, label: LabelParams, columns: tuple[str, ...]) -> Array:
    """Return each customer's status from the label's table; sign-ups and objections are applied later."""
    if label.kind == "inactivity":
        active = core.reader.count(core.rows, core.window) > 0
        return np.where(active, AT_RISK, INACTIVE).astype(np.float64)
    live = core.lacking("ended_at") if "ended_at_day" in columns else core
    not_cancelled = live.lacking("cancel_requested_at") if "cancel_requested_at_day" in columns else live
    is_live = live.reader.count(live.rows, live.window) > 0
    # One contract without a request to cancel is enough to stay.
    stays = not_cancelled.reader.count(not_cancelled.rows, not_cancelled.window) > 0
    return np.where(is_live, np.where(stays, AT_RISK, CANCELLING), NO_CONTRACT).astype(np.float64)


def peers_of(cutoff: int, signed_up: IntArray, plans: Array | None = None) -> Peers:
    """Return each customer's peer group: the same band of tenure and, if plans are given, the same plan.

    Args:
        cutoff: The day number of the cutoff.
        signed_up: The day number of each customer's sign-up, `[n]`.
        plans: The code of each customer's plan, `[n]`; customers without a plan (nan) are peers.

    >>> peers_of(800, np.array([0, 790, 790]), np.array([np.nan, np.nan, 1.0]))
    array([ 4,  0, 10])
    """
    bands = np.searchsorted(TENURE_BANDS, cutoff - signed_up, side="right").astype(np.int64)
    if plans is None:
        return bands
    codes = np.where(np.isnan(plans), -1, plans).astype(np.int64)
    return (codes + 1) * (len(TENURE_BANDS) + 1) + bands


def plan_signal(store: Store, cohort_values: dict[str, type[CohortValue]]) -> Signal | None:
    """Return the signal of a customer's plan; None if no signal compares peers or the store has no plans."""
    table = REGISTRY[PLAN_SIGNAL].table
    if AmongPeers not in cohort_values.values() or not store.has(table):
        return None
    if not {"plan", "ended_at_day"} <= set(store.tables[table].columns):
        return None
    return replace(REGISTRY[PLAN_SIGNAL], name="(plan)")
