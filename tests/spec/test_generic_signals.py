"""The plain signals of event tables: counts, active days, amounts and recency on 2024-07-01."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.drawn_company import draw

LOGINS = """
    customer | happened_at
    week     | 2024-06-23 23:59
    week     | 2024-06-24 00:00
    week     | 2024-06-24 23:59
    week     | 2024-06-30 23:59
    week     | 2024-07-01 00:00
    away     | 2023-07-01 00:00
    gone     | 2023-06-30 23:59
"""


@pytest.mark.parametrize(
    ("signal", "expected"),
    [
        ("logins_count_7d", {"week": 3, "away": 0, "gone": 0}),
        ("logins_count_14d", {"week": 4, "away": 0, "gone": 0}),
        ("logins_active_days_7d", {"week": 2, "away": 0, "gone": 0}),
        ("logins_active_days_14d", {"week": 3, "away": 0, "gone": 0}),
        ("logins_days_since_last", {"week": 1, "away": 366, "gone": None}),
    ],
)
def test_a_window_holds_its_first_day_and_not_the_cutoff(
    tmp_path: Path, signal: str, expected: dict[str, float | None]
) -> None:
    world = draw(tmp_path, logins=LOGINS)

    assert world.values(signal) == expected


def test_days_are_days_of_the_companys_time_zone(tmp_path: Path) -> None:
    world = draw(
        tmp_path,
        logins="""
            customer | happened_at
            night    | 2024-06-30T21:59:00+00:00
            night    | 2024-06-29T22:00:00+00:00
            next_day | 2024-06-30T22:00:00+00:00
        """,
        since="2020-01-01T12:00:00+00:00",
    )

    assert world.values("logins_active_days_7d") == {"night": 1, "next_day": 0}
    assert world.values("logins_count_7d") == {"night": 2, "next_day": 0}


def test_amounts_add_up_to_the_cent(tmp_path: Path) -> None:
    world = draw(
        tmp_path,
        orders="""
            customer | ordered_at       | amount
            spends   | 2024-06-02 23:59 | 1000
            spends   | 2024-06-03 00:00 | 0.10
            spends   | 2024-06-10 10:00 | 0.20
            spends   | 2024-07-01 00:00 | 1000
            saves    | 2024-01-10 10:00 | 3
        """,
    )

    assert world.values("orders_amount_total_28d") == {"spends": 0.3, "saves": 0}


def test_a_window_that_the_data_do_not_reach_is_missing_not_zero(tmp_path: Path) -> None:
    world = draw(
        tmp_path,
        logins="""
            customer | happened_at
            first    | 2024-06-17 00:00
            first    | 2024-06-20 10:00
        """,
        since=None,
    )

    assert world.values("logins_count_7d") == {"first": 0}
    assert world.values("logins_count_14d") == {"first": 2}
    assert world.values("logins_count_28d") == {"first": None}
    assert world.values("logins_active_days_28d") == {"first": None}
    assert world.values("logins_days_since_last") == {"first": 11}


def test_a_window_before_sign_up_is_missing_for_that_customer_only(tmp_path: Path) -> None:
    world = draw(
        tmp_path,
        customers="""
            customer | signed_up_at
            long     | 2023-01-01
            today    | 2024-07-01
        """,
        logins="""
            customer | happened_at
            long     | 2024-06-20 10:00
        """,
    )

    assert world.values("logins_count_28d") == {"long": 1, "today": None}


LATE = """
    customer | happened_at      | known_at
    on_time  | 2024-06-20 10:00 | 2024-06-20 10:00
    on_time  | 2024-06-21 10:00 | 2024-06-30 23:59
    told     | 2024-06-20 10:00 | 2024-06-20 10:00
    told     | 2024-06-28 10:00 | 2024-07-01 00:00
"""


@pytest.mark.parametrize(
    ("cutoff", "signal", "expected"),
    [
        ("2024-07-01", "logins_count_14d", {"on_time": 2, "told": 1}),
        ("2024-07-02", "logins_count_14d", {"on_time": 2, "told": 2}),
        ("2024-07-01", "logins_active_days_14d", {"on_time": 2, "told": 1}),
        ("2024-07-02", "logins_active_days_14d", {"on_time": 2, "told": 2}),
        ("2024-07-01", "logins_days_since_last", {"on_time": 10, "told": 11}),
        ("2024-07-02", "logins_days_since_last", {"on_time": 11, "told": 4}),
    ],
)
def test_a_row_is_not_there_before_it_is_known(
    tmp_path: Path, cutoff: str, signal: str, expected: dict[str, float]
) -> None:
    world = draw(tmp_path, logins=LATE)

    together = world.all_values([signal], ["2024-07-01", "2024-07-02"])

    assert world.values(signal, cutoff) == expected
    assert together[cutoff, signal] == expected


def test_further_event_tables_have_the_same_plain_signals(tmp_path: Path) -> None:
    world = draw(
        tmp_path,
        logins=LOGINS,
        visits="""
            customer | happened_at
            week     | 2024-06-24 00:00
        """,
    )

    assert world.values("visits_count_7d") == {"week": 1, "away": 0, "gone": 0}
    assert world.values("visits_days_since_last") == {"week": 7, "away": None, "gone": None}
