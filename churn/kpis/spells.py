"""When customers were active: spells of contracts, or of events that follow each other closely."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from churn.data.store import Store, day_number
from churn.labels.contract import ContractSpells, involuntary_ends, merged_spells

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

BATCH_ROWS = 1 << 20
"""The number of rows that are in memory at a time while events are read."""


@dataclass(frozen=True)
class ActivitySpells:
    """Spells of activity, ordered by (customer, start); spells of one customer never touch.

    A customer is active at a cutoff c, in local day numbers, if `start < c <= end` for one of the spells. So
    does the label: a contract must have begun before the cutoff, and must not have ended before it.

    Attributes:
        customer: The customer code of each spell, `[spells]`.
        start, end: The day numbers of each spell, `[spells]`; the end is `NEVER` while the spell goes on.
        is_involuntary: Whether the customer did not want the end, `[spells]`; None if the data cannot tell.
        wait_days: How many days after a cutoff it is certain who was active at the cutoff.
        first_day: The first day number from which on both who is active and who leaves is seen. A company
            often has all contracts that run on some day, and not those that ended before. So with contracts
            it is the day of the first recorded end: before it, retention would be 100 % whatever happened.
    """

    customer: Ints
    start: Ints
    end: Ints
    is_involuntary: Bools | None
    wait_days: int
    first_day: int


def read_spells(store: Store, cutoff: date) -> ActivitySpells:
    """Read the spells of all customers, as known at the cutoff."""
    label = store.params.label
    if label.kind == "contract":
        return _contract_spells(store, merged_spells(store), day_number(cutoff))
    active_days = label.days_active
    customer, start, end = event_spells(_event_days(store, label.core_table, day_number(cutoff)), active_days)
    first = store.tables[label.core_table].first_day
    return ActivitySpells(
        customer,
        start,
        end,
        is_involuntary=None,
        wait_days=store.params.snapshot.late_days,
        first_day=(first or 0) + active_days,
    )


def _contract_spells(store: Store, spells: ContractSpells, cutoff: int) -> ActivitySpells:
    involuntary = involuntary_ends(store, spells)
    has_begun = spells.start < cutoff
    start, end = spells.start[has_begun].astype(np.int64), spells.end[has_begun].astype(np.int64)
    wait_days = store.params.label.grace_days + store.params.snapshot.late_days
    return ActivitySpells(
        spells.customer[has_begun].astype(np.int64),
        start,
        end,
        is_involuntary=None if involuntary is None else involuntary[has_begun],
        wait_days=wait_days,
        first_day=first_recorded_end(start, end, cutoff - wait_days),
    )


def first_recorded_end(start: Ints, end: Ints, until: int) -> int:
    """Return the day of the first end before `until`; the day of the first start if nobody has left.

    Args:
        start, end: The day numbers of each spell.
        until: The day number up to which it is certain who left.
    """
    ends = end[end < until]
    return int(ends.min()) if len(ends) else int(start.min(initial=until))


def _event_days(store: Store, table: str, cutoff: int) -> Iterator[tuple[Ints, Ints]]:
    """Yield customer codes and days of a table's events in order, some rows at a time."""
    has_known_day = store.tables[table].two_clocks
    columns = ["customer", "day", *(["known_day"] if has_known_day else [])]
    for path in store.files(table):
        with store.damage_in_words(path), pq.ParquetFile(path) as file:
            for batch in file.iter_batches(BATCH_ROWS, columns=columns):
                customer, day = (batch[name].to_numpy().astype(np.int64) for name in ("customer", "day"))
                is_visible = day < cutoff
                if has_known_day:
                    is_visible &= batch["known_day"].to_numpy() < cutoff
                yield customer[is_visible], day[is_visible]


def event_spells(batches: Iterator[tuple[Ints, Ints]], active_days: int) -> tuple[Ints, Ints, Ints]:
    """Return the spells of events: customer, start and end.

    An event on day e makes its customer active at the cutoffs `e + 1` to `e + active_days`. Events with a
    distance of at most `active_days` are one spell.

    Args:
        batches: Customer codes and day numbers, ordered by (customer, day).
        active_days: The number of cutoffs at which an event counts.
    """
    pieces: list[tuple[Ints, Ints, Ints]] = []
    for customer, day in batches:
        if not len(customer):
            continue
        begins = np.ones(len(day), dtype=bool)
        begins[1:] = (customer[1:] != customer[:-1]) | (day[1:] - day[:-1] > active_days)
        first = np.flatnonzero(begins)
        last = np.append(first[1:], len(day)) - 1
        codes, start, end = customer[first], day[first], day[last] + active_days
        if pieces and pieces[-1][0][-1] == codes[0] and start[0] <= pieces[-1][2][-1]:
            pieces[-1][2][-1] = end[0]  # the spell goes on from the batch before
            codes, start, end = codes[1:], start[1:], end[1:]
        if len(codes):
            pieces.append((codes, start, end))
    if not pieces:
        empty = np.zeros(0, dtype=np.int64)
        return empty, empty, empty
    codes, start, end = (np.concatenate(column) for column in zip(*pieces, strict=True))
    return codes, start, end
