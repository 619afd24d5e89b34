"""Behaviour by value and stage, and loyal or bound."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from churn.kpis.acts import ActiveDays, acts_of_customers
from churn.kpis.behaviour import (
    Behaviour,
    behaviour_table,
    loyalty_table,
    read_bound,
)
from churn.kpis.observed_churn import Outcomes
from churn.kpis.table_pass import read_once
from tests.drawn_company import draw

CUTOFF = date(2024, 6, 1)


@pytest.mark.parametrize("batch_rows", [1, 100])
def test_days_with_an_act_of_the_customer_count_once_and_acts_of_the_company_never(
    tmp_path: Path, batch_rows: int
) -> None:
    store = draw(
        tmp_path,
        logins="""
            customer | happened_at
            ana      | 2024-05-31 10:00
            ana      | 2024-05-30 10:00
            ben      | 2024-05-03 10:00
            ben      | 2024-06-30 10:00
        """,
        orders="""
            customer | ordered_at       | amount
            ana      | 2024-05-31 12:00 | 5
            ana      | 2024-06-01 12:00 | 5
        """,
        emails="""
            customer | sent_at          | opened_at
            ben      | 2024-05-20 10:00 |
            ben      | 2024-05-20 10:00 | 2024-05-21 10:00
        """,
        loyalty="""
            customer | happened_at | kind   | points
            ana      | 2024-05-10  | expire | 5
            ana      | 2024-05-11  | redeem | 5
        """,
    ).store

    cutoffs = [CUTOFF, date(2024, 7, 1), date(2024, 6, 2)]  # the windows of the first and the last overlap
    active = ActiveDays(store.n_customers, cutoffs)

    for act in acts_of_customers(store):
        read_once(store, act.table, [active.reader(act)], batch_rows)

    assert active.days()[:, :2].tolist() == [  # 2024-05-03 is 29 days before the first cutoff
        [3, 1],
        [0, 1],
        [4, 1],
    ]


def test_a_customer_is_bound_if_a_contract_renews_only_after_the_window(tmp_path: Path) -> None:
    store = draw(
        tmp_path,
        subscriptions="""
            customer | started_at | ended_at   | renews_at
            ana      | 2024-01-01 |            | 2024-07-01
            ben      | 2024-01-01 |            | 2024-06-30
            cleo     | 2024-01-01 |            |
            dan      | 2024-01-01 | 2024-05-01 | 2025-01-01
        """,
        label={"kind": "contract", "horizon_days": 30},
    ).store

    bound = read_bound(store, [CUTOFF])

    assert bound is not None
    assert bound[0, :2].tolist() == [1, 0]
    assert np.isnan(bound[0, 2:4]).all()


def outcomes_of(left: list[bool]) -> Outcomes:
    return Outcomes((CUTOFF,), np.ones((1, len(left)), dtype=bool), np.array([left]))


def test_cells_are_by_behaviour_value_and_stage() -> None:
    days = np.array([[0.0, 0.0, 9.0, 9.0, 20.0, 20.0]])
    money = np.array([[1.0, 1.0, 1.0, 50.0, 50.0, np.nan]])
    stage = np.array([[0, 0, 1, 1, 1, 1]])

    cells = behaviour_table(days, money, stage, ("new", "old"), outcomes_of([True, False, False] * 2))

    assert {(c.behaviour, c.value, c.stage): (c.n, c.share, c.money) for c in cells} == {
        ("low", "low", "new"): (2, 0.5, 1.0),
        ("middle", "low", "old"): (1, 0.0, 1.0),
        ("middle", "high", "old"): (1, 1.0, 50.0),
        ("high", "high", "old"): (1, 0.0, 50.0),
        ("high", "unknown", "old"): (1, 0.0, None),
    }


def test_loyal_is_active_and_free_and_merely_bound_is_neither() -> None:
    behaviour = Behaviour(
        active_days=np.array([[9.0, 9.0, 0.0, 0.0, 5.0], [0.0, 9.0, 0.0, 9.0, 5.0]]),
        money=np.full((2, 5), 10.0),
        is_bound=np.array([[0.0, 1.0, 1.0, 0.0, np.nan], [0.0, 1.0, 1.0, 0.0, np.nan]]),
        is_customer=np.array([[True] * 5, [True, True, True, False, True]]),
    )

    table = loyalty_table(behaviour, outcomes_of([False, False, False, True, True]))

    assert table.active_from_days == 5
    groups = {group.level: (group.n, group.left, group.now.people, group.now.money) for group in table.groups}
    assert groups == {
        "loyal": (1, 0, 0, 0),
        "active and bound": (1, 0, 1, 10),
        "merely bound": (1, 0, 1, 10),
        "free and quiet": (1, 1, 1, 10),
    }
    assert table.n_unknown_now == 1
