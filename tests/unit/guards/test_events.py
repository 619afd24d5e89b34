"""Events that announce the leaving, times filled in afterwards, totals stamped early, histories rewritten."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml

from churn.data.store import date_of_day_sql
from churn.finding import Finding
from churn.guards.announcements import announced_by_event
from churn.guards.context import GuardContext
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


PEOPLE = stayers(60)
SIGN_UPS = [date(2024, 3 + n % 5, 3 + n % 20) for n in range(60)]
MONTHS = [
    (one, date(2024, day.month + n, 1)) for one, day in zip(PEOPLE, SIGN_UPS, strict=True) for n in (0, 1)
]


def stamps_and_findings(folder: Path, head: str, form: str, **given: Any) -> tuple[set[Any], list[Finding]]:
    """Return the dates of the visits and of their `known_at`, and the findings; `form` writes the dates."""
    stamps: set[Any] = set()

    def guard(context: GuardContext) -> Iterator[Finding]:
        days = ", ".join(date_of_day_sql(f"v.{name}") for name in ("day", "known_day"))
        if context.store.tables["visits"].two_clocks:
            stamps.update(context.rows(f"SELECT {days} FROM {context.store.scan('visits')} AS v"))
        yield from stamped_early(context)

    zone = ZoneInfo("Europe/Berlin")
    visits = [(one, datetime.combine(day, time(), zone).strftime(form)) for one, day in MONTHS]
    found = findings_of(
        guard,
        folder,
        cutoffs=["2024-05-20"],
        customers=draw_table("customer | signed_up_at", zip(PEOPLE, SIGN_UPS, strict=True)),
        subscriptions=draw_contracts([], PEOPLE),
        visits=draw_table(f"customer | {head}", visits),
        params=given,
    )
    return stamps, found


@pytest.mark.parametrize(
    ("head", "form", "mapping"),
    [
        ("happened_at", "%Y-%m-%d", {}),
        ("Visit of", "%d.%m.%Y", {"columns": {"happened_at": "Visit of"}, "time_format": "%d.%m.%Y"}),
        ("v", "%d.%m.%Y", {"columns": {"happened_at": "v || ' 00:00'"}, "time_format": "%d.%m.%Y %H:%M"}),
        ("happened_at", "%Y-%m-%d %H:%M:%S%z", {}),
        ("happened_at", "%d.%m.%Y %z", {"time_format": "%d.%m.%Y %z"}),
    ],
    ids=["dates", "texts in a column of another name", "SQL", "ISO with an offset", "texts with an offset"],
)
def test_the_time_that_the_advice_maps_is_the_end_of_the_month(
    tmp_path: Path, head: str, form: str, mapping: dict[str, Any]
) -> None:
    _, (finding,) = stamps_and_findings(tmp_path / "before", head, form, events={"visits": mapping})
    advice = re.search(r'events\.visits\.columns\.known_at: ("(?:[^"\\]|\\.)*")', finding.way_out)
    assert advice
    columns = {**mapping.get("columns", {}), "known_at": yaml.safe_load(advice[1])}

    stamps, found = stamps_and_findings(
        tmp_path / "after", head, form, events={"visits": {**mapping, "columns": columns}}
    )

    assert found == []
    assert stamps == {(day, date(2024, day.month + 1, 1)) for _, day in MONTHS}


def test_the_advice_names_the_rule_in_words_if_the_source_has_its_own_sql(tmp_path: Path) -> None:
    pytest.importorskip("adbc_driver_sqlite")
    path = tmp_path / "company.sqlite"
    with sqlite3.connect(path) as connection:
        for name, time_name, rows in (
            ("customers", "signed_up_at", zip(PEOPLE, SIGN_UPS, strict=True)),
            ("subscriptions", "started_at", ((one, date(2023, 1, 1)) for one in PEOPLE)),
            ("visits", "happened_at", MONTHS),
        ):
            connection.execute(f"CREATE TABLE {name} (customer_id TEXT, {time_name} TEXT)")
            texts = [(one, str(day)) for one, day in rows]
            connection.executemany(f"INSERT INTO {name} VALUES (?, ?)", texts)

    _, (finding,) = stamps_and_findings(
        tmp_path, "happened_at", "%Y-%m-%d", source=f"sqlite:///{path}", events={"visits": {}}
    )

    assert (
        "compute the first day after it in the SQL of the source, and map this day as events.visits"
        in finding.way_out
    )
    assert "INTERVAL" not in finding.way_out


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
