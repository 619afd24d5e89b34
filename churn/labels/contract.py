"""Labels by contracts: left is whose contracts have all ended, without another within the grace."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from churn.data.store import Store, day_number
from churn.errors import CallError, SourceError
from churn.features.engine.rows import NEVER
from churn.features.engine.timeline import IntArray
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
    CustomerOutcomes,
    label_window,
)
from churn.params import Params

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


def read_contracts(store: Store) -> Contracts:
    """Read all contracts; one that has not ended ends `NEVER`."""
    ended = "ended_at_day" if "ended_at_day" in store.tables["subscriptions"].columns else "NULL"
    with store.connect() as connection:
        found = connection.execute(
            f"SELECT customer, day AS started, coalesce({ended}, {NEVER})::INTEGER AS ended "
            f"FROM {store.scan('subscriptions')} ORDER BY 1, 2, 3"
        ).fetchnumpy()
    return Contracts(*(np.asarray(found[name], dtype=np.int64) for name in ("customer", "started", "ended")))


def merged_spells(store: Store) -> Spells:
    """Merge contracts that overlap or lie no more than `grace_days` apart into spells."""
    return read_contracts(store).merged(store.params.label.grace_days)


def counted_spells(store: Store) -> Spells:
    """Return the spells with the ends that `label.leaving` counts; one that ended in another way has no end.

    Raises:
        SourceError: the label asks for a kind of leaving that the data do not tell.
    """
    merged, leaving = merged_spells(store), store.params.label.leaving
    if leaving == "any":
        return merged
    counted = np.isin(_kind_of_leaving(store, merged), LEAVING[leaving])
    return replace(merged, end=np.where(counted, merged.end, NEVER).astype(np.int32))


def contract_outcomes(store: Store, cutoffs: Sequence[date]) -> list[CustomerOutcomes]:
    """Return what became of everybody: gone is whose spell that runs at the cutoff ends in the window.

    A member of the cohort has such a spell: the contract in force then is part of it. What became known late
    cannot move its end before the cutoff, as spells only grow.

    Raises:
        SourceError: the label asks for a kind of leaving that the data do not tell.
    """
    single = read_contracts(store)
    merged = single.merged(store.params.label.grace_days)
    kind = _kind_of_leaving(store, merged)
    back_on = _next_start(merged, day_number(store.watermark))
    partial = single.runs_on()
    result = []
    for cutoff in cutoffs:
        window = label_window(store.params, cutoff)
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
        result.append(CustomerOutcomes(outcome, np.where(gone, _at(back_on, spell), NEVER).astype(np.int32)))
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
    told = involuntary_ends(store, merged.customer, merged.start, merged.end)
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


UNKNOWN_REASON = "NULL::BOOLEAN"


def involuntary_ends(store: Store, customer: IntArray, start: IntArray, end: IntArray) -> BoolArray | None:
    """Return for each spell `[start, end)` whether its end was involuntary; None where nothing tells.

    The first of these that is known decides:

    1. Who asked by the day of the end for the contract to end left voluntarily.
    2. A stated reason among `label.involuntary_reasons` is involuntary, any other stated reason is not;
       without such words in params.yaml reasons are not looked at.
    3. If the last payment due within the spell and before its end was never recovered, the end is
       involuntary: it is unpaid when the grace after the end is over, or was paid and came back.

    Whatever is not shown to be involuntary is voluntary.

    Raises:
        SourceError: params.yaml gives words of reasons, and there are no reasons.
    """
    asked, reason = _said_at_the_end(store)
    unpaid = _last_payment_lost(store)
    if reason == UNKNOWN_REASON and unpaid is None:
        return None
    ended = np.flatnonzero(end < NEVER)
    found = np.zeros(len(end), dtype=bool)
    if not len(ended):
        return found
    spells = pa.table(
        {"spell": ended, "customer": customer[ended], "start_day": start[ended], "end_day": end[ended]}
    )
    with store.connect() as connection:
        connection.register("spells", spells)
        words = pa.table({"word": pa.array(list(store.params.label.involuntary_reasons), pa.string())})
        connection.register("involuntary_words", words)
        lost = f"({unpaid})" if unpaid else "(SELECT NULL AS spell, false AS lost WHERE false)"
        places = connection.execute(
            f"SELECT spell FROM (SELECT spell, bool_or({asked}) AS asked, bool_or({reason}) AS told "
            f"FROM spells JOIN {store.scan('subscriptions')} AS c "
            f"ON c.customer = spells.customer AND c.ended_at_day = spells.end_day AND c.day >= start_day "
            f"GROUP BY 1) AS said LEFT JOIN {lost} AS payments USING (spell) "
            "WHERE NOT coalesce(asked, false) AND coalesce(told, lost, false)"
        ).fetchnumpy()["spell"]
    found[np.asarray(places, dtype=np.int64)] = True
    return found


def _said_at_the_end(store: Store) -> tuple[str, str]:
    """Return the SQL of a request to leave, and of a stated reason that is involuntary or is not."""
    columns, words = store.tables["subscriptions"].columns, store.params.label.involuntary_reasons
    if words and "reason" not in columns:
        raise SourceError(
            f"{store.params.locate('label.involuntary_reasons')} names words of subscriptions.reason, which "
            "is not mapped. Map it under tables.subscriptions.columns, or leave the words out."
        )
    asked = "c.cancel_requested_at_day <= spells.end_day" if "cancel_requested_at_day" in columns else "false"
    if not words:
        return asked, UNKNOWN_REASON
    return asked, "lower(c.reason) IN (SELECT lower(word) FROM involuntary_words)"


def _last_payment_lost(store: Store) -> str | None:
    """Return the SQL of whether the last payment due in each spell was lost; None without payments."""
    columns = store.tables["payments"].columns if store.has("payments") else ()
    if "paid_at_day" not in columns:
        return None
    over = f"end_day + {store.params.label.grace_days}"
    lost = f"(p.paid_at_day IS NULL OR p.paid_at_day >= {over})"
    if "failed_at_day" in columns:
        lost += f" OR (p.failed_at_day > p.paid_at_day AND p.failed_at_day < {over})"
    return (
        f"SELECT spell, max(2 * p.day::BIGINT + coalesce({lost}, false)::INTEGER) % 2 = 1 AS lost "
        f"FROM spells JOIN {store.scan('payments')} AS p "
        "ON p.customer = spells.customer AND p.day >= start_day AND p.day < end_day GROUP BY 1"
    )


ENDS_FILE = "outcome.parquet"
ENDS_SCHEMA = pa.schema([("customer_id", pa.string()), ("ends_on", pa.date32())])


def wait_days(params: Params) -> int:
    """Return how many days after a contract's end it is certain: the grace for renewing and the late rows."""
    return params.label.grace_days + params.snapshot.late_days


def contract_ends(store: Store, cutoffs: Sequence[date]) -> list[IntArray]:
    """Return per cutoff and customer code the local day on which the spell that runs at the cutoff ends.

    `NEVER` while no end is certain: day `d` is once `d + 1`, the grace and the late days lie at or before
    the watermark. To leave in a way that `label.leaving` does not count is not to leave. What is said of
    customers outside the cohort means nothing.

    Raises:
        SourceError: the label asks for a kind of leaving that the data do not tell.
    """
    merged = counted_spells(store)
    certain = merged.end.astype(np.int64) + 1 + wait_days(store.params) <= day_number(store.watermark)
    known = np.where(certain, merged.end, NEVER).astype(np.int32)
    result = []
    for cutoff in cutoffs:
        begun = np.flatnonzero(merged.start < day_number(cutoff))
        found = np.full(store.n_customers, NEVER, dtype=np.int32)
        found[merged.customer[begun]] = known[begun]  # in order, so each customer's latest spell stays
        result.append(found)
    return result


class ContractEndsWriter:
    """Writes `outcome.parquet` beside each part file: customer_id and ends_on, row by row as the part."""

    def __init__(
        self, folder: Path, store: Store, cutoffs: Sequence[date], ids: npt.NDArray[np.object_]
    ) -> None:
        self._ids = ids
        self._ends = dict(zip(cutoffs, contract_ends(store, cutoffs), strict=True))
        self._files = {
            cutoff: pq.ParquetWriter(folder / f"cutoff={cutoff}" / ENDS_FILE, ENDS_SCHEMA, compression="zstd")
            for cutoff in cutoffs
        }

    def add(self, cutoff: date, codes: npt.NDArray[np.integer]) -> None:
        """Append the outcomes of some customers."""
        found = self._ends[cutoff][codes]
        columns = [
            pa.array(self._ids[codes], pa.string()),
            pa.array(found, pa.int32(), mask=found == NEVER).cast(pa.date32()),
        ]
        self._files[cutoff].write_table(pa.Table.from_arrays(columns, schema=ENDS_SCHEMA))

    def close(self) -> None:
        """Finish the files."""
        for file in self._files.values():
            file.close()


def read_contract_ends(folder: Path, cutoff: date) -> tuple[list[str], IntArray]:
    """Return the customers of a snapshot in the order of its part file, and the days their contracts ended.

    Raises:
        CallError: the file is gone or damaged.
    """
    path = folder / f"cutoff={cutoff}" / ENDS_FILE
    try:
        table = pq.read_table(path, partitioning=None, schema=ENDS_SCHEMA)
    except (OSError, pa.ArrowException) as error:
        raise CallError(
            f"{path} cannot be read: {str(error).splitlines()[0]:.120} Run `churn snapshot` again."
        ) from None
    days = table["ends_on"].cast(pa.int32()).fill_null(NEVER).to_numpy()
    return table["customer_id"].to_pylist(), days.astype(np.int32)


def contract_ends_bytes(folder: Path, cutoff: date) -> bytes:
    """Return the bytes of a snapshot's ends, for its digest.

    Raises:
        CallError: the file is gone.
    """
    try:
        return (folder / f"cutoff={cutoff}" / ENDS_FILE).read_bytes()
    except OSError:
        raise CallError(
            f"{folder}: when the contracts of {cutoff} ended is gone, or was never written. "
            "Run `churn snapshot` again."
        ) from None
