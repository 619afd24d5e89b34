"""Compute aggregates of events up to today, and test whether a column of customers copies one of them.

Exports often hold such aggregates as columns of the table of customers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from churn.data.sql import identifier
from churn.data.store import date_of_day, day_number
from churn.data.tables import EMPTIED_VALUE, STORED_UNITS
from churn.guards.context import GuardContext
from churn.guards.statistics import Bools, Floats, Ints, spearman

MIN_COMPARED_CUSTOMERS = 50
"""The least number of compared customers, because fewer customers prove nothing."""

EQUAL_SHARE = 0.9
"""A column is a copy of an aggregate if at least this share of the values is equal. A copy may count a few
more days, or leave out some rows.
"""

MIN_CORRELATION = 0.97
"""A column follows an aggregate if the rank correlation of both is at least this number.

An honest pair, such as company size and usage, reaches about .5.
"""

LONGEST_WINDOW = 366
"""The longest window before today, in days. Every shorter window is tried too."""

WINDOW_CUSTOMERS = 5_000
"""The largest number of customers on which windows are tried."""

SIGN_UP_DAYS = 31
"""The number of days after the sign-up in which an attribute may still be filled in; most cutoffs are later.
"""


@dataclass(frozen=True)
class Aggregate:
    """An aggregate of events up to today.

    Attributes:
        words: The aggregate in words.
        table: The event table.
        sql: The SQL of the aggregate.
        values: The aggregate of each customer, with the customer code as the index; NaN for a customer
            without events.
        mean: If the aggregate is a sum, the mean of the summed column for each customer, with the same index;
            otherwise None. If an attribute correlates with the mean at least as much as with the sum, the
            attribute holds a price, not a total.
    """

    words: str
    table: str
    sql: str
    values: Floats
    mean: Floats | None = None


@dataclass(frozen=True)
class CopyMatch:
    """How closely a column agrees with an aggregate of events.

    Attributes:
        equal: Whether the values are equal; otherwise only their order agrees.
        strength: The share of equal values, or the absolute rank correlation. If the column holds bands,
            `strength` says how well the bands explain the customers' ranks (R-squared).
        words: A sentence about the agreement. `copy_match` writes only the beginning of the sentence; its
            caller adds the rest, which names the aggregate.
    """

    equal: bool
    strength: float
    words: str

    def is_closer_than(self, early: CopyMatch | None) -> bool:
        """Return whether this match is closer than `early`.

        `early` is the match of the same column with the aggregate over early rows only; see `early_rows`.
        Equal values agree more closely than values that are only in the same order.
        """
        return early is None or (self.equal, self.strength) > (early.equal, early.strength)


def equal_values(first: Floats, second: Floats) -> Bools:
    """Return where two columns are equal, apart from the rounding of cents and of large numbers."""
    return np.asarray(np.abs(first - second) <= 0.005 + 1e-6 * np.abs(second))


def copy_match(values: Floats, aggregate: Floats) -> CopyMatch | None:
    """Compare a column with an aggregate; return None if the column is no copy.

    The most frequent value of the aggregate is left out, because most customers may share it by chance.

    Args:
        values: The column, shape (customers,), without missing values.
        aggregate: The aggregate of the same customers, shape (customers,).
    """
    distinct, codes, counts = np.unique(aggregate, return_inverse=True, return_counts=True)
    informative = codes != counts.argmax() if len(counts) else codes > 0
    if informative.sum() < MIN_COMPARED_CUSTOMERS or len(distinct) < 3 or len(np.unique(values)) < 3:
        return None
    equal = equal_values(values, aggregate)
    if min(equal.mean(), equal[informative].mean()) >= EQUAL_SHARE:
        words = f"for {equal.mean():.0%} of {len(values):,} customers it equals"
        return CopyMatch(True, float(equal.mean()), words)
    correlation = spearman(values, aggregate) if min(len(distinct), len(np.unique(values))) > 20 else 0.0
    if abs(correlation) >= MIN_CORRELATION:
        words = f"over {len(values):,} customers it follows (rank correlation {correlation:.2f})"
        return CopyMatch(False, abs(correlation), words)
    return None


def aggregates(context: GuardContext) -> Iterator[Aggregate]:
    """Yield aggregates of each event table up to today."""
    for table in context.event_tables:
        queries = {
            f"the number of rows of {table}": "count(*)",
            f"the days with a row of {table}": "count(DISTINCT day)",
            f"the last date of {table}": "max(day)",
        }
        mean_queries: dict[str, str] = {}
        for name, value in value_columns(context, table).items():
            # A single row is no sum. A value that never changes is an agreed price, so its mean tells
            # nothing.
            total = f"the sum of {table}.{name}"
            queries[total] = f"CASE WHEN count({value}) > 1 THEN sum({value}) END"
            mean_queries[total] = f"avg({value})"
            mean = f"CASE WHEN min({value}) < max({value}) THEN avg({value}) END"
            queries[f"the mean of {table}.{name}"] = mean
        for column in context.tables[table].of_role("outcome"):
            if f"{column.name}_day" in context.store.tables[table].columns:
                queries[f"the last {column.name} of {table}"] = f"max({column.name}_day)"
                queries[f"the number of {column.name} of {table}"] = f"count({column.name}_day)"
        columns = _by_customer(context, table, [*queries.values(), *mean_queries.values()])
        means = dict(zip(mean_queries, columns[len(queries) :], strict=True))
        for (words, sql), values in zip(queries.items(), columns, strict=False):
            yield Aggregate(words, table, sql, values, means.get(words))


def early_aggregate(context: GuardContext, aggregate: Aggregate) -> Aggregate:
    """Compute an aggregate over each customer's early rows only; 0 for a customer who has only later rows.

    `early_rows` says which rows are early. A column is compared with this early aggregate and with
    `aggregate`, which covers all rows up to today. If the early aggregate fits the column at least as well as
    `aggregate` does, the column holds nothing of the future.
    """
    (values,) = _by_customer(context, aggregate.table, [aggregate.sql], early_rows(context))
    has_rows_today = ~np.isnan(aggregate.values)
    return replace(aggregate, values=np.where(has_rows_today, np.nan_to_num(values), np.nan), mean=None)


def early_rows(context: GuardContext) -> str:
    """Return SQL that is true for early rows: rows before the first cutoff or within a month of sign-up."""
    return f"day < greatest({first_cutoff_day(context)}, signed_up + {SIGN_UP_DAYS})"


def first_cutoff_day(context: GuardContext) -> int:
    """Return the day number of the first cutoff, or 0 if there are no cutoffs."""
    return day_number(context.cutoffs[0]) if context.cutoffs else 0


def _by_customer(context: GuardContext, table: str, queries: list[str], where: str = "true") -> list[Floats]:
    """Return each aggregate as an array whose index is the customer code; NaN for a customer without rows."""
    select_list = ", ".join(f"{sql} AS a{number}" for number, sql in enumerate(queries))
    result = context.fetch(
        f"SELECT customer, {select_list} FROM {context.store.scan(table)} JOIN people USING (customer) "
        f"WHERE {where} GROUP BY 1"
    )
    code = np.asarray(result["customer"], dtype=np.int64)
    columns = []
    for number in range(len(queries)):
        values = np.full(context.store.n_customers, np.nan)
        values[code] = np.asarray(result[f"a{number}"], dtype=np.float64)
        columns.append(values)
    return columns


def value_columns(context: GuardContext, table: str) -> dict[str, str]:
    """Return the name of each numeric column of a table, and the SQL that reads the column.

    The SQL turns stored integers, such as cents, back into the numbers of the source.
    """
    stored_columns = context.store.tables[table].columns
    return {
        column.name: f"nullif({identifier(column.name)}, {EMPTIED_VALUE}) / {STORED_UNITS[column.type]}.0"
        for column in context.tables[table].of_role("value")
        if column.name in stored_columns and column.type in STORED_UNITS
    }


def matching_window(context: GuardContext, values: Floats) -> str | None:
    """Describe the period whose events a column counts or sums up; None if there is no such period.

    The period (window) is either the last days before today (at most `LONGEST_WINDOW` days), or all time
    before a past day. A column describes all time before a past day if it was exported on that day.

    Args:
        context: The company.
        values: The values of the column, with the customer code as the index; NaN for a missing value.
    """
    with_value = np.flatnonzero(~np.isnan(values))
    for table in context.event_tables:
        queries = {f"the rows of {table}": ("count(*)", with_value)}
        for name, value in value_columns(context, table).items():
            # The monthly sum of a fixed price equals the agreed price. Such a column is no copy.
            varying = context.fetch(
                f"SELECT customer FROM {context.store.scan(table)} GROUP BY 1 "
                f"HAVING min({value}) < max({value}) ORDER BY 1"
            )
            codes = np.intersect1d(with_value, varying["customer"])
            queries[f"the sum of {table}.{name}"] = f"sum({value})", codes
        for words, (sql, codes) in queries.items():
            window = _best_window(context, table, sql, codes[:WINDOW_CUSTOMERS], values)
            if window:
                return f"{window[0].words} {words} {window[1]}"
    return None


def _best_window(
    context: GuardContext, table: str, sql: str, codes: Ints, values: Floats
) -> tuple[CopyMatch, str] | None:
    """Compare a column with an aggregate over each window; return the closest match and its window in words.

    Args:
        context: The company.
        table: The event table.
        sql: The SQL that aggregates the rows of one day.
        codes: The code (number) of each customer whose value is compared with the customer's events.
        values: The values of the column, with the customer code as the index.
    """
    if not len(codes):
        return None
    position = np.full(context.store.n_customers, -1)
    position[codes] = np.arange(len(codes))
    end = context.watermark
    result = context.fetch(
        f"SELECT customer, {end} - 1 - day AS back, {sql} AS value FROM {context.store.scan(table)} "
        f"WHERE day < {end} AND day >= {end - LONGEST_WINDOW} GROUP BY 1, 2"
    )
    row = position[np.asarray(result["customer"], dtype=np.int64)]
    daily = np.zeros((LONGEST_WINDOW, len(codes)))
    daily[np.asarray(result["back"])[row >= 0], row[row >= 0]] = np.nan_to_num(
        np.asarray(result["value"], dtype=np.float64)[row >= 0]
    )
    windows = np.cumsum(daily, axis=0)
    total, early = (
        np.nan_to_num(_by_customer(context, table, [sql], where)[0][codes])
        for where in (f"day < {end}", early_rows(context))
    )
    # If a column agrees with the aggregate over the early rows as closely as with a window, it holds nothing
    # of the future.
    early_match = copy_match(values[codes], early)

    best = _best_row(windows, values[codes])
    match = copy_match(values[codes], windows[best])
    if match and match.is_closer_than(early_match):
        return match, (
            f"in the last {best + 1} days of the data. So the column includes days after the cutoffs, and "
            "the labels describe the same days."
        )

    exports = windows[: max(0, end - first_cutoff_day(context) - 1)]
    if not len(exports):
        return None
    best = _best_row(total - exports, values[codes])
    match = copy_match(values[codes], total - exports[best])
    if match and match.equal and match.is_closer_than(early_match):
        export = date_of_day(end - best - 1)
        return (
            match,
            f"before {export}. So at a cutoff before that day, the column includes rows from after the "
            "cutoff.",
        )
    return None


def _best_row(windows: Floats, values: Floats) -> int:
    """Return the index of the row of `windows` that equals `values` for the most customers.

    `windows` has the shape (days, customers).
    """
    return int((np.abs(windows - values) <= 0.005).mean(axis=1).argmax())
