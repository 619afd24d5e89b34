"""The section `stages`: from the store and the playbook to moves, growth and leaks."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from churn.kpis.company import Company
from churn.kpis.journey import StagesResult, stages_section
from tests.drawn_company import draw

CONTRACTS = """
    customer | started_at | ended_at   | mrr
    ana      | 2024-01-05 |            | 10
    ben      | 2024-01-05 | 2024-03-10 | 20
    cleo     | 2024-01-05 | 2024-01-20 | 5
    cleo     | 2024-04-15 |            | 5
    dan      | 2024-03-20 |            |
"""
CUSTOMERS = """
    customer | signed_up_at
    ana      | 2024-01-05
    ben      | 2024-01-05
    cleo     | 2024-01-05
    dan      | 2024-03-20
"""
PLAYS = """
plays:
  - {name: call, when: {tenure_days: {below: 9}}, action: Call, owner: me, channel: phone, due_in_days: 1,
     success: An order}
"""
STAGES = "stages:\n  onboarding: {tenure_days: {below: 60}}\n  active: {tenure_days: {at_least: 60}}\n"


def section(folder: Path, playbook: str) -> StagesResult:
    (folder / "playbook.yaml").write_text(playbook)
    store = draw(
        folder,
        customers=CUSTOMERS,
        subscriptions=CONTRACTS,
        label={"kind": "contract", "horizon_days": 31, "grace_days": 0},
        watermark="2024-05-02",
        since=None,
        params={"score": {"playbook": str(folder / "playbook.yaml")}},
    ).store
    return stages_section(Company(store, date(2024, 5, 2)))


def test_moves_of_a_drawn_company_follow_its_contracts_and_its_playbook(tmp_path: Path) -> None:
    result = section(tmp_path, STAGES + PLAYS)

    moves = {
        (f"{month.start:%m}", move.origin, move.target): (move.people, move.money)
        for month in result.months
        for move in month.transitions
        if move.origin != move.target
    }
    assert moves == {
        ("03", "onboarding", "active"): (1, 10),
        ("03", "onboarding", "left"): (1, 20),
        ("03", "not a customer yet", "onboarding"): (1, None),
        ("04", "left", "won back"): (1, 5),
    }
    assert [(leak.stage, leak.people, leak.money) for leak in result.leaks] == [
        ("onboarding", 1, 20),
        ("active", 0, 0),
    ]
    assert (result.reason, result.money_reason, result.growth_reason) == (None, None, None)
    april = result.growth[-1]
    assert (april.active_at_start.people, april.resurrected_customers.people) == (2, 1)


@pytest.mark.parametrize(
    ("playbook", "reason"),
    [
        (PLAYS, "has no `stages`"),
        ("stages:\n  weak: {health: {at_most: 2}}\n" + PLAYS, "the stages weak use a score"),
        ("stages:\n  left: {tenure_days: {below: 9}}\n" + PLAYS, "rename the stages left"),
        ("stages:\n  young: {tenure_day: {below: 9}}\n" + PLAYS, "is not a signal"),
    ],
)
def test_without_stages_there_is_a_reason_and_the_growth(tmp_path: Path, playbook: str, reason: str) -> None:
    result = section(tmp_path, playbook)

    assert reason in str(result.reason)
    assert (result.months, result.leaks) == ((), ())
    assert len(result.growth) == 3
    assert (result.weeks, result.figures) == ((), ())


def test_weeks_show_the_moves_of_people_and_the_figures_of_each_stage(tmp_path: Path) -> None:
    result = section(tmp_path, STAGES + PLAYS)

    moves = {
        (str(week.start), move.origin, move.target): (move.people, move.money)
        for week in result.weeks
        for move in week.transitions
        if move.origin != move.target
    }
    # ben left on Sunday 10 March, and dan joined on Wednesday 20 March; the money of a week is not read.
    assert moves["2024-03-04", "onboarding", "left"] == (1, None)
    assert moves["2024-03-18", "not a customer yet", "onboarding"] == (1, None)
    assert next((leak.stage, leak.people) for leak in result.week_leaks) == ("onboarding", 1)
    figures = {
        (figure.name, str(figure.period), figure.slice.level): (figure.value, figure.n)
        for figure in result.figures
        if figure.slice
    }
    assert figures["stage_customers", "2024-03", "onboarding"] == (2, 2)
    assert figures["stage_churn", "2024-03", "onboarding"] == (50, 2)
    assert figures["stage_churn", "2024-W10", "onboarding"] == (50, 2)
    assert figures["stage_customers", "2024-W11", "onboarding"] == (0, 0)
    empty = next(figure for figure in result.figures if figure.name == "stage_churn" and not figure.n)
    assert (empty.value, empty.reason) == (None, "nobody in the stage at the start")
