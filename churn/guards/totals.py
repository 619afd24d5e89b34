"""Compute all-time totals of customers, and test whether a column equals one of them.

A total is a count or a sum. It covers all rows of a table, or only rows of one kind. The sum and the
difference of two such totals are totals too. The totals run up to today. A column may also equal a total that
is divided by the days of the customer's life. Only equal values prove that a column copies a total. The rank
correlation in `aggregates.py` does not find copies of the total of one kind of rows, or of a difference of
totals. The rank correlation is computed only with aggregates over all kinds of rows together. Such an
aggregate ranks the customers in another order than the copied total does.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain, combinations, zip_longest

import numpy as np

from churn.data.sql import identifier
from churn.guards.aggregates import (
    EQUAL_SHARE,
    MIN_COMPARED_CUSTOMERS,
    SIGN_UP_DAYS,
    WINDOW_CUSTOMERS,
    copy_match,
    early_rows,
    equal_values,
    first_cutoff_day,
    value_columns,
)
from churn.guards.context import GuardContext
from churn.guards.statistics import Bools, Floats, Ints

MAX_KINDS = 12
"""The largest number of kinds of rows whose totals are tried for each column of a table."""

MAX_PAIRED_TOTALS = 40
"""The largest number of totals that are tried in pairs: first totals of whole tables, then totals of kinds.
"""

RATE_TOLERANCE = 0.002
"""The largest relative difference of a rate. A rate is rounded, and its days may differ by one."""

MIN_DISTINCT_RATES = 20
"""The least number of distinct values of a column that may be a rate, because a factor too easily fits a few
values.
"""


@dataclass(frozen=True)
class Total:
    """A count or a sum over rows, such as the number of logins, computed for each sampled customer.

    Attributes:
        words: What is counted or summed, such as `the number of rows of logins`.
        values: The total up to today of each sampled customer; 0 for a customer without rows. A sum is NaN
            for a customer with only one amount. A column that equals this amount may hold a price, not a sum.
        early: The total up to an early date: the first cutoff or a month after the sign-up, whichever is
            later.
        is_whole: Whether the customer signed up after the table begins, so that the data has all rows of the
            customer.
    """

    words: str
    values: Floats
    early: Floats
    is_whole: Bools

    def is_copied_by(self, column: Floats, customers: Bools) -> float | None:
        """Return the share of customers for whom a column equals the total; None if it is no copy.

        The column is compared with `values` (the total up to today) and with `early` (the total up to an
        early date). The column is a copy only if the share of customers with equal numbers is higher for
        `values` than for `early`.
        """
        customers = customers & ~np.isnan(self.values)
        share = _equal_share(column[customers], self.values[customers])
        if share is None:
            return None
        early_share = _equal_share(column[customers], self.early[customers])
        return None if early_share is not None and early_share >= share else share


class Totals:
    """The totals of a sample of the customers.

    Args:
        context: The company.
    """

    def __init__(self, context: GuardContext) -> None:
        n, step = context.store.n_customers, -(-context.store.n_customers // WINDOW_CUSTOMERS)
        self._codes: Ints = np.arange(0, n, step)
        self._step = step
        signed_up = context.customers.signed_up[self._codes].astype(np.int64)
        self._early_days = np.maximum(first_cutoff_day(context) - signed_up, SIGN_UP_DAYS)
        self._days = {
            "today": context.watermark - signed_up,
            "the end of the customer": context.ends.day[self._codes] - signed_up,
        }
        tables = [self._of_table(context, table) for table in context.event_tables]
        # Only the first totals are paired, so the order mixes the tables: kinds of one table must not push
        # out another table.
        kinds = chain.from_iterable(zip_longest(*(kinds for _, kinds in tables)))
        self._totals = [
            *chain.from_iterable(whole for whole, _ in tables),
            *(total for total in kinds if total is not None),
        ]

    def _of_table(self, context: GuardContext, table: str) -> tuple[list[Total], list[Total]]:
        """Compute the totals of the sampled customers over all rows of a table, and over each kind of row."""
        stored = context.store.tables[table]
        values = value_columns(context, table)
        queries = {f"the number of rows of {table}": "count(*)"}
        queries |= {f"the sum of {table}.{name}": _sum_sql(sql) for name, sql in values.items()}
        n_whole = len(queries)
        for column in context.tables[table].of_role("attribute"):
            levels = stored.levels.get(column.name, ())
            if column.name not in stored.columns or not 1 < len(levels) <= MAX_KINDS:
                continue
            name = identifier(column.name)
            queries[f"the number of different values of {table}.{column.name}"] = f"count(DISTINCT {name})"
            for code, level in enumerate(levels):
                only = f" FILTER (WHERE {name} = {code})"
                rows = f"with {column.name} '{level}'"
                queries[f"the number of rows of {table} {rows}"] = f"count(*){only}"
                for number, sql in values.items():
                    queries[f"the sum of {table}.{number} {rows}"] = _sum_sql(sql, only)
        is_whole = context.customers.signed_up[self._codes] > (stored.first_day or 0)
        totals = [
            Total(words, today, early, is_whole)
            for words, today, early in zip(
                queries,
                self._columns(context, table, [*queries.values()], "true"),
                self._columns(context, table, [*queries.values()], early_rows(context)),
                strict=True,
            )
        ]
        return totals[:n_whole], totals[n_whole:]

    def _columns(self, context: GuardContext, table: str, queries: list[str], where: str) -> list[Floats]:
        select_list = ", ".join(f"{sql} AS a{number}" for number, sql in enumerate(queries))
        result = context.fetch(
            f"SELECT customer, {select_list} FROM {context.store.scan(table)} JOIN people USING (customer) "
            f"WHERE customer % {self._step} = 0 AND {where} GROUP BY 1"
        )
        row = np.asarray(result["customer"], dtype=np.int64) // self._step
        columns = []
        for number in range(len(queries)):
            column = np.zeros(len(self._codes))
            column[row] = np.asarray(result[f"a{number}"], dtype=np.float64)
            columns.append(column)
        return columns

    def copied_by(self, values: Floats) -> str | None:
        """Describe the total that a column copies; None if the column copies none.

        Args:
            values: The values of the column, by customer code; NaN for a missing value.
        """
        column = values[self._codes]
        has_value = ~np.isnan(column)
        if has_value.sum() < MIN_COMPARED_CUSTOMERS or len(np.unique(column[has_value])) < 3:
            return None
        return (
            self._single(column, has_value) or self._pair(column, has_value) or self._rate(column, has_value)
        )

    def _single(self, column: Floats, has_value: Bools) -> str | None:
        for total in self._totals:
            for customers, which in (
                (has_value, "customers"),
                (has_value & total.is_whole, "customers whose whole history is in the data"),
            ):
                share = total.is_copied_by(column, customers)
                if share:
                    return (
                        f"for {share:.0%} of {customers.sum():,} {which} it equals {total.words} up to today"
                    )
        return None

    def _pair(self, column: Floats, has_value: Bools) -> str | None:
        for first, second in combinations(self._totals[:MAX_PAIRED_TOTALS], 2):
            for a, b, sign, joint in (
                (first, second, 1, "plus"),
                (first, second, -1, "minus"),
                (second, first, -1, "minus"),
            ):
                words = f"{a.words} {joint} {b.words}"
                total = Total(words, a.values + sign * b.values, a.early + sign * b.early, a.is_whole)
                share = total.is_copied_by(column, has_value)
                if share:
                    return f"for {share:.0%} of {has_value.sum():,} customers it equals {words} up to today"
        return None

    def _rate(self, column: Floats, has_value: Bools) -> str | None:
        """Describe the total per day that a column copies; None if the column copies none.

        The days are counted from the sign-up to today, or to the day on which the customer left. The column
        may be the total per day times a factor that is the same for all customers. A column in other units
        has a factor other than 1, such as 30.4 for a total per month of 30.4 days.
        """
        for until, days in self._days.items():
            # A customer who left before the first cutoff has no days between the end and the cutoff.
            early_days = np.maximum(np.minimum(self._early_days, days), 1)
            for total in self._totals:
                customers = has_value & (days > 0) & (total.values > 0) & (column > 0)
                copy = column[customers]
                share, factor = _proportional_share(copy, (total.values / np.maximum(days, 1))[customers])
                if share < EQUAL_SHARE:
                    continue
                early_share, _ = _proportional_share(copy, (total.early / early_days)[customers])
                if early_share < EQUAL_SHARE:
                    return (
                        f"for {share:.0%} of {customers.sum():,} customers it equals {total.words} over "
                        f"the days from the sign-up to {until}, times {factor:,.3g}"
                    )
        return None


def _sum_sql(value: str, only: str = "") -> str:
    """Return the SQL of a sum: 0 without values, NULL for a single value.

    A column that equals a single value may hold a price, not a sum.
    """
    return f"CASE WHEN count({value}){only} <> 1 THEN coalesce(sum({value}){only}, 0) END"


def _proportional_share(column: Floats, rate: Floats) -> tuple[float, float]:
    """Return a share and a factor: for this share of customers, `column` is `rate` times the factor."""
    if (
        len(column) < MIN_COMPARED_CUSTOMERS
        or min(len(np.unique(column)), len(np.unique(rate))) < MIN_DISTINCT_RATES
    ):
        return 0.0, 0.0
    factor = float(np.nanmedian(rate / column))
    if not factor > 0:
        return 0.0, 0.0
    equal = np.abs(column - rate / factor) <= 0.005 + RATE_TOLERANCE * column
    return float(equal.mean()), 1 / factor


def _equal_share(column: Floats, total: Floats) -> float | None:
    """Return the share of customers for whom a column equals a total; None if the share is too low."""
    if len(column) < MIN_COMPARED_CUSTOMERS or equal_values(column, total).mean() < EQUAL_SHARE:
        return None
    match = copy_match(column, total)
    return match.strength if match and match.equal else None
