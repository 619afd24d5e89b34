"""Attributes as of today, levels that only leavers have, and unfit shapes."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from churn.guards.announcements import announced_by_level
from churn.guards.as_of_today import as_of_today
from churn.guards.shapes import shapes
from tests.guard_companies import churners, draw_contracts, draw_table, findings_of, severities, stayers

PEOPLE = stayers(120)
FIRST = date(2024, 3, 16)


def logins_of(number: int) -> list[date]:
    """Customer number n logs in n % 12 + 2 times: every 20 days, a third of them early in the year."""
    return [FIRST + timedelta(days=20 * place + number % 5) for place in range(number % 12 + 2)]


LOGINS = draw_table(
    "customer | happened_at", [(one, day) for n, one in enumerate(PEOPLE) for day in logins_of(n)]
)


def with_attribute(name: str, values: list[object]) -> str:
    rows = [(one, "2023-01-01", value) for one, value in zip(PEOPLE, values, strict=True)]
    return draw_table(f"customer | signed_up_at | {name}", rows)


COUNT = [len(logins_of(n)) for n in range(120)]
LAST = [max(logins_of(n)) for n in range(120)]
SINCE_APRIL = [sum(day >= date(2024, 4, 25) for day in logins_of(n)) for n in range(120)]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (COUNT, "equals the number of rows of logins"),
        (LAST, "after the first cutoff"),
        (["ABCDE"[n // 3] for n in COUNT], "bands (ranges) of"),
        (SINCE_APRIL, "the rows of logins in the last 250 days"),
        ([n % 3 for n in range(120)], None),
        (["DE" if n % 2 else "AT" for n in range(120)], None),
        ([f"19{60 + n % 40}-03-0{n % 9 + 1}" for n in range(120)], None),
    ],
    ids=["count", "last date", "bands", "window", "number", "country", "date of birth"],
)
def test_an_attribute_that_copies_events_up_to_today_is_refused(
    tmp_path: Path, values: list[object], said: str | None
) -> None:
    found = findings_of(
        as_of_today,
        tmp_path,
        static=["attribute"],
        cutoffs=["2024-04-01"],
        customers=with_attribute("attribute", values),
        subscriptions=draw_contracts([], PEOPLE),
        logins=LOGINS,
    )

    assert [one.severity for one in found] == (["stop"] if said else [])
    assert said is None or said in found[0].found


def corrected(values: list[float]) -> list[object]:
    """Six of 100 values differ from what the rows say."""
    return [value + 2 if n % 17 == 3 else value for n, value in enumerate(values)]


def used_amounts(number: int) -> list[tuple[date, int]]:
    """Customer number n uses a typical amount before the first cutoff, and some customers more after it."""
    typical = 1 + number * 53 % 97
    early = [(date(2023, 2, 1) + timedelta(30 * p), typical + p * 7 % 5) for p in range(12)]
    return early + [(date(2024, 5, 1) + timedelta(20 * p), typical + 3 + p) for p in range(number * 7 % 4)]


def used_days(number: int) -> list[date]:
    """Customer number n has many rows before the first cutoff, few in May and some from June."""
    early = [date(2023, 2, 1) + timedelta(3 * p) for p in range(5 + number * 37 % 120)]
    may = [date(2024, 5, 1) + timedelta(p) for p in range(number * 7 % 4)]
    return early + may + [date(2024, 6, 3) + timedelta(9 * p) for p in range(number * 29 % 13)]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (
            corrected([sum(q for _, q in rows) / len(rows) for rows in map(used_amounts, range(120))]),
            "94% of 120 customers it equals the mean of interactions.quantity",
        ),
        (
            corrected([sum(day < date(2024, 6, 1) for day in used_days(n)) for n in range(120)]),
            "94% of 120 customers it equals the rows of logins before 2024-0",
        ),
        ([5 + n * 37 % 120 for n in range(120)], None),
    ],
    ids=["mean up to today", "export", "rows before the first cutoff"],
)
def test_equal_values_prove_more_than_the_order_of_earlier_rows(
    tmp_path: Path, values: list[object], said: str | None
) -> None:
    """Most rows lie before the first cutoff: the order of customers hardly changes after it."""
    amounts = [(one, *row) for n, one in enumerate(PEOPLE) for row in used_amounts(n)]
    days = [(one, day) for n, one in enumerate(PEOPLE) for day in used_days(n)]

    found = findings_of(
        as_of_today,
        tmp_path,
        static=["attribute"],
        cutoffs=["2024-04-01"],
        customers=with_attribute("attribute", values),
        subscriptions=draw_contracts([], PEOPLE),
        interactions=draw_table("customer | happened_at | quantity", amounts),
        logins=draw_table("customer | happened_at", days),
    )

    assert [one.severity for one in found] == (["stop"] if said else [])
    assert said is None or said in found[0].found


def test_an_agreed_price_is_no_total_of_the_bills(tmp_path: Path) -> None:
    price = [10 * (n % 6 + 1) for n in range(120)]
    bills = [(one, f"2024-0{m}-01", p) for one, p in zip(PEOPLE, price, strict=True) for m in range(1, 8)]

    found = findings_of(
        as_of_today,
        tmp_path,
        static=["price"],
        cutoffs=["2024-04-01"],
        customers=with_attribute("price", list(price)),
        subscriptions=draw_contracts([], PEOPLE),
        payments=draw_table("customer | due_at | amount", bills),
    )

    assert found == []


@pytest.mark.parametrize(
    ("churners_with_it", "stayers_with_it", "expected"),
    [
        (40, 0, ["stop"]),  # only those have it who left
        (40, 4, []),  # a risk, but some with it stay: the interval reaches below .8
        (6, 0, []),  # too few to say
    ],
)
def test_a_level_that_only_churners_have_is_refused(
    tmp_path: Path, churners_with_it: int, stayers_with_it: int, expected: list[str]
) -> None:
    left, stayed = churners(40), stayers(60)
    states = ["ended" if n < churners_with_it else "live" for n in range(40)]
    states += ["ended" if n < stayers_with_it else "live" for n in range(60)]
    rows = [(one, "2023-01-01", state) for one, state in zip(left + stayed, states, strict=True)]

    found = findings_of(
        announced_by_level,
        tmp_path,
        static=["state"],
        customers=draw_table("customer | signed_up_at | state", rows),
        subscriptions=draw_contracts(left, stayed),
    )

    assert [one.severity for one in found] == expected


def test_a_value_that_only_churners_lack_is_refused(tmp_path: Path) -> None:
    left, stayed = churners(40), stayers(60)
    rows = [(one, "2023-01-01", None) for one in left]
    rows += [(one, "2023-01-01", "card" if n % 2 else "bill") for n, one in enumerate(stayed)]

    found = findings_of(
        announced_by_level,
        tmp_path,
        static=["pays_by"],
        customers=draw_table("customer | signed_up_at | pays_by", rows),
        subscriptions=draw_contracts(left, stayed),
    )

    assert "no value" in found[0].found


@pytest.mark.parametrize(
    ("values", "severity"),
    [
        (["DE"] * 120, "warn"),
        ([f"key-{n * 47 % 120:03}" for n in range(120)], "warn"),
        ([1000 + n for n in range(120)], "stop"),
        ([f"batch-{n // 20}" for n in range(120)], "warn"),
        ([f"1970-01-{n * 17 % 28 + 1:02}" for n in range(120)], "warn"),
        (["DE" if n % 2 else "AT" for n in range(120)], None),
        ([n * 7919 % 10 for n in range(120)], None),
        ([round(12.37 + n * 47 % 120 * 3.19, 2) for n in range(120)], None),
        ([n * 47 % 120 + 5000 for n in range(120)], "warn"),
        ([1000.5 + n for n in range(120)], "stop"),
    ],
    ids=[
        *("constant", "id", "running number", "batch of the sign-up", "dates", "country", "number"),
        *("money, each another", "numbered ids", "fractions that run with the sign-up"),
    ],
)
def test_an_attribute_of_unfit_shape_is_told(
    tmp_path: Path, values: list[object], severity: str | None
) -> None:
    people = zip(PEOPLE, values, strict=True)
    rows = [(one, date(2023, 1, 1) + timedelta(2 * n), value) for n, (one, value) in enumerate(people)]

    found = findings_of(
        shapes,
        tmp_path,
        static=["attribute"],
        customers=draw_table("customer | signed_up_at | attribute", rows),
        subscriptions=draw_contracts([], PEOPLE, started="2024-01-01"),
    )

    assert severities(found) == ([("customers.attribute", severity)] if severity else [])
