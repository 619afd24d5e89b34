"""Rates are drawn towards the rate of those at risk, not of everybody."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from churn.features.engine.blocks import Block
from churn.features.engine.matrix import MatrixBuilder, matrix_at
from churn.features.library import all_signals
from tests.drawn_company import DrawnCompany, draw

EMAILS = """
    customer | sent_at          | opened_at
    opens    | 2024-06-01 10:00 | 2024-06-01 11:00
    opens    | 2024-06-08 10:00 | 2024-06-08 11:00
    skims    | 2024-06-01 10:00 |
    skims    | 2024-06-08 10:00 | 2024-06-08 11:00
    skims    | 2024-06-28 10:00 |
    objects  | 2024-06-01 10:00 | 2024-06-01 11:00
    objects  | 2024-06-08 10:00 | 2024-06-08 11:00
    objects  | 2024-06-15 10:00 | 2024-06-15 11:00
    objects  | 2024-06-22 10:00 | 2024-06-22 11:00
"""
CUSTOMERS = """
    customer | signed_up_at | objected_at
    opens    | 2023-01-01   |
    skims    | 2023-01-01   |
    objects  | 2023-01-01   | 2024-06-25
    spared   | 2023-01-01   |
"""
LOGINS = """
    customer | happened_at
    opens    | 2024-06-20 10:00
    skims    | 2024-06-20 10:00
    objects  | 2024-06-20 10:00
    spared   | 2024-06-20 10:00
"""


@pytest.fixture
def world(tmp_path: Path) -> DrawnCompany:
    label = {"kind": "inactivity", "table": "logins", "horizon_days": 30}
    return draw(tmp_path, customers=CUSTOMERS, logins=LOGINS, emails=EMAILS, label=label)


def test_a_rate_is_drawn_towards_the_cohorts_own_without_those_left_out(world: DrawnCompany) -> None:
    signals = [all_signals(world.store.params)["emails_open_rate"]]

    frame = matrix_at(world.store, signals, date(2024, 7, 1)).frame

    cohort = 3 / 5  # with the customer who objects it would be 7 of 9
    found = dict(zip(frame["customer_id"], frame["emails_open_rate"].fillna(-1), strict=True))
    assert found == {
        "opens": pytest.approx((2 + 4 * cohort) / (2 + 4)),
        "skims": pytest.approx((1 + 4 * cohort) / (3 + 4)),
        "spared": -1,
    }


def test_each_cutoff_has_its_own_rate_however_customers_are_cut_into_blocks(world: DrawnCompany) -> None:
    signals = [all_signals(world.store.params)["emails_open_rate"]]
    builder = MatrixBuilder(world.store, signals, [date(2024, 6, 27), date(2024, 7, 1)])
    (whole,) = builder.blocks
    builder.blocks = [
        Block(first, end, whole.signed_up[first:end], whole.has_objected[first:end])
        for first, end in [(0, 3), (3, 4), (4, world.store.n_customers)]
    ]

    found = {}
    for part in builder.parts():
        named = zip(builder.customers.ids[part.codes], part.columns["emails_open_rate"], strict=True)
        found |= {(str(part.cutoff), who): value for who, value in named}

    assert found["2024-07-01", "opens"] == pytest.approx((2 + 4 * 3 / 5) / (2 + 4))
    assert found["2024-06-27", "opens"] == pytest.approx((2 + 4 * 3 / 4) / (2 + 4))
    assert {who for _, who in found} == {"opens", "skims", "spared"}
