"""Find attributes that hold the state of today. Every cutoff, old or new, sees this same state of today."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from churn.data.sql import identifier
from churn.data.store import day_number
from churn.finding import Finding
from churn.guards.aggregates import (
    MIN_COMPARED_CUSTOMERS,
    SIGN_UP_DAYS,
    Aggregate,
    CopyMatch,
    aggregates,
    copy_match,
    early_aggregate,
    matching_window,
)
from churn.guards.context import GuardContext
from churn.guards.statistics import Bools, Floats, explained_share, spearman
from churn.guards.totals import Totals

BAND_SHARE = 0.9
"""Levels are bands of an aggregate if they explain at least this share of the aggregate's ranks. Five equal
bands explain .96.
"""

MIN_PARSED = 0.9
"""An attribute holds dates if at least this share of its values can be read as dates; the same applies to
numbers.
"""

MIN_LATE_DATES, MIN_LATE_SHARE = 5, 0.01
"""The least number, and the least share, of dates after the first cutoff; fewer may be errors in the data."""

ATTRIBUTE_WAY_OUT = (
    "Remove the attribute from tables.customers.static: instead of today's state, signals compute the state "
    "at each cutoff from the tables. If you have the attribute's earlier values with their dates, map them "
    "under tables.customers.history."
)


def as_of_today(context: GuardContext) -> Iterator[Finding]:
    """Report attributes that copy aggregates of events up to today, or hold dates after the first cutoff.

    These findings have severity `stop`.
    """
    messages = {name: words for name in context.attributes if (words := _late_dates(context, name))}
    numbers = {name: numbers_of(context, name) for name in context.attributes}
    for aggregate in aggregates(context) if len(messages) < len(numbers) else ():
        for name, values in numbers.items():
            if name not in messages and (words := _copy_words(context, name, values, aggregate)):
                messages[name] = words
    open_numbers = {
        name: values for name, values in numbers.items() if name not in messages and values is not None
    }
    totals = Totals(context) if open_numbers else None
    for name, values in open_numbers.items():
        if totals and (words := totals.copied_by(values)):
            messages[name] = f"{words}: the attribute holds what happened after the cutoffs."
        elif words := matching_window(context, values):
            messages[name] = words
    for name, words in messages.items():
        yield Finding(f"customers.{name}", words, ATTRIBUTE_WAY_OUT, "stop")


def _late_dates(context: GuardContext, name: str) -> str | None:
    """Describe dates that lie after the first cutoff and long after the sign-up; None if they are too few.

    At the first cutoff, nobody knew such dates.
    """
    days, is_date = days_of(context, name)
    if not is_date or not context.cutoffs:
        return None
    first = day_number(context.cutoffs[0])
    has_date = ~np.isnan(days)
    late = has_date & (days >= first) & (days > context.customers.signed_up + SIGN_UP_DAYS)
    if late.sum() < max(MIN_LATE_DATES, MIN_LATE_SHARE * has_date.sum()):
        return None
    return (
        f"{int(late.sum()):,} of its {int(has_date.sum()):,} dates lie after the first cutoff "
        f"{context.cutoffs[0]} and more than a month after the sign-up: nobody knew these dates at that "
        "cutoff."
    )


def days_of(context: GuardContext, name: str) -> tuple[Floats, bool]:
    """Return an attribute as day numbers (NaN for values without a date), and whether it holds dates."""
    timestamp, number = (
        f"TRY_CAST({identifier(name)} AS TIMESTAMP)",
        f"TRY_CAST({identifier(name)} AS DOUBLE)",
    )
    columns = context.fetch(
        f"SELECT epoch({timestamp}) AS seconds, {number} AS number "
        f"FROM {context.store.scan('customers')} ORDER BY customer"
    )
    seconds, numbers = (np.asarray(columns[key], dtype=np.float64) for key in ("seconds", "number"))
    values = sum(level is not None for level in context.levels[name])
    is_date = (~np.isnan(seconds) & np.isnan(numbers)).sum() >= MIN_PARSED * max(values, 1)
    return np.floor(seconds / 86_400), bool(is_date)


def numbers_of(context: GuardContext, name: str) -> Floats | None:
    """Return an attribute as numbers, or as day numbers if it holds dates; None if it holds neither."""
    days, is_date = days_of(context, name)
    if is_date:
        return days
    sql = f"SELECT TRY_CAST({identifier(name)} AS DOUBLE) AS number FROM {context.store.scan('customers')}"
    numbers = np.asarray(context.fetch(f"{sql} ORDER BY customer")["number"], dtype=np.float64)
    values = sum(level is not None for level in context.levels[name])
    return numbers if (~np.isnan(numbers)).sum() >= MIN_PARSED * max(values, 1) else None


def _copy_words(context: GuardContext, name: str, values: Floats | None, aggregate: Aggregate) -> str | None:
    """Describe how an attribute copies an aggregate; None if it is no copy.

    The attribute is compared with the aggregate of all rows, and also with the aggregate of the early rows
    alone. Early rows lie before the first cutoff, or within a month after the customer's sign-up. If the
    attribute fits the early rows at least as closely as all rows, the early rows explain it. The attribute
    then holds nothing of the future, so it is no copy.

    Args:
        context: The company.
        name: The attribute.
        values: Each customer's value of the attribute as a number, or as a day number; None if the attribute
            holds neither numbers nor dates.
        aggregate: The aggregate.
    """
    copy = _copy_of(context.levels[name], values, aggregate)
    if copy is None:
        return None
    early = _copy_of(context.levels[name], values, early_aggregate(context, aggregate))
    return copy.words if copy.is_closer_than(early) else None


def _copy_of(
    levels: npt.NDArray[np.object_], values: Floats | None, aggregate: Aggregate
) -> CopyMatch | None:
    """Return how an attribute (numbers, dates or bands) copies an aggregate; None if it is no copy.

    Args:
        levels: Each customer's value of the attribute as text, in the order of the customer codes.
        values: Each customer's value of the attribute as a number, or as a day number; None if the attribute
            holds neither numbers nor dates.
        aggregate: The aggregate.
    """
    has_events = ~np.isnan(aggregate.values)
    if values is not None:
        comparable = has_events & ~np.isnan(values)
        match = copy_match(values[comparable], aggregate.values[comparable])
        if match is None or (not match.equal and _follows_mean(values, aggregate, comparable)):
            return None
        words = f"{match.words} {aggregate.words}: the attribute holds what happened after the cutoffs."
        return replace(match, words=words)
    comparable = has_events & np.array([level is not None for level in levels])
    names, codes = np.unique(levels[comparable].astype(str), return_inverse=True)
    if comparable.sum() < MIN_COMPARED_CUSTOMERS or not 2 < len(names) <= comparable.sum() / 10:
        return None
    share = explained_share(codes, aggregate.values[comparable])
    if share <= BAND_SHARE:
        return None
    if aggregate.mean is not None and explained_share(codes, aggregate.mean[comparable]) >= share:
        return None
    words = (
        f"the levels of the attribute are bands (ranges) of {aggregate.words} (R-squared of the "
        f"ranks: {share:.0%}). So the attribute holds today's state."
    )
    return CopyMatch(False, share, words)


def _follows_mean(values: Floats, aggregate: Aggregate, comparable: Bools) -> bool:
    """Return whether an attribute follows a column's mean at least as closely as it follows the column's sum.

    The sum is `aggregate.values`. If the aggregate has no mean, the result is False.
    """
    if aggregate.mean is None:
        return False
    mean, total = (
        abs(spearman(values[comparable], column[comparable])) for column in (aggregate.mean, aggregate.values)
    )
    return mean >= total
