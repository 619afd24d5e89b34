"""Every other named signal, each drawn as a table with the value it must have on 2024-07-01."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.drawn_company import draw


def test_login_change_week_compares_the_last_7_days_with_the_28_before(tmp_path: Path) -> None:
    world = draw(
        tmp_path,
        logins="""
            customer | happened_at
            fades    | 2024-05-26 23:59
            fades    | 2024-05-27 00:00
            fades    | 2024-06-05 09:00
            fades    | 2024-06-12 09:00
            fades    | 2024-06-23 23:59
            grows    | 2024-06-24 00:00
            grows    | 2024-06-30 23:59
            grows    | 2024-07-01 00:00
        """,
    )

    assert world.values("login_change_week") == {"fades": (0 + 1) / (4 / 4 + 1), "grows": (2 + 1) / (0 + 1)}


ORDERS = """
    customer | ordered_at       | amount
    fades    | 2024-03-10 23:59 | 1000
    fades    | 2024-03-11 00:00 | 10
    fades    | 2024-05-01 09:00 | 20
    fades    | 2024-06-02 23:59 | 60
    grows    | 2024-06-03 00:00 | 5
    grows    | 2024-06-30 23:59 | 10
    grows    | 2024-07-01 00:00 | 1000
    rare     | 2024-01-01 00:00 | 7.50
    before   | 2023-12-31 23:59 | 1000
"""


def test_order_change_compares_the_last_28_days_with_the_84_before(tmp_path: Path) -> None:
    world = draw(tmp_path, orders=ORDERS)

    assert world.values("order_change") == {
        "fades": (0 + 1) / (3 / 3 + 1),
        "grows": (2 + 1) / (0 + 1),
        "rare": 1,
        "before": 1,
    }


def test_order_value_is_the_mean_amount_of_the_orders_of_182_days(tmp_path: Path) -> None:
    world = draw(tmp_path, orders=ORDERS)

    assert world.values("order_value") == {
        "fades": (1000 + 10 + 20 + 60) / 4,
        "grows": 7.5,
        "rare": 7.5,
        "before": None,
    }


TICKETS = """
    customer | opened_at        | first_reply_at   | closed_at
    waits    | 2024-03-31 23:59 | 2024-04-30 10:00 | 2024-05-01 10:00
    waits    | 2024-06-01 10:00 | 2024-06-01 12:00 | 2024-06-30 23:59
    waits    | 2024-06-10 10:00 | 2024-06-11 10:00 |
    pending  | 2024-06-30 20:00 | 2024-07-01 00:00 | 2024-07-01 00:00
    pending  | 2024-01-01 00:00 |                  |
    pending  | 2023-12-31 23:59 |                  |
    done     | 2024-05-01 10:00 | 2024-05-01 10:30 | 2024-05-02 10:00
"""


@pytest.mark.parametrize(
    ("signal", "expected"),
    [
        ("tickets_reply_hours", {"waits": (2 + 24) / 2, "pending": None, "done": 0.5}),
        ("tickets_open", {"waits": 1, "pending": 2, "done": 0}),
    ],
)
def test_a_reply_or_a_closing_counts_once_it_has_happened(
    tmp_path: Path, signal: str, expected: dict[str, float | None]
) -> None:
    world = draw(tmp_path, tickets=TICKETS)

    assert world.values(signal) == expected


EMAILS = """
    customer | sent_at          | opened_at        | clicked_at       | unsubscribed_at
    clicks   | 2024-04-01 00:00 | 2024-04-01 09:00 | 2024-06-30 23:59 |
    clicks   | 2024-06-20 10:00 |                  |                  |
    opens    | 2024-06-01 10:00 | 2024-06-01 11:00 | 2024-07-01 00:00 |
    opens    | 2024-03-31 23:59 | 2024-04-01 11:00 | 2024-04-01 11:00 |
    leaves   | 2023-06-01 10:00 |                  |                  | 2024-06-21 10:00
    goes     | 2024-06-01 10:00 |                  |                  | 2024-07-01 00:00
    long_ago | 2023-06-01 10:00 |                  |                  | 2023-06-30 23:59
    twice    | 2024-03-01 10:00 |                  |                  | 2024-06-01 10:00
    twice    | 2024-04-01 10:00 |                  |                  | 2024-05-01 10:00
"""


def test_the_click_rate_is_drawn_towards_everybodys(tmp_path: Path) -> None:
    world = draw(tmp_path, emails=EMAILS)

    everybody = 1 / 5

    assert world.values("emails_click_rate") == {
        "clicks": round((1 + 4 * everybody) / (2 + 4), 6),
        "opens": round((0 + 4 * everybody) / (1 + 4), 6),
        "goes": round((0 + 4 * everybody) / (1 + 4), 6),
        "twice": round((0 + 4 * everybody) / (1 + 4), 6),
        "leaves": None,
        "long_ago": None,
    }


def test_unsubscribing_counts_from_its_own_day_however_old_the_mail(tmp_path: Path) -> None:
    world = draw(tmp_path, emails=EMAILS)

    assert world.values("emails_days_since_unsubscribed") == {
        "clicks": None,
        "opens": None,
        "leaves": 10,
        "goes": None,
        "long_ago": None,
        "twice": 30,
    }


def test_the_card_is_that_of_the_latest_bill_that_names_one(tmp_path: Path) -> None:
    world = draw(
        tmp_path,
        payments="""
            customer | due_at     | amount | card_expires_at
            renews   | 2024-05-01 | 10     | 2024-05-31
            renews   | 2024-06-01 | 10     | 2024-07-31
            expired  | 2024-06-01 | 10     | 2024-06-30
            unnamed  | 2024-05-01 | 10     | 2024-07-02
            unnamed  | 2024-06-01 | 10     |
            ahead    | 2024-04-01 | 10     | 2024-07-01
            ahead    | 2024-07-01 | 10     | 2026-07-01
            old_bill | 2024-03-31 | 10     | 2026-07-01
        """,
    )

    assert world.values("card_days_left") == {
        "renews": 30,
        "expired": -1,
        "unnamed": 1,
        "ahead": 0,
        "old_bill": None,
    }


SUBSCRIPTIONS = """
    customer | started_at | mrr   | renews_at
    grows    | 2024-01-01 | 10    | 2024-08-01
    grows    | 2024-06-01 | 20.50 | 2024-12-01
    begins   | 2024-01-01 | 10    | 2024-06-30
    begins   | 2024-07-01 | 99    | 2025-07-01
    unstated | 2024-01-01 |       |
    faithful | 2015-01-01 | 5     | 2024-07-02
"""


@pytest.mark.parametrize(
    ("signal", "expected"),
    [
        ("subscription_mrr", {"grows": 20.5, "begins": 10, "unstated": None, "faithful": 5}),
        ("subscription_days_to_renewal", {"grows": 153, "begins": -1, "unstated": None, "faithful": 1}),
    ],
)
def test_the_contract_is_the_latest_begun_however_long_it_has_run(
    tmp_path: Path, signal: str, expected: dict[str, float | None]
) -> None:
    world = draw(tmp_path, subscriptions=SUBSCRIPTIONS)

    assert world.values(signal) == expected


def test_the_silent_share_counts_surveys_not_answered_before_the_cutoff(tmp_path: Path) -> None:
    world = draw(
        tmp_path,
        surveys="""
            customer | asked_at         | answered_at      | rating
            silent   | 2023-07-01 00:00 |                  |
            silent   | 2024-06-10 10:00 |                  |
            answers  | 2024-06-10 10:00 | 2024-06-30 23:59 | 8
            too_late | 2024-06-10 10:00 | 2024-07-01 00:00 | 8
            unasked  | 2023-06-30 23:59 |                  |
        """,
    )

    everybody = 3 / 4

    assert world.values("surveys_silent_share") == {
        "silent": round((2 + 4 * everybody) / (2 + 4), 6),
        "answers": round((0 + 4 * everybody) / (1 + 4), 6),
        "too_late": round((1 + 4 * everybody) / (1 + 4), 6),
        "unasked": None,
    }


def test_tenure_counts_local_days_since_sign_up(tmp_path: Path) -> None:
    world = draw(
        tmp_path,
        customers="""
            customer | signed_up_at
            new      | 2024-06-30 23:59
            year     | 2023-07-01 00:00
        """,
        logins="""
            customer | happened_at
            new      | 2024-06-30 23:59
        """,
    )

    assert world.values("tenure_days") == {"new": 1, "year": 366}
