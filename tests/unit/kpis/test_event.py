"""The figures of an event: who could have it and had it, and what is missing, with the reason."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from churn.kpis.company import Company
from churn.kpis.definitions.retention import RETENTION
from churn.kpis.figure import Figure
from churn.kpis.sections import Kpis, compute_kpis
from tests.drawn_company import draw

CUSTOMERS = """
    customer | signed_up_at | country
    ana      | 2024-01-05   | DE
    ben      | 2024-01-05   | AT
    cleo     | 2024-01-05   | DE
    dan      | 2024-04-20   | AT
"""
CONTRACTS = """
    customer | started_at | ended_at   | mrr
    ana      | 2024-01-05 |            | 10
    ben      | 2024-01-05 |            | 20
    cleo     | 2024-01-05 | 2024-03-10 | 5
    cleo     | 2024-05-15 |            | 5
    dan      | 2024-04-20 |            | 40
"""
UPGRADES = """
    customer | happened_at | kind
    ana      | 2024-04-02  | plan
    ana      | 2024-04-09  | plan
    ben      | 2024-04-03  | trial
    dan      | 2024-04-25  | plan
    ben      | 2024-05-20  | plan
"""


def kpis_of(folder: Path, label: dict[str, object], cutoff: date = date(2024, 6, 10)) -> Kpis:
    store = draw(
        folder,
        customers=CUSTOMERS,
        subscriptions=CONTRACTS,
        upgrades=UPGRADES,
        label={"kind": "event", "horizon_days": 30, **label},
        watermark="2024-06-10",
        since="2024-01-01 12:00",
        params={
            "tables": {"customers": {"static": ["country"]}, "subscriptions": {}},
            "snapshot": {"watermark": "2024-06-10", "late_days": 3},
        },
    ).store
    return compute_kpis(Company(store, cutoff))


def month(kpis: Kpis, name: str, number: int, level: str | None = None) -> Figure:
    (figure,) = (
        figure
        for figure in kpis.figures
        if (figure.name, figure.period.kind, figure.period.start) == (name, "month", date(2024, number, 1))
        and (figure.slice.level if figure.slice else None) == level
    )
    return figure


@pytest.fixture(scope="module")
def upgrades(tmp_path_factory: pytest.TempPathFactory) -> Kpis:
    label = {"table": "upgrades", "where": "kind = 'plan'", "event_name": "upgrade", "once": True}
    return kpis_of(tmp_path_factory.mktemp("upgrades"), label)


def test_the_rate_of_an_event_counts_those_who_could_have_it_at_the_start(upgrades: Kpis) -> None:
    """In April ana, ben and `old` have a contract; dan joins later, and counts only in `event_customers`."""
    april = {
        name: month(upgrades, name, 4).value for name in ("event_rate", "event_candidates", "event_customers")
    }

    assert april == {"event_rate": pytest.approx(100 / 3), "event_candidates": 3, "event_customers": 2}
    assert (month(upgrades, "event_rate", 4, "DE").value, month(upgrades, "event_rate", 4, "AT").value) == (
        100,
        0,
    )
    assert month(upgrades, "event_rate", 4).definition.better == "higher"


def test_who_had_an_event_that_happens_once_cannot_have_it_again(upgrades: Kpis) -> None:
    """At the start of May ana and dan had it; ben and `old` could, and ben did."""
    may = month(upgrades, "event_rate", 5)

    assert (may.value, may.n) == (50, 2)


def test_an_event_has_no_figure_of_leaving_and_says_why(upgrades: Kpis) -> None:
    retention = {figure.name: figure for figure in upgrades.sections["retention"].figures}

    assert set(retention) == {definition.name for definition in RETENTION}
    assert {figure.value for figure in retention.values()} == {None}
    assert all("does not say who stays a customer" in str(figure.reason) for figure in retention.values())
    assert set(upgrades.missing_sections) == {
        *("cohorts", "stages", "activation", "ratings", "leaving", "audit", "groups"),
    }
    # What a leaving customer costs would be wrong: those with a likely upgrade are no loss.
    values = {figure.name: figure.value for figure in upgrades.sections["value"].figures}
    assert {values[name] for name in ("value_of_one_point", "clv_contractual", "replacement_cost")} == {None}


def test_figures_that_need_no_leaving_are_those_of_contracts(upgrades: Kpis) -> None:
    assert month(upgrades, "mrr_new", 4).value == 40
    assert month(upgrades, "mrr_churned", 4).value == 0


def test_the_return_of_those_who_are_gone_counts_only_these(tmp_path: Path) -> None:
    label = {"table": "subscriptions", "among": "gone", "event_name": "return"}

    kpis = kpis_of(tmp_path, label)

    assert month(kpis, "event_rate", 5).n == 1  # cleo, whose contract ended in March
    assert month(kpis, "event_rate", 5).value == 100
    assert kpis.sections["event"].as_json()["event"] == "return"


def test_a_month_whose_rows_may_come_late_has_no_rate(tmp_path: Path) -> None:
    label = {"table": "upgrades", "among": "all"}

    kpis = kpis_of(tmp_path, label, date(2024, 6, 2))

    assert (
        month(kpis, "event_rate", 5).reason
        == "rows of the period may come late; it is complete on 2024-06-04"
    )
    assert month(kpis, "event_rate", 4).value is not None
    engagement = [figure.reason for figure in kpis.figures if figure.name == "engagement"]
    assert engagement == ["an event that everybody can have does not say who is active: set `label.among`"]
