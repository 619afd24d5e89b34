"""What customers do: the tables whose rows are acts of customers, and classes that count these acts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from churn.data.store import Store, day_number
from churn.data.table_rows import RowBatch
from churn.data.tables import HISTORY_PREFIX, NO_EVENTS
from churn.features.engine.cohort import read_customers
from churn.features.language.reader import NEVER
from churn.kpis.activation import WITHIN_DAYS, EventCounts
from churn.kpis.table_pass import RowReader, seen_after

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

LONGEST_DAYS = max(WITHIN_DAYS)
WEEK_DAYS = 7
ACTIVE_WINDOW_DAYS = 28
ONBOARDING_DAYS, NEWCOMER_DAYS = 14, 182
"""The number of days from the sign-up in which a new customer should use the product, and the number of days
of which new customers are looked at.
"""

VALUE_TABLES = ("orders", "interactions", "logins")
"""The tables whose first row shows that a new customer got something of value from the product; the strongest
sign first.
"""

MAX_COUNT = 255
"""Early events are counted up to this number, which is far above every number that is tried."""

MAX_KINDS = 12
"""The largest number of kinds of rows that are tried for a table: the most frequent ones."""

NOT_TRIED = ("customers", "subscriptions", "payments", *NO_EVENTS)
"""Tables whose rows are not acts of the customer: contracts, bills, and acts of the company."""

OUTCOME_OF_ACT = {"emails": ("opened_at", "clicked_at"), "surveys": ("answered_at",)}
"""In these tables a row is an act of the company, and the outcome in the row is an act of the customer."""

KINDS_OF_ACT = {"loyalty": ("earn", "redeem")}
"""The kinds of rows that are acts of the customer, for tables that also have other kinds."""


@dataclass(frozen=True)
class ActTable:
    """A table in which a row, or a date in a row, shows an act of the customer.

    Attributes:
        table: The table.
        day: The column with the day number of the act.
        kinds: The codes of the kinds of rows that are acts; empty if all rows are acts.
    """

    table: str
    day: str
    kinds: tuple[int, ...] = ()


def acts_of_customers(store: Store) -> tuple[ActTable, ...]:
    """Return the tables in which rows are acts of customers, and not of the company."""
    acts = []
    for table in sorted(store.tables):
        if table in NOT_TRIED or table.startswith(HISTORY_PREFIX) or not store.has(table):
            continue
        facts = store.tables[table]
        if table in OUTCOME_OF_ACT:
            days = [f"{name}_day" for name in OUTCOME_OF_ACT[table]]
            acts += [ActTable(table, day) for day in days if day in facts.columns]
        elif table in KINDS_OF_ACT:
            levels = facts.levels.get("kind", ())
            kinds = tuple(code for code, kind in enumerate(levels) if kind in KINDS_OF_ACT[table])
            acts += [ActTable(table, "day", kinds)] if kinds else []
        else:
            acts.append(ActTable(table, "day"))
    return tuple(acts)


@dataclass(frozen=True)
class Joiners:
    """The customers who joined while the data were recorded. Each array has the shape `[customers]`.

    Attributes:
        code: The customer code.
        signed_up: The day number of the sign-up.
        landmark: The cutoff from which the customer is followed: the first weekly cutoff that is at least
            `LONGEST_DAYS` after the sign-up.
    """

    code: Ints
    signed_up: Ints
    landmark: Ints

    def row_of_customers(self, n_customers: int) -> npt.NDArray[np.int32]:
        """Return for each customer of the store the position in these arrays, `[n_customers]`; -1 for a
        customer who is not among the joiners.
        """
        row = np.full(n_customers, -1, dtype=np.int32)
        row[self.code] = np.arange(len(self.code))
        return row


def nobody_joined() -> Joiners:
    """Return joiners without a customer."""
    empty = np.zeros(0, dtype=np.int64)
    return Joiners(empty, empty, empty)


def read_joiners(store: Store, complete_from: int, cutoff: date) -> Joiners:
    """Return the customers who signed up in `[complete_from, cutoff)`."""
    signed_up = read_customers(store).signed_up.astype(np.int64)
    is_joiner = (signed_up >= complete_from) & (signed_up < day_number(cutoff))
    code = np.flatnonzero(is_joiner)
    earliest = signed_up[code] + LONGEST_DAYS
    landmark = earliest + (day_number(cutoff) - earliest) % WEEK_DAYS
    return Joiners(code, signed_up[code], landmark)


class EarlyEvents(RowReader):
    """Counts each joiner's acts in time windows that start at the sign-up; `WITHIN_DAYS` lists their lengths.

    An act counts only if it was known at the joiner's landmark, which is the cutoff from which the joiner is
    followed. The acts of each of the most frequent kinds are counted separately. All acts of a table are also
    counted together, but only if all kinds of its rows are acts.
    """

    def __init__(self, store: Store, act: ActTable, joiners: Joiners) -> None:
        """Begin without a row.

        Args:
            store: The store.
            act: The table.
            joiners: The customers.
        """
        facts = store.tables[act.table]
        self._act, self._joiners = act, joiners
        self._row_of = joiners.row_of_customers(store.n_customers)
        has_kinds = act.day == "day" and "kind" in facts.columns
        self._levels = facts.levels.get("kind", ()) if has_kinds else ()
        self._n_of_kind = np.zeros(len(self._levels), dtype=np.int64)
        names = KINDS_OF_ACT.get(act.table, self._levels)
        codes = list(range(len(self._levels)))
        if len(self._levels) > MAX_KINDS:
            codes = _frequent_kinds(store, act.table)
        shape = (len(WITHIN_DAYS), len(joiners.code))
        self._all_counts = None if act.kinds else np.zeros(shape, dtype=np.uint8)
        self._counts = {
            code: np.zeros(shape, dtype=np.uint8) for code in codes if self._levels[code] in names
        }
        self._is_covered = np.asarray(joiners.signed_up >= (facts.first_day or 0))
        self.columns = [*(["kind"] if self._levels else []), *([act.day] if act.day != "day" else [])]

    def add(self, rows: RowBatch) -> None:
        """Count some rows."""
        if self._levels:
            kinds = rows.column("kind", -1)
            self._n_of_kind += np.bincount(kinds[kinds >= 0], minlength=len(self._levels))
        joiner = self._row_of[rows.customer].astype(np.int64)
        is_joiner = np.flatnonzero(joiner >= 0)
        if not len(is_joiner):
            return
        day = rows.column(self._act.day, NEVER)[is_joiner]
        joiner = joiner[is_joiner]
        age = day - self._joiners.signed_up[joiner]
        is_early = (age >= 0) & (age < LONGEST_DAYS)
        if "known_day" in rows.rows.schema.names:
            is_early &= rows.column("known_day")[is_joiner] < self._joiners.landmark[joiner]
        joiner, age = joiner[is_early], age[is_early]
        window = np.searchsorted(WITHIN_DAYS, age, side="right")
        if self._all_counts is not None:
            _count_events(self._all_counts, joiner, window)
        if self._counts:
            kind = kinds[is_joiner][is_early]
            for code, counts in self._counts.items():
                is_kind = kind == code
                _count_events(counts, joiner[is_kind], window[is_kind])

    def events(self) -> list[EventCounts]:
        """Return the counts of all acts in the table, then of each kind of act, the most frequent first."""
        act, result = self._act, []
        if self._all_counts is not None:
            name = act.table if act.day == "day" else f"{act.table}: {act.day.removesuffix('_at_day')}"
            result.append(EventCounts(name, self._all_counts, self._is_covered))
        for code in sorted(self._counts, key=lambda code: (-self._n_of_kind[code], code)):
            if self._n_of_kind[code]:
                name = f"{act.table}: {self._levels[code]}"
                result.append(EventCounts(name, self._counts[code], self._is_covered))
        return result


def _count_events(counts: npt.NDArray[np.uint8], joiner: Ints, window: Ints) -> None:
    """Add events to the counts `[windows, joiners]`; an event counts in the shortest window that holds it and
    in all longer windows.
    """
    if not len(joiner):
        return
    n_windows, first = len(counts), int(joiner[0])
    size = int(joiner[-1]) - first + 1
    added = np.bincount((joiner - first) * n_windows + window, minlength=size * n_windows)
    total = added.reshape(size, n_windows).cumsum(axis=1).T + counts[:, first : first + size]
    counts[:, first : first + size] = np.minimum(total, MAX_COUNT)


def _frequent_kinds(store: Store, table: str) -> list[int]:
    """Return the codes of the most frequent values in the column `kind` of a table."""
    with store.connect() as connection:
        rows = connection.execute(
            f"SELECT kind, count(*) AS n FROM {store.scan(table)} WHERE kind >= 0 GROUP BY 1 "
            f"ORDER BY n DESC, kind LIMIT {MAX_KINDS}"
        ).fetchall()
    return [int(code) for code, _ in rows]


class ActiveDays:
    """Counts for each customer the days with an act in the `ACTIVE_WINDOW_DAYS` days before each cutoff.

    A day with acts in several tables counts once.
    """

    def __init__(self, n_customers: int, cutoffs: Sequence[date]) -> None:
        """Begin without an act.

        Args:
            n_customers: The number of customers.
            cutoffs: The cutoffs.
        """
        self._ends = np.array([day_number(cutoff) for cutoff in cutoffs], dtype=np.int64)
        self._days = np.zeros((len(cutoffs), n_customers), dtype=np.uint32)  # a bit for each day of a window
        self._window_of_days = [
            _window_of_days(self._ends, rows) for rows in _windows_without_overlap(self._ends.tolist())
        ]

    def days(self) -> Floats:
        """Return the number of days, `[cutoffs, customers]`."""
        return np.bitwise_count(self._days).astype(np.float64)

    def reader(self, act: ActTable) -> RowReader:
        """Return a reader that adds the acts in the rows of a table to these counts."""
        return _ActReader(act, self._add)

    def _add(self, customer: Ints, day: Ints, known_after: Ints) -> None:
        for first_day, window_of_day in self._window_of_days:
            # the last entry stands for days outside all windows
            offset = np.clip(day - first_day, -1, len(window_of_day) - 1)
            window = window_of_day[offset]
            rows = np.flatnonzero(window >= 0)
            window = window[rows]
            end = self._ends[window]
            is_known = known_after[rows] < end
            rows, window, end = rows[is_known], window[is_known], end[is_known]
            if not len(rows):
                continue
            bit = np.left_shift(np.uint32(1), (end - 1 - day[rows]).astype(np.uint32))
            cell = customer[rows] * len(self._ends) + window
            if (cell[1:] < cell[:-1]).any():
                order = np.argsort(cell, kind="stable")
                cell, bit = cell[order], bit[order]
            begins = np.flatnonzero(np.diff(cell, prepend=-1))
            owner, own_window = np.divmod(cell[begins], len(self._ends))
            self._days[own_window, owner] |= np.bitwise_or.reduceat(bit, begins)


class _ActReader(RowReader):
    """Gives each act of a table to a function: its customer, its day, and the day it became known."""

    def __init__(self, act: ActTable, take: Callable[[Ints, Ints, Ints], None]) -> None:
        self._act, self._take = act, take
        self.columns = [*(["kind"] if act.kinds else []), *([act.day] if act.day != "day" else [])]

    def add(self, rows: RowBatch) -> None:
        """Hand on some acts."""
        day = rows.column(self._act.day, NEVER)
        customer, known_after = rows.customer, seen_after(rows, day)
        if self._act.kinds:
            is_act = np.isin(rows.column("kind", -1), self._act.kinds)
            customer, day, known_after = customer[is_act], day[is_act], known_after[is_act]
        self._take(customer, day, known_after)


def _windows_without_overlap(ends: Sequence[int]) -> list[list[int]]:
    """Divide the windows that end on the days `ends` into groups without overlap; return the positions of the
    windows in each group.
    """
    groups: list[list[int]] = []
    for position in sorted(range(len(ends)), key=lambda position: ends[position]):
        for group in groups:
            if ends[position] - ends[group[-1]] >= ACTIVE_WINDOW_DAYS:
                group.append(position)
                break
        else:
            groups.append([position])
    return groups


def _window_of_days(ends: Ints, positions: Sequence[int]) -> tuple[int, Ints]:
    """Return the first day of some windows of days, and an array that tells in which window each day lies.

    Window p holds the days `[ends[p] - ACTIVE_WINDOW_DAYS, ends[p])`; `positions` lists the windows to use.
    Entry `i` of the array is for the day `first day + i`. The entry is the number p of the window that holds
    this day, or -1 if no window holds it. The last entry is always -1.
    """
    first_day = int(ends[positions[0]]) - ACTIVE_WINDOW_DAYS
    window = np.full(int(ends[positions[-1]]) - first_day + 1, -1, dtype=np.int64)
    for position in positions:
        end = int(ends[position]) - first_day
        window[end - ACTIVE_WINDOW_DAYS : end] = position
    return first_day, window


class FirstUses(RowReader):
    """Finds the new customers who have a row in a table soon after their sign-up.

    A row counts only if it was known at the cutoff.

    Attributes:
        has_used: Whether each customer is new and has a row soon after the sign-up, `[customers]`.
        is_newcomer: Whether each customer counts as new, `[customers]`; the day of the sign-up decides this.
    """

    def __init__(
        self, signed_up: npt.NDArray[np.integer], cutoff: date, *, within_days: int, days: int
    ) -> None:
        """Begin without a row.

        Args:
            signed_up: The day number of the sign-up of each customer, `[customers]`.
            cutoff: A row counts only if it happened and was known before this midnight.
            within_days: The number of days from the sign-up in which a row counts.
            days: The length in days of the period in which a new customer must have signed up. The period
                ends `within_days` days before the cutoff.
        """
        self._cutoff, self._signed_up, self._within_days = day_number(cutoff), signed_up, within_days
        end = self._cutoff - within_days
        self.is_newcomer = (signed_up >= end - days) & (signed_up < end)
        self.has_used = np.zeros(len(signed_up), dtype=bool)

    def add(self, rows: RowBatch) -> None:
        """Look at some rows."""
        age = rows.day - self._signed_up[rows.customer]
        is_soon = (age >= 0) & (age < self._within_days) & (rows.visible_from < self._cutoff)
        self.has_used[rows.customer[is_soon & self.is_newcomer[rows.customer]]] = True
