"""The observed churn by behaviour, value and stage, and by loyalty.

Loyalty says whether a customer is active, and whether a contract binds the customer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

import numpy as np
import numpy.typing as npt

from churn.data.store import Store, day_number
from churn.kpis.acts import ACTIVE_WINDOW_DAYS
from churn.kpis.growth import Flow, flow_of
from churn.kpis.observed_churn import ChurnShare, Outcomes, churn_share
from churn.kpis.rfm import class_edges, classes_of
from churn.labels.outcomes import label_window
from churn.metrics.interval import Part

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.int8]

LEVELS_OF_THREE = ("low", "middle", "high")
LEVELS_OF_TWO = ("low", "high")
UNKNOWN = "unknown"

LOYAL, BOUND_ACTIVE, MERELY_BOUND, FREE_QUIET = "loyal", "active and bound", "merely bound", "free and quiet"

TABLE_DEFINITION = (
    f"the behaviour is the number of days on which the customer did something in the {ACTIVE_WINDOW_DAYS} "
    "days before each past cutoff. The value is what the customer pays per month at the cutoff. "
    "Behaviour and value each have up to three classes with equally many customers. "
    "The stage is the stage of the playbook in which the customer was at the cutoff"
)
LOYALTY_DEFINITION = (
    "how active the customers are, and whether a contract binds them. An active customer did something "
    f"on at least `active_from_days` of the {ACTIVE_WINDOW_DAYS} days before the cutoff. "
    "`active_from_days` is the median number of days with activity, over all customers and cutoffs, but at "
    "least 1. A bound customer has a contract that renews only after the label's window, so a cancellation "
    "takes effect only after the window. A loyal customer is active and free to leave. A merely bound "
    "customer is bound but not active. Bound customers can hardly leave before their contract renews, so "
    "look at them before that day. Customers whose contracts have no date of renewal are in no group"
)


@dataclass(frozen=True)
class Behaviour:
    """At each past cutoff and now: what customers did, what they paid, and whether a contract bound them.

    Each array has the shape `[cutoffs + 1, customers]`: one row per past cutoff, and a last row for now.

    Attributes:
        active_days: The number of days on which the customer did something in the `ACTIVE_WINDOW_DAYS` days
            before the cutoff.
        money: What the customer pays per month, in currency units; NaN if it is not known.
        is_bound: 1 if the contract renews only after the label window, 0 if not, NaN if it is not known.
        is_customer: Whether the customer is in the cohort of the cutoff, so can still leave.
    """

    active_days: Floats
    money: Floats
    is_bound: Floats
    is_customer: Bools


class BehaviourCell(ChurnShare):
    """The observed churn of the customers with the same behaviour, value and stage: a cell of the table.

    `money` is the mean of what these customers pay per month, over those for whom it is known.
    """

    behaviour: str
    value: str
    stage: str
    money: float | None


class BehaviourTable(Part):
    """The observed churn for each combination of behaviour, value and stage (a cell).

    Cells without customers are left out. The cell with the most rows is first; a row is a customer at a
    cutoff.
    """

    definition: str
    cutoffs: tuple[date, ...]
    cells: tuple[BehaviourCell, ...]
    reason: str | None
    stage_reason: str | None


class LoyaltyGroup(ChurnShare):
    """One of the four loyalty groups, with its observed churn.

    `now` holds how many customers the group has now, and what they pay per month.
    """

    now: Flow


class LoyaltyTable(Part):
    """The observed churn of four groups: active or not, and bound by a contract or not.

    An active customer did something on at least `active_from_days` of the `ACTIVE_WINDOW_DAYS` days before
    the cutoff.
    """

    unit: Literal["share"]
    definition: str
    cutoffs: tuple[date, ...]
    active_from_days: float | None
    groups: tuple[LoyaltyGroup, ...]
    n_unknown_now: int | None
    reason: str | None


def read_bound(store: Store, cutoffs: Sequence[date]) -> Floats | None:
    """Return for each customer and cutoff whether the contract in force renews only after the label window.

    Returns:
        The result has the shape `[cutoffs, customers]`: 1 for yes, 0 for no, NaN if no contract in force has
        a date of renewal. The result is None if no contract at all has a date of renewal.
    """
    params = store.params
    columns = store.tables["subscriptions"].columns if store.has("subscriptions") else ()
    if "renews_at_day" not in columns:
        return None
    result = np.full((len(cutoffs), store.n_customers), np.nan)
    with store.connect() as connection:
        for row, cutoff in enumerate(cutoffs):
            end = label_window(cutoff, params.label, params.snapshot.late_days).end
            rows = connection.execute(
                f"SELECT customer, max(renews_at_day) >= {day_number(end)} AS bound "
                f"FROM {store.scan('subscriptions')} WHERE {store.in_force(cutoff)} "
                "AND renews_at_day IS NOT NULL GROUP BY 1"
            ).fetchnumpy()
            result[row, rows["customer"]] = rows["bound"]
    return result


def behaviour_table(
    active_days: Floats, money: Floats, stage: Codes, stages: Sequence[str], outcomes: Outcomes
) -> tuple[BehaviourCell, ...]:
    """Return the observed churn of customers by behaviour, value and stage.

    Args:
        active_days: The number of days on which a customer did something, `[cutoffs, customers]`.
        money: What each customer pays per month, `[cutoffs, customers]`; NaN if it is not known.
        stage: The stage of each customer, as an index into `stages`, `[cutoffs, customers]`.
        stages: The names of the stages.
        outcomes: Which customers left after each cutoff.
    """
    is_counted = outcomes.is_counted
    behaviour, behaviours = _thirds(active_days, is_counted)
    value, values = _thirds(money, is_counted)
    cells = []
    for b, behaviour_name in enumerate(behaviours):
        for v, value_name in enumerate(values):
            for s, stage_name in enumerate(stages):
                mask = is_counted & (behaviour == b) & (value == v) & (stage == s)
                if not mask.any():
                    continue
                level = f"{behaviour_name} behaviour, {value_name} value, {stage_name}"
                share = churn_share(level, mask, outcomes)
                money_inside = money[mask & ~np.isnan(money)]
                cells.append(
                    BehaviourCell(
                        **share.as_json(),
                        behaviour=behaviour_name,
                        value=value_name,
                        stage=stage_name,
                        money=float(money_inside.mean()) if len(money_inside) else None,
                    )
                )
    return tuple(sorted(cells, key=lambda cell: (-cell.n, cell.level)))


def _thirds(values: Floats, is_counted: Bools) -> tuple[Codes, tuple[str, ...]]:
    """Return the class of each value, 0 for the lowest third, and the names of the classes; NaN belongs to
    the class `UNKNOWN`.
    """
    edges = class_edges(values[is_counted & ~np.isnan(values)], len(LEVELS_OF_THREE))
    names = {2: LEVELS_OF_THREE, 1: LEVELS_OF_TWO, 0: ("equal",)}[len(edges)]
    code = np.where(np.isnan(values), len(names), classes_of(values, edges) - 1)
    return code.astype(np.int8), (*names, UNKNOWN)


def loyalty_table(behaviour: Behaviour, outcomes: Outcomes) -> LoyaltyTable:
    """Return, for each of the four loyalty groups, its observed churn and its number of customers now."""
    past = slice(0, len(outcomes.cutoffs))
    active_from = float(np.median(behaviour.active_days[behaviour.is_customer]))
    active_from = max(active_from, 1.0)
    is_active, bound = behaviour.active_days >= active_from, behaviour.is_bound
    masks = {
        LOYAL: is_active & (bound == 0),
        BOUND_ACTIVE: is_active & (bound == 1),
        MERELY_BOUND: ~is_active & (bound == 1),
        FREE_QUIET: ~is_active & (bound == 0),
    }
    is_now = behaviour.is_customer[-1]
    groups = []
    for name, mask in masks.items():
        share = churn_share(name, mask[past], outcomes)
        groups.append(LoyaltyGroup(**share.as_json(), now=flow_of(mask[-1] & is_now, behaviour.money[-1])))
    return LoyaltyTable(
        unit="share",
        definition=LOYALTY_DEFINITION,
        cutoffs=outcomes.cutoffs,
        active_from_days=active_from,
        groups=tuple(groups),
        n_unknown_now=int((is_now & np.isnan(bound[-1])).sum()),
        reason=None,
    )


def missing_loyalty(reason: str) -> LoyaltyTable:
    """Return a loyalty table that holds no groups of customers; `reason` says why."""
    return LoyaltyTable(
        unit="share",
        definition=LOYALTY_DEFINITION,
        cutoffs=(),
        active_from_days=None,
        groups=(),
        n_unknown_now=None,
        reason=reason,
    )
