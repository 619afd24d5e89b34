"""The moves between stages and the leaks."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from churn.features.engine.cohort import AT_RISK, CANCELLING, ON_PAUSE
from churn.kpis.stages import (
    Codes,
    StagesAtBounds,
    playbook_stages,
    rank_leaks,
    score_stages,
    stage_codes,
    stage_months,
    stage_names,
)
from churn.scoring.playbook import Playbook, parse_playbook
from tests.drawn_company import draw
from tests.unit.kpis.drawn_spells import draw_spells
from tests.unit.kpis.test_growth import activity_of

STAGES = """
stages:
  onboarding: {tenure_days: {below: 60}}
  lapsing: {orders_days_since_last: {at_least: 20}}
"""
PLAYS = """
plays:
  - {name: call, when: {tenure_days: {below: 9}}, action: Call, owner: me, channel: phone, due_in_days: 1,
     success: An order}
"""


def playbook_of(text: str) -> Playbook:
    return parse_playbook(text + PLAYS, {"tenure_days": "number", "orders_days_since_last": "number"})


SPELLS = """
    customer | start      | end
    away     | 2023-06-01 | 2023-11-10
    away     | 2024-01-20 |
    fresh    | 2024-01-05 | 2024-02-10
    idle     | 2023-06-01 | 2024-01-20
    joins    | 2024-01-20 |
    notice   | 2023-06-01 | 2024-02-05
    rests    | 2024-01-10 | 2024-02-20
    steady   | 2023-06-01 |
"""
BOUNDS = (date(2024, 1, 1), date(2024, 2, 1), date(2024, 3, 1))
ON, LAPSING, NONE = 0, 1, -1


def drawn_codes() -> tuple[Codes, dict[str, int], tuple[str, ...]]:
    spells, code = draw_spells(SPELLS)
    stages = np.full((3, len(code)), NONE, dtype=np.int16)
    stages[1, [code["fresh"], code["joins"]]] = ON
    stages[0, code["idle"]] = LAPSING
    stages[2, code["joins"]] = ON
    status = np.full((3, len(code)), AT_RISK, dtype=np.int16)
    status[1, code["notice"]] = CANCELLING
    status[1, code["rests"]] = ON_PAUSE
    names = stage_names(playbook_of(STAGES))
    activity = activity_of(spells, len(code), BOUNDS)
    return stage_codes(activity, StagesAtBounds(stages, status), names), code, names


def test_each_customer_is_in_one_state_at_each_bound() -> None:
    codes, code, names = drawn_codes()

    path = {customer: [names[state] for state in codes[:, row]] for customer, row in code.items()}

    assert path == {
        "away": ["left", "won back", "no stage"],
        "fresh": ["not a customer yet", "onboarding", "left"],
        "idle": ["lapsing", "left", "left"],
        "joins": ["not a customer yet", "onboarding", "onboarding"],
        "notice": ["no stage", "notice given", "left"],
        "rests": ["not a customer yet", "paused", "left"],
        "steady": ["no stage", "no stage", "no stage"],
    }


def test_moves_are_counted_with_people_and_money_of_the_month_before() -> None:
    codes, code, names = drawn_codes()
    spells, _ = draw_spells(SPELLS)
    activity = activity_of(spells, len(code), BOUNDS)
    activity.money[0, code["idle"]] = 70.0
    activity.money[1, code["notice"]] = np.nan

    january, february = stage_months(activity, codes, names)

    moves = {(move.origin, move.target): (move.people, move.money) for move in january.transitions}
    assert moves == {
        ("lapsing", "left"): (1, 70.0),
        ("no stage", "no stage"): (1, 10.0),
        ("no stage", "notice given"): (1, 10.0),
        ("left", "won back"): (1, 10.0),
        ("not a customer yet", "onboarding"): (2, 20.0),
        ("not a customer yet", "paused"): (1, 10.0),
    }
    gone = next(move for move in february.transitions if move.origin == "notice given")
    assert (gone.people, gone.money, gone.n_money_unknown) == (1, None, 1)
    assert {count.stage: count.people for count in february.at_start} == {
        "onboarding": 2,
        "won back": 1,
        "notice given": 1,
        "paused": 1,
        "no stage": 1,
    }


def test_leaks_are_ranked_by_the_money_that_left() -> None:
    codes, code, names = drawn_codes()
    spells, _ = draw_spells(SPELLS)
    activity = activity_of(spells, len(code), BOUNDS)
    activity.money[0, code["idle"]] = 70.0

    leaks = rank_leaks(activity, codes, names)

    assert [(leak.stage, leak.people, leak.money) for leak in leaks[:3]] == [
        ("lapsing", 1, 70.0),
        ("notice given", 1, 10.0),
        ("onboarding", 1, 10.0),
    ]
    onboarding = leaks[2]
    assert (onboarding.at_start, onboarding.share) == (2, 0.5)
    assert onboarding.low < 0.5 < onboarding.high
    assert leaks[-1].people == 0


def test_stages_are_those_of_the_playbook_as_known_at_the_bound(tmp_path: object) -> None:
    company = draw(
        tmp_path,  # type: ignore[arg-type]
        customers="""
            customer | signed_up_at | objected_at
            ana      | 2024-04-20   | 2024-05-01
            ben      | 2024-01-01   |
            cleo     | 2024-01-01   |
        """,
        orders="""
            customer | ordered_at | amount
            ana      | 2024-05-30 | 1
            ben      | 2024-05-05 | 1
            ben      | 2024-06-01 | 1
            cleo     | 2024-05-25 | 1
        """,
        label={"kind": "inactivity", "table": "orders", "horizon_days": 30, "active_days": 40},
    )

    at_bounds = playbook_stages(company.store, playbook_of(STAGES), [date(2024, 6, 1), date(2024, 7, 1)])

    by_name = dict(zip(["ana", "ben", "cleo", "old"], at_bounds.stage.T.tolist(), strict=True))
    assert by_name["ana"] == [ON, LAPSING]  # an objection keeps nobody out of a figure
    assert by_name["ben"] == [LAPSING, LAPSING]  # the order of 2024-06-01 is after the bound
    assert by_name["cleo"] == [NONE, LAPSING]
    assert not (at_bounds.status == CANCELLING).any()


@pytest.mark.parametrize(("condition", "scored"), [("health", ["first"]), ("tenure_days", [])])
def test_a_stage_by_a_score_is_named(condition: str, scored: list[str]) -> None:
    playbook = playbook_of(f"stages:\n  first: {{{condition}: {{below: 3}}}}\n")

    assert score_stages(playbook) == scored
