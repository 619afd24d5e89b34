"""Events that announce the leaving, times filled in afterwards, totals stamped early, histories rewritten."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from churn.guards.announcements import announced_by_event
from churn.guards.histories import deleted_histories, zeroed_rows
from churn.guards.row_times import filled_afterwards, stamped_early
from tests.guard_companies import (
    LEFT_ON,
    churners,
    draw_contracts,
    draw_table,
    findings_of,
    severities,
    stayers,
)

LEFT, STAYED = churners(30), stayers(40)
END = date.fromisoformat(LEFT_ON)


def clicks(leavers: int, stayers: int, day: date, kind: str) -> str:
    rows: list[tuple[object, ...]] = [(one, "2024-02-01", "search") for one in LEFT + STAYED]
    rows += [(one, day, kind) for one in LEFT[:leavers] + STAYED[:stayers]]
    return draw_table("customer | happened_at | kind", rows)


@pytest.mark.parametrize(
    ("leavers", "stayers", "day", "kind", "expected"),
    [
        (30, 0, END - timedelta(4), "plan_page", [("interactions.kind: plan_page", "stop")]),
        (30, 0, END + timedelta(4), "plan_page", []),  # after the end no cutoff sees them
        (30, 12, END - timedelta(4), "complaint", []),  # a risk: many who complain stay
        (30, 12, END - timedelta(4), "cancel_page", [("interactions.kind: cancel_page", "warn")]),
        (6, 0, END - timedelta(4), "plan_page", []),  # too few to say
    ],
)
def test_a_kind_of_event_that_announces_the_leaving(
    tmp_path: Path, leavers: int, stayers: int, day: date, kind: str, expected: list[tuple[str, str]]
) -> None:
    found = findings_of(
        announced_by_event,
        tmp_path,
        subscriptions=draw_contracts(LEFT, STAYED),
        interactions=clicks(leavers, stayers, day, kind),
    )

    assert severities(found) == expected


def test_a_whole_table_that_announces_the_leaving(tmp_path: Path) -> None:
    found = findings_of(
        announced_by_event,
        tmp_path,
        subscriptions=draw_contracts(LEFT, STAYED),
        offers=draw_table("customer | happened_at", [(one, "2024-09-01") for one in LEFT]),
        params={"events": {"offers": {}}},
        tables={},
    )

    assert severities(found) == [("offers", "stop")]


@pytest.mark.parametrize(
    ("ended", "renews", "expected"),
    [
        (None, "2025-03-01", []),  # known ahead for everybody
        (None, None, [("subscriptions.renews_at", "stop")]),  # today's rows are still empty
    ],
)
def test_a_scheduled_time_lies_ahead_today_as_it_did_in_the_past(
    tmp_path: Path, ended: str | None, renews: str | None, expected: list[tuple[str, str]]
) -> None:
    rows = [(one, "2024-01-01", "2024-11-15", "2024-11-15") for one in LEFT]
    rows += [(one, "2024-01-01", ended, renews) for one in STAYED]

    found = findings_of(
        filled_afterwards,
        tmp_path,
        subscriptions=draw_table("customer | started_at | ended_at | renews_at", rows),
    )

    assert severities(found) == expected


@pytest.mark.parametrize(("stamped_with", "expected"), [("month", ["stop"]), ("month before", [])])
def test_totals_that_go_with_the_month_after_their_stamp(
    tmp_path: Path, stamped_with: str, expected: list[str]
) -> None:
    logins, totals = [], []
    for number, one in enumerate(STAYED):
        for month in range(1, 12):
            n = number * month * 7919 % 9
            logins += [(one, f"2024-{month:02}-{day + 2:02} 10:00") for day in range(n)]
            stamp = month if stamped_with == "month" else month + 1
            totals.append((one, f"2024-{stamp:02}-01", n))

    found = findings_of(
        stamped_early,
        tmp_path,
        cutoffs=["2024-05-20"],
        subscriptions=draw_contracts([], STAYED),
        logins=draw_table("customer | happened_at", logins),
        usage=draw_table("customer | happened_at | value", totals),
        params={"events": {"usage": {}}},
    )

    assert [one.severity for one in found] == expected


@pytest.mark.parametrize(
    ("months_later", "people", "cutoffs", "expected"),
    [
        (0, 80, ["2024-05-20", "2024-07-01"], [("visits", "stop")]),  # dated before the sign-up
        (0, 80, ["2024-05-01", "2024-07-01"], []),  # such cutoffs see only whole months
        (1, 80, ["2024-05-20", "2024-07-01"], []),  # reports of the month before
        (0, 20, ["2024-05-20", "2024-07-01"], [("visits", "warn")]),  # too few sign-ups to know
        (1, 20, ["2024-05-20", "2024-07-01"], [("visits", "warn")]),
    ],
    ids=["this month", "cutoffs on borders", "month before", "few: this month", "few: month before"],
)
def test_rows_dated_on_the_first_of_the_month_that_hold_the_month(
    tmp_path: Path,
    months_later: int,
    people: int,
    cutoffs: list[str],
    expected: list[tuple[str, str]],
) -> None:
    names = stayers(people)
    sign_ups = [date(2024, 3 + n % 5, 3 + n % 20) for n in range(people)]
    visits = [
        (one, date(2024, day.month + months_later + further, 1))
        for one, day in zip(names, sign_ups, strict=True)
        for further in range(3)
    ]

    found = findings_of(
        stamped_early,
        tmp_path,
        cutoffs=cutoffs,
        customers=draw_table("customer | signed_up_at", zip(names, sign_ups, strict=True)),
        subscriptions=draw_contracts([], names),
        visits=draw_table("customer | happened_at", visits),
        params={"events": {"visits": {}}},
        since=None,
    )

    assert severities(found) == expected


def test_rows_of_the_month_that_are_known_at_its_end_are_right(tmp_path: Path) -> None:
    names = stayers(60)
    sign_ups = [date(2024, 3 + n % 5, 3 + n % 20) for n in range(60)]
    visits = [
        (one, date(2024, day.month, 1), date(2024, day.month + 1, 1))
        for one, day in zip(names, sign_ups, strict=True)
    ]

    found = findings_of(
        stamped_early,
        tmp_path,
        cutoffs=["2024-05-20"],
        customers=draw_table("customer | signed_up_at", zip(names, sign_ups, strict=True)),
        subscriptions=draw_contracts([], names),
        visits=draw_table("customer | happened_at | known_at", visits),
        params={"events": {"visits": {}}},
        since=None,
    )

    assert found == []


@pytest.mark.parametrize(
    ("bare_leavers", "bare_stayers", "expected"),
    [(30, 0, ["stop"]), (30, 30, []), (5, 0, [])],
)
def test_a_history_that_is_deleted_with_its_customer(
    tmp_path: Path, bare_leavers: int, bare_stayers: int, expected: list[str]
) -> None:
    having = LEFT[bare_leavers:] + STAYED[bare_stayers:]

    found = findings_of(
        deleted_histories,
        tmp_path,
        subscriptions=draw_contracts(LEFT, STAYED),
        emails=draw_table(
            "customer | sent_at", [(one, f"2024-0{m}-03") for one in having for m in range(1, 9)]
        ),
    )

    assert [one.severity for one in found] == expected


def used(customers: list[str], quantities: list[int]) -> list[tuple[object, ...]]:
    return [
        (one, date(2024, 3, 1) + timedelta(9 * n), q) for one in customers for n, q in enumerate(quantities)
    ]


@pytest.mark.parametrize(
    ("left", "stayed", "expected"),
    [
        ([4, 2, 5, 0, 0, 0], [4, 2, 5, 3, 1, 2], ["stop"]),  # rows go on without a value
        ([4, 2, 5, 0, 0], [4, 2, 5, 3, 1], []),  # two zeros are no tail
        ([0, 2, 0, 0, 0, 0], [0, 2, 0, 0, 0, 0], []),  # zeros are usual here
    ],
)
def test_rows_of_nothing_after_a_cancellation(
    tmp_path: Path, left: list[int], stayed: list[int], expected: list[str]
) -> None:
    found = findings_of(
        zeroed_rows,
        tmp_path,
        subscriptions=draw_contracts(LEFT, STAYED),
        interactions=draw_table("customer | happened_at | quantity", used(LEFT, left) + used(STAYED, stayed)),
    )

    assert [one.severity for one in found] == expected


def test_rows_that_are_written_on_every_day_are_told(tmp_path: Path) -> None:
    daily = [(one, date(2024, 3, 1) + timedelta(n), n % 2) for one in LEFT + STAYED for n in range(40)]

    found = findings_of(
        zeroed_rows,
        tmp_path,
        subscriptions=draw_contracts(LEFT, STAYED),
        interactions=draw_table("customer | happened_at | quantity", daily),
    )

    assert severities(found) == [("interactions.quantity", "warn")]


def test_mailings_that_are_not_sent_to_lapsing_customers_are_no_deletion(tmp_path: Path) -> None:
    early = [(one, f"2024-{month:02}-03") for one in LEFT for month in (1, 2, 3)]
    steady = [(one, f"2024-{month:02}-03") for one in STAYED for month in range(1, 12)]

    found = findings_of(
        deleted_histories,
        tmp_path,
        subscriptions=draw_contracts(LEFT, STAYED),
        emails=draw_table("customer | sent_at", early + steady),
    )

    assert found == []


def test_a_programme_that_began_when_churners_lapsed_is_no_deletion(tmp_path: Path) -> None:
    steady = [(one, f"2024-{month:02}-03") for one in STAYED for month in range(6, 12)]

    found = findings_of(
        deleted_histories,
        tmp_path,
        subscriptions=draw_contracts(LEFT, STAYED),
        emails=draw_table("customer | sent_at", steady),
    )

    assert found == []


@pytest.mark.parametrize(("zeros_of", "expected"), [(LEFT, ["stop"]), (LEFT + STAYED, [])])
def test_zeros_after_the_end_are_seen_where_customers_are_rarely_active(
    tmp_path: Path, zeros_of: list[str], expected: list[str]
) -> None:
    rare = [(one, "2024-05-02", 3) for one in STAYED + LEFT[:10]]
    zeros = [(one, END + timedelta(7 * week), 0) for one in zeros_of for week in range(6)]

    found = findings_of(
        zeroed_rows,
        tmp_path,
        subscriptions=draw_contracts(LEFT, STAYED),
        interactions=draw_table("customer | happened_at | quantity", rare + zeros),
    )

    assert [one.severity for one in found] == expected
