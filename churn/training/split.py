"""Which snapshots may train a model at a cutoff, and which cutoffs test it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from churn.errors import Stop
from churn.labels.calendar import APART, TESTS, spaced, trainable
from churn.params import FILE
from churn.snapshots.dataset import Rows

CHOICES = 4


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
