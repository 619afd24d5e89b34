"""Decide who is at risk (can still leave) at a cutoff, why others are not, and who is in which peer group."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property, partial
from typing import Protocol

import numpy as np
import numpy.typing as npt

from churn.data.label_events import first_known_events
from churn.data.store import Store
from churn.features.engine.timeline import IntArray
from churn.features.language.events import Array, Events
from churn.features.language.population import AmongPeers, CohortValue, Peers
from churn.features.signal import REGISTRY, Signal
from churn.params import LabelParams

(
    UNKNOWN,
    AT_RISK,
    OBJECTED,
    NO_CONTRACT,
    INACTIVE,
    CANCELLING,
    ON_PAUSE,
    STILL_ACTIVE,
    NEVER_ACTIVE,
    HAS_EVENT,
) = range(-1, 9)
"""The status of a customer at a cutoff; UNKNOWN is a customer who signs up later.

AT_RISK is a customer of the cohort: one who can leave, or one who can have the event of the label.
"""

REASONS = {
    OBJECTED: "objected",
    NO_CONTRACT: "no live contract",
    INACTIVE: "inactive",
    CANCELLING: "pending cancellation",
    ON_PAUSE: "paused",
    STILL_ACTIVE: "still active",
    NEVER_ACTIVE: "never active",
    HAS_EVENT: "already had the event",
}
"""The reasons why a customer is not at risk. If several reasons hold, the first one is recorded."""

GONE_REASONS = (REASONS[NO_CONTRACT], REASONS[INACTIVE])
"""The reasons of customers who have left."""

EXCLUSION = "__left_out"
"""The name of the internal signal that decides from the label's table who is at risk."""

FOREVER_DAYS = 36_600
"""How many days before the cutoff are read. A contract that still runs may have begun a hundred years ago."""

TENURE_BANDS = (91, 182, 365, 730)
"""The bounds of the bands of tenure, in days since sign-up. Peers are in the same band."""

PLAN_SIGNAL = "subscription_plan"
"""The name of the signal that tells each customer's plan."""

Codes = npt.NDArray[np.int8]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Customers:
    """All customers of the store, in the order of their codes, which is also the order of their ids.

    Attributes:
        ids: The `customer_id` of each customer, `[n]`.
        signed_up: The day number of each customer's sign-up, `[n]`.
        has_objected: Whether the customer objected to being contacted, `[n]`.
        has_event_on: The day number on which it first became known that the customer had the label's event,
            `[n]`. None if `label.once` is false, because then earlier events do not matter.
    """

    ids: npt.NDArray[np.object_]
    signed_up: IntArray
    has_objected: BoolArray
    has_event_on: IntArray | None = None


def read_customers(store: Store) -> Customers:
    """Read the id and the sign-up day of each customer, and whether the customer objected to being contacted.

    A customer who has objected is left out at all cutoffs, also before the objection.

    Raises:
        SourceError: `label.once` is true, and `label.where` is not a correct condition; see `event_rows`.
    """
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
        has_event_on=first_known_events(store) if store.params.label.once else None,
    )


@dataclass(frozen=True)
class Cohort:
    """The `status` of every customer at one cutoff: AT_RISK, UNKNOWN or a code of `REASONS`, `[n]`."""

    cutoff: date
    status: Codes

    @property
    def signed_up(self) -> BoolArray:
        """Return a mask of the customers who signed up before this cutoff or who ever objected to contacts.

        A customer who objected has the status OBJECTED at every cutoff, even before the sign-up.
        """
        return np.asarray(self.status != UNKNOWN)

    @property
    def members(self) -> BoolArray:
        """Return a mask over customer codes: the customers at risk at this cutoff."""
        return np.asarray(self.status == AT_RISK)

    @cached_property
    def excluded_because(self) -> npt.NDArray[np.object_]:
        """Return why each customer is not at risk, `[n]`; None for customers who are AT_RISK or UNKNOWN."""
        words = np.array([None, *REASONS.values(), None], dtype=object)  # the last item is for UNKNOWN, -1
        return words[self.status]

    def exclusion_counts(self) -> dict[str, int]:
        """Count the customers who are not at risk, by reason; UNKNOWN customers are left out."""
        counts = np.bincount(self.status[self.signed_up], minlength=max(REASONS) + 1)
        return {
            reason: int(counts[code])
            for code, reason in sorted(REASONS.items(), key=lambda item: item[1])
            if counts[code]
        }


class _Status(Protocol):
    """Computes each customer's status from the rows of a table."""

    def __call__(self, core: Events, /, *, label: LabelParams, columns: tuple[str, ...]) -> Array:
        """Return a code of the status per customer, `[n]`."""
        ...


@dataclass(frozen=True)
class _StatusRule:
    """How the rows of a table decide who belongs to the cohort; each kind of label has its own rule.

    Attributes:
        looks_back: Returns how many days before the cutoff are read.
        status: Returns each customer's status from the rows of this table only. The final status also depends
            on the sign-up, an objection to contacts, and an earlier event of the label.
    """

    looks_back: Callable[[LabelParams], int]
    status: _Status


def exclusion_signal(store: Store) -> Signal:
    """Return the internal signal that decides who is at risk, from what was known at the cutoff."""
    label = store.params.label
    table = label.active_table or label.core_table
    rule = _status_rule(label)
    return Signal(
        name=EXCLUSION,
        table=table,
        looks_back=rule.looks_back(label),
        unit="code",
        family="profile",
        riskier_when="either",
        reason={},
        doc="The reason why a customer is not at risk: for example, the customer has already left.",
        function=partial(rule.status, label=label, columns=store.tables[table].columns),
    )


def _status_rule(label: LabelParams) -> _StatusRule:
    if label.active_table is None:
        return _StatusRule(lambda _: 1, _all_customers)
    by_contract = label.active_table == "subscriptions" and label.kind != "inactivity"
    if label.is_event and label.among == "gone":
        return _StatusRule(lambda _: FOREVER_DAYS, _gone_by_contract if by_contract else _gone_by_inactivity)
    if by_contract:
        return _StatusRule(lambda _: FOREVER_DAYS, _with_contract)
    return _StatusRule(lambda label: label.days_active, _recently_active)


def _all_customers(core: Events, label: LabelParams, columns: tuple[str, ...]) -> Array:
    return np.full(core.reader.n, float(AT_RISK))


def _recently_active(core: Events, label: LabelParams, columns: tuple[str, ...]) -> Array:
    return np.where(_has_rows(core), AT_RISK, INACTIVE).astype(np.float64)


def _with_contract(core: Events, label: LabelParams, columns: tuple[str, ...]) -> Array:
    live = core.lacking("ended_at") if "ended_at_day" in columns else core
    not_cancelled = live.lacking("cancel_requested_at") if "cancel_requested_at_day" in columns else live
    # One contract without a request to cancel is enough to stay.
    outside = np.where(_has_rows(live), CANCELLING, NO_CONTRACT)
    if "paused_at_day" not in columns or label.paused_at_risk:
        return np.where(_has_rows(not_cancelled), AT_RISK, outside).astype(np.float64)
    # One of these contracts that is not paused is enough to be at risk.
    goes_on = _has_rows(not_cancelled.lacking("paused_at"))
    if "resumed_at_day" in columns:
        goes_on |= _has_rows(not_cancelled.having("resumed_at"))
    paused = np.where(_has_rows(not_cancelled), ON_PAUSE, outside)
    return np.where(goes_on, AT_RISK, paused).astype(np.float64)


def _gone_by_inactivity(core: Events, label: LabelParams, columns: tuple[str, ...]) -> Array:
    is_active = _has_rows(core.last(label.days_active))
    gone = np.where(_has_rows(core), AT_RISK, NEVER_ACTIVE)
    return np.where(is_active, STILL_ACTIVE, gone).astype(np.float64)


def _gone_by_contract(core: Events, label: LabelParams, columns: tuple[str, ...]) -> Array:
    live = core.lacking("ended_at") if "ended_at_day" in columns else core
    gone = np.where(_has_rows(core), AT_RISK, NEVER_ACTIVE)
    return np.where(_has_rows(live), STILL_ACTIVE, gone).astype(np.float64)


def _has_rows(rows: Events) -> BoolArray:
    return np.asarray(rows.reader.count(rows.rows, rows.window) > 0)


def peers_of(cutoff: int, signed_up: IntArray, plans: Array | None = None) -> Peers:
    """Return each customer's peer group: the same band of tenure and, if plans are given, the same plan.

    Args:
        cutoff: The day number of the cutoff.
        signed_up: The day number of each customer's sign-up, `[n]`.
        plans: The code of each customer's plan, `[n]`; all customers without a plan (nan) count as one plan.

    >>> peers_of(800, np.array([0, 790, 790]), np.array([np.nan, np.nan, 1.0]))
    array([ 4,  0, 10])
    """
    bands = np.searchsorted(TENURE_BANDS, cutoff - signed_up, side="right").astype(np.int64)
    if plans is None:
        return bands
    codes = np.where(np.isnan(plans), -1, plans).astype(np.int64)
    return (codes + 1) * (len(TENURE_BANDS) + 1) + bands


def plan_signal(store: Store, cohort_values: dict[str, type[CohortValue]]) -> Signal | None:
    """Return the signal that tells each customer's plan; None if the plans are not needed or not known.

    The plans are needed only for signals that compare customers with peers: peers have the same plan.
    """
    table = REGISTRY[PLAN_SIGNAL].table
    if AmongPeers not in cohort_values.values() or not store.has(table):
        return None
    if not {"plan", "ended_at_day"} <= set(store.tables[table].columns):
        return None
    return replace(REGISTRY[PLAN_SIGNAL], name="(plan)")
