"""The audit scores a practice by its evidence, and never one that the tables do not show."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from churn.kpis.audit import (
    RULES,
    UNMEASURABLE,
    UNMEASURABLE_PRACTICES,
    Evidence,
    Practice,
    audit_result,
    read_audit,
)
from churn.kpis.company import Company
from tests.drawn_company import DrawnCompany, draw
from tests.unit.kpis.test_leaving_reasons import DrawnNights

NIGHT = date(2024, 7, 1)


def evidence_of(**values: Evidence) -> dict[str, Evidence]:
    return {name: values.get(name, Evidence(because="not mapped")) for name in RULES}


def practice(name: str, own: Evidence) -> Practice:
    return next(p for p in audit_result(evidence_of(**{name: own})).practices if p.name == name)


@pytest.mark.parametrize(
    ("value", "score"), [(0, 1), (49.9, 1), (50, 2), (70, 3), (84.9, 3), (85, 4), (95, 5), (100, 5)]
)
def test_a_share_is_scored_by_the_limits_of_its_practice(value: float, score: int) -> None:
    assert practice("support_reply", Evidence(value, 200)).score == score


def test_few_cases_have_no_score_and_the_number_is_said() -> None:
    few = practice("support_reply", Evidence(100, 19))

    assert (few.score, few.value) == (None, None)
    assert few.reason == "too few cases: 19 of the 20 that a score needs"


def test_a_table_that_is_not_mapped_gives_no_score_but_the_reason() -> None:
    assert practice("referrals", Evidence(because="map tables.referrals")).reason == "map tables.referrals"


def test_the_lowest_score_comes_first_and_practices_without_a_score_last() -> None:
    result = audit_result(
        evidence_of(referrals=Evidence(50, 99), onboarding=Evidence(1, 99), win_back=Evidence(25, 99))
    )

    names = [own.name for own in result.practices]
    assert len(names) == 15
    assert names[:3] == ["onboarding", "win_back", "referrals"]
    assert [own.name for own in result.practices if own.reason == UNMEASURABLE] == [
        name for name, *_ in UNMEASURABLE_PRACTICES
    ]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> DrawnCompany:
    """Twenty customers of May 2024; ten order at once, and each tenth of them does a little more."""
    names = [f"c{index:02}" for index in range(20)]
    rows = {
        "customers": ["customer | signed_up_at", *(f"{name} | 2024-05-01 08:00" for name in names)],
        "orders": [
            "customer | ordered_at | amount",
            *(f"{name} | 2024-05-{3 if index < 10 else 25:02} 10:00 | 5" for index, name in enumerate(names)),
        ],
        "emails": [
            "customer | sent_at | campaign",
            *(f"{name} | 2024-06-01 09:00 | all" for name in names),
            *(f"{name} | 2024-06-02 09:00 | few" for name in names[:10]),
        ],
        "tickets": [
            "customer | opened_at | first_reply_at | due_at",
            *(
                f"{name} | 2024-06-03 09:00 | 2024-06-{4 if index < 15 else 7:02} 09:00 | "
                f"{'2024-06-08 09:00' if index == 19 else ''}"
                for index, name in enumerate(names)
            ),
        ],
        "surveys": [
            "customer | asked_at | answered_at | rating",
            *(f"{name} | 2024-06-09 09:00 | 2024-06-10 09:00 | 3" for name in names),
        ],
        "contacts": [
            "customer | contacted_at | arm",
            *(f"{name} | 2024-06-15 09:00 | treated" for name in names[:5]),
            *(f"{name} | 2024-06-25 09:00 | treated" for name in names[5:]),
            *(f"{name} | 2024-06-15 09:00 | control" for name in names[5:]),
        ],
        "referrals": ["customer | happened_at", "c00 | 2024-06-01 09:00", "c01 | 2024-06-01 09:00"],
    }
    return draw(
        tmp_path_factory.mktemp("audit"),
        label={"kind": "inactivity", "table": "orders", "horizon_days": 30, "active_days": 60},
        watermark=str(NIGHT),
        **{name: "\n".join(lines) for name, lines in rows.items()},
    )


def test_the_evidence_of_a_drawn_shop_is_that_of_its_tables(shop: DrawnCompany) -> None:
    nights = DrawnNights({date(2024, 6, 20): dict.fromkeys([f"c{index:02}" for index in range(20)])})

    audit = read_audit(Company(shop.store, NIGHT, nights))

    values = {own.name: own.value for own in audit.practices if own.value is not None}
    assert values == {
        "onboarding": 50,  # ten of twenty ordered within 14 days
        "segmented_mails": pytest.approx(100 * 10 / 30),  # `few` went to half of the customers
        "proactive_contact": 75,  # the contacts of 15 June follow tickets of 3 June
        "feedback_answered": 25,  # five within seven days; controls are not contacted
        "health_tracked": 100,
        "referrals": 10,
        "support_reply": 80,  # fifteen within a day, and one by its promise
        "figures_reviewed": pytest.approx(365 / 12 / 91),
    }


def test_nights_that_nobody_scored_are_a_low_score_and_not_a_missing_one(shop: DrawnCompany) -> None:
    audit = read_audit(Company(shop.store, NIGHT))

    assert {
        own.name: own.score for own in audit.practices if own.name in ("health_tracked", "figures_reviewed")
    } == {
        "health_tracked": 1,
        "figures_reviewed": 1,
    }


def test_tables_that_are_not_mapped_are_said(tmp_path: Path) -> None:
    company = draw(
        tmp_path, watermark=str(NIGHT), orders="customer | ordered_at | amount\nana | 2024-05-03 | 5"
    )

    audit = read_audit(Company(company.store, NIGHT))

    reasons = {own.name: own.reason for own in audit.practices}
    assert reasons["referrals"] == "no referrals are recorded: map tables.referrals"
    assert reasons["win_back"] == "no contacts are recorded: map tables.contacts"
    assert reasons["segmented_mails"] == "no campaigns are recorded: map tables.emails.columns.campaign"
