"""What exports like to add up: aggregates of events up to today, and how to see that numbers copy one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from churn.data.sql import identifier
from churn.data.tables import EMPTIED_VALUE, STORED_UNITS
from churn.guards.context import Company
from churn.guards.statistics import Floats, spearman

FEWEST = 50
"""Fewer customers than this show nothing."""

EQUAL = 0.9
"""The share of equal values from which a column is a copy: exports differ by a few days or filters."""

ALIKE = 0.97
"""The rank correlation from which it moves with an aggregate; company size and usage reach about .5."""


@dataclass(frozen=True)
class Aggregate:
    """An aggregate of events up to today by customer code, NaN where there are none.

    `own` is the mean behind a sum: an attribute that goes with it as well is a price, and no total.
    """

    words: str
    values: Floats
    own: Floats | None = None


@dataclass(frozen=True)
class Copy:
    """How numbers copy an aggregate: value by value, or only in their order."""

    equal: bool
    said: str


def copied(values: Floats, aggregate: Floats) -> Copy | None:
    """Say how numbers copy an aggregate; what most customers share by chance does not count."""
    names, place, counts = np.unique(aggregate, return_inverse=True, return_counts=True)
    telling = place != counts.argmax() if len(counts) else place > 0
    if telling.sum() < FEWEST or len(names) < 3 or len(np.unique(values)) < 3:
        return None
    equal = np.abs(values - aggregate) <= 0.005 + 1e-6 * np.abs(aggregate)
    if min(equal.mean(), equal[telling].mean()) >= EQUAL:
        return Copy(True, f"for {equal.mean():.0%} of {len(values):,} customers it equals")
    moves = spearman(values, aggregate) if min(len(names), len(np.unique(values))) > 20 else 0.0
    if abs(moves) >= ALIKE:
        return Copy(False, f"over {len(values):,} customers it moves with (rank correlation {moves:.2f})")
    return None


def aggregates(company: Company) -> Iterator[Aggregate]:
    """Yield aggregates of each event table up to today."""
    for table in company.event_tables:
        asked = {
            f"the number of rows of {table}": "count(*)",
            f"the days with a row of {table}": "count(DISTINCT day)",
            f"the last date of {table}": "max(day)",
        }
        own: dict[str, str] = {}
        for name, value in value_columns(company, table).items():
            # One row is no sum, and a price that never changes is no mean: the customer agreed to it.
            total = f"the sum of {table}.{name}"
            asked[total] = f"CASE WHEN count({value}) > 1 THEN sum({value}) END"
            own[total] = f"avg({value})"
            asked[f"the mean of {table}.{name}"] = (
                f"CASE WHEN min({value}) < max({value}) THEN avg({value}) END"
            )
        for column in company.tables[table].of_role("outcome"):
            if f"{column.name}_day" in company.store.tables[table].columns:
                asked[f"the last {column.name} of {table}"] = f"max({column.name}_day)"
                asked[f"the number of {column.name} of {table}"] = f"count({column.name}_day)"
        every = [*asked.values(), *own.values()]
        selected = ", ".join(f"{sql} AS a{place}" for place, sql in enumerate(every))
        found = company.fetch(f"SELECT customer, {selected} FROM {company.store.scan(table)} GROUP BY 1")
        code = np.asarray(found["customer"], dtype=np.int64)
        columns = []
        for place in range(len(every)):
            values = np.full(company.store.n_customers, np.nan)
            values[code] = np.asarray(found[f"a{place}"], dtype=np.float64)
            columns.append(values)
        means = dict(zip(own, columns[len(asked) :], strict=True))
        for words, values in zip(asked, columns, strict=False):
            yield Aggregate(words, values, means.get(words))


def value_columns(company: Company, table: str) -> dict[str, str]:
    """Return the SQL of the number columns of a table in their own unit."""
    held = company.store.tables[table].columns
    return {
        column.name: f"nullif({identifier(column.name)}, {EMPTIED_VALUE}) / {STORED_UNITS[column.type]}.0"
        for column in company.tables[table].of_role("value")
        if column.name in held and column.type in STORED_UNITS
    }


LONGEST = 366
"""Windows up to so many days before today are tried, each of them: exports count over any."""

SAMPLE = 5_000
"""Windows are tried on so many customers at most."""


def copied_window(company: Company, values: Floats) -> str | None:
    """Say which window before today, counted or summed up, numbers copy; None where they copy none."""
    given = np.flatnonzero(~np.isnan(values))
    for table in company.event_tables:
        asked = {f"the rows of {table}": ("count(*)", given)}
        for name, value in value_columns(company, table).items():
            # Of one price, a month's sum is the price: the customer agreed to it, and it is no sum.
            rows = company.store.scan(table)
            varied = company.fetch(
                f"SELECT customer FROM {rows} GROUP BY 1 HAVING min({value}) < max({value}) ORDER BY 1"
            )
            asked[f"the sum of {table}.{name}"] = f"sum({value})", np.intersect1d(given, varied["customer"])
        for words, (sql, codes) in asked.items():
            if said := _tried(company, table, sql, codes[:SAMPLE], values):
                return f"{said[0]} {words} of the last {said[1]} days: it looks into the days of the labels."
    return None


def _tried(
    company: Company, table: str, sql: str, codes: npt.NDArray[np.int64], values: Floats
) -> tuple[str, int] | None:
    """Try every window of an aggregate, and say how the best is copied, and its days."""
    place = np.full(company.store.n_customers, -1)
    place[codes] = np.arange(len(codes))
    end = company.watermark
    found = company.fetch(
        f"SELECT customer, {end} - 1 - day AS back, {sql} AS value FROM {company.store.scan(table)} "
        f"WHERE day < {end} AND day >= {end - LONGEST} GROUP BY 1, 2"
    )
    at = place[np.asarray(found["customer"], dtype=np.int64)]
    daily = np.zeros((LONGEST, len(codes)))
    daily[np.asarray(found["back"])[at >= 0], at[at >= 0]] = np.nan_to_num(
        np.asarray(found["value"], dtype=np.float64)[at >= 0]
    )
    windows = np.cumsum(daily, axis=0)
    if not len(codes):
        return None
    best = int((np.abs(windows - values[codes]) <= 0.005).mean(axis=1).argmax())
    copy = copied(values[codes], windows[best])
    return (copy.said, best + 1) if copy else None
