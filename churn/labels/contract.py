"""Labels by contract: a customer has left if all contracts ended and none followed in the grace period."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from churn.data.own_files import check_own_file, read_own_parquet
from churn.data.store import Store, day_number
from churn.errors import SourceError
from churn.features.engine.timeline import IntArray
from churn.features.language.reader import NEVER
from churn.labels.outcomes import (
    COUNTED_AS_LEFT,
    ENDS_IN_GAP,
    GONE,
    INVOLUNTARY,
    PARTIAL,
    RENEWED,
    STAYED,
    VOLUNTARY,
    BoolArray,
    CustomerOutcomes,
    label_window,
)
from churn.params import LabelParams

Ints = npt.NDArray[np.int64]

ENDS_FILE = "outcome.parquet"
ENDS_SCHEMA = pa.schema([("customer_id", pa.string()), ("ends_on", pa.date32())])

UNKNOWN_REASON = "NULL::BOOLEAN"


@dataclass(frozen=True)
class ContractSpells:
    """Merged contracts, ordered by (customer, start): `[start, end)` in local day numbers."""

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
        """Return for each contract the latest end of this and all earlier contracts of the customer."""
        # One running maximum serves all customers: the offset lifts the ends of each customer above all ends
        # of the customers before.
        offset = self.customer << 33
        latest: Ints = np.maximum.accumulate(offset + self.end) - offset
        return latest

    def has_successor(self) -> BoolArray:
        """Return a mask of the contracts that end while another contract of the same customer goes on.

        The other contract must have begun before the day on which the first one ends.
        """
        key = self.customer << 33
        last_begun = np.maximum(np.searchsorted(key + self.start, key + self.end) - 1, 0)
        same_customer = self.customer[last_begun] == self.customer
        goes_on: BoolArray = same_customer & (self.running_end()[last_begun] > self.end)
        return goes_on

    def merge(self, grace_days: int) -> ContractSpells:
        """Merge a customer's contracts into a spell if they overlap or are at most `grace_days` apart."""
        if len(self.customer) == 0:
            empty = np.zeros(0, dtype=np.int32)
            return ContractSpells(empty, empty, empty)
        begins = np.ones(len(self.customer), dtype=bool)
        separate = self.start[1:] - self.running_end()[:-1] > grace_days
        begins[1:] = (self.customer[1:] != self.customer[:-1]) | separate
        first = np.flatnonzero(begins)
        return ContractSpells(
            customer=self.customer[first].astype(np.int32),
            start=self.start[first].astype(np.int32),
            end=np.maximum.reduceat(self.end, first).astype(np.int32),
        )


def read_contracts(store: Store) -> Contracts:
    """Read all contracts of the store; a contract that has not ended has the end `NEVER`."""
    end_sql = "ended_at_day" if "ended_at_day" in store.tables["subscriptions"].columns else "NULL"
    with store.connect() as connection:
        columns = connection.execute(
            f"SELECT customer, day AS started, coalesce({end_sql}, {NEVER})::INTEGER AS ended "
            f"FROM {store.scan('subscriptions')} ORDER BY 1, 2, 3"
        ).fetchnumpy()
    return Contracts(
        *(np.asarray(columns[name], dtype=np.int64) for name in ("customer", "started", "ended"))
    )


def merged_spells(store: Store) -> ContractSpells:
    """Read all contracts; merge those of a customer that overlap or are at most `label.grace_days` apart."""
    return read_contracts(store).merge(store.params.label.grace_days)


def counted_spells(store: Store) -> ContractSpells:
    """Return all merged contracts (spells); an end that `label.leaving` does not count becomes `NEVER`.

    Raises:
        SourceError: the label needs a kind of leaving that the data cannot identify.
    """
    spells, kind_of_leaving = merged_spells(store), store.params.label.leaving
    if kind_of_leaving == "any":
        return spells
    is_counted = np.isin(_kind_of_leaving(store, spells), COUNTED_AS_LEFT[kind_of_leaving])
    return replace(spells, end=np.where(is_counted, spells.end, NEVER).astype(np.int32))


def contract_outcomes(store: Store, cutoffs: Sequence[date]) -> list[CustomerOutcomes]:
    """Return for each cutoff the outcomes of all customers, by their contracts.

    A spell is a series of a customer's contracts that overlap or are at most `label.grace_days` apart. A
    customer has left if the spell at the cutoff ends in the label window.

    Every customer of the cohort has a spell at the cutoff: the contract in force at the cutoff is part of the
    spell. Contracts that became known after the cutoff can make the spell longer, never shorter.

    Raises:
        SourceError: the label needs a kind of leaving that the data cannot identify.
    """
    label, late_days = store.params.label, store.params.snapshot.late_days
    contracts = read_contracts(store)
    spells = contracts.merge(label.grace_days)
    kind = _kind_of_leaving(store, spells)
    back_on = _next_start(spells, day_number(store.watermark))
    has_successor = contracts.has_successor()
    result = []
    for cutoff in cutoffs:
        window = label_window(cutoff, label, late_days)
        start, end = day_number(window.start), day_number(window.end)
        spell = _spell_at(spells, cutoff, store.n_customers)
        spell_end = np.where(spell >= 0, _take(spells.end, spell), -1)

        outcome = np.full(store.n_customers, STAYED, dtype=np.int8)
        ends_in_window = (contracts.end >= start) & (contracts.end < end)
        outcome[contracts.customer[ends_in_window & has_successor]] = PARTIAL
        outcome[contracts.customer[ends_in_window & ~has_successor]] = RENEWED  # RENEWED wins over PARTIAL
        outcome[(spell_end >= day_number(cutoff)) & (spell_end < start)] = ENDS_IN_GAP
        has_left = (spell_end >= start) & (spell_end < end)
        outcome[has_left] = kind[spell[has_left]]
        returns = np.where(has_left, _take(back_on, spell), NEVER).astype(np.int32)
        result.append(CustomerOutcomes(outcome, returns))
    return result


def _spell_at(spells: ContractSpells, cutoff: date, customers: int) -> Ints:
    """Return for each customer the index of the latest spell that began before the cutoff, or -1."""
    earlier_spells = np.flatnonzero(spells.start < day_number(cutoff))
    index = np.full(customers, -1, dtype=np.int64)
    index[spells.customer[earlier_spells]] = (
        earlier_spells  # spells are in order, so each customer's latest spell stays
    )
    return index


def _take(values: npt.NDArray[np.int32], index: Ints) -> npt.NDArray[np.int32]:
    """Return `values[index]`; at an index of -1, the result is meaningless."""
    if len(values) == 0:
        return np.full(len(index), -1, dtype=np.int32)
    result: npt.NDArray[np.int32] = values[index]
    return result


def _next_start(spells: ContractSpells, watermark: int) -> IntArray:
    """Return for each spell the start of the customer's next spell before the watermark, else `NEVER`."""
    following = np.full(len(spells.start), NEVER, dtype=np.int32)
    has_next = (spells.customer[1:] == spells.customer[:-1]) & (spells.start[1:] < watermark)
    following[:-1][has_next] = spells.start[1:][has_next]
    return following


def _kind_of_leaving(store: Store, spells: ContractSpells) -> npt.NDArray[np.int8]:
    """Return for each spell the outcome of its end: `GONE`, `VOLUNTARY` or `INVOLUNTARY`."""
    involuntary = involuntary_ends(store, spells)
    if involuntary is not None:
        return np.where(involuntary, INVOLUNTARY, VOLUNTARY).astype(np.int8)
    if store.params.label.leaving != "any":
        raise SourceError(
            f"{store.params.locate('label.leaving')} is {store.params.label.leaving}, but the data cannot "
            "tell the kinds of leaving apart. Map the table tables.payments and its column paid_at, which is "
            "empty while a payment is open. Or find the values of subscriptions.reason which say that the "
            "company itself ended the contract, and list them under label.involuntary_reasons. Or set "
            "`label.leaving: any`, which counts every kind."
        )
    return np.full(len(spells.start), GONE, dtype=np.int8)


def involuntary_ends(store: Store, spells: ContractSpells) -> BoolArray | None:
    """Return for each spell whether its end was involuntary; None if the data cannot tell.

    Three rules are tried in order, and the first rule for which the data are known decides.

    First, the end is voluntary if the customer asked for it on or before the day of the end. Second, a stated
    reason in `label.involuntary_reasons` makes the end involuntary, and any other stated reason makes the end
    voluntary. Without `label.involuntary_reasons` the second rule is not used. Third, the end is involuntary
    if the last payment due within the spell was lost. A payment is lost if it was not made before the end of
    the grace period after the spell. A payment that was made is also lost if it failed later, but before the
    end of the grace period.

    If no rule decides, the end is voluntary.

    Returns:
        A mask, shape (spells,).

    Raises:
        SourceError: params.yaml lists reasons, and the data have no column of reasons.
    """
    has_asked, has_reason = _request_and_reason(store)
    lost_payment = _last_payment_lost(store)
    if has_reason == UNKNOWN_REASON and lost_payment is None:
        return None
    ended_spells = np.flatnonzero(spells.end < NEVER)
    involuntary = np.zeros(len(spells.end), dtype=bool)
    if not len(ended_spells):
        return involuntary
    table = pa.table(
        {
            "spell": ended_spells,
            "customer": spells.customer[ended_spells],
            "start_day": spells.start[ended_spells],
            "end_day": spells.end[ended_spells],
        }
    )
    with store.connect() as connection:
        connection.register("spells", table)
        words = pa.table({"word": pa.array(list(store.params.label.involuntary_reasons), pa.string())})
        connection.register("involuntary_words", words)
        payments = (
            f"({lost_payment})" if lost_payment else "(SELECT NULL AS spell, false AS lost WHERE false)"
        )
        index = connection.execute(
            f"SELECT spell FROM (SELECT spell, bool_or({has_asked}) AS asked, "
            f"bool_or({has_reason}) AS reason FROM spells JOIN {store.scan('subscriptions')} AS c "
            f"ON c.customer = spells.customer AND c.ended_at_day = spells.end_day AND c.day >= start_day "
            f"GROUP BY 1) AS ends LEFT JOIN {payments} AS payments USING (spell) "
            "WHERE NOT coalesce(asked, false) AND coalesce(reason, lost, false)"
        ).fetchnumpy()["spell"]
    involuntary[np.asarray(index, dtype=np.int64)] = True
    return involuntary


def _request_and_reason(store: Store) -> tuple[str, str]:
    """Return two SQL conditions: the customer asked to leave, and the stated reason counts as involuntary."""
    columns, words = store.tables["subscriptions"].columns, store.params.label.involuntary_reasons
    if words and "reason" not in columns:
        raise SourceError(
            f"{store.params.locate('label.involuntary_reasons')} lists values of subscriptions.reason, "
            "which is not mapped. Map the column under tables.subscriptions.columns, or remove "
            "label.involuntary_reasons."
        )
    has_asked = (
        "c.cancel_requested_at_day <= spells.end_day" if "cancel_requested_at_day" in columns else "false"
    )
    if not words:
        return has_asked, UNKNOWN_REASON
    return has_asked, "lower(c.reason) IN (SELECT lower(word) FROM involuntary_words)"


def _last_payment_lost(store: Store) -> str | None:
    """Return the SQL that finds for each spell whether the last payment due within it was lost.

    `involuntary_ends` says when a payment is lost. Return None if the data have no `paid_at`.
    """
    columns = store.tables["payments"].columns if store.has("payments") else ()
    if "paid_at_day" not in columns:
        return None
    grace_end = f"end_day + {store.params.label.grace_days}"
    is_lost = f"(p.paid_at_day IS NULL OR p.paid_at_day >= {grace_end})"
    if "failed_at_day" in columns:
        is_lost += f" OR (p.failed_at_day > p.paid_at_day AND p.failed_at_day < {grace_end})"
    return (
        f"SELECT spell, max(2 * p.day::BIGINT + coalesce({is_lost}, false)::INTEGER) % 2 = 1 AS lost "
        f"FROM spells JOIN {store.scan('payments')} AS p "
        "ON p.customer = spells.customer AND p.day >= start_day AND p.day < end_day GROUP BY 1"
    )


def wait_days(label: LabelParams, late_days: int) -> int:
    """Return for how many days the end of a contract stays uncertain: `grace_days` plus `late_days`."""
    return label.grace_days + late_days


def contract_ends(store: Store, cutoffs: Sequence[date]) -> list[IntArray]:
    """Return per cutoff and customer code the local day on which the spell at the cutoff ends.

    `contract_outcomes` says what a spell is. The value is `NEVER` as long as no end is certain. An end on day
    `d` is certain once `d + 1 + grace + late days` is at or before the watermark. An end that `label.leaving`
    does not count is ignored. The values of customers outside the cohort mean nothing.

    Raises:
        SourceError: the label needs a kind of leaving that the data cannot identify.
    """
    spells = counted_spells(store)
    wait = wait_days(store.params.label, store.params.snapshot.late_days)
    certain = spells.end.astype(np.int64) + 1 + wait <= day_number(store.watermark)
    end = np.where(certain, spells.end, NEVER).astype(np.int32)
    result = []
    for cutoff in cutoffs:
        spell = _spell_at(spells, cutoff, store.n_customers)
        result.append(np.where(spell >= 0, _take(end, spell), NEVER).astype(np.int32))
    return result


class ContractEndsWriter:
    """Writes `outcome.parquet` next to each part file: `customer_id` and `ends_on` for the same rows."""

    def __init__(
        self, folder: Path, store: Store, cutoffs: Sequence[date], ids: npt.NDArray[np.object_]
    ) -> None:
        """Open one file per cutoff.

        Args:
            folder: The folder of the snapshots, with one sub-folder per cutoff.
            store: The store with the contracts.
            cutoffs: The cutoffs.
            ids: The customer ids by customer code.
        """
        self._ids = ids
        self._ends = dict(zip(cutoffs, contract_ends(store, cutoffs), strict=True))
        self._files = {
            cutoff: pq.ParquetWriter(folder / f"cutoff={cutoff}" / ENDS_FILE, ENDS_SCHEMA, compression="zstd")
            for cutoff in cutoffs
        }

    def add(self, cutoff: date, codes: npt.NDArray[np.integer]) -> None:
        """Append the ends of the contracts of the customers with these codes."""
        ends = self._ends[cutoff][codes]
        columns = [
            pa.array(self._ids[codes], pa.string()),
            pa.array(ends, pa.int32(), mask=ends == NEVER).cast(pa.date32()),
        ]
        self._files[cutoff].write_table(pa.Table.from_arrays(columns, schema=ENDS_SCHEMA))

    def close(self) -> None:
        """Finish the files."""
        for file in self._files.values():
            file.close()


def read_contract_ends(folder: Path, cutoff: date) -> tuple[list[str], IntArray]:
    """Return the customers of a snapshot, and for each customer the day on which the contract ends.

    The customers are in the order of the snapshot's part file. The day is `NEVER` if no end is known.

    Args:
        folder: The folder of the snapshots.
        cutoff: The cutoff.

    Raises:
        SourceError: the file is missing or damaged.
    """
    path = folder / f"cutoff={cutoff}" / ENDS_FILE
    way_out = "Run `churn snapshot` again."
    try:
        table = read_own_parquet(path, ENDS_SCHEMA.names, way_out=way_out).cast(ENDS_SCHEMA)
    except FileNotFoundError:
        raise SourceError(f"{path}: the file is missing. {way_out}") from None
    except (pa.ArrowException, ValueError) as error:
        raise SourceError(f"{path}: the file is damaged: {error}. {way_out}") from None
    days = table["ends_on"].cast(pa.int32()).fill_null(NEVER).to_numpy()
    return table["customer_id"].to_pylist(), days.astype(np.int32)


def contract_ends_bytes(folder: Path, cutoff: date) -> bytes:
    """Return the bytes of a snapshot's file of contract ends, which go into the digest of the snapshots.

    Raises:
        SourceError: the file is missing.
    """
    path = folder / f"cutoff={cutoff}" / ENDS_FILE
    try:
        check_own_file(path, way_out="Run `churn snapshot` again.")
    except FileNotFoundError:
        raise SourceError(f"{path}: the file is missing. Run `churn snapshot` again.") from None
    return path.read_bytes()
