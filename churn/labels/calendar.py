"""Compute the cutoffs of snapshots, the snapshots that may train a model, and the first test cutoff."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from churn.data.store import Store, date_of_day
from churn.errors import CallError, Stop
from churn.labels.outcomes import label_window

TEST_CUTOFFS = 3
"""The number of default test cutoffs; fewer test cutoffs do not show how results vary between months."""

MIN_SPACING = 0.9
"""The smallest allowed distance between two default test cutoffs, in horizons.

It is below 1 because months differ in length.
"""

SHORTEST_HISTORY_DAYS = 56
"""The least number of days from the first event of the label's table to the first default cutoff."""


@dataclass(frozen=True)
class FirstTestCutoff:
    """The first test cutoff. Data from this date on must not influence the definition of a label.

    Attributes:
        day: The date. This date is the watermark if the data are too short for any test.
        description: The meaning of the date in words, for example "the watermark".
    """

    day: date
    description: str

    def __str__(self) -> str:
        return f"{self.day}, {self.description}"


def first_test_cutoff(store: Store, horizon_days: int | None = None) -> FirstTestCutoff:
    """Return the first test cutoff, or the watermark if the data are too short for any test.

    If params.yaml has no `evaluate.test_cutoffs`, training chooses the test cutoffs. The result is then the
    earliest day that training may choose. Training may choose a later day, because it has one more condition:
    the labels that mature on or before the test cutoff must include a churner and a customer who stayed. This
    function computes no labels, so it cannot check the condition.

    Args:
        store: The store.
        horizon_days: The horizon for which the default test cutoffs are found; by default the horizon of the
            label.
    """
    params = store.params
    watermark = FirstTestCutoff(store.watermark, "the watermark")
    if test_cutoffs := params.evaluate.test_cutoffs:
        first = FirstTestCutoff(min(test_cutoffs), "the first of evaluate.test_cutoffs")
        return min(watermark, first, key=lambda candidate: candidate.day)
    horizon_days = horizon_days or params.label.horizon_days
    label = params.label.model_copy(update={"horizon_days": horizon_days})
    mature_on = {
        day: label_window(day, label, params.snapshot.late_days).mature_on for day in requested_cutoffs(store)
    }
    matured = {day: mature for day, mature in mature_on.items() if mature <= store.watermark}
    day = earliest_default_test(matured, horizon_days)
    if day is None:
        return watermark
    return FirstTestCutoff(day, f"the first test cutoff by default at a horizon of {horizon_days} days")


def trainable(mature_on: Mapping[date, date], at: date) -> tuple[date, ...]:
    """Return the snapshots that may train a model for the cutoff `at`: their labels mature on or before `at`.

    Args:
        mature_on: For each snapshot the date on which its label matures.
        at: The cutoff at which the model is used.

    >>> trainable({date(2024, 1, 1): date(2024, 1, 29), date(2024, 2, 1): date(2024, 3, 1)}, date(2024, 2, 1))
    (datetime.date(2024, 1, 1),)
    """
    return tuple(sorted(day for day, mature in mature_on.items() if mature <= at and day < at))


def purged_cutoffs(mature_on: Mapping[date, date], at: date) -> tuple[date, ...]:
    """Return the snapshots that lie before a cutoff, but must not train a model used at this cutoff.

    Their labels mature only after the cutoff.

    Args:
        mature_on: For each snapshot the date on which its label matures.
        at: The cutoff.

    >>> days = {date(2024, 1, 1): date(2024, 1, 29), date(2024, 2, 1): date(2024, 3, 1)}
    >>> purged_cutoffs(days, date(2024, 2, 15))
    (datetime.date(2024, 2, 1),)
    """
    return tuple(sorted(day for day, mature in mature_on.items() if mature > at and day < at))


def earliest_default_test(mature_on: Mapping[date, date], horizon_days: int) -> date | None:
    """Return the earliest day that training may choose as its first test cutoff; None if there is none.

    Training chooses the test cutoffs if params.yaml has no `evaluate.test_cutoffs`. It may choose a later
    day, because it also looks at the labels (see `first_test_cutoff`).

    Args:
        mature_on: For each matured snapshot the date on which its label matures.
        horizon_days: The horizon of the label.

    >>> days = {date(2024, 1, 1): date(2024, 1, 29), date(2024, 2, 1): date(2024, 3, 1)}
    >>> earliest_default_test(days, 28)
    datetime.date(2024, 2, 1)
    """
    testable = [day for day in mature_on if trainable(mature_on, day)]
    return min(spaced_cutoffs(testable, TEST_CUTOFFS, MIN_SPACING * horizon_days), default=None)


def spaced_cutoffs(days: Sequence[date], count: int, spacing_days: float) -> tuple[date, ...]:
    """Choose the latest days that lie far enough apart, at most `count`; return them in order of time.

    Args:
        days: The days to choose from.
        count: The largest number of days to return.
        spacing_days: The smallest allowed distance between two neighbouring days of the result, in days.

    >>> spaced_cutoffs([date(2024, 1, 1), date(2024, 1, 8), date(2024, 1, 15)], 2, 10)
    (datetime.date(2024, 1, 1), datetime.date(2024, 1, 15))
    """
    selection: list[date] = []
    for day in sorted(days, reverse=True):
        if len(selection) < count and (not selection or (selection[-1] - day).days >= spacing_days):
            selection.append(day)
    return tuple(reversed(selection))


def requested_cutoffs(store: Store) -> tuple[date, ...]:
    """Return the cutoffs of params.yaml, even those after the watermark; empty if the data are too short."""
    params = store.params
    cutoffs = params.snapshot.cutoffs or tuple(_regular_cutoffs(store))
    return (*cutoffs, *params.evaluate.test_cutoffs) if cutoffs else ()


def snapshot_cutoffs(store: Store) -> tuple[date, ...]:
    """Return the cutoffs of params.yaml in order of time, including `evaluate.test_cutoffs`.

    By default there is one cutoff per week over all the data.

    Raises:
        CallError: a cutoff is after the watermark, or there is no cutoff because of `snapshot.first` or
            `snapshot.last`.
        Stop: the data are too short for a cutoff.
    """
    cutoffs = requested_cutoffs(store)
    late = [cutoff for cutoff in cutoffs if cutoff > store.tonight]
    if late:
        key = "evaluate.test_cutoffs" if late[0] in store.params.evaluate.test_cutoffs else "snapshot"
        raise CallError(
            f"{key}: cutoff {late[0]} is after the watermark {store.watermark}, up to which the data "
            f"are complete. Name an earlier date under {key}, or ingest newer data."
        )
    if not cutoffs:
        raise _no_cutoff(store)
    return tuple(sorted(set(cutoffs)))


def latest_matured_cutoff(store: Store) -> date:
    """Return the latest day whose label is matured; it serves as an example cutoff."""
    params = store.params
    window = label_window(store.watermark, params.label, params.snapshot.late_days)
    return store.watermark - (window.mature_on - store.watermark)


def _no_cutoff(store: Store) -> CallError | Stop:
    """Return the error that says why no cutoff exists.

    Either `snapshot.first` is too late, or `snapshot.last` is too early, or the data are too short.
    """
    params = store.params
    snapshot = params.snapshot
    if snapshot.first:
        return CallError(
            f"snapshot.first: {snapshot.first} is after the watermark {store.watermark}, up to which the "
            "data are complete, so there is no cutoff. Give an earlier snapshot.first, or ingest newer data."
        )
    first = _default_first(store)
    reason = f"at least {SHORTEST_HISTORY_DAYS} days after the first event of {params.label.core_table}"
    if snapshot.last and first <= store.tonight:
        return CallError(
            f"snapshot.last: {snapshot.last} is before {first}, the default first cutoff ({reason}), so "
            "there is no cutoff. Give a later snapshot.last, or name a date under snapshot.first."
        )
    return Stop(
        f"snapshot: the first cutoff would be {first} ({reason}), after the watermark {store.watermark}. "
        "Ingest newer data, or name a cutoff under snapshot.cutoffs."
    )


def _default_first(store: Store) -> date:
    params = store.params
    first_event = date_of_day(store.tables[params.label.core_table].first_day or 0)
    first = first_event + timedelta(SHORTEST_HISTORY_DAYS)
    if params.snapshot.every == "month" and first.day > 1:
        return (first.replace(day=1) + timedelta(31)).replace(day=1)
    return first


def _regular_cutoffs(store: Store) -> Sequence[date]:
    """Return the regular cutoffs from `snapshot.first` to `snapshot.last`, at the step `snapshot.every`."""
    snapshot = store.params.snapshot
    first = snapshot.first or _default_first(store)
    last = snapshot.last or store.tonight
    if snapshot.every == "month":
        months = range((last.year - first.year) * 12 + last.month - first.month + 1)
        cutoffs = [months_later(first, number) for number in months]
        return [cutoff for cutoff in cutoffs if cutoff <= last]
    step = 7 if snapshot.every == "week" else int(snapshot.every.split()[0])
    return [first + timedelta(number) for number in range(0, (last - first).days + 1, step)]


def months_later(first: date, months: int) -> date:
    """Return the same day, `months` months later; if that month has no such day, return its last day."""
    month = first.year * 12 + first.month - 1 + months
    begin = date(month // 12, month % 12 + 1, 1)
    length = ((begin + timedelta(31)).replace(day=1) - begin).days
    return begin + timedelta(min(first.day, length) - 1)
