"""Who is at risk at a cutoff; everyone else has a stated reason."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property, partial

import numpy as np
import numpy.typing as npt

from churn.data.store import Store
from churn.features.engine.timeline import IntArray
from churn.features.language.events import Array, Events
from churn.features.signal import Signal
from churn.params import LabelParams

UNKNOWN, AT_RISK, OBJECTED, NO_CONTRACT, INACTIVE, CANCELLING = range(-1, 5)
REASONS = {
    OBJECTED: "objected",
    NO_CONTRACT: "no live contract",
    INACTIVE: "inactive",
    CANCELLING: "pending cancellation",
}
"""Why a known customer is left out; the first that holds is stated. Unknown is who signs up later."""

LEFT_OUT = "__left_out"
"""The inner signal that judges the customers by the label's table; no signal of a person begins so."""

FOREVER_DAYS = 36_600
"""A contract that runs may have begun a hundred years ago."""

Codes = npt.NDArray[np.int8]


@dataclass(frozen=True)
class Customers:
    """All customers of the store in the order of their codes, which is that of their ids."""

    ids: npt.NDArray[np.object_]
    signed_up: IntArray
    objected: npt.NDArray[np.bool_]


def read_customers(store: Store) -> Customers:
    """Read ids, sign-up days and objections; an objection counts whenever it was made."""
    columns = store.tables["customers"].columns
    objected = "objected_at_day IS NOT NULL" if "objected_at_day" in columns else "false"
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
    """One cutoff: per customer code, at risk or why not."""

    cutoff: date
    left_out: Codes

    @property
    def known(self) -> npt.NDArray[np.bool_]:
        """Return a mask over customer codes: signed up before this cutoff."""
        return np.asarray(self.left_out != UNKNOWN)

    @property
    def members(self) -> npt.NDArray[np.bool_]:
        """Return a mask over customer codes: at risk at this cutoff."""
        return np.asarray(self.left_out == AT_RISK)

    @cached_property
    def excluded_because(self) -> npt.NDArray[np.object_]:
        """Return the reason of each customer left out, None for the others."""
        words = np.array([None, *REASONS.values(), None], dtype=object)  # the last is for the unknown, -1
        return words[self.left_out]

    def excluded(self) -> dict[str, int]:
        """Count the known customers left out, by reason."""
        counts = np.bincount(self.left_out[self.known], minlength=CANCELLING + 1)
        return {
            word: int(counts[code])
            for code, word in sorted(REASONS.items(), key=lambda r: r[1])
            if counts[code]
        }


def judging(store: Store) -> Signal:
    """Return the inner signal that judges customers by what was known at the cutoff, like any signal."""
    label = store.params.label
    looks_back = FOREVER_DAYS if label.kind == "contract" else label.days_active
    columns = store.tables[label.core_table].columns
    return Signal(
        name=LEFT_OUT,
        table=label.core_table,
        looks_back=looks_back,
        unit="code",
        family="profile",
        riskier_when="either",
        reason={},
        doc="Why a customer is not at risk.",
        function=partial(_left_out, label=label, columns=columns),
    )


def _left_out(core: Events, label: LabelParams, columns: tuple[str, ...]) -> Array:
    """Judge by the label's table alone; objections are added by whoever knows the customers."""
    if label.kind == "inactivity":
        active = core.reader.count(core.rows, core.window) > 0
        return np.where(active, AT_RISK, INACTIVE).astype(np.float64)
    running = core.lacking("ended_at") if "ended_at_day" in columns else core
    staying = running.lacking("cancel_requested_at") if "cancel_requested_at_day" in columns else running
    live = running.reader.count(running.rows, running.window) > 0
    stays = staying.reader.count(staying.rows, staying.window) > 0  # one contract is enough to stay
    return np.where(live, np.where(stays, AT_RISK, CANCELLING), NO_CONTRACT).astype(np.float64)
