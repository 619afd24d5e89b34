"""Tables of which the newest rows are not yet there, while another table is complete."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest

from churn.guards.trailing import trailing_tables
from tests.guard_companies import draw_contracts, draw_table, findings_of, severities

END = date(2024, 12, 31)
DAYS = 200


def rows_of(per_day: Callable[[int], int], days: int = DAYS, extra: str = "") -> str:
    """Draw a table with a number of rows on each day before the end; day 1 is the newest day."""
    rows = [
        (f"c{n:02}", f"{END - timedelta(age)} 10:00", *([extra] if extra else []))
        for age in range(days, 0, -1)
        for n in range(per_day(age))
    ]
    return draw_table(f"customer | happened_at{' | known_at' if extra else ''}", rows)


def trailing_findings(folder: Path, logins: str, interactions: str) -> list[tuple[str, str]]:
    found = findings_of(
        trailing_tables,
        folder,
        subscriptions=draw_contracts([], ["ana"]),
        logins=logins,
        interactions=interactions,
    )
    return severities(found)


def always(age: int) -> int:
    """Return twelve to sixteen rows for each day."""
    return 12 + age * 7 % 5


@pytest.mark.parametrize(
    ("logins", "expected"),
    [
        (lambda age: 0 if age <= 10 else always(age), [("logins", "stop")]),
        (lambda age: 0 if age <= 3 else always(age), [("logins", "warn")]),
        (lambda age: round(always(age) * min(1.0, max(0, age - 4) / 10)), [("logins", "stop")]),
        (lambda age: 0 if age <= 31 else always(age), [("logins", "stop")]),
    ],
    ids=["ten days", "three days", "rows trickle in", "a month"],
)
def test_a_table_that_lacks_its_newest_rows(
    tmp_path: Path, logins: Callable[[int], int], expected: list[tuple[str, str]]
) -> None:
    assert trailing_findings(tmp_path, rows_of(logins), rows_of(always)) == expected


@pytest.mark.parametrize(
    ("logins", "days"),
    [
        (always, DAYS),
        (lambda age: 0 if age <= 60 else always(age), DAYS),
        (lambda age: 0 if (END - timedelta(age)).weekday() in (6, 0) else always(age), DAYS),
        (lambda age: 40 if (END - timedelta(age)).day == 1 else 0, 420),
        (lambda age: int(age % 9 == 4), DAYS),
        (lambda age: 4 + int(20 * min(1.0, age / 60)), DAYS),
        (lambda age: 0 if age % 90 < 8 else always(age), DAYS),
        (lambda age: 3 if age <= 7 or 365 <= age <= 372 else always(age), 400),
        (lambda age: 0 if age <= 10 else always(age), 50),
    ],
    ids=[
        *("steady", "ended two months ago", "idle on the two weekdays at the end", "monthly", "sparse"),
        *("out of season", "breaks each quarter", "a holiday as in the year before", "new"),
    ],
)
def test_a_table_that_has_always_had_such_days(
    tmp_path: Path, logins: Callable[[int], int], days: int
) -> None:
    assert trailing_findings(tmp_path, rows_of(logins, days), rows_of(always)) == []


def test_days_without_rows_in_all_tables_are_no_trail(tmp_path: Path) -> None:
    until = rows_of(lambda age: 0 if age <= 10 else always(age))

    assert trailing_findings(tmp_path, until, until) == []


def test_a_table_whose_rows_hold_the_time_at_which_they_came_in_does_not_count(tmp_path: Path) -> None:
    rows = rows_of(lambda age: 0 if age <= 10 else always(age), extra="2024-12-31 03:00")

    assert trailing_findings(tmp_path, rows, rows_of(always)) == []


def test_the_way_out_is_the_day_up_to_which_the_table_is_complete(tmp_path: Path) -> None:
    """The rows of the last five days are missing, and rows trickle in up to ten days later."""
    logins = rows_of(lambda age: round(always(age) * min(1.0, max(0, age - 5) / 10)))

    (found,) = findings_of(
        trailing_tables,
        tmp_path / "before",
        subscriptions=draw_contracts([], ["ana"]),
        logins=logins,
        interactions=rows_of(always),
    )
    day = found.way_out.partition("snapshot.watermark: ")[2][:10]

    after = findings_of(
        trailing_tables,
        tmp_path / "after",
        subscriptions=draw_contracts([], ["ana"]),
        logins=logins,
        interactions=rows_of(always),
        watermark=day,
    )
    assert after == []
    assert date.fromisoformat(day) >= END - timedelta(15)
