"""The contracts with their amounts and pauses; the movement of recurring revenue is computed from them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import numpy.typing as npt

from churn.data.store import Store, day_number
from churn.features.language.reader import NEVER
from churn.labels.contract import Contracts

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

UNKNOWN_AMOUNT = -1


@dataclass(frozen=True)
class ContractRows:
    """Contracts ordered by (customer, start, end), in local day numbers.

    Attributes:
        customer: The customer code of each contract, `[contracts]`.
        start, end: When the contract began and ended; the end is `NEVER` while it runs.
        paused_on, resumed_on: When the pause of the contract began, and when the pause ended; `NEVER` if
            there is none.
        cents: The revenue per month in cents; `UNKNOWN_AMOUNT` if the source has no amount.
        has_pauses: Whether the source says when contracts are paused.
    """

    customer: Ints
    start: Ints
    end: Ints
    paused_on: Ints
    resumed_on: Ints
    cents: Ints
    has_pauses: bool = True

    def with_last_amounts(self) -> ContractRows:
        """Fill the missing amount of a contract with the amount of the contract before it.

        The amount is filled only if the earlier contract belongs to the same customer, has a known amount,
        and ended on or before the start of this contract. Otherwise nobody knows whether this contract
        replaces the earlier contract.
        """
        cents = self.cents.copy()
        for row in np.flatnonzero(cents == UNKNOWN_AMOUNT):
            before = row - 1
            is_own = before >= 0 and self.customer[before] == self.customer[row]
            if is_own and self.end[before] <= self.start[row]:
                cents[row] = cents[before]  # the amount before may itself be filled, or still unknown
        return replace(self, cents=cents)

    def bridged_end(self, grace_days: int) -> Ints:
        """Return the end of each contract, after short gaps between contracts have been closed.

        A gap is the time between two contracts of a customer in which no contract is in force. If a gap is
        not longer than `grace_days` days, the end before the gap is moved to the start of the next contract.
        """
        if not len(self.customer):
            return self.end
        contracts = Contracts(self.customer, self.start, self.end)
        key = self.customer << 33
        following = np.searchsorted(key + self.start, key + self.end)  # the first start on or after the end
        clipped = np.minimum(following, len(key) - 1)
        next_start = self.start[clipped]
        has_next = (following < len(key)) & (self.customer[clipped] == self.customer)
        is_bridged = has_next & (next_start - self.end <= grace_days) & ~contracts.has_successor()
        return np.where(is_bridged & (self.end < NEVER), next_start, self.end)


def read_contract_rows(store: Store, cutoff: date) -> ContractRows | None:
    """Read the contracts known at a cutoff; None if the store has no contracts with amounts."""
    if not store.has("subscriptions") or "mrr" not in store.tables["subscriptions"].columns:
        return None
    columns = store.tables["subscriptions"].columns

    def day_of(name: str) -> str:
        return f"coalesce({name}_day, {NEVER})::BIGINT" if f"{name}_day" in columns else f"{NEVER}::BIGINT"

    with store.connect() as connection:
        rows = connection.execute(
            f"SELECT customer, day AS began, {day_of('ended_at')} AS ended, {day_of('paused_at')} AS paused, "
            f"{day_of('resumed_at')} AS resumed, coalesce(mrr, {UNKNOWN_AMOUNT})::BIGINT AS cents "
            f"FROM {store.scan('subscriptions')} WHERE {store.visible_before('subscriptions', cutoff)} "
            "ORDER BY customer, began, ended, cents"
        ).fetchnumpy()

    def column(name: str) -> Ints:
        return np.asarray(rows[name], dtype=np.int64)

    contracts = ContractRows(
        column("customer"),
        column("began"),
        column("ended"),
        column("paused"),
        column("resumed"),
        column("cents"),
        has_pauses="paused_at_day" in columns,
    )
    last = day_number(cutoff)  # an end on or after the cutoff is not known at the cutoff

    def as_known(days: Ints) -> Ints:
        return np.where(days >= last, NEVER, days)

    return replace(
        contracts,
        end=as_known(contracts.end),
        paused_on=as_known(contracts.paused_on),
        resumed_on=as_known(contracts.resumed_on),
    )
