"""When customers were active: spells of contracts, or spells of events that follow each other closely."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from churn.data.store import Store, day_number
from churn.data.table_rows import RowBatch
from churn.kpis.table_pass import RowReader
from churn.labels.contract import ContractSpells, involuntary_ends, merged_spells

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class ActivitySpells:
    """Spells of activity, ordered by (customer, start); spells of one customer never touch.

    A customer is active at a cutoff c, in local day numbers, if `start < c <= end` for one of the
    spells. The label uses the same rule: a contract must have begun before the cutoff, and must not have
    ended before it.

    Attributes:
        customer: The customer code of each spell, `[spells]`.
        start, end: The day numbers of each spell, `[spells]`; the end is `NEVER` while the spell goes on.
        is_involuntary: Whether the spell ended against the customer's will, for example after a failed
            payment, `[spells]`; None if the data do not show this.
        wait_days: The number of days from a cutoff until it is certain who was active at the cutoff.
        first_day: The first day number from which the data show both who is active and who leaves. In
            the data of many companies, the contracts that ended before some day are missing. Before
            the first recorded end, nobody seems to leave, so the retention would be 100 %. Therefore, if the
            spells are contracts, `first_day` is the day of this first end.
    """

    customer: Ints
    start: Ints
    end: Ints
    is_involuntary: Bools | None
    wait_days: int
    first_day: int


def read_contract_spells(store: Store, cutoff: date) -> ActivitySpells:
    """Read the spells of contracts of all customers, as known at the cutoff."""
    return _contract_spells(store, merged_spells(store), day_number(cutoff))


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
    """Return the day of the first end before `until`; if nobody has left, the day of the first start.

    Args:
        start, end: The day numbers of each spell.
        until: The day number up to which it is certain who left.
    """
    ends = end[end < until]
    return int(ends.min()) if len(ends) else int(start.min(initial=until))


class EventSpells(RowReader):
    """Joins the events of a table into spells of activity.

    An event on day e makes its customer active at the cutoffs from `e + 1` to `e + active_days`. Events that
    are at most `active_days` days apart belong to one spell.
    """

    def __init__(self, active_days: int, cutoff: int) -> None:
        """Begin without an event.

        Args:
            active_days: For how many days after an event the customer counts as active.
            cutoff: A day number; only events that happened and were known before it count.
        """
        self._active_days, self._cutoff = active_days, cutoff
        self._pieces: list[tuple[Ints, Ints, Ints]] = []

    def add(self, rows: RowBatch) -> None:
        """Add some events."""
        is_visible = rows.visible_from < self._cutoff
        self.add_events(rows.customer[is_visible], rows.day[is_visible])

    def add_events(self, customer: Ints, day: Ints) -> None:
        """Add events by their customer codes and day numbers; they must be ordered by (customer, day)."""
        if not len(customer):
            return
        begins = np.ones(len(day), dtype=bool)
        begins[1:] = (customer[1:] != customer[:-1]) | (day[1:] - day[:-1] > self._active_days)
        first = np.flatnonzero(begins)
        last = np.append(first[1:], len(day)) - 1
        codes, start, end = customer[first], day[first], day[last] + self._active_days
        pieces = self._pieces
        if pieces and pieces[-1][0][-1] == codes[0] and start[0] <= pieces[-1][2][-1]:
            pieces[-1][2][-1] = end[0]  # the spell continues the last spell of the batch before
            codes, start, end = codes[1:], start[1:], end[1:]
        if len(codes):
            pieces.append((codes, start, end))

    def spells(self) -> tuple[Ints, Ints, Ints]:
        """Return the spells: customer, start and end."""
        if not self._pieces:
            empty = np.zeros(0, dtype=np.int64)
            return empty, empty, empty
        codes, start, end = (np.concatenate(column) for column in zip(*self._pieces, strict=True))
        return codes, start, end

    def activity(self, store: Store, table: str) -> ActivitySpells:
        """Return the spells as `ActivitySpells`; `table` is the name of the table with the events."""
        customer, start, end = self.spells()
        first = store.tables[table].first_day
        return ActivitySpells(
            customer,
            start,
            end,
            is_involuntary=None,
            wait_days=store.params.snapshot.late_days,
            first_day=(first or 0) + self._active_days,
        )
