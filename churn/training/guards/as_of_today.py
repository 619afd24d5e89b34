"""Attributes that say what is so today, and were said to be so at every cutoff."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from churn.data.finding import Finding
from churn.data.sql import literal, quoted
from churn.data.store import day_number
from churn.data.tables import EMPTIED
from churn.training.guards.company import GONE, HERE, Company
from churn.training.guards.statistics import Floats, explained, spearman, wilson

LAST_DAYS = (7, 14, 28, 30, 60, 90, 182, 365)
"""Windows before today that exports like to count."""

FEWEST = 50
"""Fewer customers than this show nothing."""

EQUAL = 0.9
"""The share of equal values from which a column is a copy: exports differ by a few days or filters."""

ALIKE = 0.97
"""The rank correlation from which it moves with an aggregate; company size and usage reach about .5."""

BANDED = 0.9
"""The share of the ranks that levels explain when they are bands of an aggregate (five equal bands: .96)."""

_WAY_OUT = (
    "Take it out of tables.customers.static; what the tables tell, signals compute as of each cutoff. With a "
    "history of its values, name it under tables.customers.history."
)


def as_of_today(company: Company) -> Iterator[Finding]:
    """Stop at an attribute that copies an aggregate of events up to today, or holds later dates."""
    found = {name: said for name in company.attributes if (said := _dates_ahead(company, name))}
    numbers = {name: numbers_of(company, name) for name in company.attributes}
    for words, aggregate in aggregates(company) if len(found) < len(numbers) else ():
        for name, values in numbers.items():
            if name not in found and (said := _copies(company.levels[name], values, aggregate, words)):
                found[name] = said
    for name, said in found.items():
        yield Finding(f"customers.{name}", said, _WAY_OUT, "stop")


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


def _copies(
    levels: npt.NDArray[np.object_], values: Floats | None, aggregate: Floats, words: str
) -> str | None:
    """Say how an attribute copies an aggregate: as a number or date, or in bands; None where it does not."""
    there = ~np.isnan(aggregate)
    if values is not None:
        both = there & ~np.isnan(values)
        said = _copy(values[both], aggregate[both])
        return f"{said} {words}: it holds what happened after the cutoffs." if said else None
    both = there & np.array([level is not None for level in levels])
    names, codes = np.unique(levels[both].astype(str), return_inverse=True)
    if both.sum() < FEWEST or not 2 < len(names) <= both.sum() / 10:
        return None
    share = explained(codes, aggregate[both])
    return f"its levels are bands of {words} ({share:.0%} of the ranks)." if share > BANDED else None


def _copy(values: Floats, aggregate: Floats) -> str | None:
    if len(values) < FEWEST or len(np.unique(aggregate)) < 5 or len(np.unique(values)) < 5:
        return None
    equal = np.abs(values - aggregate) <= 0.005 + 1e-6 * np.abs(aggregate)
    chance = float((np.unique(aggregate, return_counts=True)[1] / len(aggregate)).max())
    if equal.mean() >= EQUAL and chance < 0.5:
        return f"for {equal.mean():.0%} of {len(values):,} customers it equals"
    moves = spearman(values, aggregate)
    if abs(moves) >= ALIKE:
        return f"over {len(values):,} customers it moves with (rank correlation {moves:.2f})"
    return None


def aggregates(company: Company) -> Iterator[tuple[str, Floats]]:
    """Yield aggregates of each event table up to today, by customer code, with words for them."""
    for table in company.event_tables:
        contract = company.tables[table]
        asked = {
            f"the number of rows of {table}": "count(*)",
            f"the days with a row of {table}": "count(DISTINCT day)",
            f"the last date of {table}": "max(day)",
        }
        for days in LAST_DAYS:
            recent = f"count(*) FILTER (WHERE day >= {company.watermark - days})"
            asked[f"the rows of {table} in its last {days} days"] = recent
        for column in contract.of_role("value"):
            if column.name in company.store.tables[table].columns and column.type in ("money", "number"):
                value = f"nullif({quoted(column.name)}, {EMPTIED})"
                scale = 100 if column.type == "money" else 1000
                asked[f"the sum of {table}.{column.name}"] = f"sum({value}) / {scale}.0"
                asked[f"the mean of {table}.{column.name}"] = f"avg({value}) / {scale}.0"
                for days in LAST_DAYS:
                    recent = f"sum({value}) FILTER (WHERE day >= {company.watermark - days}) / {scale}.0"
                    asked[f"the sum of {table}.{column.name} in its last {days} days"] = recent
        for column in contract.of_role("outcome"):
            if f"{column.name}_day" in company.store.tables[table].columns:
                asked[f"the last {column.name} of {table}"] = f"max({column.name}_day)"
                asked[f"the number of {column.name} of {table}"] = f"count({column.name}_day)"
        selected = ", ".join(f"{sql} AS a{place}" for place, sql in enumerate(asked.values()))
        found = company.fetch(f"SELECT customer, {selected} FROM {company.store.scan(table)} GROUP BY 1")
        code = np.asarray(found["customer"], dtype=np.int64)
        for place, words in enumerate(asked):
            values = np.full(company.store.n_customers, np.nan)
            values[code] = np.asarray(found[f"a{place}"], dtype=np.float64)
            yield words, values


def only_leavers(company: Company) -> Iterator[Finding]:
    """Stop at a level, or a lack of one, that only customers have who left: it was written when they did.

    A level that raises the risk is held by some who stay. Here hardly one does: the 99 % interval of the
    share that left lies above .8 and by .3 above everybody's.
    """
    state = company.ends.state
    known = (state == GONE) | (state == HERE)
    gone = state[known] == GONE
    base = float(gone.mean()) if known.any() else 1.0
    for name in company.attributes:
        levels = np.array(["" if level is None else str(level) for level in company.levels[name][known]])
        names, codes = np.unique(levels, return_inverse=True)
        count, left = np.bincount(codes), np.bincount(codes, gone)
        for place in np.argsort(-count, kind="stable"):
            low, _ = wilson(left[place], count[place])
            if low <= max(0.8, base + 0.3):
                continue
            level = f"the value {literal(str(names[place]))}" if names[place] else "no value"
            yield Finding(
                f"customers.{name}",
                f"{int(left[place]):,} of the {int(count[place]):,} customers with {level} have left, "
                f"of all {base:.0%}: it was written, or emptied, when they did.",
                _WAY_OUT,
                "stop",
            )
            break
