"""The retention triangle: how many of the customers who joined in a month are active some months later."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Literal

import numpy as np

from churn.data.store import date_of_day, day_number
from churn.kpis.figure import Finite, Slice
from churn.kpis.lives import Bools, FirstLives, Ints
from churn.kpis.segments import Segmentation
from churn.kpis.spells import ActivitySpells
from churn.labels.calendar import months_later
from churn.metrics.interval import Part
from churn.metrics.standard_errors import wilson_interval

DEFINITION = (
    "a cohort is all customers who joined for the first time in the same month. The triangle gives the share "
    "of each cohort that is active at the end of the month of joining (month 0) and at the end of each later "
    "month. A customer who left and came back counts as active again"
)

SEGMENT_COHORTS = 13
"""The number of cohorts of each segment: those of a year, and the cohort of the same month one year
before.
"""

CellState = Literal["known", "not certain yet", "open"]


class TriangleCell(Part):
    """The active customers of a cohort at the end of a month.

    Attributes:
        month: The number of months after the month of joining.
        at: The end of the month, given as the first day after it.
        state: `open` if the month is not over; `not certain yet` if it is not yet certain who was active;
            otherwise `known`.
        people: The number of active customers; None if the state is not `known`.
        share, low, high: The active customers as a share of the cohort, with Wilson's 95 % interval.
    """

    month: int
    at: date
    state: CellState
    people: int | None = None
    share: Finite = None
    low: Finite = None
    high: Finite = None


class TriangleRow(Part):
    """The cohort of customers who joined in the month that begins on the day `cohort`.

    `is_open` says that the month of joining is not over, so the cohort still grows.
    """

    cohort: date
    n: int
    is_open: bool
    cells: tuple[TriangleCell, ...]


class Triangle(Part):
    """The retention triangle; if it has no rows, `reason` says why."""

    unit: Literal["share"]
    definition: str
    population: str
    rows: tuple[TriangleRow, ...]
    reason: str | None


class SegmentRow(Part):
    """The customers of a segment who joined in the month that begins on the day `cohort`.

    In each list, entry 0 belongs to the end of the month of joining, entry 1 to the end of the next month,
    and so on. `people` is the number of active customers, and `low` and `high` are Wilson's 95 % interval of
    their share of the `n` members. A month has an entry only if it is certain who was active at its end.
    """

    cohort: date
    n: int
    people: tuple[int, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


class SegmentTriangle(Part):
    """The retention triangle of a segment, for the last cohorts."""

    slice: Slice
    rows: tuple[SegmentRow, ...]


def segment_triangles(
    spells: ActivitySpells, first_lives: FirstLives, segmentations: Sequence[Segmentation], cutoff: date
) -> tuple[SegmentTriangle, ...]:
    """Return the retention of the last `SEGMENT_COHORTS` monthly cohorts of each segment.

    Args:
        spells: The spells of activity of all customers, as known at the cutoff.
        first_lives: The first life of each customer, from joining to leaving for the first time.
        segmentations: The divisions of all customers into segments.
        cutoff: The end of the data.
    """
    divisions = [segmentation for segmentation in segmentations if segmentation.by is not None]
    rows: dict[tuple[int, int], list[SegmentRow]] = {}
    for cohort, members, ends in _cohorts(first_lives, cutoff)[-SEGMENT_COHORTS:] if divisions else ():
        is_known = [at + timedelta(spells.wait_days) <= cutoff for at in ends]
        known_ends = [at for at, known in zip(ends, is_known, strict=True) if known]
        if not known_ends:
            continue
        stays = np.array([_is_active(spells, members, at) for at in known_ends])
        for number, segmentation in enumerate(divisions):
            code, n_parts = segmentation.code[members], len(segmentation.levels)
            sizes = np.bincount(code, minlength=n_parts)
            people = np.array([np.bincount(code[active], minlength=n_parts) for active in stays])
            for part in np.flatnonzero(sizes).tolist():
                own, n = people[:, part].tolist(), int(sizes[part])
                bounds = [wilson_interval(count, n) for count in own]
                low, high = zip(*bounds, strict=True)
                row = SegmentRow(cohort=cohort, n=n, people=tuple(own), low=low, high=high)
                rows.setdefault((number, part), []).append(row)
    return tuple(
        SegmentTriangle(slice=piece, rows=tuple(own))
        for (number, part), own in sorted(rows.items())
        if (piece := divisions[number].slice_of(part)) is not None
    )


def _cohorts(first_lives: FirstLives, cutoff: date) -> list[tuple[date, Ints, list[date]]]:
    """Return each cohort that has members: the month of joining, the members, and the end of each month from
    then on.
    """
    complete_from = date_of_day(first_lives.complete_from)
    first = complete_from.replace(day=1)
    if first < complete_from:
        first = months_later(first, 1)
    months = list(_months(first, cutoff))
    result = []
    for number, cohort in enumerate(months):
        end = months_later(cohort, 1)
        is_member = (first_lives.joined_on >= day_number(cohort)) & (first_lives.joined_on < day_number(end))
        members = first_lives.customer[is_member]
        if len(members):
            ends = [months_later(cohort, month + 1) for month in range(len(months) - number)]
            result.append((cohort, members, ends))
    return result


def _is_active(spells: ActivitySpells, members: Ints, at: date) -> Bools:
    """Return which members of a cohort are active at the start of the day `at`."""
    day = day_number(at)
    is_active = (spells.start < day) & (spells.end >= day)
    return np.isin(members, spells.customer[is_active], assume_unique=True)


def retention_triangle(spells: ActivitySpells, first_lives: FirstLives, cutoff: date) -> Triangle:
    """Return the retention of each monthly cohort.

    A month of joining is a cohort only if the data hold everybody who joined in it. A cell whose number is
    not certain is empty, never 0.

    Args:
        spells: The spells of activity of all customers, as known at the cutoff.
        first_lives: The first life of each customer, from joining to leaving for the first time.
        cutoff: The end of the data.
    """
    complete_from = date_of_day(first_lives.complete_from)
    first = complete_from.replace(day=1)
    if first < complete_from:
        first = months_later(first, 1)
    rows = []
    for cohort, members, ends in _cohorts(first_lives, cutoff):
        cells = [_cell(spells, members, month, at, cutoff) for month, at in enumerate(ends)]
        is_open = months_later(cohort, 1) > cutoff
        rows.append(TriangleRow(cohort=cohort, n=len(members), is_open=is_open, cells=tuple(cells)))
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
    people = int(_is_active(spells, members, at).sum())
    low, high = wilson_interval(people, len(members))
    return TriangleCell(
        month=month, at=at, state="known", people=people, share=people / len(members), low=low, high=high
    )


def _months(first: date, cutoff: date) -> Iterator[date]:
    """Yield the first day of each month, from `first` on, that begins before the cutoff."""
    number = 0
    while (month := months_later(first, number)) < cutoff:
        yield month
        number += 1
