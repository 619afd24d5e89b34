"""What changes in the newest rows of a table is named, and what a table has always done is not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import numpy as np
import pytest

from churn.data.daily_rows import DailyRows, DailyValues
from churn.data.store import day_number
from churn.drift.freshness import freshness_of, table_alarms

NIGHT = date(2025, 9, 30)
DAYS = 430
LEARNT_UNTIL = date(2025, 6, 1)


def by_age(per_day: Callable[[int], float], days: int = DAYS) -> np.ndarray:
    """Return a number for each day before the night; age 1 is the day before it."""
    return np.array([per_day(age) for age in range(1, days + 1)])


def weekly(age: int) -> int:
    """Return about sixty rows on weekdays and thirty on weekends."""
    is_weekend = (NIGHT - timedelta(age)).weekday() >= 5
    return (30 if is_weekend else 60) + age * 7 % 11


def table_of(
    per_day: Callable[[int], int] = weekly,
    *,
    outcomes: dict[str, Callable[[int], int]] | None = None,
    medians: dict[str, Callable[[int], float]] | None = None,
    present: Callable[[int], float] = lambda _: 1.0,
    kinds: dict[str, Callable[[int], float]] | None = None,
    days: int = DAYS,
) -> DailyRows:
    rows = by_age(per_day, days).astype(np.int64)
    newest = np.flatnonzero(rows)
    return DailyRows(
        table="orders",
        newest_day=day_number(NIGHT) - 1 - int(newest[0]) if len(newest) else None,
        rows=rows,
        outcomes={name: by_age(own, days).astype(np.int64) for name, own in (outcomes or {}).items()},
        values={
            name: DailyValues(
                present=np.round(rows * by_age(present, days)).astype(np.int64),
                n_nonzero=np.round(rows * by_age(present, days)).astype(np.int64),
                median=by_age(own, days).astype(np.float64),
            )
            for name, own in (medians or {}).items()
        },
        kinds={
            "kind": {
                name: np.round(rows * by_age(share, days)).astype(np.int64) for name, share in kinds.items()
            }
        }
        if kinds
        else {},
    )


def alarms_of(
    table: DailyRows, learnt_until: date | None = LEARNT_UNTIL
) -> list[tuple[str, str, date | None]]:
    return [(alarm.kind, alarm.subject, alarm.since) for alarm in table_alarms(table, NIGHT, learnt_until)]


def ago(days: int) -> date:
    return NIGHT - timedelta(days)


@pytest.mark.parametrize("days", [1, 5, 40, 120])
def test_a_source_that_stops_is_named_on_the_first_night_and_on_later_nights(days: int) -> None:
    table = table_of(lambda age: 0 if age <= days else weekly(age))

    assert alarms_of(table) == [("stopped", "orders", ago(days))]


def test_a_rare_source_that_stops_is_named_after_twice_its_longest_gap() -> None:
    def stopped(silent: int) -> DailyRows:
        return table_of(lambda age: int(age > silent and age % 9 == 4))

    assert alarms_of(stopped(12)) == []
    assert alarms_of(stopped(13)) == [("stopped", "orders", ago(21))]


def test_a_source_that_stopped_before_the_training_is_known_to_the_model() -> None:
    table = table_of(lambda age: 0 if age <= 160 else weekly(age))

    assert alarms_of(table) == []
    assert alarms_of(table, learnt_until=ago(170)) == [("stopped", "orders", ago(160))]


@pytest.mark.parametrize(
    "per_day",
    [
        weekly,
        lambda age: 0 if (NIGHT - timedelta(age)).weekday() >= 5 else weekly(age),
        lambda age: 400 if (NIGHT - timedelta(age)).day == 1 else 0,
        lambda age: int(age % 9 == 4),
        lambda age: 0 if age % 91 <= 6 else weekly(age),
        lambda age: max(1, weekly(age) - age // 10),
        lambda age: 0,
    ],
    ids=["weekly", "no weekends", "monthly", "rare", "a break each quarter", "growing", "no rows"],
)
def test_the_usual_rhythm_of_a_table_is_silent(per_day: Callable[[int], int]) -> None:
    assert alarms_of(table_of(per_day)) == []


def test_a_young_table_is_silent() -> None:
    assert alarms_of(table_of(lambda age: 0 if age == 1 else weekly(age), days=40)) == []


def test_far_fewer_rows_than_ever_are_named() -> None:
    table = table_of(lambda age: 4 if age <= 2 else weekly(age))

    assert alarms_of(table) == [("fell", "orders", ago(2))]


def test_far_more_rows_than_ever_are_named_and_a_doubled_day_is_not() -> None:
    assert alarms_of(table_of(lambda age: 12 * weekly(age) if age == 1 else weekly(age))) == [
        ("rose", "orders", ago(1))
    ]
    assert alarms_of(table_of(lambda age: 2 * weekly(age) if age == 1 else weekly(age))) == []


def test_an_outcome_that_is_no_longer_recorded_is_named_while_the_rows_come_in() -> None:
    table = table_of(outcomes={"returned_at": lambda age: 0 if age <= 2 else 20 + age % 3})

    assert alarms_of(table) == [("stopped", "orders.returned_at", ago(2))]


def test_a_rare_outcome_is_silent() -> None:
    assert alarms_of(table_of(outcomes={"returned_at": lambda age: int(age % 5 == 0)})) == []


@pytest.mark.parametrize(
    ("factor", "words"),
    [(100.0, "about 100 times"), (1 / 1000, "about 1/1,000 of"), (37.0, "about 35 times")],
)
def test_a_unit_that_changes_is_named_with_its_factor_and_its_first_day(factor: float, words: str) -> None:
    table = table_of(medians={"amount": lambda age: (50 + age % 7) * (factor if age <= 3 else 1)})

    (alarm,) = table_alarms(table, NIGHT, LEARNT_UNTIL)

    assert (alarm.kind, alarm.subject, alarm.since) == ("unit", "orders.amount", ago(3))
    assert words in alarm.text


@pytest.mark.parametrize(
    "median",
    [
        lambda age: 50 + age % 7,
        lambda age: 150.0 if age <= 3 else 50.0,
        lambda age: 5000.0 if age % 30 == 1 else 50.0,
        lambda age: 0.0,
        lambda age: np.nan,
    ],
    ids=["steady", "a price three times as high", "one large day a month", "zeros", "no values"],
)
def test_values_that_move_as_before_are_silent(median: Callable[[int], float]) -> None:
    assert alarms_of(table_of(medians={"amount": median})) == []


def test_a_column_that_is_empty_from_a_day_on_is_named() -> None:
    table = table_of(medians={"amount": lambda _: 50.0}, present=lambda age: 0.0 if age <= 2 else 0.95)

    assert alarms_of(table) == [("emptied", "orders.amount", ago(2))]


def test_a_column_that_is_often_empty_is_silent() -> None:
    table = table_of(medians={"amount": lambda _: 50.0}, present=lambda age: 0.3 if age % 10 < 2 else 0.9)

    assert alarms_of(table) == []


def test_a_renamed_kind_is_named_with_its_new_name() -> None:
    table = table_of(
        kinds={
            "view": lambda _: 0.5,
            "click": lambda age: 0.0 if age == 1 else 0.5,
            "tap": lambda age: 0.5 if age == 1 else 0.0,
        }
    )

    (alarm,) = table_alarms(table, NIGHT, LEARNT_UNTIL)

    assert (alarm.kind, alarm.subject, alarm.since) == ("kind_renamed", "orders.kind", ago(1))
    assert "'click'" in alarm.text
    assert "'tap'" in alarm.text


def test_a_kind_that_stops_without_an_heir_is_named() -> None:
    table = table_of(kinds={"view": lambda _: 0.5, "click": lambda age: 0.0 if age <= 2 else 0.5})

    assert alarms_of(table) == [("kind_stopped", "orders.kind", ago(2))]


@pytest.mark.parametrize(
    "kinds",
    [
        {"view": lambda _: 0.7, "click": lambda age: 0.2 + 0.1 * (age % 2)},
        {"view": lambda _: 0.7, "sale": lambda age: 0.3 if age % 30 > 20 else 0.0},
        {"view": lambda _: 0.7, "new": lambda age: 0.3 if age <= 2 else 0.0},
        {"view": lambda _: 1.0, "rare": lambda age: 0.02 if age > 3 else 0.0},
    ],
    ids=["shares move", "a kind of some days", "a new kind", "a rare kind"],
)
def test_kinds_that_come_and_go_as_before_are_silent(kinds: dict[str, Callable[[int], float]]) -> None:
    assert alarms_of(table_of(kinds=kinds)) == []


def test_one_cause_is_named_once() -> None:
    table = table_of(
        lambda age: 0 if age == 1 else weekly(age),
        outcomes={"returned_at": lambda age: 0 if age == 1 else 40},
        kinds={"view": lambda _: 1.0},
    )

    assert alarms_of(table) == [("stopped", "orders", ago(1))]


def test_freshness_gives_the_age_the_longest_gap_and_the_usual_rows() -> None:
    table = table_of(lambda age: 0 if age <= 2 or age in (50, 51, 52) else 60)

    fresh = freshness_of(table, NIGHT)

    assert (fresh.newest_row_on, fresh.age_days, fresh.longest_gap_days) == (ago(3), 2, 3)
    assert (fresh.rows_last_day, fresh.usual_rows) == (0, 60)


def test_freshness_without_rows_is_not_known() -> None:
    fresh = freshness_of(table_of(lambda _: 0), NIGHT)

    assert (fresh.newest_row_on, fresh.age_days, fresh.longest_gap_days) == (None, None, None)
