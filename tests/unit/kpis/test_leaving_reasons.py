"""Recorded reasons for leaving against our own reasons on the last night before the end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from churn.data.store import day_number
from churn.kpis.company import Company
from churn.kpis.figure import Period
from churn.kpis.leaving_reasons import Leavers, leaving_reasons_section, read_leavers
from tests.drawn_company import draw

WINDOW = Period(kind="window", start=date(2024, 1, 1), end=date(2024, 12, 30))
END = date(2024, 6, 10)


@dataclass(frozen=True)
class DrawnNights:
    """Nights with the family of the first reason of each scored customer."""

    families: Mapping[date, Mapping[str, str | None]]

    @property
    def nights(self) -> list[date]:
        return sorted(self.families)

    def counts(self, night: date) -> tuple[int, Mapping[str, int]]:
        return len(self.families[night]), {}

    def first_families(self, night: date) -> Mapping[str, str | None]:
        return self.families[night]


def leavers_of(*recorded: str | None) -> tuple[Leavers, list[str]]:
    n = len(recorded)
    return Leavers(np.arange(n), np.full(n, day_number(END)), recorded), [f"c{index}" for index in range(n)]


def test_each_recorded_reason_counts_our_reasons_of_the_last_night_before_the_end() -> None:
    leavers, ids = leavers_of(*["price"] * 6, *["moved"] * 5)
    nights = DrawnNights(
        {
            date(2024, 6, 1): dict.fromkeys(ids, "support"),
            date(2024, 6, 10): {
                **dict.fromkeys(ids[:4], "payment"),
                ids[4]: None,
                **dict.fromkeys(ids[6:], "activity"),
            },
            date(2024, 6, 11): dict.fromkeys(ids, "email"),
        }
    )

    result = leaving_reasons_section(leavers, ids, nights, WINDOW)

    assert [(row.recorded_reason, row.customers, dict(row.our_reasons)) for row in result.rows] == [
        ("price", 6, {"payment": 4, "no reason given": 1, "not scored": 1}),
        ("moved", 5, {"activity": 5}),
    ]
    recorded, listed = result.figures
    assert (recorded.value, recorded.n) == (100, 11)
    assert (listed.value, listed.n) == (90, 10)


def test_rare_and_missing_reasons_are_rows_of_their_own_without_their_words() -> None:
    leavers, ids = leavers_of(*["price"] * 5, "anna was rude", None)

    result = leaving_reasons_section(leavers, ids, None, WINDOW)

    assert [(row.recorded_reason, row.customers) for row in result.rows] == [
        ("price", 5),
        ("(not recorded)", 1),
        ("(rarer reasons)", 1),
    ]
    assert "anna" not in str(result.as_json())
    assert result.figures[0].value == pytest.approx(600 / 7)


def test_a_night_more_than_a_month_before_the_end_says_nothing() -> None:
    leavers, ids = leavers_of(*["price"] * 5)

    result = leaving_reasons_section(
        leavers, ids, DrawnNights({date(2024, 5, 9): dict.fromkeys(ids, "support")}), WINDOW
    )

    assert dict(result.rows[0].our_reasons) == {"no night before": 5}
    assert result.figures[1].reason == "no leaver was scored in the 31 days before leaving"


def test_without_a_column_of_reasons_the_figures_are_missing_with_the_way_out() -> None:
    result = leaving_reasons_section(None, [], None, WINDOW)

    assert result.rows == ()
    assert {figure.reason for figure in result.figures} == {
        "no reasons are recorded: map tables.subscriptions.columns.reason"
    }


def test_leavers_are_those_whose_last_contract_ended_for_good_with_the_reason_of_its_end(
    tmp_path: Path,
) -> None:
    company = draw(
        tmp_path,
        label={"kind": "contract", "horizon_days": 31, "grace_days": 14},
        watermark="2024-09-01",
        subscriptions="""
            customer_id | started_at | ended_at   | reason
            stays       | 2024-01-10 |            |
            renews      | 2024-01-10 | 2024-06-10 | plan change
            renews      | 2024-06-12 |            |
            leaves      | 2024-01-10 | 2024-03-10 | plan change
            leaves      | 2024-03-10 | 2024-06-10 | price
            silent      | 2024-01-10 | 2024-06-11 |
            undecided   | 2024-01-10 | 2024-08-25 | price
        """,
    )
    own = Company(company.store, date(2024, 9, 1))

    leavers = read_leavers(company.store, own.spells, own.cutoff)

    assert leavers is not None
    ids = dict(enumerate(sorted(["leaves", "old", "renews", "silent", "stays", "undecided"])))
    assert {
        ids[code]: reason
        for code, reason in zip(leavers.customer.tolist(), leavers.recorded_reasons, strict=True)
    } == {
        "leaves": "price",
        "silent": None,
    }
