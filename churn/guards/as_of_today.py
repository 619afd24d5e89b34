"""Attributes that say what is so today, and were said to be so at every cutoff."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from churn.data.sql import identifier
from churn.data.store import day_number
from churn.finding import Finding
from churn.guards.aggregates import FEWEST, Aggregate, aggregates, copied, copied_window
from churn.guards.context import Company
from churn.guards.statistics import Floats, explained, spearman

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
        if name not in found and values is not None and (said := copied_window(company, values)):
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
    column = identifier(name)
    sql = f"SELECT epoch(TRY_CAST({column} AS TIMESTAMP)) AS at, TRY_CAST({column} AS DOUBLE) AS n"
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
    sql = f"SELECT TRY_CAST({identifier(name)} AS DOUBLE) AS n FROM {company.store.scan('customers')}"
    numbers = np.asarray(company.fetch(f"{sql} ORDER BY customer")["n"], dtype=np.float64)
    given = sum(level is not None for level in company.levels[name])
    return numbers if (~np.isnan(numbers)).sum() >= 0.9 * max(given, 1) else None


def _copies(levels: npt.NDArray[np.object_], values: Floats | None, aggregate: Aggregate) -> str | None:
    """Say how an attribute copies an aggregate: as a number or date, or in bands; None where it does not."""
    there = ~np.isnan(aggregate.values)
    if values is not None:
        both = there & ~np.isnan(values)
        copy = copied(values[both], aggregate.values[both])
        if copy is None or (not copy.equal and _as_well(values, aggregate, both)):
            return None
        return f"{copy.said} {aggregate.words}: it holds what happened after the cutoffs."
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
