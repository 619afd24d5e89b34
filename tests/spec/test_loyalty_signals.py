"""The signals of points and tiers, each drawn as a table with the value it must have on 2024-07-01."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.drawn_company import draw

LOYALTY = """
    customer | happened_at      | kind   | points | expires_at | balance | tier
    saves    | 2024-04-01 10:00 | earn   | 40     | 2024-07-31 | 40      |
    saves    | 2024-06-01 10:00 | earn   | 80     | 2024-09-29 | 120     |
    spends   | 2024-04-01 10:00 | earn   | 40     | 2024-07-31 | 40      |
    spends   | 2024-06-01 10:00 | earn   | 80     | 2024-09-29 | 120     |
    spends   | 2024-06-11 10:00 | redeem | 50     |            | 70      |
    loses    | 2024-02-01 10:00 | earn   | 30     | 2024-06-21 | 30      |
    loses    | 2024-02-02 10:00 | tier   |        | 2024-07-11 | 30      | gold
    loses    | 2024-06-21 00:00 | expire | 30     |            | 0       |
    lost     | 2024-02-02 10:00 | tier   |        | 2024-06-30 |         | gold
    lost     | 2024-06-30 10:00 | tier   |        |            |         | base
    keeps    | 2024-02-02 10:00 | tier   |        | 2024-07-01 |         | gold
    keeps    | 2024-06-30 10:00 | tier   |        | 2025-06-30 |         | gold
    keeps    | 2024-07-01 00:00 | redeem | 10     |            | 5       |
"""
ALL = ("keeps", "loses", "lost", "saves", "spends")


def of(**values: object) -> dict[str, object]:
    return dict.fromkeys(ALL) | values


@pytest.mark.parametrize(
    ("signal", "expected"),
    [
        ("loyalty_balance", of(saves=120, spends=70, loses=0)),
        ("loyalty_days_to_expiry", of(saves=30, spends=90)),  # the 50 that were redeemed expire first
        ("loyalty_tier_days_left", of(loses=10, keeps=364)),
        ("loyalty_tier", of(loses="gold", lost="base", keeps="gold")),
        ("loyalty_never_redeemed", of(saves=1, spends=0, loses=1)),
        ("loyalty_days_since_redeemed", of(spends=20)),
        ("loyalty_points_expired", of(keeps=0, loses=30, lost=0, saves=0, spends=0)),
    ],
)
def test_points_and_tiers_are_those_known_at_the_cutoff(
    tmp_path: Path, signal: str, expected: dict[str, object]
) -> None:
    world = draw(tmp_path, loyalty=LOYALTY)

    assert world.values(signal) == expected


def test_the_change_of_earning_compares_two_periods_of_56_days(tmp_path: Path) -> None:
    world = draw(tmp_path, loyalty=LOYALTY)

    values = world.values("loyalty_earning_change")

    assert values["saves"] == pytest.approx(0.680877, abs=1e-6)  # ln(81 / 41)
    assert values["lost"] == 0
