"""The five early signals, each drawn as a table with the value it must have on 2024-07-01."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.drawn_company import draw


def test_login_change_compares_the_last_28_days_with_the_84_before(tmp_path: Path) -> None:
    world = draw(
        tmp_path,
        logins="""
            customer | happened_at
            fades    | 2024-03-20 09:00
            fades    | 2024-04-10 09:00
            fades    | 2024-04-20 09:00
            fades    | 2024-05-10 09:00
            fades    | 2024-05-20 09:00
            fades    | 2024-06-02 23:59
            steady   | 2024-04-01 09:00
            steady   | 2024-05-01 09:00
            steady   | 2024-05-30 09:00
            steady   | 2024-06-20 09:00
        """,
    )

    values = world.values("login_change")

    assert values == {"fades": round((0 + 1) / (6 / 3 + 1), 6), "steady": (1 + 1) / (3 / 3 + 1)}


def test_login_change_is_missing_for_a_customer_too_new_to_have_a_habit(tmp_path: Path) -> None:
    world = draw(
        tmp_path,
        customers="""
            customer | signed_up_at
            new      | 2024-06-10
        """,
        logins="""
            customer | happened_at
            new      | 2024-06-11 10:00
        """,
    )

    assert world.values("login_change") == {"new": None}
    assert world.values("logins_count_28d") == {"new": 1}


def test_interactions_count_distinct_kinds_and_those_given_up(tmp_path: Path) -> None:
    world = draw(
        tmp_path,
        interactions="""
            customer | happened_at      | kind
            narrows  | 2024-04-20 10:00 | export
            narrows  | 2024-05-01 10:00 | share
            narrows  | 2024-06-10 10:00 | view
            narrows  | 2024-06-11 10:00 | view
            keeps    | 2024-05-01 10:00 | view
            keeps    | 2024-06-30 23:59 | view
            keeps    | 2024-07-01 00:00 | export
        """,
    )

    assert world.values("interaction_kinds") == {"narrows": 1, "keeps": 1}
    assert world.values("interaction_kinds_given_up") == {"narrows": 2, "keeps": 0}


PAYMENTS = """
    customer | due_at     | amount | paid_at          | failed_at
    good     | 2024-05-01 | 10     | 2024-05-01 08:00 |
    good     | 2024-06-01 | 10     | 2024-05-30 08:00 |
    late     | 2024-05-01 | 10     | 2024-05-11 00:00 |
    late     | 2024-06-01 | 10     | 2024-07-01 00:00 | 2024-06-01 09:00
    skips    | 2024-05-01 | 10     |                  | 2024-05-01 09:00
    skips    | 2024-06-01 | 10     |                  | 2024-06-01 09:00
    ahead    | 2024-07-15 | 10     |                  |
"""


def test_a_bill_paid_after_the_cutoff_counts_as_unpaid(tmp_path: Path) -> None:
    world = draw(tmp_path, payments=PAYMENTS)

    assert world.values("payments_skipped") == {"good": 0, "late": 1, "skips": 2, "ahead": 0}


def test_days_overdue_count_from_the_oldest_unpaid_bill(tmp_path: Path) -> None:
    world = draw(tmp_path, payments=PAYMENTS)

    assert world.values("payment_days_overdue") == {"good": 0, "late": 30, "skips": 61, "ahead": None}


def test_days_late_average_over_paid_bills_only(tmp_path: Path) -> None:
    world = draw(tmp_path, payments=PAYMENTS)

    values = world.values("payment_days_late")

    assert values["late"] == 10
    assert values["good"] == pytest.approx(((8 / 24) + (-2 + 8 / 24)) / 2, abs=1e-6)
    assert values["skips"] is None


def test_the_share_of_failed_charges_is_drawn_towards_everybodys(tmp_path: Path) -> None:
    world = draw(tmp_path, payments=PAYMENTS)

    everybody = 3 / 6

    assert world.values("payment_failed_share") == {
        "good": round((0 + 4 * everybody) / (2 + 4), 6),
        "late": round((1 + 4 * everybody) / (2 + 4), 6),
        "skips": round((2 + 4 * everybody) / (2 + 4), 6),
        "ahead": None,
    }


EMAILS = """
    customer | sent_at          | opened_at        | clicked_at
    reads    | 2024-06-01 10:00 |                  |
    reads    | 2024-06-20 10:00 | 2024-06-20 11:00 | 2024-06-20 11:01
    stops    | 2024-05-01 10:00 | 2024-05-01 11:00 |
    stops    | 2024-06-01 10:00 |                  |
    stops    | 2024-06-15 10:00 |                  |
    stops    | 2024-06-30 10:00 | 2024-07-01 00:00 |
    never    | 2024-06-15 10:00 |                  |
    overlaps | 2024-06-01 10:00 | 2024-06-29 10:00 |
    overlaps | 2024-06-10 10:00 |                  |
"""


def test_the_unopened_run_counts_sends_since_the_latest_sent_mail_that_was_opened(tmp_path: Path) -> None:
    world = draw(tmp_path, emails=EMAILS)

    assert world.values("emails_unopened_run") == {"reads": 0, "stops": 3, "never": 1, "overlaps": 1}


def test_an_email_opened_exactly_at_the_cutoff_counts_as_unopened(tmp_path: Path) -> None:
    world = draw(tmp_path, emails=EMAILS)

    assert world.values("emails_unopened_run", cutoff="2024-07-01")["stops"] == 3
    assert world.values("emails_unopened_run", cutoff="2024-07-02")["stops"] == 0


def test_never_mailed_is_not_never_opened(tmp_path: Path) -> None:
    world = draw(
        tmp_path,
        customers="""
            customer | signed_up_at
            mailed   | 2023-01-01
            spared   | 2023-01-01
        """,
        emails="""
            customer | sent_at          | opened_at
            mailed   | 2024-06-01 10:00 |
        """,
    )

    assert world.values("emails_open_rate") == {"mailed": 0, "spared": None}
    assert world.values("emails_unopened_run") == {"mailed": 1, "spared": None}


SURVEYS = """
    customer | asked_at   | answered_at      | rating
    falls    | 2024-01-10 | 2024-01-11 09:00 | 9
    falls    | 2024-06-10 | 2024-06-12 09:00 | 4
    late     | 2024-06-20 | 2024-07-01 00:00 | 2
    silent   | 2024-06-10 |                  |
    happy    | 2024-02-01 | 2024-02-01 09:00 | 10
"""


@pytest.mark.parametrize(
    ("signal", "expected"),
    [
        ("survey_last_rating", {"falls": 4, "late": None, "silent": None, "happy": 10}),
        ("survey_rating_change", {"falls": -5, "late": None, "silent": None, "happy": None}),
        ("survey_detractor", {"falls": 1, "late": None, "silent": None, "happy": 0}),
        ("survey_rating_age", {"falls": 19, "late": None, "silent": None, "happy": 151}),
    ],
)
def test_a_rating_is_known_once_it_was_answered(
    tmp_path: Path, signal: str, expected: dict[str, float | None]
) -> None:
    world = draw(tmp_path, surveys=SURVEYS)

    assert world.values(signal) == expected
