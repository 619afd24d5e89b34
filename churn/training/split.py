"""Which snapshots may train a model at a cutoff, and which cutoffs test it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from churn.errors import Stop
from churn.params import FILE
from churn.training.rows import Rows

TESTS = 3
"""So many test cutoffs are taken where the data allow, and asked for; fewer do not show how results vary."""

CHOICES = 4

APART = 0.9
"""Cutoffs that are chosen lie so many horizons apart, or more: months differ in length."""


@dataclass(frozen=True)
class Plan:
    """The cutoffs on which the model is tested, and those on which it is chosen.

    Attributes:
        test: The test cutoffs, in order; empty where there are too few snapshots.
        choice: Cutoffs for out-of-time predictions; every label was known by the first test cutoff.
        chosen_by: The date at which all choices are made: the first test cutoff.
    """

    test: tuple[date, ...]
    choice: tuple[date, ...]
    chosen_by: date | None


def trainable(mature_on: Mapping[date, date], at: date) -> tuple[date, ...]:
    """Return the snapshots that may train a model used at a cutoff: their labels were known by then.

    >>> trainable({date(2024, 1, 1): date(2024, 1, 29), date(2024, 2, 1): date(2024, 3, 1)}, date(2024, 2, 1))
    (datetime.date(2024, 1, 1),)
    """
    return tuple(sorted(day for day, known in mature_on.items() if known <= at and day < at))


def purged(mature_on: Mapping[date, date], at: date) -> tuple[date, ...]:
    """Return the earlier snapshots that may not train a model used at a cutoff: their labels came later.

    >>> purged({date(2024, 1, 1): date(2024, 1, 29), date(2024, 2, 1): date(2024, 3, 1)}, date(2024, 2, 15))
    (datetime.date(2024, 2, 1),)
    """
    return tuple(sorted(day for day, known in mature_on.items() if known > at and day < at))


def plan(
    rows: Rows,
    mature_on: Mapping[date, date],
    asked: Sequence[date] = (),
    horizon_days: int = 0,
    file: str = FILE,
) -> Plan:
    """Choose test cutoffs (those asked for, or the last `TESTS` that leave something to train on).

    Cutoffs that are chosen lie about a horizon apart, so that their label windows hardly overlap. What is
    asked for wrongly is told with the `file` that asks.

    Raises:
        Stop: a test cutoff asked for has no matured snapshot, or leaves nothing to train on.
    """
    usable = [day for day in sorted(mature_on) if _can_learn(rows, trainable(mature_on, day))]
    if asked:
        _check_asked(asked, mature_on, usable, file)
    apart = APART * horizon_days
    test = tuple(sorted(set(asked))) or spaced(usable, TESTS, apart)
    if not test:
        return Plan((), (), None)
    known = [day for day in trainable(mature_on, test[0]) if day in usable]
    return Plan(test, spaced(known, CHOICES, apart), test[0])


def first_test(mature_on: Mapping[date, date], horizon_days: int) -> date | None:
    """Return a day no later than the first test cutoff that `plan` chooses; None where it can choose none.

    >>> first_test({date(2024, 1, 1): date(2024, 1, 29), date(2024, 2, 1): date(2024, 3, 1)}, 28)
    datetime.date(2024, 2, 1)
    """
    usable = [day for day in mature_on if trainable(mature_on, day)]
    return min(spaced(usable, TESTS, APART * horizon_days), default=None)


def spaced(days: Sequence[date], most: int, apart_days: float) -> tuple[date, ...]:
    """Return the latest of some days in order, going back by at least so many days each time.

    >>> spaced([date(2024, 1, 1), date(2024, 1, 8), date(2024, 1, 15)], 2, 10)
    (datetime.date(2024, 1, 1), datetime.date(2024, 1, 15))
    """
    taken: list[date] = []
    for day in sorted(days, reverse=True):
        if len(taken) < most and (not taken or (taken[-1] - day).days >= apart_days):
            taken.append(day)
    return tuple(reversed(taken))


def _can_learn(rows: Rows, cutoffs: Sequence[date]) -> bool:
    return bool(cutoffs) and not rows.at(cutoffs).one_class


def _check_asked(
    asked: Sequence[date], mature_on: Mapping[date, date], usable: Sequence[date], file: str
) -> None:
    problems = []
    way_out = (
        f"Choose one of {', '.join(map(str, usable))}, or add earlier cutoffs to snapshot."
        if usable
        else "No snapshot can be tested on; add earlier cutoffs to snapshot."
    )
    for day in asked:
        if day not in mature_on:
            problems.append(f"{file}: evaluate.test_cutoffs {day} has no matured snapshot. {way_out}")
        elif day not in usable:
            problems.append(
                f"{file}: evaluate.test_cutoffs {day} leaves nothing to train on: by then no earlier "
                f"snapshot with churners was matured. {way_out}"
            )
    if problems:
        raise Stop(*problems)
