"""Attributes that copy all-time totals: of one kind of rows, of two tables, of an earlier export, per day."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from pathlib import Path

import pytest

from churn.finding import Finding
from churn.guards.as_of_today import as_of_today
from tests.guard_companies import draw_contracts, draw_table, findings_of, stayers

PEOPLE = stayers(120)
SIGN_UP, FIRST_CUTOFF, END = date(2022, 1, 1), date(2024, 4, 1), date(2025, 1, 1)
KINDS = ("search", "export", "complaint")


def events_of(number: int) -> list[tuple[date, str, int]]:
    """Customer number n does something every 25 days and more, of a kind and an amount that vary."""
    n_events = 4 + number * 7 % 9
    return [
        (
            date(2024, 2, 1) + timedelta(25 * place + number % 7),
            KINDS[(number * 5 + place * place) % 3],
            1 + (number * 11 + place * 7) % 23,
        )
        for place in range(n_events)
    ]


def tickets_of(number: int) -> list[date]:
    return [date(2024, 3, 3) + timedelta(40 * place) for place in range(number * 13 % 6)]


EVENTS = [events_of(n) for n in range(120)]
SIGN_UPS = [SIGN_UP + timedelta(10 * (n * 17 % 60)) for n in range(120)]


def findings_of_attributes(folder: Path, columns: dict[str, Sequence[object]]) -> list[Finding]:
    customers = list(zip(PEOPLE, SIGN_UPS, *columns.values(), strict=True))
    interactions = [(one, *event) for one, events in zip(PEOPLE, EVENTS, strict=True) for event in events]
    tickets = [(one, day) for n, one in enumerate(PEOPLE) for day in tickets_of(n)]
    return findings_of(
        as_of_today,
        folder,
        static=[*columns],
        cutoffs=[str(FIRST_CUTOFF)],
        customers=draw_table(f"customer | signed_up_at | {' | '.join(columns)}", customers),
        subscriptions=draw_contracts([], PEOPLE),
        interactions=draw_table("customer | happened_at | kind | quantity", interactions),
        tickets=draw_table("customer | opened_at", tickets),
    )


def complaints(until: date = END) -> list[int]:
    return [sum(kind == "complaint" and day < until for day, kind, _ in events) for events in EVENTS]


def quantities(until: date = END) -> list[int]:
    return [sum(quantity for day, _, quantity in events if day < until) for events in EVENTS]


def per_month(until: date) -> list[float]:
    ages = [(until - day).days for day in SIGN_UPS]
    return [round(30.4 * total / age, 2) for total, age in zip(quantities(until), ages, strict=True)]


def test_an_attribute_that_copies_an_all_time_total_is_refused(tmp_path: Path) -> None:
    tickets = [len(tickets_of(n)) for n in range(120)]
    columns: dict[str, Sequence[object]] = {
        "one_kind": complaints(),
        "two_tables": [a + b for a, b in zip(complaints(), tickets, strict=True)],
        "difference": [a - b for a, b in zip(complaints(), tickets, strict=True)],
        "export": quantities(date(2024, 8, 1)),
        "value": per_month(END),
    }

    found = {finding.place: finding for finding in findings_of_attributes(tmp_path, columns)}

    assert {finding.severity for finding in found.values()} == {"stop"}
    for name, words in {
        "one_kind": "the number of rows of interactions with kind 'complaint' up to today",
        "two_tables": "rows of tickets plus the number of rows of interactions with kind 'complaint'",
        "difference": "minus the number of rows of tickets",
        "export": "the sum of interactions.quantity before 2024-08-",
        "value": "over the days from the sign-up to today, times 30.4",
    }.items():
        assert words in found[f"customers.{name}"].found


def test_an_attribute_that_was_known_at_the_first_cutoff_is_no_copy(tmp_path: Path) -> None:
    columns: dict[str, Sequence[object]] = {
        "early_sum": quantities(FIRST_CUTOFF),
        "early_kind": complaints(FIRST_CUTOFF),
        "early_value": per_month(FIRST_CUTOFF),
        "number": [n * 7919 % 40 for n in range(120)],
        "related": [2 * quantity + 5 * (n * 31 % 60) for n, quantity in enumerate(quantities())],
    }

    assert findings_of_attributes(tmp_path, columns) == []


def test_a_total_that_includes_the_time_before_the_data_is_refused(tmp_path: Path) -> None:
    """Half of the customers had events before the table begins, which only their attribute counts."""
    is_old = [n % 2 == 0 for n in range(120)]
    sign_ups = [date(2023, 1, 1) if old else date(2024, 2, 1) for old in is_old]
    logins = {
        one: [date(2024, 1, 15) + timedelta(30 * p + n % 5 + 20) for p in range(1 + n * 7 % 11)]
        for n, one in enumerate(PEOPLE)
    }
    totals = [len(days) + (n * 53 % 80 if is_old[n] else 0) for n, days in enumerate(logins.values())]

    found = findings_of(
        as_of_today,
        tmp_path,
        since=None,
        static=["attribute"],
        cutoffs=["2024-04-01"],
        customers=draw_table(
            "customer | signed_up_at | attribute", zip(PEOPLE, sign_ups, totals, strict=True)
        ),
        subscriptions=draw_contracts([], PEOPLE),
        logins=draw_table(
            "customer | happened_at",
            [("here000", "2024-01-10"), *((one, day) for one, days in logins.items() for day in days)],
        ),
    )

    assert [finding.severity for finding in found] == ["stop"]
    assert "whose whole history is in the data" in found[0].found


def test_a_count_of_rows_from_the_month_of_the_sign_up_is_no_copy(tmp_path: Path) -> None:
    """Devices are registered with the sign-up: their number is known at nearly every cutoff."""
    sign_ups = [date(2024, 5, 1) + timedelta(n) for n in range(120)]
    devices = [
        (one, sign_ups[n] + timedelta(1 + place))
        for n, one in enumerate(PEOPLE)
        for place in range(1 + n * 7 % 5)
    ]

    found = findings_of(
        as_of_today,
        tmp_path,
        static=["attribute"],
        cutoffs=["2024-04-01"],
        customers=draw_table(
            "customer | signed_up_at | attribute",
            [(one, sign_ups[n], 1 + n * 7 % 5) for n, one in enumerate(PEOPLE)],
        ),
        subscriptions=draw_contracts([], PEOPLE),
        devices=draw_table("customer | happened_at", devices),
        params={"events": {"devices": {}}},
    )

    assert found == []


@pytest.mark.parametrize(
    ("first_cutoff", "every", "rise", "expected"),
    [
        (date(2024, 1, 1), lambda _: 1, 0, []),  # an agreed price for each day; all contracts ended before
        (date(2023, 3, 1), lambda _: 1, 0, []),  # the same price; the contracts end after the first cutoff
        (date(2023, 3, 1), lambda n: 1 + n % 3, 1, ["stop"]),  # the value for each day up to the end
    ],
    ids=["price, ended before", "price, ended after", "value up to the end"],
)
def test_a_daily_price_up_to_the_end_of_the_contract_is_no_copy(
    tmp_path: Path, first_cutoff: date, every: Callable[[int], int], rise: int, expected: list[str]
) -> None:
    """Amounts rise with the month by a part that differs between customers, or they never change."""
    people = PEOPLE[:80]
    sign_ups = [date(2023, 1, 1) + timedelta(n % 30) for n in range(80)]
    lives = [60 + n * 37 % 120 for n in range(80)]
    prices = [(30 + n * 53 % 170) / 100 for n in range(80)]
    charges = [
        (one, sign_ups[n] + timedelta(day), prices[n] + rise * (day // 30) * (n * 11 % 7))
        for n, one in enumerate(people)
        for day in range(0, lives[n], every(n))
    ]
    values = [
        round(sum(amount for one, _, amount in charges if one == name) / life, 2)
        for name, life in zip(people, lives, strict=True)
    ]
    ends = [day + timedelta(life) for day, life in zip(sign_ups, lives, strict=True)]

    found = findings_of(
        as_of_today,
        tmp_path,
        static=["value_per_day"],
        cutoffs=[str(first_cutoff)],
        customers=draw_table(
            "customer | signed_up_at | value_per_day",
            [*zip(people, sign_ups, values, strict=True), ("here999", SIGN_UP, 1.0)],
        ),
        subscriptions=draw_table(
            "customer | started_at | ended_at",
            [*zip(people, sign_ups, ends, strict=True), ("here999", SIGN_UP, None)],
        ),
        interactions=draw_table(
            "customer | happened_at | quantity", [*charges, ("here999", date(2024, 6, 1), 1)]
        ),
    )

    assert [finding.severity for finding in found] == expected
    assert all("from the sign-up to the end of the customer" in finding.found for finding in found)


def test_two_totals_are_paired_although_the_first_tables_have_many_kinds(tmp_path: Path) -> None:
    def rows(step: int, most: int, kinds: str) -> list[tuple[str, date, str]]:
        """Customer number n has up to `most` rows, every 17 days, of kinds that vary."""
        return [
            (one, date(2024, 2, 1) + timedelta(17 * place + n % 7), kinds[(n * step + place**2) % len(kinds)])
            for n, one in enumerate(PEOPLE)
            for place in range(2 + n * step % most)
        ]

    def counts(table: list[tuple[str, date, str]], kind: str = "", until: date = END) -> list[int]:
        return [
            sum(name == one and day < until and kind in ("", k) for name, day, k in table) for one in PEOPLE
        ]

    twelve = "abcdefghijkl"
    interactions, downloads, webinars = rows(31, 17, twelve), rows(43, 14, twelve), rows(13, 11, "io")
    columns: dict[str, list[int]] = {
        "rows": [a + b for a, b in zip(counts(interactions), counts(webinars), strict=True)],
        "kinds": [a + b for a, b in zip(counts(interactions, "a"), counts(webinars, "i"), strict=True)],
        "early": [
            a + b
            for a, b in zip(
                counts(interactions, until=FIRST_CUTOFF), counts(webinars, until=FIRST_CUTOFF), strict=True
            )
        ],
        "number": [n * 7919 % 40 for n in range(120)],
    }

    found = findings_of(
        as_of_today,
        tmp_path,
        static=[*columns],
        cutoffs=[str(FIRST_CUTOFF)],
        customers=draw_table(
            f"customer | signed_up_at | {' | '.join(columns)}",
            zip(PEOPLE, [SIGN_UP] * 120, *columns.values(), strict=True),
        ),
        subscriptions=draw_contracts([], PEOPLE),
        interactions=draw_table(
            "customer | happened_at | kind | quantity",
            [(*row, 1 + n % 9) for n, row in enumerate(interactions)],
        ),
        downloads=draw_table("customer | happened_at | kind", downloads),
        webinars=draw_table("customer | happened_at | kind", webinars),
        params={"events": {"downloads": {}, "webinars": {}}},
    )

    assert {finding.place: finding.severity for finding in found} == {
        "customers.rows": "stop",
        "customers.kinds": "stop",
    }
    assert "of interactions plus the number of rows of webinars up to today" in found[0].found
    assert "with kind 'a' plus the number of rows of webinars with kind 'i' up to today" in found[1].found
