"""What surrounds the first signal of each family, drawn as tables with the values on 2024-07-01."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.drawn_company import draw


def faded(half_life: int, *values_and_ages: tuple[float, int]) -> float:
    """The mean of values, each weighing half as much for every half-life of its age in days."""
    weights = [0.5 ** (age / half_life) for _, age in values_and_ages]
    total = sum(weight * value for weight, (value, _) in zip(weights, values_and_ages, strict=True))
    return round(total / sum(weights), 6)


def drawn_to(everybody: float, hits: float, trials: float) -> float:
    return round((hits + 4 * everybody) / (trials + 4), 6)


LOGINS = """
    customer | happened_at
    fades    | 2024-04-01 09:00
    fades    | 2024-04-01 10:00
    fades    | 2024-05-01 09:00
    fades    | 2024-06-02 23:59
    begins   | 2024-06-30 23:59
    begins   | 2024-07-01 00:00
"""

INTERACTIONS = """
    customer | happened_at      | kind
    narrows  | 2024-05-10 10:00 | export
    narrows  | 2024-05-20 10:00 | share
    narrows  | 2024-06-10 10:00 | view
    narrows  | 2024-06-11 10:00 | view
    keeps    | 2024-05-20 10:00 | view
    keeps    | 2024-06-30 23:59 | view
    keeps    | 2024-07-01 00:00 | export
"""

PAYMENTS = """
    customer | due_at     | amount | paid_at          | failed_at
    on_time  | 2024-05-01 | 10     | 2024-05-03 00:00 |
    on_time  | 2024-06-01 | 10     | 2024-06-01 00:00 |
    slow     | 2024-03-01 | 10     | 2024-03-11 00:00 |
    slow     | 2024-05-01 | 10     | 2024-05-21 00:00 |
    slow     | 2024-06-30 | 10     |                  |
    skips    | 2024-05-01 | 10     |                  | 2024-05-01 09:00
    skips    | 2024-06-01 | 10     | 2024-07-01 00:00 | 2024-07-01 00:00
"""

EMAILS = """
    customer | sent_at          | opened_at        | clicked_at
    reads    | 2024-06-01 10:00 | 2024-06-02 10:00 | 2024-06-02 10:00
    reads    | 2024-06-21 10:00 |                  | 2024-07-01 00:00
    stops    | 2024-05-01 10:00 | 2024-05-02 10:00 |
    stops    | 2024-06-21 10:00 | 2024-07-01 00:00 |
"""

SURVEYS = """
    customer | asked_at   | answered_at      | rating
    falls    | 2024-01-10 | 2024-01-11 09:00 | 9
    falls    | 2024-06-10 | 2024-06-12 09:00 | 4
    falls    | 2024-06-20 | 2024-07-01 00:00 | 1
    silent   | 2024-06-10 |                  |
    happy    | 2024-02-01 | 2024-02-01 09:00 | 10
"""

TICKETS = """
    customer | opened_at        | first_reply_at   | closed_at        | satisfaction
    waits    | 2024-04-01 10:00 | 2024-04-02 10:00 | 2024-04-03 10:00 | 2
    waits    | 2024-06-01 10:00 | 2024-06-01 12:00 | 2024-06-02 10:00 | 5
    waits    | 2024-06-10 10:00 | 2024-07-01 00:00 | 2024-07-01 00:00 | 1
    done     | 2024-05-01 10:00 | 2024-05-01 10:30 | 2024-05-02 10:00 |
"""

ORDERS = """
    customer | ordered_at       | amount | discount | returned_at
    grows    | 2024-02-01 10:00 | 10     |          |
    grows    | 2024-03-31 23:59 | 20     |          |
    grows    | 2024-06-20 10:00 | 30     | 5        | 2024-06-25 10:00
    returns  | 2024-05-01 10:00 | 10     | 0        | 2024-05-10 10:00
    returns  | 2024-05-20 10:00 | 10     | 10       | 2024-07-01 00:00
"""

SUBSCRIPTIONS = """
    customer | started_at | mrr   | ended_at   | cancel_requested_at
    grows    | 2024-01-01 | 10    |            | 2024-05-01
    grows    | 2024-06-01 | 20.50 |            |
    stays    | 2022-01-01 | 10    |            | 2023-06-01
    goes     | 2022-01-01 | 10    | 2023-07-01 | 2023-06-01
"""
OPENED_SHARE = (0.5**1 + 0.5 ** (61 / 30)) / (0.5**1 + 2 * 0.5 ** (10 / 30) + 0.5 ** (61 / 30))
CLICKED_SHARE = 0.5**1 / (0.5**1 + 2 * 0.5 ** (10 / 30) + 0.5 ** (61 / 30))


@pytest.mark.parametrize(
    ("table", "drawn", "expected"),
    [
        (
            "logins",
            LOGINS,
            {
                "login_days_change": {"fades": (0 + 1) / (3 / 3 + 1), "begins": (1 + 1) / (0 + 1)},
                "login_drawdown": {"fades": 0, "begins": 1},
                "login_weeks_falling": {"fades": 4, "begins": 0},
            },
        ),
        (
            "interactions",
            INTERACTIONS,
            {
                "interaction_kinds_change": {"narrows": round(2 / 3, 6), "keeps": 1},
                "interaction_kind_entropy": {"narrows": round(1.5 * np.log(2), 6), "keeps": 0},
                "interaction_kind_shift": {"narrows": 1, "keeps": 0},
                "interaction_weeks_falling": {"narrows": 2, "keeps": 0},
            },
        ),
        (
            "payments",
            PAYMENTS,
            {
                "payment_days_late_decayed": {
                    "on_time": faded(60, (2, 61), (0, 30)),
                    "slow": faded(60, (10, 122), (20, 61)),
                    "skips": None,
                },
                "payment_late_share": {
                    "on_time": drawn_to(4 / 6, 0, 2),
                    "slow": drawn_to(4 / 6, 2, 2),
                    "skips": drawn_to(4 / 6, 2, 2),
                },
                "payment_days_late_change": {"on_time": None, "slow": 10, "skips": None},
                "payments_failed": {"on_time": 0, "slow": 0, "skips": 1},
                "payments_unpaid_run": {"on_time": 0, "slow": 1, "skips": 2},
            },
        ),
        (
            "emails",
            EMAILS,
            {
                "emails_unclicked_run": {"reads": 1, "stops": 2},
                "emails_open_rate_decayed": {
                    "reads": drawn_to(OPENED_SHARE, 0.5, 0.5 + 0.5 ** (10 / 30)),
                    "stops": drawn_to(OPENED_SHARE, 0.5 ** (61 / 30), 0.5 ** (61 / 30) + 0.5 ** (10 / 30)),
                },
                "emails_click_rate_decayed": {
                    "reads": drawn_to(CLICKED_SHARE, 0.5, 0.5 + 0.5 ** (10 / 30)),
                    "stops": drawn_to(CLICKED_SHARE, 0, 0.5 ** (61 / 30) + 0.5 ** (10 / 30)),
                },
                "emails_days_since_open": {"reads": 29, "stops": 60},
            },
        ),
        (
            "surveys",
            SURVEYS,
            {
                "survey_low_ratings": {"falls": 1, "silent": None, "happy": 0},
                "survey_rating_decayed": {"falls": faded(90, (9, 172), (4, 19)), "silent": None, "happy": 10},
                "surveys_silent_run": {"falls": 1, "silent": 1, "happy": 0},
            },
        ),
        (
            "tickets",
            TICKETS,
            {
                "tickets_oldest_open_days": {"waits": 21, "done": 0},
                "tickets_unanswered": {"waits": 1, "done": 0},
                "tickets_reply_hours_decayed": {"waits": faded(30, (24, 91), (2, 30)), "done": 0.5},
                "tickets_resolution_hours_decayed": {"waits": faded(30, (48, 91), (24, 30)), "done": 24},
                "tickets_last_satisfaction": {"waits": 5, "done": None},
            },
        ),
        (
            "orders",
            ORDERS,
            {
                "order_value_change": {"grows": 2, "returns": None},
                "order_return_share": {"grows": drawn_to(1 / 4, 0, 2), "returns": drawn_to(1 / 4, 1, 2)},
                "order_discount_share": {"grows": round(5 / 65, 6), "returns": round(10 / 30, 6)},
            },
        ),
        (
            "subscriptions",
            SUBSCRIPTIONS,
            {
                "subscription_age_days": {"grows": 30, "stays": 912, "goes": 912},
                "subscription_mrr_change": {"grows": 10.5, "stays": None, "goes": None},
                "subscription_days_since_cancel_reversed": {"grows": None, "stays": 396, "goes": None},
            },
        ),
    ],
)
def test_the_signals_around_the_first_of_each_family(
    tmp_path: Path, table: str, drawn: str, expected: dict[str, dict[str, float | None]]
) -> None:
    world = draw(tmp_path, **{table: drawn})

    found = world.all_values(list(expected), ["2024-07-01"])

    assert {name: found["2024-07-01", name] for name in expected} == expected


def test_a_habit_of_twelve_weeks_is_missing_for_whoever_is_newer(tmp_path: Path) -> None:
    world = draw(
        tmp_path,
        customers="""
            customer | signed_up_at
            new      | 2024-03-12
            old_hand | 2024-03-11
        """,
        logins="""
            customer | happened_at
            new      | 2024-05-01 10:00
            old_hand | 2024-05-01 10:00
        """,
    )

    assert world.values("login_days_change") == {"new": None, "old_hand": 0.75}
