"""Who is at risk at a cutoff; everyone else has a stated reason."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np
import numpy.typing as npt

from churn.data.store import Store, day_number
from churn.features.timeline import IntArray

REASONS = ("objected", "no live contract", "inactive", "pending cancellation")
"""Why a known customer is left out; the first that holds is stated."""


@dataclass(frozen=True)
class Customers:
    """All customers of the store in the order of their codes, which is that of their ids."""

    ids: npt.NDArray[np.object_]
    signed_up: IntArray
    objected: npt.NDArray[np.bool_]


def read_customers(store: Store) -> Customers:
    """Read ids, sign-up days and objections; an objection counts whenever it was made."""
    objected = "objected_at_day IS NOT NULL" if "objected_at_day" in _columns(store) else "false"
    with store.connect() as connection:
        found = connection.execute(
            f"SELECT customer_id, day, {objected} AS objected "
            f"FROM {store.scan('customers')} ORDER BY customer"
        ).fetchnumpy()
    return Customers(
        ids=np.asarray(found["customer_id"], dtype=object),
        signed_up=np.asarray(found["day"], dtype=np.int32),
        objected=np.asarray(found["objected"], dtype=bool),
    )


@dataclass(frozen=True)
class Cohort:
    """One cutoff: per customer code, known (signed up before it), and why left out, if so."""

    cutoff: date
    known: npt.NDArray[np.bool_]
    excluded_because: npt.NDArray[np.object_]

    @cached_property
    def members(self) -> npt.NDArray[np.bool_]:
        """Return a mask over customer codes: at risk at this cutoff. Every block of customers asks for it."""
        at_risk = self.excluded_because == np.array(None, dtype=object)
        members: npt.NDArray[np.bool_] = self.known & at_risk.astype(bool)
        return members

    def excluded(self) -> dict[str, int]:
        """Count the known customers left out, by reason."""
        reasons, counts = np.unique(
            np.array([r for r in self.excluded_because[self.known] if r is not None], dtype=str),
            return_counts=True,
        )
        return {str(reason): int(count) for reason, count in zip(reasons, counts, strict=True)}


def cohorts(store: Store, customers: Customers, cutoffs: Iterable[date]) -> list[Cohort]:
    """Judge every customer at every cutoff, by what was known then; objections count as of today."""
    label = store.params.label
    found = []
    with store.connect() as connection:
        for cutoff in cutoffs:

            def at_risk(sql: str) -> npt.NDArray[np.bool_]:
                codes = connection.execute(sql).fetchnumpy()["customer"]
                mask = np.zeros(len(customers.ids), dtype=bool)
                mask[np.asarray(codes, dtype=np.int64)] = True
                return mask

            reasons = np.full(len(customers.ids), None, dtype=object)
            if label.kind == "contract":
                live = at_risk(_codes(store, "subscriptions", store.in_force(cutoff)))
                staying = at_risk(_codes(store, "subscriptions", _uncancelled(store, cutoff)))
                reasons[~staying] = REASONS[3]
                reasons[~live] = REASONS[1]
            else:
                table = label.core_table
                recent = f"day >= {day_number(cutoff) - label.days_active}"
                active = at_risk(_codes(store, table, f"{store.visible_before(table, cutoff)} AND {recent}"))
                reasons[~active] = REASONS[2]
            reasons[customers.objected] = REASONS[0]
            found.append(Cohort(cutoff, customers.signed_up < day_number(cutoff), reasons))
    return found


def _codes(store: Store, table: str, condition: str) -> str:
    return f"SELECT DISTINCT customer FROM {store.scan(table)} WHERE {condition}"


def _uncancelled(store: Store, cutoff: date) -> str:
    """Return the SQL condition of a running contract that nobody had asked to end: one is enough to stay."""
    in_force = store.in_force(cutoff)
    if "cancel_requested_at_day" not in store.tables["subscriptions"].columns:
        return in_force
    return f"{in_force} AND coalesce(cancel_requested_at_day >= {day_number(cutoff)}, true)"


def _columns(store: Store) -> tuple[str, ...]:
    return store.tables["customers"].columns
