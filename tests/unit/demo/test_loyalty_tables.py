from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from churn.demo import world
from churn.demo.loyalty_tables import (
    COST_OF_GIFT,
    EARN,
    EXPIRE,
    LIFE_DAYS,
    REDEEM,
    TIER,
    TIER_DAYS,
    TIER_POINTS,
    Bookings,
    DayDraws,
    Earnings,
    book,
)

CUSTOMERS, DAYS = 40, 420


def programme(days: int, factor: float = 1.0, seed: int = 7) -> Bookings:
    """Run the programme for customers who earn on random days, until a day."""
    rng = np.random.default_rng(3)
    customer, day = rng.integers(0, CUSTOMERS, 3_000), rng.integers(0, DAYS, 3_000)
    points = rng.integers(1, 45, 3_000)
    is_member = np.arange(DAYS)[None, :] < rng.integers(100, 2 * DAYS, CUSTOMERS)[:, None]
    redeem_factor = np.full((CUSTOMERS, DAYS), factor)
    known = day < days
    return book(
        Earnings(customer[known], day[known], points[known]),
        is_member[:, :days],
        redeem_factor[:, :days],
        DayDraws(seed, np.arange(CUSTOMERS)),
    )


@pytest.mark.parametrize("days", [1, 60, LIFE_DAYS + 1, DAYS - 1])
def test_the_bookings_until_a_day_do_not_depend_on_how_long_the_company_is_simulated(days: int) -> None:
    whole, part = programme(DAYS), programme(days)

    until = whole.day < days
    for field in fields(Bookings):
        np.testing.assert_array_equal(getattr(whole, field.name)[until], getattr(part, field.name))


def test_another_seed_gives_other_redemptions_and_the_same_seed_the_same() -> None:
    redeemed = [np.flatnonzero(programme(DAYS, seed=seed).kind == REDEEM).tolist() for seed in (7, 7, 8)]

    assert redeemed[0] == redeemed[1]
    assert redeemed[0] != redeemed[2]


def test_the_balance_is_what_was_earned_and_neither_redeemed_nor_expired() -> None:
    rows = programme(DAYS)
    signs = np.select([rows.kind == EARN, rows.kind == TIER], [1, 0], -1)

    for customer in range(CUSTOMERS):
        own = rows.customer == customer
        np.testing.assert_array_equal(np.cumsum((signs * rows.points)[own]), rows.balance[own])
    assert (rows.balance >= 0).all()
    assert set(rows.kind.tolist()) == {EARN, REDEEM, EXPIRE, TIER}


def test_points_expire_on_their_day_and_only_those_that_were_not_used() -> None:
    rows = programme(DAYS)
    earned = {
        (int(c), int(d)): int(p)
        for c, d, p, k in zip(rows.customer, rows.day, rows.points, rows.kind, strict=True)
        if k == EARN
    }
    expired = rows.kind == EXPIRE

    for customer, day, points in zip(
        rows.customer[expired], rows.day[expired], rows.points[expired], strict=True
    ):
        assert 0 < points <= earned[int(customer), int(day) - LIFE_DAYS]
    assert (rows.points[rows.kind == REDEEM] % COST_OF_GIFT == 0).all()


def test_a_tier_above_the_lowest_has_an_end_at_which_it_is_set_again() -> None:
    rows = programme(DAYS)
    tiers = np.flatnonzero(rows.kind == TIER)
    above = rows.tier[tiers] > 0

    assert (rows.ends[tiers][above] == rows.day[tiers][above] + TIER_DAYS).all()
    assert (rows.ends[tiers][~above] == world.FAR).all()
    assert set(rows.tier[tiers].tolist()) >= {0, 1}
    assert len(TIER_POINTS) == 3


def test_customers_in_trouble_redeem_less_so_that_more_points_expire() -> None:
    well, troubled = programme(DAYS), programme(DAYS, factor=0.2)

    assert (troubled.kind == REDEEM).sum() < 0.5 * (well.kind == REDEEM).sum()
    assert troubled.points[troubled.kind == EXPIRE].sum() > 1.5 * well.points[well.kind == EXPIRE].sum()
