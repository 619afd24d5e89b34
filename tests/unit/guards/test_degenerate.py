"""Cohorts with nobody at risk, labels by which all or nobody left, and sign-ups after the activity."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from churn.guards.degenerate import degenerate
from pipelines import cli
from tests.cases import case
from tests.guard_companies import churners, draw_table, findings_of, severities, stayers

CUTOFFS = [f"2024-{month:02}-01" for month in range(3, 11)]
INACTIVITY = {"kind": "inactivity", "table": "orders", "horizon_days": 31}


def weekly_orders(customers: list[str], until: date = date(2024, 12, 30)) -> list[tuple[object, ...]]:
    days = (until - date(2024, 1, 1)).days
    return [(one, date(2024, 1, 1) + timedelta(day), 9.5) for one in customers for day in range(0, days, 7)]


def orders_findings(folder: Path, signed_up: str, rows: list[tuple[object, ...]]) -> list[tuple[str, str]]:
    ids = sorted({str(row[0]) for row in rows})
    found = findings_of(
        degenerate,
        folder,
        cutoffs=CUTOFFS,
        label=INACTIVITY,
        customers=draw_table("customer | signed_up_at", [(one, signed_up) for one in ids]),
        orders=draw_table("customer | ordered_at | amount", rows),
    )
    return severities(found)


def test_an_ordinary_cohort_is_no_finding(tmp_path: Path) -> None:
    rows = weekly_orders(stayers(30)) + weekly_orders(churners(10), date(2024, 6, 10))

    assert orders_findings(tmp_path, "2023-12-01", rows) == []


@pytest.mark.parametrize(
    ("signed_up", "expected"),
    [
        ("2024-08-15", [("customers.signed_up_at", "warn"), ("cohort", "stop")]),
        ("2024-04-10", [("customers.signed_up_at", "warn"), ("cohort", "warn")]),
        ("2024-01-10", []),  # a few orders as guests
    ],
)
def test_sign_ups_after_the_activity_leave_cutoffs_empty(
    tmp_path: Path, signed_up: str, expected: list[tuple[str, str]]
) -> None:
    rows = weekly_orders(stayers(30)) + weekly_orders(churners(10), date(2024, 9, 10))

    assert orders_findings(tmp_path, signed_up, rows) == expected


def test_one_row_for_each_customer_is_a_label_by_which_all_left(tmp_path: Path) -> None:
    rows = [(f"c{n}", date(2024, 1, 5) + timedelta(5 * n), 9.5) for n in range(55)]

    assert orders_findings(tmp_path, "2023-12-01", rows) == [("orders", "stop")]


def test_contracts_that_all_run_on_are_a_label_by_which_nobody_left(tmp_path: Path) -> None:
    rows = [(one, "2024-05-10", None) for one in stayers(30)]

    found = findings_of(
        degenerate,
        tmp_path,
        cutoffs=CUTOFFS,
        subscriptions=draw_table("customer | started_at | ended_at", rows),
    )

    assert severities(found) == [("cohort", "warn"), ("subscriptions", "stop")]
    assert "ended_at" in found[1].way_out


def test_check_says_that_orders_of_a_migrated_shop_lie_before_the_sign_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source = case("migrated-sign-up")
    monkeypatch.chdir(tmp_path)
    cli.main(argv=["init", "--source", str(source)])

    code = cli.main(argv=["check"])

    output = capsys.readouterr()
    assert code == 15
    assert "2,962 of 4,528 rows of orders lie before the sign-up" in output.err
    assert "6 of 10 cutoffs" in output.err
    assert "signed_up_at" in output.err
