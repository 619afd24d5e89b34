"""The signals of past contacts, each drawn as a table with the value it must have on 2024-07-01."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.drawn_company import draw

CONTACTS = """
    customer | contacted_at     | arm     | answered_at      | known_at
    answers  | 2024-04-15 10:00 | treated | 2024-04-16 10:00 | 2024-04-15 10:00
    answers  | 2024-06-21 10:00 | treated | 2024-07-02 10:00 | 2024-06-21 10:00
    control  | 2024-06-21 10:00 | control |                  | 2024-06-21 10:00
    late     | 2024-06-21 10:00 | treated |                  | 2024-07-01 10:00
    no_arm   | 2024-06-26 10:00 |         |                  | 2024-06-26 10:00
"""
ALL = ("answers", "control", "late", "no_arm")


def of(default: float | None, **values: float) -> dict[str, float | None]:
    return dict.fromkeys(ALL, default) | values


@pytest.mark.parametrize(
    ("signal", "expected"),
    [
        ("contacts_count_28d", of(0, answers=1, no_arm=1)),
        ("contacts_count_91d", of(0, answers=2, no_arm=1)),
        ("contacts_days_since_last", of(None, answers=10, no_arm=5)),
    ],
)
def test_contacts_are_those_that_were_made_and_known_and_a_control_has_none(
    tmp_path: Path, signal: str, expected: dict[str, float | None]
) -> None:
    assert draw(tmp_path, contacts=CONTACTS).values(signal) == expected


def test_an_answer_counts_once_it_has_come(tmp_path: Path) -> None:
    values = draw(tmp_path, contacts=CONTACTS).values("contacts_answered_share")

    # 1 of 3 contacts of the cohort was answered; four imagined contacts with this share are added
    assert values["answers"] == pytest.approx((1 + 4 / 3) / (2 + 4), abs=1e-6)
    assert values["no_arm"] == pytest.approx((0 + 4 / 3) / (1 + 4), abs=1e-6)
    assert values["control"] is None
