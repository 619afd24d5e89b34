"""Attributes with a history, drawn as tables: the value is the one that was known to hold at the cutoff."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from churn.errors import SignalError
from churn.features.library import all_signals
from tests.drawn_company import DrawnCompany, draw

LOGINS = "customer | happened_at\n ana | 2024-06-01\n ben | 2024-06-01\n eva | 2024-06-01"


def values(folder: Path, drawn: str, cutoff: str = "2024-07-01", kind: str = "level") -> dict[str, Any]:
    """Draw the history of the attribute `tier` and return what held at the cutoff, of those who have any."""
    world = company(folder, drawn, {"tier": {"from": "tiers", "kind": kind}})
    return {who: value for who, value in world.values("tier", cutoff).items() if value is not None}


def company(folder: Path, drawn: str, history: dict[str, object]) -> DrawnCompany:
    return draw(
        folder,
        since=None,
        logins=LOGINS,
        tiers=drawn,
        label={"kind": "inactivity", "table": "logins", "horizon_days": 30},
        params={"tables": {"customers": {"history": history}, "logins": {}}, "events": {}},
    )


def test_the_latest_value_that_has_begun_holds(tmp_path: Path) -> None:
    drawn = """
        customer | changed_at | tier
        ana      | 2024-01-01 | basic
        ana      | 2024-03-01 | pro
        ana      | 2024-09-01 | max
        ben      | 2024-09-01 | pro
        eva      | 1999-01-01 | basic
    """

    assert values(tmp_path, drawn) == {"ana": "pro", "eva": "basic"}


@pytest.mark.parametrize(
    ("cutoff", "held"),
    [
        ("2024-06-29", {"ana": "basic"}),
        ("2024-06-30", {"ana": "basic"}),
        ("2024-07-01", {"ana": "pro", "ben": "basic"}),
        ("2024-07-02", {"ana": "pro", "ben": "basic", "eva": "max"}),
    ],
)
def test_what_begins_at_the_cutoff_itself_is_not_known_yet(
    tmp_path: Path, cutoff: str, held: dict[str, str]
) -> None:
    drawn = """
        customer | changed_at       | tier
        ana      | 2024-01-01 00:00 | basic
        ana      | 2024-06-30 23:59 | pro
        ben      | 2024-06-30 00:00 | basic
        eva      | 2024-07-01 00:00 | max
    """

    assert values(tmp_path, drawn, cutoff) == held


@pytest.mark.parametrize(
    ("cutoff", "held"),
    [
        ("2024-02-29", {"ana": "basic"}),
        ("2024-03-01", {"ana": "basic"}),
        ("2024-03-02", {}),
        ("2024-05-01", {}),
        ("2024-05-02", {"ana": "pro"}),
    ],
)
def test_a_value_ends_when_its_end_has_passed_and_a_gap_is_missing(
    tmp_path: Path, cutoff: str, held: dict[str, str]
) -> None:
    drawn = """
        customer | valid_from | valid_to   | tier
        ana      | 2024-01-01 | 2024-03-01 | basic
        ana      | 2024-05-01 | 9999-12-31 | pro
    """

    assert values(tmp_path, drawn, cutoff) == held


def test_of_values_that_overlap_the_later_begun_holds_until_it_ends(tmp_path: Path) -> None:
    drawn = """
        customer | valid_from | valid_to   | tier
        ana      | 2024-01-01 |            | basic
        ana      | 2024-06-01 | 2024-08-01 | trial
    """
    world = company(tmp_path, drawn, {"tier": {"from": "tiers"}})

    held = [world.values("tier", cutoff)["ana"] for cutoff in ("2024-06-01", "2024-07-01", "2024-08-02")]

    assert held == ["basic", "trial", "basic"]


def test_what_was_told_late_did_not_hold_before_it_was_told(tmp_path: Path) -> None:
    drawn = """
        customer | valid_from | valid_to   | known_at         | tier
        ana      | 2024-01-01 |            | 2024-01-01       | basic
        ana      | 2024-03-01 |            | 2024-06-30 23:59 | pro
        ben      | 2024-01-01 |            | 2024-01-01       | basic
        ben      | 2024-03-01 |            | 2024-07-01 00:00 | pro
        eva      | 2024-01-01 | 2024-02-01 | 2024-07-01 00:00 | basic
    """

    assert values(tmp_path, drawn) == {"ana": "pro", "ben": "basic"}


def test_of_two_rows_of_one_time_the_one_told_later_holds(tmp_path: Path) -> None:
    drawn = """
        customer | valid_from | known_at   | tier
        ana      | 2024-03-01 | 2024-05-01 | corrected
        ana      | 2024-03-01 | 2024-03-01 | wrong
        ben      | 2024-03-01 | 2024-03-01 | a
        ben      | 2024-03-01 | 2024-03-01 | b
    """

    assert values(tmp_path, drawn) == {"ana": "corrected", "ben": "b"}


@pytest.mark.parametrize(
    ("kind", "held"), [("level", {"ana": "0", "ben": "5.5"}), ("number", {"ana": 0.0, "ben": 5.5})]
)
def test_a_value_that_was_emptied_is_missing_and_zero_is_not(
    tmp_path: Path, kind: str, held: dict[str, Any]
) -> None:
    drawn = """
        customer | changed_at | value
        ana      | 2024-01-01 | 7
        ana      | 2024-02-01 | 0
        ben      | 2024-01-01 | 5.5
        eva      | 2024-01-01 | 5
        eva      | 2024-02-01 |
    """

    assert values(tmp_path, drawn, kind=kind) == held


def test_an_attribute_may_not_take_the_name_of_a_signal(tmp_path: Path) -> None:
    drawn = "customer | changed_at | value\n ana | 2024-01-01 | 7"
    world = company(tmp_path, drawn, {"login_change": {"from": "tiers"}})

    with pytest.raises(
        SignalError, match=r"tables.customers.history: a signal already has the name 'login_change'"
    ):
        all_signals(world.store.params)


def test_the_plan_is_that_of_the_contract_that_runs(tmp_path: Path) -> None:
    world = draw(
        tmp_path,
        subscriptions="""
            customer | started_at | ended_at   | plan
            ana      | 2024-01-01 | 2024-04-01 | basic
            ana      | 2024-04-01 |            | pro
            ben      | 2024-01-01 | 2024-06-30 | basic
            eva      | 2024-01-01 | 2024-07-01 | basic
        """,
        label={"kind": "contract", "horizon_days": 30},
    )

    assert world.values("subscription_plan") == {"ana": "pro", "ben": None, "eva": "basic"}
