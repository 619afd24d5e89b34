"""Whether a play reached what it wanted, for treated and for controls side by side."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from churn.experiments.ledger import Ledger
from churn.experiments.outside import Improvement, NoImprovement
from churn.experiments.play_success import (
    NO_CRITERION,
    NO_PLAY,
    NO_TABLES,
    PlaySuccess,
    SuccessReader,
    compare_success,
)
from churn.reporting.effects_table import success_in_words
from churn.scoring.playbook import parse_playbook
from tests.drawn_company import draw
from tests.drawn_ledger import assigned, drawn, publish_page

NIGHT = date(2024, 3, 1)
ARMS = {"c1": "control", "c2": "control", "t1": "treated", "t2": "treated"}
CUSTOMERS = """
    customer | signed_up_at
    c1       | 2023-01-01
    c2       | 2023-01-01
    t1       | 2023-01-01
    t2       | 2023-01-01
"""
ORDERS = """
    customer | ordered_at       | amount
    c1       | 2024-02-20 10:00 | 1
    c2       | 2024-02-20 10:00 | 1
    t1       | 2024-02-20 10:00 | 1
    t2       | 2024-02-20 10:00 | 1
    c1       | 2024-03-11 00:00 | 1
    t1       | 2024-03-10 23:59 | 1
    c2       | 2024-06-01 10:00 | 1
"""
LABEL = {"kind": "inactivity", "table": "orders", "horizon_days": 28, "active_days": 28}
PLAY = "name: call, when: {health: {at_most: 5}}, action: a, owner: o, channel: phone, due_in_days: 2"


def success_of(
    folder: Path,
    criterion: str,
    *,
    watermark: date | None = None,
    ledger: Ledger | None = None,
    params: dict[str, object] | None = None,
    **tables: str,
) -> PlaySuccess:
    """Return the success of the play "call", planned for all four customers on the night."""
    world = draw(folder, customers=CUSTOMERS, label=LABEL, params=params, **({"orders": ORDERS} | tables))
    playbook = parse_playbook(f"plays:\n  - {{{PLAY}, success: {criterion}}}\n", {})
    rows = ledger or drawn([assigned(who, arm, NIGHT) for who, arm in ARMS.items()])
    reader = SuccessReader(
        world.store, world.store.params.output, rows, playbook, watermark or world.store.watermark
    )
    units = pd.DataFrame(
        {
            "unit": list(ARMS),
            "arm": list(ARMS.values()),
            "started_on": [NIGHT] * 4,
            "customers": [[who] for who in ARMS],
        }
    )
    success = reader("call", units)
    assert success is not None
    return success


def counts(success: PlaySuccess) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the successes and the number of the controls, and of the treated."""
    assert success.control is not None
    assert success.treatment is not None
    return (success.control.events, success.control.n), (success.treatment.events, success.treatment.n)


def test_an_order_counts_within_the_days_in_both_arms(tmp_path: Path) -> None:
    # The order of c1 comes at the first moment after ten days.
    success = success_of(tmp_path, "{text: orders, when: {event: orders}, within_days: 10}")

    assert counts(success) == ((0, 2), (1, 2))
    assert success.difference.value == 0.5
    assert success.no_verdict_because == NoImprovement.FEW_OUTCOMES


def test_before_the_days_are_over_nothing_is_known_of_anybody(tmp_path: Path) -> None:
    success = success_of(
        tmp_path, "{text: orders, when: {event: orders}, within_days: 10}", watermark=date(2024, 3, 10)
    )

    assert counts(success) == ((0, 0), (0, 0))
    assert (success.immature, success.verdict, success.difference.value) == (4, None, None)


LATE = {"snapshot": {"watermark": "2024-12-31", "late_days": 2}}


def test_rows_that_may_come_late_are_waited_for(tmp_path: Path) -> None:
    orders = "{text: orders, when: {event: orders}, within_days: 10}"
    on_time = success_of(tmp_path / "a", orders, watermark=date(2024, 3, 12))
    late = success_of(tmp_path / "b", orders, watermark=date(2024, 3, 12), params=LATE)

    assert (on_time.immature, late.immature) == (0, 4)


def test_who_is_at_risk_follows_the_label_and_not_the_days_of_the_criterion(tmp_path: Path) -> None:
    # c2 ordered 16 days before the night: at risk for a label with 28 active days.
    orders = ORDERS.replace("c2       | 2024-02-20", "c2       | 2024-02-14")

    success = success_of(tmp_path, "{text: stays, when: {stays: true}, within_days: 10}", orders=orders)

    assert counts(success) == ((0, 2), (1, 2))
    assert success.undecided_count == 0


def test_a_health_whose_days_are_not_over_is_not_known_yet(tmp_path: Path) -> None:
    rows = drawn([assigned(who, arm, NIGHT) for who, arm in ARMS.items()], shares={NIGHT: 0.1})
    page = publish_page(tmp_path / "output", NIGHT, None, rows)
    ledger = Ledger(rows.assignments, rows.tasks, rows.bands, rows.holdings, (page.facts,))

    success = success_of(
        tmp_path,
        "{text: well, when: {health_at_least: 3}, within_days: 10}",
        watermark=date(2024, 3, 5),
        ledger=ledger,
    )

    assert (success.immature, success.undecided_count) == (4, 0)


def test_an_event_of_the_labels_table_is_a_return(tmp_path: Path) -> None:
    success = success_of(tmp_path, "{text: back, when: {returns: true}, within_days: 10}")

    assert counts(success) == ((0, 2), (1, 2))


def test_a_new_contract_is_a_return_if_the_label_is_one_of_contracts(tmp_path: Path) -> None:
    contracts = """
        customer | started_at | ended_at
        c1       | 2023-01-01 | 2024-01-31
        t1       | 2023-01-01 | 2024-01-31
        t2       | 2023-01-01 | 2024-01-31
        t2       | 2024-03-05 |
    """
    label = {"label": {"kind": "contract", "horizon_days": 28}}

    success = success_of(
        tmp_path,
        "{text: back, when: {returns: true}, within_days: 10}",
        params=label,
        subscriptions=contracts,
    )

    assert counts(success) == ((0, 2), (1, 2))


def test_who_stays_is_told_by_the_definition_of_the_label(tmp_path: Path) -> None:
    # In the 10 days only t1 orders, so the others have left.
    success = success_of(tmp_path, "{text: stays, when: {stays: true}, within_days: 10}")

    assert counts(success) == ((0, 2), (1, 2))


def test_an_open_bill_is_paid_or_not(tmp_path: Path) -> None:
    payments = """
        customer | due_at     | amount | paid_at
        c1       | 2024-02-10 | 5      | 2024-03-12
        c2       | 2024-02-10 | 5      | 2024-02-20
        t1       | 2024-02-10 | 5      | 2024-03-05
        t2       | 2024-02-10 | 5      |
    """

    success = success_of(tmp_path, "{text: paid, when: {paid: true}, within_days: 10}", payments=payments)

    assert counts(success) == ((1, 2), (1, 2))  # c2 had no open bill, and c1 paid too late


def test_the_latest_rating_of_the_days_decides(tmp_path: Path) -> None:
    surveys = """
        customer | asked_at   | answered_at | rating
        c1       | 2024-02-10 | 2024-02-20  | 9
        t1       | 2024-03-02 | 2024-03-03  | 3
        t1       | 2024-03-02 | 2024-03-05  | 7
        t2       | 2024-03-02 | 2024-03-03  | 6
    """

    success = success_of(
        tmp_path, "{text: rated, when: {rating_at_least: 7}, within_days: 10}", surveys=surveys
    )

    assert counts(success) == ((0, 2), (1, 2))


@pytest.mark.parametrize(("later", "expected"), [(date(2024, 3, 8), True), (date(2024, 3, 20), False)])
def test_without_a_night_in_the_days_a_health_is_undecided_and_not_missed(
    tmp_path: Path, later: date, expected: bool
) -> None:
    rows = drawn([assigned(who, arm, NIGHT) for who, arm in ARMS.items()])
    tables = {name: getattr(rows, name) for name in ("assignments", "tasks", "holdings")}
    bands = pd.DataFrame({"customer_id": ["t1", "t2", "c1"], "raw_band": [4, 2, 1], "band": [4, 2, 1]})
    nights = []
    for night in (NIGHT, later):
        nights.append(publish_page(tmp_path / "output", night, None, rows, bands=bands).facts)
    ledger = Ledger(**tables, bands=bands, nights=tuple(nights))

    success = success_of(tmp_path, "{text: well, when: {health_at_least: 3}, within_days: 10}", ledger=ledger)

    assert counts(success) == (((0, 2), (1, 2)) if expected else ((0, 0), (0, 0)))
    assert success.undecided_count == (0 if expected else 4)


@pytest.mark.parametrize(
    ("criterion", "reason"),
    [
        ("They order again", NO_CRITERION),
        ("{text: logs in, when: {event: logins}, within_days: 10}", NO_TABLES),
    ],
)
def test_what_cannot_be_computed_is_said(tmp_path: Path, criterion: str, reason: str) -> None:
    success = success_of(tmp_path, criterion)

    assert success.not_computed_because == reason
    assert (success.control, success.treatment) == (None, None)
    assert success_in_words(success).endswith(f"not computed, because {reason}")


def test_a_play_that_is_no_longer_in_the_playbook_is_said(tmp_path: Path) -> None:
    store = draw(tmp_path, customers=CUSTOMERS, orders=ORDERS, label=LABEL).store
    playbook = parse_playbook(f"plays:\n  - {{{PLAY}, success: x}}\n", {})
    reader = SuccessReader(store, tmp_path, drawn([]), playbook, store.watermark)
    units = pd.DataFrame({"unit": ["c1"], "arm": ["control"], "started_on": [NIGHT], "customers": [["c1"]]})

    success = reader("mail", units)

    assert success is not None
    assert success.not_computed_because == NO_PLAY
    assert reader("mail", units.iloc[:0]) is None


def test_there_is_no_verdict_with_fewer_than_20_successes_in_an_arm() -> None:
    arm = np.array(["control"] * 500 + ["treated"] * 500, dtype=object)
    success = [row < 19 for row in range(500)] + [row < 200 for row in range(500)]
    table = pd.DataFrame({"matured": [True] * 1000, "success": pd.array(success, dtype="boolean")})

    result = compare_success("orders", 10, arm, table)

    assert (result.verdict, result.no_verdict_because) == (None, NoImprovement.FEW_OUTCOMES)


@pytest.mark.parametrize(
    ("treated", "verdict"),
    [(300, Improvement.BETTER), (100, Improvement.WORSE), (205, Improvement.NOT_SHOWN)],
)
def test_more_success_of_the_treated_is_better(treated: int, verdict: Improvement) -> None:
    # 200 of 500 controls reach it.
    arm = np.array(["control"] * 500 + ["treated"] * 500, dtype=object)
    success = [row < 200 for row in range(500)] + [row < treated for row in range(500)]
    table = pd.DataFrame({"matured": [True] * 1000, "success": pd.array(success, dtype="boolean")})

    result = compare_success("orders", 10, arm, table)

    assert result.difference.value == pytest.approx((treated - 200) / 500)
    assert result.verdict == verdict
    words = success_in_words(result)
    assert f"treated {treated / 500:.1%}" in words
    assert "control 40.0% (200 of 500)" in words


def test_success_of_treated_without_controls_is_not_shown() -> None:
    table = pd.DataFrame({"matured": [True] * 3, "success": pd.array([True] * 3, dtype="boolean")})

    words = success_in_words(compare_success("orders", 10, np.array(["treated"] * 3, dtype=object), table))

    assert words == "orders: not shown, no units in an arm"
