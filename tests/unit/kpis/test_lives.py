"""The first life of each customer."""

from __future__ import annotations

from datetime import date

import numpy as np

from churn.data.store import date_of_day, day_number
from churn.kpis.lives import FirstLives, activity_lives, contract_lives
from tests.unit.kpis.drawn_spells import draw_spells

SPELLS = """
    customer | start      | end
    early    | 2024-01-01 | 2024-03-01
    stays    | 2024-01-11 |
    twice    | 2024-03-11 | 2024-03-21
    twice    | 2024-06-01 |
    leaves   | 2024-03-05 | 2024-06-20
    pending  | 2024-06-01 | 2024-06-28
    new      | 2024-06-28 |
"""
CUTOFF = day_number(date(2024, 7, 1))


def by_name(first: FirstLives, code: dict[str, int]) -> dict[str, tuple[int, bool, int]]:
    name_of = {number: name for name, number in code.items()}
    lives = first.lives
    columns = (lives.days.tolist(), lives.has_left.tolist(), lives.entry_days.tolist())
    return {
        name_of[c]: row for c, row in zip(first.customer.tolist(), zip(*columns, strict=True), strict=True)
    }


def test_a_life_ends_with_the_first_leaving_that_is_certain() -> None:
    spells, code = draw_spells(SPELLS, wait_days=10)

    first = contract_lives(spells, CUTOFF)

    assert date_of_day(first.known_until) == date(2024, 6, 21)
    assert by_name(first, code) == {
        "early": (60, True, 59),  # under observation from the first recorded end, 2024-03-01
        "stays": (162, False, 49),
        "twice": (10, True, 0),
        "leaves": (107, True, 0),
        "pending": (20, False, 0),  # the end on 2024-06-28 is not certain yet
        "new": (0, False, 0),
    }
    assert first.is_followed.sum() == 5
    assert date_of_day(first.complete_from) == date(2024, 3, 1)


def test_customers_who_signed_up_before_the_first_event_are_left_out() -> None:
    spells, code = draw_spells(SPELLS)
    signed_up = np.zeros(len(code), dtype=np.int64)
    signed_up[[code["stays"], code["twice"], code["new"]]] = day_number(date(2024, 1, 5))

    first = activity_lives(spells, signed_up, day_number(date(2024, 1, 1)), CUTOFF)

    assert by_name(first, code) == {
        "stays": (172, False, 0),
        "twice": (10, True, 0),
        "new": (3, False, 0),
    }
    assert first.n_left_out == 3
