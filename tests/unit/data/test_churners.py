"""Who left, since when, and what they paid before; as known at the cutoff."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from churn.data.churners import read_churners
from tests.drawn_company import draw

CONTRACT = {"kind": "contract", "horizon_days": 31, "grace_days": 30}
SUBSCRIPTIONS = """
    customer | started_at | ended_at   | mrr | known_at
    left     | 2023-01-01 | 2024-03-01 | 10  | 2023-01-01
    left     | 2024-03-01 | 2024-06-01 | 30  | 2024-03-01
    two      | 2023-01-01 | 2024-06-11 | 5   | 2023-01-01
    two      | 2023-02-01 | 2024-06-11 | 7   | 2023-02-01
    stays    | 2023-01-01 | 2024-05-01 | 10  | 2023-01-01
    stays    | 2024-05-01 |            | 10  | 2024-05-01
    later    | 2023-01-01 | 2024-07-01 | 10  | 2023-01-01
    returns  | 2023-01-01 | 2024-05-01 | 10  | 2023-01-01
    returns  | 2024-06-30 |            | 10  | 2024-07-02
"""


def rows(world, cutoff=date(2024, 7, 1)):
    return {row.pop("customer_id"): row for row in read_churners(world.store, cutoff).to_pylist()}


def test_a_contract_that_ended_says_when_and_what_it_was_worth(tmp_path: Path) -> None:
    world = draw(tmp_path, subscriptions=SUBSCRIPTIONS, label=CONTRACT)

    churners = rows(world)

    assert set(churners) - {"old"} == {"left", "two", "returns"}  # the return is not known yet
    assert churners["left"]["left_on"] == date(2024, 6, 1)
    assert churners["left"]["days_since_left"] == 30
    assert churners["left"]["monthly_value"] == 30
    assert churners["two"]["monthly_value"] == 12
    assert churners["left"]["tenure_days"] == 1643


def test_with_a_label_of_inactivity_it_is_the_last_event_and_the_money_of_the_year_before(
    tmp_path: Path,
) -> None:
    orders = """
        customer | ordered_at | amount | returned_at
        ana      | 2023-01-01 | 999    |
        ana      | 2023-07-01 | 60     |
        ana      | 2024-01-01 | 60     |
        ana      | 2024-01-01 | 500    | 2024-01-05
        ana      | 2024-07-01 | 70     |
        ben      | 2024-02-01 | 24     |
    """
    label = {"kind": "inactivity", "table": "orders", "horizon_days": 28}
    world = draw(tmp_path, orders=orders, label=label)

    churners = rows(world)

    assert churners["ana"]["left_on"] == date(2024, 1, 1)
    assert churners["ana"]["monthly_value"] == 10
    assert churners["ben"]["monthly_value"] == 2
    assert churners["ben"]["days_since_left"] == 151


def test_without_money_the_value_is_missing(tmp_path: Path) -> None:
    label = {"kind": "inactivity", "table": "logins", "horizon_days": 28}
    world = draw(tmp_path, logins="customer | happened_at\n ana | 2024-01-01", label=label)

    assert rows(world)["ana"]["monthly_value"] is None
