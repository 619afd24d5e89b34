"""What customers pay, drawn: the 91 days before 2024-07-01 are `[2024-04-01, 2024-07-01)`."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from churn.features.money import money_before, mrr_at
from tests.drawn_company import draw

CUTOFF = date(2024, 7, 1)


def money(folder: Path, **tables: str) -> dict[str, float]:
    world = draw(folder, since=None, **tables)
    found = money_before(world.store, CUTOFF, days=91)
    return dict(zip(found["customer_id"], found["money"], strict=True))


def mrr(folder: Path, subscriptions: str) -> dict[str, float]:
    world = draw(
        folder, since=None, label={"kind": "contract", "horizon_days": 31}, subscriptions=subscriptions
    )
    found = mrr_at(world.store, CUTOFF)
    return dict(zip(found["customer_id"], found["mrr"], strict=True))


def test_a_payment_is_money_on_the_day_it_came_in_whenever_it_was_due(tmp_path: Path) -> None:
    found = money(
        tmp_path,
        payments="""
            customer  | due_at     | amount | paid_at
            first_day | 2024-03-01 | 10.10  | 2024-04-01 00:00
            first_day | 2024-03-01 | 1000   | 2024-03-31 23:59
            last_day  | 2024-06-01 | 10     | 2024-06-30 23:59
            last_day  | 2024-06-01 | 1000   | 2024-07-01 00:00
            ahead     | 2024-08-01 | 10     | 2024-06-20 10:00
            twice     | 2024-05-01 | 0.10   | 2024-05-01 10:00
            twice     | 2024-06-01 | 0.20   | 2024-06-01 10:00
            unpaid    | 2024-06-01 | 10     |
        """,
    )

    assert found == {"first_day": 10.1, "last_day": 10, "ahead": 10, "twice": 0.3}


def test_a_payment_known_only_at_the_cutoff_is_not_money_yet(tmp_path: Path) -> None:
    found = money(
        tmp_path,
        payments="""
            customer | due_at     | amount | paid_at          | known_at
            in_time  | 2024-06-01 | 10     | 2024-06-02 10:00 | 2024-06-30 23:59
            late     | 2024-06-01 | 10     | 2024-06-02 10:00 | 2024-07-01 00:00
        """,
    )

    assert found == {"in_time": 10}


def test_orders_count_until_they_are_returned(tmp_path: Path) -> None:
    found = money(
        tmp_path,
        orders="""
            customer | ordered_at       | amount | returned_at      | known_at
            keeps    | 2024-04-01 00:00 | 10     |                  | 2024-04-01 00:00
            keeps    | 2024-03-31 23:59 | 1000   |                  | 2024-03-31 23:59
            keeps    | 2024-07-01 00:00 | 1000   |                  | 2024-07-01 00:00
            returns  | 2024-06-01 10:00 | 10     | 2024-06-30 23:59 | 2024-06-01 10:00
            returns  | 2024-06-02 10:00 | 5      |                  | 2024-06-02 10:00
            later    | 2024-06-01 10:00 | 10     | 2024-07-01 00:00 | 2024-06-01 10:00
            told     | 2024-06-01 10:00 | 10     |                  | 2024-07-01 00:00
        """,
    )

    assert found == {"keeps": 10, "returns": 5, "later": 10}


def test_payments_received_come_before_orders_and_orders_before_bills(tmp_path: Path) -> None:
    orders = "customer | ordered_at | amount\nana | 2024-06-01 | 7"
    bills = "customer | due_at | amount\nana | 2024-06-01 | 5"
    received = "customer | due_at | amount | paid_at\nana | 2024-06-01 | 3 | 2024-06-02"

    assert money(tmp_path / "all", orders=orders, payments=received) == {"ana": 3}
    assert money(tmp_path / "billed", orders=orders, payments=bills) == {"ana": 7}
    assert money(tmp_path / "bills", payments=bills) == {"ana": 5}


def test_a_company_without_payments_orders_or_contracts_has_no_money_to_state(tmp_path: Path) -> None:
    world = draw(tmp_path, logins="customer | happened_at\nana | 2024-06-01")

    assert money_before(world.store, CUTOFF, days=91).empty
    assert mrr_at(world.store, CUTOFF).empty


@pytest.mark.parametrize(
    ("contract", "expected"),
    [
        ("2024-01-01 | 10.50 |            | 2024-01-01", {"ana": 10.5}),
        ("2024-06-30 | 10    |            | 2024-06-30", {"ana": 10}),
        ("2024-07-01 | 10    |            | 2024-07-01", {}),  # begins at the cutoff
        ("2024-01-01 | 10    | 2024-07-01 | 2024-01-01", {"ana": 10}),  # its last day is behind the cutoff
        ("2024-01-01 | 10    | 2024-06-30 | 2024-01-01", {}),
        ("2024-01-01 | 10    |            | 2024-06-30", {"ana": 10}),
        ("2024-01-01 | 10    |            | 2024-07-01", {}),  # known too late
        ("2010-01-01 | 10    |            | 2010-01-01", {"ana": 10}),
    ],
)
def test_revenue_is_that_of_contracts_that_run_at_the_cutoff(
    tmp_path: Path, contract: str, expected: dict[str, float]
) -> None:
    drawn = f"customer | started_at | mrr | ended_at | known_at\nana | {contract}"

    assert mrr(tmp_path, drawn) == expected


def test_revenues_of_several_running_contracts_add_up(tmp_path: Path) -> None:
    drawn = """
        customer | started_at | mrr   | ended_at
        ana      | 2024-01-01 | 10    |
        ana      | 2024-05-01 | 20.25 | 2024-12-31
        ana      | 2024-01-01 | 1000  | 2024-02-01
        ben      | 2024-01-01 |       |
    """

    assert mrr(tmp_path, drawn) == {"ana": 30.25}
