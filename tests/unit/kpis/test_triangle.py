"""The retention triangle."""

from __future__ import annotations

from datetime import date

import numpy as np

from churn.data.store import day_number
from churn.kpis.lives import contract_lives
from churn.kpis.segments import Segmentation, all_customers
from churn.kpis.triangle import Triangle, retention_triangle, segment_triangles
from tests.unit.kpis.drawn_spells import draw_spells

SPELLS = """
    customer | start      | end
    old      | 2024-01-05 | 2024-04-01
    ana      | 2024-04-01 |
    ben      | 2024-04-10 | 2024-04-20
    cleo     | 2024-04-30 | 2024-06-10
    dan      | 2024-05-05 |
    eve      | 2024-05-06 | 2024-05-31
    eve      | 2024-06-15 |
    fay      | 2024-07-03 |
"""


def triangle_of(cutoff: date, wait_days: int = 0) -> Triangle:
    spells, _ = draw_spells(SPELLS, wait_days)
    return retention_triangle(spells, contract_lives(spells, day_number(cutoff)), cutoff)


def drawn(triangle: Triangle) -> dict[str, tuple[int, list[object]]]:
    return {
        f"{row.cohort:%m}": (
            row.n,
            [cell.people if cell.state == "known" else cell.state for cell in row.cells],
        )
        for row in triangle.rows
    }


def test_a_cell_counts_who_is_active_at_the_end_of_the_month() -> None:
    triangle = triangle_of(date(2024, 7, 10))

    assert drawn(triangle) == {
        "04": (3, [2, 2, 1, "open"]),
        "05": (2, [1, 2, "open"]),  # eve came back
        "07": (1, ["open"]),
    }
    april = triangle.rows[0]
    assert [cell.share for cell in april.cells] == [2 / 3, 2 / 3, 1 / 3, None]
    assert april.cells[0].low < 2 / 3 < april.cells[0].high  # type: ignore[operator]
    assert [row.is_open for row in triangle.rows] == [False, False, True]


def test_a_cell_is_empty_while_who_was_active_is_not_certain() -> None:
    triangle = triangle_of(date(2024, 7, 1), wait_days=30)

    assert drawn(triangle)["04"] == (3, [2, 2, "not certain yet"])
    cell = triangle.rows[0].cells[2].as_json()
    assert cell == {"month": 2, "at": "2024-07-01", "state": "not certain yet"}


def test_at_the_end_of_a_month_no_period_is_open() -> None:
    assert drawn(triangle_of(date(2024, 7, 1)))["04"] == (3, [2, 2, 1])


def test_months_before_the_first_recorded_end_are_no_cohorts() -> None:
    triangle = triangle_of(date(2024, 7, 10))

    assert min(row.cohort for row in triangle.rows) == date(2024, 4, 1)  # `old` joined before


def test_without_a_complete_month_the_triangle_says_why_it_is_empty() -> None:
    spells, _ = draw_spells("customer | start | end\n a | 2024-01-05 | 2024-03-10")
    cutoff = date(2024, 3, 20)

    triangle = retention_triangle(spells, contract_lives(spells, day_number(cutoff)), cutoff)

    assert triangle.rows == ()
    assert triangle.reason == "no month in which everybody who joined is in the data"


def test_the_triangle_of_a_segment_counts_its_members_and_holds_certain_months_only() -> None:
    cutoff, wait_days = date(2024, 7, 10), 9
    spells, code = draw_spells(SPELLS, wait_days)
    country = np.zeros(len(code), dtype=np.int64)
    country[[code["ana"], code["eve"]]] = 1
    divisions = [all_customers(len(code)), Segmentation("country", ("AT", "DE"), country)]

    triangles = segment_triangles(spells, contract_lives(spells, day_number(cutoff)), divisions, cutoff)

    counts = {
        (triangle.slice.level, f"{row.cohort:%m}"): (row.n, row.people)
        for triangle in triangles
        for row in triangle.rows
    }
    assert counts == {
        ("AT", "04"): (2, (1, 1, 0)),  # ben left in April and cleo in June
        ("AT", "05"): (1, (1, 1)),
        ("DE", "04"): (1, (1, 1, 1)),
        ("DE", "05"): (1, (0, 1)),  # eve came back
    }
    assert triangles[0].rows[0].low[0] < 1 / 2 < triangles[0].rows[0].high[0]
