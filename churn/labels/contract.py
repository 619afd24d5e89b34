"""Labels by contracts: left is whose contracts have all ended, without another within the grace."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import numpy.typing as npt

from churn.data.store import Store, day_number
from churn.errors import SourceError
from churn.features.engine.rows import NEVER
from churn.features.engine.timeline import IntArray
from churn.labels.calendar import window_of
from churn.labels.involuntary import involuntary
from churn.labels.outcomes import (
    ENDS_IN_GAP,
    GONE,
    INVOLUNTARY,
    LEAVING,
    PARTIAL,
    RENEWED,
    STAYED,
    VOLUNTARY,
    BoolArray,
    Decided,
)

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Spells:
    """Merged contract spells, ordered by (customer, start): `[start, end)` in local day numbers."""

    customer: IntArray
    start: IntArray
    end: IntArray


@dataclass(frozen=True)
class Contracts:
    """Single contracts, ordered by (customer, start, end): `[start, end)` in local day numbers."""

    customer: Ints
    start: Ints
    end: Ints

    def running_end(self) -> Ints:
        """Return the latest end among a customer's contracts up to each one, itself included."""
        # One running maximum serves all customers: each customer's ends lie above all ends of those before.
        above = self.customer << 33
        latest: Ints = np.maximum.accumulate(above + self.end) - above
        return latest

    def runs_on(self) -> BoolArray:
        """Return a mask: when this contract ended, another had begun on an earlier day and went on."""
        key = self.customer << 33
        last_begun = np.maximum(np.searchsorted(key + self.start, key + self.end) - 1, 0)
        own = self.customer[last_begun] == self.customer
        goes_on: BoolArray = own & (self.running_end()[last_begun] > self.end)
        return goes_on

    def merged(self, grace_days: int) -> Spells:
        """Merge contracts that overlap or lie no more than the grace apart into spells."""
        if len(self.customer) == 0:
            empty = np.zeros(0, dtype=np.int32)
            return Spells(empty, empty, empty)
        new = np.ones(len(self.customer), dtype=bool)
        apart = self.start[1:] - self.running_end()[:-1] > grace_days
        new[1:] = (self.customer[1:] != self.customer[:-1]) | apart
        first = np.flatnonzero(new)
        return Spells(
            customer=self.customer[first].astype(np.int32),
            start=self.start[first].astype(np.int32),
            end=np.maximum.reduceat(self.end, first).astype(np.int32),
        )


def contracts(store: Store) -> Contracts:
    """Read all contracts; one that has not ended ends `NEVER`."""
    ended = "ended_at_day" if "ended_at_day" in store.tables["subscriptions"].columns else "NULL"
    with store.connect() as connection:
        found = connection.execute(
            f"SELECT customer, day AS started, coalesce({ended}, {NEVER})::INTEGER AS ended "
            f"FROM {store.scan('subscriptions')} ORDER BY 1, 2, 3"
        ).fetchnumpy()
    return Contracts(*(np.asarray(found[name], dtype=np.int64) for name in ("customer", "started", "ended")))


def spells(store: Store) -> Spells:
    """Merge contracts that overlap or lie no more than `grace_days` apart into spells."""
    return contracts(store).merged(store.params.label.grace_days)


def counted_spells(store: Store) -> Spells:
    """Return the spells with the ends that `label.leaving` counts; one that ended in another way has no end.

    Raises:
        SourceError: the label asks for a kind of leaving that the data do not tell.
    """
    merged, leaving = spells(store), store.params.label.leaving
    if leaving == "any":
        return merged
    counted = np.isin(_kind_of_leaving(store, merged), LEAVING[leaving])
    return replace(merged, end=np.where(counted, merged.end, NEVER).astype(np.int32))


def decided_by_contracts(store: Store, cutoffs: Sequence[date]) -> list[Decided]:
    """Return what became of everybody: gone is whose spell that runs at the cutoff ends in the window.

    A member of the cohort has such a spell: the contract in force then is part of it. What became known late
    cannot move its end before the cutoff, as spells only grow.

    Raises:
        SourceError: the label asks for a kind of leaving that the data do not tell.
    """
    single = contracts(store)
    merged = single.merged(store.params.label.grace_days)
    kind = _kind_of_leaving(store, merged)
    back_on = _next_start(merged, day_number(store.watermark))
    partial = single.runs_on()
    result = []
    for cutoff in cutoffs:
        window = window_of(store.params, cutoff)
        start, end = day_number(window.start), day_number(window.end)
        begun = np.flatnonzero(merged.start < day_number(cutoff))
        spell = np.full(store.n_customers, -1, dtype=np.int64)
        spell[merged.customer[begun]] = begun  # in order, so each customer's latest spell stays
        ends = np.where(spell >= 0, _at(merged.end, spell), -1)

        outcome = np.full(store.n_customers, STAYED, dtype=np.int8)
        ended = (single.end >= start) & (single.end < end)
        outcome[single.customer[ended & partial]] = PARTIAL
        outcome[single.customer[ended & ~partial]] = RENEWED  # more than a contract beside another that ended
        outcome[(ends >= day_number(cutoff)) & (ends < start)] = ENDS_IN_GAP
        gone = (ends >= start) & (ends < end)
        outcome[gone] = kind[spell[gone]]
        result.append(Decided(outcome, np.where(gone, _at(back_on, spell), NEVER).astype(np.int32)))
    return result


def _at(values: npt.NDArray[np.int32], places: Ints) -> npt.NDArray[np.int32]:
    """Return the values at places; what it gives at -1 means nothing."""
    if len(values) == 0:
        return np.full(len(places), -1, dtype=np.int32)
    found: npt.NDArray[np.int32] = values[places]
    return found


def _next_start(merged: Spells, watermark: int) -> IntArray:
    """Return the day on which the customer's next spell begins, `NEVER` without one before the watermark."""
    following = np.full(len(merged.start), NEVER, dtype=np.int32)
    again = (merged.customer[1:] == merged.customer[:-1]) & (merged.start[1:] < watermark)
    following[:-1][again] = merged.start[1:][again]
    return following


def _kind_of_leaving(store: Store, merged: Spells) -> npt.NDArray[np.int8]:
    """Return for each spell which outcome its end is."""
    told = involuntary(store, merged.customer, merged.start, merged.end)
    if told is not None:
        return np.where(told, INVOLUNTARY, VOLUNTARY).astype(np.int8)
    if store.params.label.leaving != "any":
        raise SourceError(
            f"{store.params.locate('label.leaving')} is {store.params.label.leaving}, but nothing here tells "
            "the kinds of leaving apart. Map tables.payments with paid_at (empty while a payment is open), "
            "or name under label.involuntary_reasons the words of subscriptions.reason by which you ended a "
            "contract; else take leaving: any."
        )
    return np.full(len(merged.start), GONE, dtype=np.int8)
