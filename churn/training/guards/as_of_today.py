"""Attributes that say what is so today, and were said to be so at every cutoff."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from churn.data.finding import Finding
from churn.data.sql import quoted
from churn.data.store import day_number
from churn.data.tables import EMPTIED, UNITS_PER
from churn.training.guards.company import Company
from churn.training.guards.statistics import Floats, explained, spearman

LONGEST = 366
"""Windows up to so many days before today are tried, each of them: exports count over any."""

SAMPLE = 5_000
"""Windows are tried on so many customers at most."""

FEWEST = 50
"""Fewer customers than this show nothing."""

EQUAL = 0.9
"""The share of equal values from which a column is a copy: exports differ by a few days or filters."""

ALIKE = 0.97
"""The rank correlation from which it moves with an aggregate; company size and usage reach about .5."""

BANDED = 0.9
"""The share of the ranks that levels explain when they are bands of an aggregate (five equal bands: .96)."""

WAY_OUT = (
    "Take it out of tables.customers.static; what the tables tell, signals compute as of each cutoff. With a "
    "history of its values, name it under tables.customers.history."
)


def as_of_today(company: Company) -> Iterator[Finding]:
    """Stop at an attribute that copies an aggregate of events up to today, or holds later dates."""
    found = {name: said for name in company.attributes if (said := _dates_ahead(company, name))}
    numbers = {name: numbers_of(company, name) for name in company.attributes}
    for aggregate in aggregates(company) if len(found) < len(numbers) else ():
        for name, values in numbers.items():
            if name not in found and (said := _copies(company.levels[name], values, aggregate)):
                found[name] = said
    for name, values in numbers.items():
        if name not in found and values is not None and (said := _window(company, values)):
            found[name] = said
    for name, said in found.items():
        yield Finding(f"customers.{name}", said, WAY_OUT, "stop")


def _dates_ahead(company: Company, name: str) -> str | None:
    """Look for dates that lie long after the sign-up and after the first cutoff: not known at it."""
    days, dated = days_of(company, name)
    if not dated or not company.matured:
        return None
    first = day_number(company.matured[0])
    there = ~np.isnan(days)
    ahead = there & (days >= first) & (days > company.customers.signed_up + 31)
    if ahead.sum() < max(5, 0.01 * there.sum()):
        return None
    return (
        f"{int(ahead.sum()):,} of its {int(there.sum()):,} dates lie after the first cutoff "
        f"{company.matured[0]} and more than a month after the sign-up: it was not known then."
    )


def days_of(company: Company, name: str) -> tuple[Floats, bool]:
    """Return an attribute as day numbers, and whether it is one of dates."""
    sql = (
        f"SELECT epoch(TRY_CAST({quoted(name)} AS TIMESTAMP)) AS at, TRY_CAST({quoted(name)} AS DOUBLE) AS n"
    )
    found = company.fetch(f"{sql} FROM {company.store.scan('customers')} ORDER BY customer")
    days, numbers = (np.asarray(found[key], dtype=np.float64) for key in ("at", "n"))
    given = sum(level is not None for level in company.levels[name])
    dated = (~np.isnan(days) & np.isnan(numbers)).sum() >= 0.9 * max(given, 1)
    return np.floor(days / 86_400), bool(dated)


def numbers_of(company: Company, name: str) -> Floats | None:
    """Return an attribute as numbers, or as days where it is one of dates; None where it is neither."""
    days, dated = days_of(company, name)
    if dated:
        return days
    sql = f"SELECT TRY_CAST({quoted(name)} AS DOUBLE) AS n FROM {company.store.scan('customers')}"
    numbers = np.asarray(company.fetch(f"{sql} ORDER BY customer")["n"], dtype=np.float64)
    given = sum(level is not None for level in company.levels[name])
    return numbers if (~np.isnan(numbers)).sum() >= 0.9 * max(given, 1) else None


@dataclass(frozen=True)
class Aggregate:
    """An aggregate of events up to today by customer code, NaN where there are none.

    `own` is the mean behind a sum: an attribute that goes with it as well is a price, and no total.
    """

    words: str
    values: Floats
    own: Floats | None = None


def _copies(levels: npt.NDArray[np.object_], values: Floats | None, aggregate: Aggregate) -> str | None:
    """Say how an attribute copies an aggregate: as a number or date, or in bands; None where it does not."""
    there = ~np.isnan(aggregate.values)
    if values is not None:
        both = there & ~np.isnan(values)
        said = _copy(values[both], aggregate.values[both])
        if said is None or (said.startswith("over") and _as_well(values, aggregate, both)):
            return None
        return f"{said} {aggregate.words}: it holds what happened after the cutoffs."
    both = there & np.array([level is not None for level in levels])
    names, codes = np.unique(levels[both].astype(str), return_inverse=True)
    if both.sum() < FEWEST or not 2 < len(names) <= both.sum() / 10:
        return None
    share = explained(codes, aggregate.values[both])
    if share <= BANDED or (aggregate.own is not None and explained(codes, aggregate.own[both]) >= share):
        return None
    return f"its levels are bands of {aggregate.words} ({share:.0%} of the ranks): it is as of today."


def _as_well(values: Floats, aggregate: Aggregate, both: npt.NDArray[np.bool_]) -> bool:
    """Tell whether numbers go with the mean behind a sum at least as closely as with the sum."""
    if aggregate.own is None:
        return False
    mean, total = (abs(spearman(values[both], each[both])) for each in (aggregate.own, aggregate.values))
    return mean >= total


def _copy(values: Floats, aggregate: Floats) -> str | None:
    """Say how numbers copy an aggregate; what most customers share by chance does not count."""
    names, place, counts = np.unique(aggregate, return_inverse=True, return_counts=True)
    telling = place != counts.argmax() if len(counts) else place > 0
    if telling.sum() < FEWEST or len(names) < 3 or len(np.unique(values)) < 3:
        return None
    equal = np.abs(values - aggregate) <= 0.005 + 1e-6 * np.abs(aggregate)
    share = min(float(equal.mean()), float(equal[telling].mean()))
    if share >= EQUAL:
        return f"for {equal.mean():.0%} of {len(values):,} customers it equals"
    moves = spearman(values, aggregate) if min(len(names), len(np.unique(values))) > 20 else 0.0
    if abs(moves) >= ALIKE:
        return f"over {len(values):,} customers it moves with (rank correlation {moves:.2f})"
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
        for name, value in _values(company, table).items():
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


def _values(company: Company, table: str) -> dict[str, str]:
    """Return the SQL of the number columns of a table in their own unit."""
    held = company.store.tables[table].columns
    return {
        column.name: f"nullif({quoted(column.name)}, {EMPTIED}) / {UNITS_PER[column.type]}.0"
        for column in company.tables[table].of_role("value")
        if column.name in held and column.type in UNITS_PER
    }


def _window(company: Company, values: Floats) -> str | None:
    """Say which window before today, counted or summed up, numbers copy."""
    codes = np.flatnonzero(~np.isnan(values))[:SAMPLE]
    place = np.full(company.store.n_customers, -1)
    place[codes] = np.arange(len(codes))
    for table in company.event_tables:
        asked = {f"the rows of {table}": "count(*)"}
        asked |= {
            f"the sum of {table}.{name}": f"sum({sql})" for name, sql in _values(company, table).items()
        }
        selected = ", ".join(f"{sql} AS a{number}" for number, sql in enumerate(asked.values()))
        found = company.fetch(
            f"SELECT customer, {company.watermark} - 1 - day AS back, {selected} "
            f"FROM {company.store.scan(table)} "
            f"WHERE day < {company.watermark} AND day >= {company.watermark - LONGEST} GROUP BY 1, 2"
        )
        at = place[np.asarray(found["customer"], dtype=np.int64)]
        for number, words in enumerate(asked):
            daily = np.zeros((LONGEST, len(codes)))
            daily[np.asarray(found["back"])[at >= 0], at[at >= 0]] = np.nan_to_num(
                found[f"a{number}"][at >= 0]
            )
            windows = np.cumsum(daily, axis=0)
            best = int((np.abs(windows - values[codes]) <= 0.005).mean(axis=1).argmax())
            if said := _copy(values[codes], windows[best]):
                return f"{said} {words} of the last {best + 1} days: it looks into the days of the labels."
    return None
