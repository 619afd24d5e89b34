"""The calendar of labels: windows, cutoffs, maturity, purging and the first test cutoff."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from churn.data.store import Store, date_of_day
from churn.errors import CallError, Stop
from churn.labels.outcomes import label_window
from churn.params import Params


@dataclass(frozen=True)
class FirstTestCutoff:
    """A date before which data may decide what a label is.

    Attributes:
        day: The date; data of it and later ones are not looked at.
        what: In words, which date it is.
    """

    day: date
    what: str

    def __str__(self) -> str:
        return f"{self.day}, {self.what}"


def first_test_cutoff(store: Store, horizon_days: int | None = None) -> FirstTestCutoff:
    """Return the first test cutoff of a horizon (by default the label's), or the watermark where none can be.

    Where params.yaml states no test cutoff it is the first that training takes by default, or an earlier day:
    training also asks for somebody who left among the labels known by then, of which nothing is known here.
    """
    params = store.params
    label = params.label.model_copy(update={"horizon_days": horizon_days or params.label.horizon_days})
    watermark = FirstTestCutoff(store.watermark, "the watermark")
    if stated := params.evaluate.test_cutoffs:
        first_stated = FirstTestCutoff(min(stated), "the first of evaluate.test_cutoffs")
        return min(watermark, first_stated, key=lambda one: one.day)
    asked = params.model_copy(update={"label": label})
    mature_on = {day: label_window(asked, day).mature_on for day in requested_cutoffs(params, store)}
    matured = {day: known for day, known in mature_on.items() if known <= store.watermark}
    first = earliest_default_test(matured, label.horizon_days)
    if first is None:
        return watermark
    return FirstTestCutoff(
        first, f"the first test cutoff by default at a horizon of {label.horizon_days} days"
    )


TEST_CUTOFFS = 3
"""So many test cutoffs are taken where the data allow, and asked for; fewer do not show how results vary."""


MIN_SPACING = 0.9
"""Cutoffs that are chosen lie so many horizons apart, or more: months differ in length."""


def trainable(mature_on: Mapping[date, date], at: date) -> tuple[date, ...]:
    """Return the snapshots that may train a model used at a cutoff: their labels were known by then.

    >>> trainable({date(2024, 1, 1): date(2024, 1, 29), date(2024, 2, 1): date(2024, 3, 1)}, date(2024, 2, 1))
    (datetime.date(2024, 1, 1),)
    """
    return tuple(sorted(day for day, known in mature_on.items() if known <= at and day < at))


def purged_cutoffs(mature_on: Mapping[date, date], at: date) -> tuple[date, ...]:
    """Return the earlier snapshots that may not train a model used at a cutoff: their labels came later.

    >>> purged({date(2024, 1, 1): date(2024, 1, 29), date(2024, 2, 1): date(2024, 3, 1)}, date(2024, 2, 15))
    (datetime.date(2024, 2, 1),)
    """
    return tuple(sorted(day for day, known in mature_on.items() if known > at and day < at))


def earliest_default_test(mature_on: Mapping[date, date], horizon_days: int) -> date | None:
    """Return a day no later than the first test cutoff that `plan` chooses; None where it can choose none.

    >>> first_test({date(2024, 1, 1): date(2024, 1, 29), date(2024, 2, 1): date(2024, 3, 1)}, 28)
    datetime.date(2024, 2, 1)
    """
    usable = [day for day in mature_on if trainable(mature_on, day)]
    return min(spaced_cutoffs(usable, TEST_CUTOFFS, MIN_SPACING * horizon_days), default=None)


def spaced_cutoffs(days: Sequence[date], most: int, apart_days: float) -> tuple[date, ...]:
    """Return the latest of some days in order, going back by at least so many days each time.

    >>> spaced([date(2024, 1, 1), date(2024, 1, 8), date(2024, 1, 15)], 2, 10)
    (datetime.date(2024, 1, 1), datetime.date(2024, 1, 15))
    """
    taken: list[date] = []
    for day in sorted(days, reverse=True):
        if len(taken) < most and (not taken or (taken[-1] - day).days >= apart_days):
            taken.append(day)
    return tuple(reversed(taken))


SHORTEST_HISTORY_DAYS = 56
"""Without cutoffs in params.yaml, the first lies this long after the first event of the label's table."""


def requested_cutoffs(params: Params, store: Store) -> tuple[date, ...]:
    """Return the cutoffs that params.yaml asks for, also late ones; none where the data are too short."""
    cutoffs = params.snapshot.cutoffs or tuple(_every(params, store))
    return (*cutoffs, *params.evaluate.test_cutoffs) if cutoffs else ()


def snapshot_cutoffs(params: Params, store: Store) -> tuple[date, ...]:
    """Return the cutoffs that params.yaml asks for, `evaluate.test_cutoffs` among them.

    By default there is one a week over all the data.

    Raises:
        CallError: a cutoff lies after the watermark, or `first` or `last` leaves none.
        Stop: the data are too short for one.
    """
    cutoffs = requested_cutoffs(params, store)
    late = [cutoff for cutoff in cutoffs if cutoff > store.tonight]
    if late:
        place = "evaluate.test_cutoffs" if late[0] in params.evaluate.test_cutoffs else "snapshot"
        raise CallError(
            f"{place}: cutoff {late[0]} lies after the watermark {store.watermark}, up to which the data "
            "are complete. Name earlier dates there, or ingest newer data."
        )
    if not cutoffs:
        raise _no_cutoff(params, store)
    return tuple(sorted(set(cutoffs)))


def _no_cutoff(params: Params, store: Store) -> CallError | Stop:
    """Return the mistake behind an empty list of cutoffs: `first`, `last`, or the data themselves."""
    asked = params.snapshot
    if asked.first:
        return CallError(
            f"snapshot.first: {asked.first} lies after the watermark {store.watermark}, up to which the data "
            "are complete, so that no cutoff is left. Give an earlier first, or ingest newer data."
        )
    begin = _default_first(params, store)
    why = f"at least {SHORTEST_HISTORY_DAYS} days after the first event of {params.label.core_table}"
    if asked.last and begin <= store.tonight:
        return CallError(
            f"snapshot.last: {asked.last} lies before {begin}, the first cutoff without snapshot.first "
            f"({why}), so that none is left. Give a later last, or name a first."
        )
    return Stop(
        f"snapshot: the first cutoff would be {begin} ({why}), after the watermark {store.watermark}. "
        "Ingest newer data, or name a cutoff under snapshot.cutoffs."
    )


def _default_first(params: Params, store: Store) -> date:
    begin = date_of_day(store.tables[params.label.core_table].first_day or 0) + timedelta(
        SHORTEST_HISTORY_DAYS
    )
    if params.snapshot.every == "month" and begin.day > 1:
        return (begin.replace(day=1) + timedelta(31)).replace(day=1)
    return begin


def _every(params: Params, store: Store) -> Sequence[date]:
    asked = params.snapshot
    first = asked.first or _default_first(params, store)
    last = asked.last or store.tonight
    if asked.every == "month":
        months = range((last.year - first.year) * 12 + last.month - first.month + 1)
        found = [_months_later(first, number) for number in months]
        return [cutoff for cutoff in found if cutoff <= last]
    step = 7 if asked.every == "week" else int(asked.every.split()[0])
    return [first + timedelta(number) for number in range(0, (last - first).days + 1, step)]


def _months_later(first: date, months: int) -> date:
    """Return the same day so many months later, or the last day of a shorter month."""
    month = first.year * 12 + first.month - 1 + months
    begin = date(month // 12, month % 12 + 1, 1)
    length = ((begin + timedelta(31)).replace(day=1) - begin).days
    return begin + timedelta(min(first.day, length) - 1)


def latest_matured_cutoff(params: Params, store: Store) -> date:
    """Return the latest day whose label is matured, to show what a snapshot would hold."""
    wait = label_window(params, store.watermark).mature_on - store.watermark
    return store.watermark - wait
