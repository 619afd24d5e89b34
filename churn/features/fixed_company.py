"""Generate the fixed company: a small set of invented customers and rows that never changes.

If the values of a signal on this company change, the definition of the signal has changed.

The customers and their rows are drawn at random, but always in the same way. To draw the rows of a table,
only the list of its columns is needed. So the user's own tables (`events:`) and the histories of attributes
have rows too. The rows contain everything that a signal can use. A signal counts the rows in a window, for
example in the last 28 days; so some rows lie just inside and some just outside a window. Several rows lie on
one day, and some rows become known late. Some values are missing. A row may have an outcome, such as the
opening of a mail. Some outcomes have not happened yet. The others happen soon after the time of their row,
long after this time, or even before it. Some customers are new or have no rows, and the data begin shortly
before the first cutoff. The draws use no random generator of a library, because a new version of a library
may change the numbers.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from churn.data.tables import EMPTIED_VALUE, STORED_UNITS, Column, Table
from churn.features.engine.rows import AnyInt, Rows
from churn.features.engine.timeline import IntArray, Timeline
from churn.features.language.reader import NEVER

CUSTOMERS = 360
FIRST_DAY = 16_000
CUTOFFS = (FIRST_DAY + 120, FIRST_DAY + 3_700, FIRST_DAY + 3_747)
"""The cutoffs as day numbers. The data begin 120 days before the first cutoff, which therefore does not cover
windows of more than 120 days."""

DATA_STARTS = (FIRST_DAY,) * len(CUTOFFS)
DAY_SECONDS = 86_400

ROWS_PER_CUSTOMER = (0, 1, 2, 4, 8, 16, 32, 64)
"""The possible numbers of rows that a customer has in a table; one of them is drawn for each customer."""

WINDOW_EDGES = (1, 7, 14, 21, 28, 35, 56, 84, 91, 112, 168, 182, 210, 364, 366, 730, 3_660)
"""The ages in days at which the usual windows of signals begin. At a cutoff, some rows have an age within
two days of such an age."""

LONG_OUTCOMES = ("ended_at", "cancel_requested_at", "valid_to")
"""Outcomes that can take years and are mostly open; all other outcomes take days or weeks."""

BoolArray = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class FixedRows:
    """The rows of one table of the fixed company; signals read them like rows from the data store."""

    table: Table

    def read(
        self,
        columns: Iterable[str],
        placing_outcomes: Collection[str],
        timeline: Timeline,
        block: tuple[int, int],
    ) -> Rows:
        """Return all rows of all customers; the arguments do not restrict the rows."""
        return rows_of(self.table)


@functools.cache
def sign_up_days() -> IntArray:
    """Return the sign-up day of each customer: long before the cutoffs, or near a cutoff on either side."""
    old = CUTOFFS[-1] - _integers("sign-up, old", CUSTOMERS, 200, 1_500)
    old = np.where(_shares("sign-up, oldest", CUSTOMERS) < 0.4, FIRST_DAY - 200, old)
    cutoff = np.array(CUTOFFS)[_integers("sign-up, cutoff", CUSTOMERS, 0, len(CUTOFFS))]
    new = cutoff - _edges("sign-up, new", CUSTOMERS)
    days: IntArray = np.where(_shares("sign-up", CUSTOMERS) < 0.5, old, new).astype(np.int32)
    return days


def known_customers(ordinal: int) -> BoolArray:
    """Return a mask of the customers who have signed up before a cutoff."""
    return np.asarray(sign_up_days() < CUTOFFS[ordinal])


def cohort(ordinal: int) -> BoolArray:
    """Return a mask of the customers who can still leave at a cutoff: nine in ten of the known customers."""
    at_risk: BoolArray = known_customers(ordinal) & (_shares(f"cohort {ordinal}", CUSTOMERS) < 0.9)
    return at_risk


@functools.cache
def rows_of(table: Table) -> Rows:
    """Draw the rows of one table, ordered by customer and time like the rows in the data store."""
    counts = np.array(ROWS_PER_CUSTOMER)[
        _integers(f"{table.name} counts", CUSTOMERS, 0, len(ROWS_PER_CUSTOMER))
    ]
    customer = np.repeat(np.arange(CUSTOMERS), counts)
    n = len(customer)
    day = _row_days(table.name, customer)
    second = _integers(f"{table.name} time", n, 0, DAY_SECONDS)
    late = _integers(f"{table.name} delay", n, 1, 60)
    known_day = day + np.where(_shares(f"{table.name} late", n) < 0.2, late, 0)
    order = np.lexsort((second, day, customer))
    customer, day, second, known_day = (values[order] for values in (customer, day, second, known_day))
    at = day * DAY_SECONDS + second
    columns: dict[str, AnyInt] = {}
    present: dict[str, BoolArray] = {}
    for column in table.columns:
        for name, (values, has_value) in _cells(table, column, at).items():
            columns[name] = values
            if not has_value.all():
                present[name] = has_value
    return Rows(
        n=CUSTOMERS,
        customer=customer.astype(np.int32),
        day=day.astype(np.int32),
        known_day=known_day.astype(np.int32),
        columns=columns,
        present=present,
        levels={column.name: column.names for column in table.columns if column.names},
        at=at,
    )


def _row_days(name: str, customer: AnyInt) -> AnyInt:
    """Draw the days of rows: any day, a day near the edge of a window, a recent day, or one in busy weeks."""
    n = len(customer)
    any_day = _integers(f"{name} day", n, FIRST_DAY, CUTOFFS[-1] + 30)
    near_cutoff = np.array(CUTOFFS)[_integers(f"{name} cutoff", n, 0, len(CUTOFFS))]
    at_edge = near_cutoff - _edges(f"{name} edge", n)
    recent = near_cutoff - _integers(f"{name} recent", n, 0, 120)
    best_weeks = CUTOFFS[-1] - (_edges(f"{name} best weeks", CUSTOMERS) - 20)[customer]
    best_weeks = best_weeks - _integers(f"{name} best day", n, 0, 20)
    part = _shares(f"{name} part", n)
    days: AnyInt = np.select([part < 0.2, part < 0.5, part < 0.75], [any_day, at_edge, recent], best_weeks)
    return np.maximum(days, FIRST_DAY)


def _cells(table: Table, column: Column, at: AnyInt) -> dict[str, tuple[AnyInt, BoolArray]]:
    """Draw the values of one column, in the form that the data store has for such a column.

    Return each stored column by its name, with a mask of the rows that have a value. A column of the role
    `outcome` gives two stored columns (see `_outcome`). For ids, other texts and the times of rows, no column
    is returned.
    """
    n, name = len(at), f"{table.name} {column.name}"
    has_value = _shares(f"{name} given", n) < (0.4 if column.name in LONG_OUTCOMES else 0.75)
    if column.role == "outcome":
        return _outcome(column.name, name, at, has_value)
    if column.role == "scheduled":
        day = at // DAY_SECONDS + _integers(name, n, -40, 400)
        return {f"{column.name}_day": (np.where(has_value, day, NEVER).astype(np.int32), has_value)}
    if column.type in STORED_UNITS:
        return {column.name: _numbers(column, name, has_value)}
    if column.type == "level":
        codes = np.minimum(_integers(name, n, 0, 7), _integers(f"{name} again", n, 0, 7))
        return {column.name: (np.where(has_value, codes, 0).astype(np.int32), has_value)}
    if column.type == "boolean":
        return {column.name: (np.where(has_value, _integers(name, n, 0, 2), 0).astype(np.int8), has_value)}
    return {}


def _outcome(column: str, name: str, at: AnyInt, has_value: BoolArray) -> dict[str, tuple[AnyInt, BoolArray]]:
    """Draw an outcome's day, and the seconds from the row to the outcome, which may be negative."""
    n = len(at)
    longest = 900 if column in LONG_OUTCOMES else 45
    days = _integers(f"{name} days", n, 0, longest)
    part = _shares(f"{name} part", n)
    days = np.where(part < 0.1, -days // 9, np.where(part < 0.4, days // 9, days))
    to_edge = np.array(CUTOFFS)[_integers(f"{name} cutoff", n, 0, len(CUTOFFS))]
    to_edge = to_edge - _edges(f"{name} edge", n) - at // DAY_SECONDS
    days = np.where((part > 0.7) & (to_edge >= 0) & (to_edge < longest), to_edge, days)
    after = days * DAY_SECONDS + _integers(f"{name} seconds", n, 0, DAY_SECONDS)
    day = np.where(has_value, (at + after) // DAY_SECONDS, NEVER).astype(np.int32)
    return {f"{column}_day": (day, has_value), f"{column}_after": (np.where(has_value, after, 0), has_value)}


def _numbers(column: Column, name: str, has_value: BoolArray) -> tuple[AnyInt, BoolArray]:
    """Draw amounts or numbers as the data store holds them: in cents or thousandths.

    Half of the numbers are whole. If `column.may_be_emptied` (in the history of an attribute), some
    numbers are `EMPTIED_VALUE`, which means that the customer no longer has a value.
    """
    n, unit = len(has_value), STORED_UNITS[column.type]
    low, high = column.bounds or (0.0, 1.0)
    highest = int(high) if high <= 10 else 100
    values = _integers(name, n, 0, highest * unit + 1)
    whole_numbers = _integers(f"{name} whole", n, 0, highest + 1) * unit
    values = np.where(_shares(f"{name} is whole", n) < 0.5, whole_numbers, values)
    if low < 0 and not column.may_be_emptied:
        values = np.where(_shares(f"{name} sign", n) < 0.1, -values, values)
    if column.is_required:
        has_value = np.ones(n, dtype=bool)
    if column.may_be_emptied:
        values = np.where(_shares(f"{name} emptied", n) < 0.1, EMPTIED_VALUE, values)
    return np.where(has_value, values, 0).astype(np.int64), has_value


def _edges(purpose: str, n: int) -> AnyInt:
    """Draw ages (days before a cutoff); each lies within two days of an age in `WINDOW_EDGES`."""
    edges = np.array(WINDOW_EDGES)[_integers(purpose, n, 0, len(WINDOW_EDGES))]
    return edges + _integers(f"{purpose} offset", n, -1, 3)


def _integers(purpose: str, n: int, low: int, high: int) -> AnyInt:
    """Draw whole numbers in `[low, high)`."""
    return low + np.floor(_shares(purpose, n) * (high - low)).astype(np.int64)


def _shares(purpose: str, n: int) -> Floats:
    """Draw `n` numbers in `[0, 1)`. The same purpose of a draw always gives the same numbers.

    Source: Steele, Lea and Flood 2014, Fast splittable pseudorandom number generators (SplitMix64).
    """
    seed = int.from_bytes(hashlib.sha256(purpose.encode()).digest()[:8], "little")
    bits = np.full(n, seed, dtype=np.uint64) + np.arange(1, n + 1, dtype=np.uint64) * np.uint64(
        0x9E3779B97F4A7C15
    )
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    bits ^= bits >> np.uint64(31)
    shares: Floats = (bits >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return shares
