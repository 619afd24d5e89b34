"""Growth accounting."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from churn.data.store import day_number
from churn.kpis.activity import Activity, active_at, active_before, month_bounds
from churn.kpis.growth import GrowthMonth, growth_months
from churn.kpis.spells import ActivitySpells
from churn.labels.calendar import months_later
from tests.unit.kpis.drawn_spells import draw_spells

SPELLS = """
    customer | start      | end
    stays    | 2024-01-05 |
    leaves   | 2024-01-05 | 2024-03-10
    back     | 2024-01-05 | 2024-02-10
    back     | 2024-03-20 |
    joins    | 2024-03-01 |
    brief    | 2024-03-05 | 2024-03-25
    bounces  | 2024-01-05 | 2024-03-05
    bounces  | 2024-03-20 |
"""


def activity_of(spells: ActivitySpells, n_customers: int, bounds: tuple[date, ...]) -> Activity:
    before = [months_later(bounds[0], -1)]
    return Activity(
        bounds,
        active_at(spells, bounds, n_customers),
        active_before(spells, bounds, n_customers),
        active_at(spells, before, n_customers)[0],
        active_before(spells, before, n_customers)[0],
        np.full((len(bounds), n_customers), 10.0),
    )


def people(month: GrowthMonth) -> dict[str, int]:
    return {
        name: getattr(month, f"{name}_customers").people
        for name in ("new", "resurrected", "dormant", "retained")
    }


def test_each_customer_is_new_retained_resurrected_or_dormant() -> None:
    spells, code = draw_spells(SPELLS)
    bounds = (date(2024, 3, 1), date(2024, 4, 1))

    march = growth_months(activity_of(spells, len(code), bounds))[0]

    assert people(march) == {"new": 1, "resurrected": 1, "dormant": 1, "retained": 2}
    assert (march.active_at_start.people, march.active_at_end.people) == (3, 4)
    assert march.dormant_customers.money == 10.0


def test_unknown_money_is_no_zero() -> None:
    spells, code = draw_spells(SPELLS)
    activity = activity_of(spells, len(code), (date(2024, 3, 1), date(2024, 4, 1)))
    activity.money[:, code["stays"]] = np.nan
    activity.money[:, code["leaves"]] = np.nan

    march = growth_months(activity)[0]

    assert (march.dormant_customers.money, march.dormant_customers.n_money_unknown) == (None, 1)
    assert (march.retained_customers.money, march.retained_customers.n_money_unknown) == (10.0, 1)


@pytest.mark.parametrize("seed", range(5))
def test_the_end_is_the_start_plus_new_plus_resurrected_minus_dormant(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows = []
    for customer in range(300):
        day = day_number(date(2024, 1, 1)) + int(rng.integers(0, 300))
        for _ in range(int(rng.integers(1, 4))):
            end = day + int(rng.integers(1, 90))
            rows.append((customer, day, end))
            day = end + int(rng.integers(1, 90))
    customer, start, end = (np.array(column) for column in zip(*rows, strict=True))
    spells = ActivitySpells(customer, start, end, None, 0, int(start.min()))
    bounds = tuple(months_later(date(2024, 2, 1), number) for number in range(13))

    months = growth_months(activity_of(spells, 300, bounds))

    assert sum(month.resurrected_customers.people for month in months) > 0
    for month in months:
        flows = people(month)
        assert month.active_at_end.people == (
            month.active_at_start.people + flows["new"] + flows["resurrected"] - flows["dormant"]
        )


def test_bounds_begin_with_the_first_complete_month_and_end_where_activity_is_certain() -> None:
    assert month_bounds(date(2025, 1, 1), date(2025, 3, 1), 0) == (
        date(2025, 1, 1),
        date(2025, 2, 1),
        date(2025, 3, 1),
    )
    assert month_bounds(date(2025, 1, 1), date(2025, 3, 1), 1)[-1] == date(2025, 2, 1)
    assert len(month_bounds(date(2020, 1, 1), date(2025, 3, 1), 0)) == 13
    assert month_bounds(date(2025, 2, 2), date(2025, 3, 1), 1) == ()
