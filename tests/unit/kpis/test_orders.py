from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from churn.data.store import day_number
from churn.features.language.reader import NEVER
from churn.kpis.figure import Figure, Period
from churn.kpis.order_rows import Orders, WholeOrders
from churn.kpis.orders import OrderTally, OrderTerms, orders_section
from churn.kpis.segments import Segmentation, all_customers
from churn.kpis.table_pass import read_once
from tests.drawn_company import draw

A, B = day_number(date(2025, 3, 1)), day_number(date(2025, 4, 1))
MARCH = Period(kind="month", start=date(2025, 3, 1), end=date(2025, 4, 1))
FIRST, CUTOFF = date(2024, 1, 1), date(2025, 8, 1)
TERMS = OrderTerms(revenue="net", repeat_days=90, return_days=30)

Row = tuple[int, int, float] | tuple[int, int, float, int | None] | tuple[int, int, float, int | None, float]


def orders(rows: Sequence[Row]) -> Orders:
    """Draw orders: customer, day, amount, day of the return, units."""
    full = [(*row, *(None, 1.0)[len(row) - 3 :]) for row in rows]
    table = np.array(
        [
            (c, d, round(m * 100), round(u * 1000), NEVER if r is None else r)
            for c, d, m, r, u in sorted(full, key=lambda row: row[:2])
        ],
        dtype=np.int64,
    )
    return Orders(*table.T)


def march(
    rows: Sequence[Row], terms: OrderTerms = TERMS, cutoff: date = CUTOFF, n: int = 20
) -> dict[str, Figure]:
    tally = OrderTally({"month": [MARCH]}, [all_customers(n)], terms, first=FIRST, cutoff=cutoff)
    if rows:
        tally.add(orders(rows))
    return {figure.name: figure for figure in orders_section(tally, MARCH).figures}


def test_repeat_purchase_in_a_window_needs_two_orders_in_the_same_window() -> None:
    figures = march(
        [(0, A, 10), (0, A, 10), (1, A, 10), (1, B, 10), (2, A - 1, 10), (3, A, 1), (3, A + 9, 1)]
    )

    assert figures["repeat_purchase_rate"].value == pytest.approx(200 / 3)
    assert figures["repeat_purchase_rate"].n == 3


def test_repeat_purchase_of_a_cohort_counts_a_second_order_within_ninety_days_of_the_first() -> None:
    rows: list[Row] = [
        (0, A, 10),
        (0, A + 90, 10),
        (1, A, 10),
        (1, A + 91, 10),
        (2, A - 1, 10),
        (2, A + 1, 10),
        (3, A, 10),
    ]

    figures = march(rows)
    early = march(rows, cutoff=date(2025, 6, 29))

    assert figures["repeat_purchase_cohort"].value == pytest.approx(100 / 3)
    assert figures["repeat_purchase_cohort"].n == 3
    assert early["repeat_purchase_cohort"].reason == "the 90 days for a second order end on 2025-06-30"
    assert march(rows, cutoff=date(2025, 6, 30))["repeat_purchase_cohort"].value is not None


def test_order_value_is_net_of_returns_or_gross_and_says_so() -> None:
    rows: list[Row] = [(0, A, 30), (0, A + 1, 50), (1, A, 40, A + 5)]

    net, gross = march(rows), march(rows, replace(TERMS, revenue="gross"))

    assert net["order_value"].value == pytest.approx(80 / 3)
    assert net["order_value"].notes == ("net of the returns known on 2025-08-01",)
    assert gross["order_value"].value == 40
    assert gross["order_value"].notes == ("gross: returns are not taken off",)
    assert net["revenue_per_customer"].value == 40
    assert gross["revenue_per_customer"].value == 60
    assert march(rows, replace(TERMS, has_returns=False))["order_value"].notes == gross["order_value"].notes


def test_revenue_is_of_new_or_of_existing_customers_by_the_period_of_the_first_order_ever() -> None:
    figures = march([(0, A, 30), (0, A + 1, 50), (1, A - 1, 99), (1, A + 2, 20)])

    assert figures["new_customer_revenue"].value == 80
    assert figures["new_customer_revenue"].n == 1
    assert figures["existing_customer_revenue"].value == 20
    assert figures["existing_revenue_share"].value == 20


def test_the_return_rate_counts_closed_windows_by_the_day_of_sale() -> None:
    rows: list[Row] = [(0, A, 30, A + 30, 3), (1, A, 70, A + 31, 1), (2, B, 99, B, 1)]

    figures = march(rows)

    assert figures["return_rate_money"].value == 30
    assert figures["return_rate_units"].value == 75
    assert march(rows, cutoff=date(2025, 4, 30))["return_rate_money"].reason == (
        "the return window of 30 days is open"
    )
    assert march(rows, cutoff=date(2025, 5, 1))["return_rate_money"].value == 30
    assert "returned_at" in str(march(rows, replace(TERMS, has_returns=False))["return_rate_units"].reason)
    assert "units" in str(march(rows, replace(TERMS, has_units=False))["return_rate_units"].reason)


def test_a_period_without_orders_or_revenue_has_no_ratio() -> None:
    empty, free = march([(0, B, 10)]), march([(0, A, 0)])

    for name in ("repeat_purchase_rate", "order_value", "revenue_per_customer"):
        assert empty[name].reason == "no order in the period"
    assert empty["orders"].value == 0
    assert free["existing_revenue_share"].reason == "no revenue in the period"
    assert free["return_rate_money"].reason == "nothing was sold in the period"


def test_the_purchase_interval_counts_the_open_gap_as_censored_and_merges_days() -> None:
    cutoff = day_number(CUTOFF)
    rows: list[Row] = []
    for customer in range(20):  # a gap of 10 days, then an open one of 40; two orders on one day are one
        rows += [(customer, cutoff - 50, 1), (customer, cutoff - 50, 1), (customer, cutoff - 40, 1)]

    figures = march(rows)
    lapsed = march([*rows, *((customer, cutoff - 300, 1.0) for customer in range(20, 41))], n=50)

    assert figures["purchase_interval"].value == 10
    assert figures["purchase_interval"].n == 40
    assert figures["purchase_interval_naive"].value == 10
    assert figures["purchase_interval_naive"].notes == ("biased",)
    assert lapsed["purchase_interval"].reason == "too few were followed to a half"
    assert lapsed["purchase_interval_naive"].value == 10


def test_a_buyer_is_overdue_after_the_median_of_the_own_gaps() -> None:
    cutoff = day_number(CUTOFF)
    rows: list[Row] = [
        *((0, cutoff - days, 1.0) for days in (60, 50, 30, 16)),  # gaps 10, 20, 14: due after 14 days
        *((1, cutoff - days, 1.0) for days in (60, 50, 30, 14)),
        *((2, cutoff - days, 1.0) for days in (200, 100)),  # too few days
    ]

    figure = march(rows)["overdue_buyers"]

    assert (figure.value, figure.n) == (50, 2)
    assert march(rows[-1:])["overdue_buyers"].reason == "no customer ordered on 3 days"


def test_without_orders_every_figure_is_missing_once() -> None:
    result = orders_section(None, MARCH)

    assert len(result.figures) == 14
    assert {figure.reason for figure in result.figures} == {"no orders: map tables.orders"}


def test_batches_of_whole_customers_give_the_figures_of_all_orders_together() -> None:
    rng = np.random.default_rng(5)
    rows: list[Row] = [
        (int(c), A + int(d), float(m), None if r > 40 else A + int(d) + int(r), 2.0)
        for c, d, m, r in zip(
            rng.integers(0, 15, 200),
            rng.integers(-60, 60, 200),
            rng.integers(1, 99, 200),
            rng.integers(0, 99, 200),
            strict=True,
        )
    ]
    drawn = orders(rows)
    level = Segmentation("level", ("(missing)", "a", "b"), rng.integers(0, 3, 15))

    def figures(batches: list[Orders]) -> tuple[Figure, ...]:
        tally = OrderTally({"month": [MARCH]}, [all_customers(15), level], TERMS, first=FIRST, cutoff=CUTOFF)
        for batch in batches:
            if len(batch):
                tally.add(batch)
        return orders_section(tally, MARCH).figures

    parts = [drawn.rows(drawn.customer == code) for code in range(15)]

    assert figures(parts) == figures([drawn])
    by_level = [f for f in figures([drawn]) if f.name == "order_value" and f.slice]
    assert sum((f.n or 0) for f in by_level) == next(
        f.n for f in figures([drawn]) if f.name == "order_value" and not f.slice
    )


def test_orders_are_read_in_batches_of_whole_customers_as_known_at_the_cutoff(tmp_path: Path) -> None:
    drawn = draw(
        tmp_path,
        watermark="2024-09-01",
        since=None,
        orders="""
            customer_id | ordered_at       | amount | returned_at      | units
            anna        | 2024-03-01 10:00 | 10.50  |                  | 1
            anna        | 2024-05-01 10:00 | 20     | 2024-05-20 10:00 | 2
            ben         | 2024-04-01 10:00 | 5      | 2024-07-20 10:00 |
            cleo        | 2024-08-01 10:00 | 7      |                  | 1
        """,
    )

    batches: list[Orders] = []

    read_once(drawn.store, "orders", [WholeOrders(drawn.store, date(2024, 7, 1), [batches.append])], 1)

    assert [batch.cents.tolist() for batch in batches] == [[1050, 2000], [500]]
    returned = [batch.returned_on.tolist() for batch in batches]
    assert returned == [[NEVER, day_number(date(2024, 5, 20))], [NEVER]]
