"""The retention triangle: of the customers who joined in a month, those who are active months later."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Literal

import numpy as np

from churn.data.store import date_of_day, day_number
from churn.kpis.figure import Finite
from churn.kpis.lives import FirstLives, Ints
from churn.kpis.spells import ActivitySpells
from churn.labels.calendar import months_later
from churn.metrics.interval import Part
from churn.metrics.standard_errors import wilson_interval

DEFINITION = (
    "of the customers who joined for the first time in a month, the share that is active at the end of that "
    "month (month 0) and of each later month. A customer who left and came back is active again"
)

CellState = Literal["known", "not certain yet", "open"]


class TriangleCell(Part):
    """A cohort at the end of a month.

    Attributes:
        month: The number of months after the month of joining.
        at: The end of the month, as the first day after it.
        state: `open` if the month is not over. `not certain yet` if who was active becomes certain later.
        people: The active customers; None unless the state is `known`.
        share, low, high: Their share of the cohort with Wilson's 95 % interval.
    """

    month: int
    at: date
    state: CellState
    people: int | None = None
    share: Finite = None
    low: Finite = None
    high: Finite = None


class TriangleRow(Part):
    """The customers who joined in the month that begins on `cohort`.

    `is_open` says that the month is not over, so the cohort still grows.
    """

    cohort: date
    n: int
    is_open: bool
    cells: tuple[TriangleCell, ...]


class Triangle(Part):
    """The retention triangle; `reason` says why it has no rows."""

    unit: Literal["share"]
    definition: str
    population: str
    rows: tuple[TriangleRow, ...]
    reason: str | None


def retention_triangle(spells: ActivitySpells, first_lives: FirstLives, cutoff: date) -> Triangle:
    """Return the retention of each monthly cohort.

    A month of joining is a cohort if everybody who joined in it is in the data. A cell without a certain
    number is empty, never 0.

    Args:
        spells: The spells of all customers, as known at the cutoff.
        first_lives: The first life of each customer.
        cutoff: The end of the data.
    """
    complete_from = date_of_day(first_lives.complete_from)
    first = complete_from.replace(day=1)
    if first < complete_from:
        first = months_later(first, 1)
    months = list(_months(first, cutoff))
    rows = []
    for number, cohort in enumerate(months):
        end = months_later(cohort, 1)
        is_member = (first_lives.joined_on >= day_number(cohort)) & (first_lives.joined_on < day_number(end))
        members = first_lives.customer[is_member]
        if not len(members):
            continue
        cells = []
        for month in range(len(months) - number):
            at = months_later(cohort, month + 1)
            cells.append(_cell(spells, members, month, at, cutoff))
        rows.append(TriangleRow(cohort=cohort, n=len(members), is_open=end > cutoff, cells=tuple(cells)))
    reason = None if rows else "no month in which everybody who joined is in the data"
    return Triangle(
        unit="share",
        definition=DEFINITION,
        population=f"customers who joined for the first time since {first}",
        rows=tuple(rows),
        reason=reason,
    )


def _cell(spells: ActivitySpells, members: Ints, month: int, at: date, cutoff: date) -> TriangleCell:
    if at > cutoff:
        return TriangleCell(month=month, at=at, state="open")
    day = day_number(at)
    if day + spells.wait_days > day_number(cutoff):
        return TriangleCell(month=month, at=at, state="not certain yet")
    is_active = (spells.start < day) & (spells.end >= day)
    people = int(np.isin(members, spells.customer[is_active], assume_unique=True).sum())
    low, high = wilson_interval(people, len(members))
    return TriangleCell(
        month=month, at=at, state="known", people=people, share=people / len(members), low=low, high=high
    )


def _months(first: date, cutoff: date) -> Iterator[date]:
    """Yield the first days of the months from `first` on that begin before the cutoff."""
    number = 0
    while (month := months_later(first, number)) < cutoff:
        yield month
        number += 1
