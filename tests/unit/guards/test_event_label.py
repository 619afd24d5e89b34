"""The guards of the data with a label of an event: what announces the event bites, the rest is silent."""

from __future__ import annotations

import re
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from churn.guards.announcements import announced_by_event
from churn.guards.histories import deleted_histories
from churn.guards.survivors import survivors
from churn.params import event_words
from tests.guard_companies import churners, draw_table, findings_of, severities, stayers

WITH, WITHOUT = churners(30), stayers(40)
UPGRADED_ON = date(2024, 9, 10)
LABEL = {"kind": "event", "table": "upgrades", "horizon_days": 30, "among": "all", "event_name": "upgrade"}
UPGRADES = draw_table("customer | happened_at", [(customer, UPGRADED_ON) for customer in WITH])


def clicks(day: date, without: int) -> str:
    rows: list[tuple[object, ...]] = [(customer, "2024-02-01", "search") for customer in WITH + WITHOUT]
    rows += [(customer, day, "order_form") for customer in WITH + WITHOUT[:without]]
    return draw_table("customer | happened_at | kind", rows)


def found_by(guard: Any, folder: Path, **tables: str) -> list[Any]:
    events = {"events": {"upgrades": {}}}
    return findings_of(guard, folder, upgrades=UPGRADES, label=LABEL, params=events, tables={}, **tables)


@pytest.mark.parametrize(
    ("day", "without", "expected"),
    [
        (UPGRADED_ON - timedelta(4), 0, [("interactions.kind: order_form", "stop")]),
        (UPGRADED_ON + timedelta(4), 0, []),  # after the event no cutoff before it sees them
        (UPGRADED_ON - timedelta(4), 40, []),  # everybody opens the form
    ],
)
def test_a_kind_of_row_that_announces_the_event_is_found(
    tmp_path: Path, day: date, without: int, expected: list[tuple[str, str]]
) -> None:
    found = found_by(announced_by_event, tmp_path, interactions=clicks(day, without))

    assert severities(found) == expected
    for finding in found:
        text = str(finding.spoken(event_words("upgrade").speak))
        assert "announces the event upgrade" in text
        assert not re.search(r"churner|left|leaving|cancel", text)


def test_customers_with_the_event_may_have_fewer_rows_of_a_table(tmp_path: Path) -> None:
    logins = draw_table("customer | happened_at", [(customer, "2024-02-01") for customer in WITHOUT])

    assert found_by(deleted_histories, tmp_path, logins=logins) == []


def test_an_event_that_becomes_frequent_is_no_company_of_survivors(tmp_path: Path) -> None:
    assert found_by(survivors, tmp_path, interactions=clicks(UPGRADED_ON, 0)) == []
