"""Which answer is the latest: the one answered last, to the minute, whenever it was asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.drawn_company import draw

SURVEYS = """
    customer | asked_at         | answered_at      | rating
    same_day | 2024-06-01 10:00 | 2024-06-12 17:00 | 2
    same_day | 2024-06-10 10:00 | 2024-06-12 09:00 | 9
    in_order | 2024-06-01 10:00 | 2024-06-12 09:00 | 9
    in_order | 2024-06-10 10:00 | 2024-06-12 17:00 | 2
    days     | 2024-06-01 10:00 | 2024-06-20 09:00 | 3
    days     | 2024-06-10 10:00 | 2024-06-12 09:00 | 8
    three    | 2024-06-01 10:00 | 2024-06-12 17:00 | 2
    three    | 2024-06-02 10:00 | 2024-06-12 18:00 | 7
    three    | 2024-06-03 10:00 | 2024-06-12 09:00 | 9
"""


@pytest.mark.parametrize(
    ("signal", "expected"),
    [
        ("survey_last_rating", {"same_day": 2, "in_order": 2, "days": 3, "three": 7}),
        ("survey_rating_change", {"same_day": -7, "in_order": -7, "days": -5, "three": 5}),
        ("survey_detractor", {"same_day": 1, "in_order": 1, "days": 1, "three": 0}),
    ],
)
def test_the_latest_answer_is_the_one_given_last(
    tmp_path: Path, signal: str, expected: dict[str, float]
) -> None:
    world = draw(tmp_path, surveys=SURVEYS)

    assert world.values(signal) == expected


def test_the_order_of_answers_holds_where_the_clocks_change(tmp_path: Path) -> None:
    world = draw(
        tmp_path,
        surveys="""
            customer | asked_at                  | answered_at               | rating
            autumn   | 2023-10-28T10:00:00+00:00 | 2023-10-29T01:10:00+00:00 | 4
            autumn   | 2023-10-28T11:00:00+00:00 | 2023-10-29T00:50:00+00:00 | 8
        """,
        since="2020-01-01T12:00:00+00:00",
    )

    # 02:50 in summer time comes before 02:10 in winter time.
    assert world.values("survey_last_rating", cutoff="2023-11-01") == {"autumn": 4}
