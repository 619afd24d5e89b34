"""The RFM grid."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from churn.kpis.observed_churn import Outcomes
from churn.kpis.rfm import (
    NO_ORDERS,
    OrdersAtCutoffs,
    RfmValues,
    class_edges,
    classes_of,
    rfm_grid,
    rfm_section,
)
from churn.kpis.table_pass import read_once
from tests.drawn_company import draw

ORDERS = """
    customer | ordered_at | amount | returned_at
    ana      | 2024-05-30 | 10     |
    ana      | 2024-05-01 | 5      |
    ana      | 2023-05-01 | 99     |
    ben      | 2024-05-20 | 20     | 2024-05-25
    ben      | 2024-05-10 | 30     | 2024-06-25
    cleo     | 2024-06-01 | 40     |
"""


@pytest.mark.parametrize("batch_rows", [1, 4, 100])
def test_recency_frequency_and_money_are_those_known_at_each_cutoff(tmp_path: Path, batch_rows: int) -> None:
    store = draw(
        tmp_path, orders=ORDERS, label={"kind": "inactivity", "table": "orders", "horizon_days": 30}
    ).store

    reader = OrdersAtCutoffs(store, [date(2024, 6, 1), date(2024, 7, 1)])

    read_once(store, "orders", [reader], batch_rows)

    values = reader.values()

    rows = {
        name: [
            (r, f, m)
            for r, f, m in zip(
                values.recency[:, code].tolist(),
                values.frequency[:, code].tolist(),
                values.money[:, code].tolist(),
                strict=True,
            )
        ]
        for code, name in enumerate(["ana", "ben", "cleo"])
    }
    assert rows["ana"] == [(2, 2, 15), (32, 2, 15)]  # the order of 2023-05-01 is too old
    assert rows["ben"][0] == (22, 1, 30)  # the returned order does not count, the later return is not known
    assert np.isnan(rows["ben"][1][0])
    assert np.isnan(rows["cleo"][0][0])
    assert rows["cleo"][1] == (30, 1, 40)


@pytest.mark.parametrize(
    ("values", "edges"),
    [
        ([1, 2, 3, 4, 5], [1, 2, 3, 4]),
        ([1, 1, 1, 1, 1], []),
        ([1, 1, 1, 1, 9], [1]),
        ([0, 0, 5, 5, 9, 9, 9, 9, 9, 9], [0, 5]),
        ([], []),
    ],
)
def test_equal_values_are_in_one_class_so_there_can_be_fewer(values: list[float], edges: list[float]) -> None:
    assert class_edges(np.array(values, dtype=float), 5).tolist() == edges


def test_class_one_is_the_worst() -> None:
    edges = np.array([3.0, 7.0])
    values = np.array([1.0, 3.0, 4.0, 8.0, np.nan])

    assert classes_of(values, edges).tolist() == [1, 1, 2, 3, 0]
    assert classes_of(values, edges, is_lower_better=True).tolist() == [3, 3, 2, 1, 0]


def test_each_cell_has_its_customers_and_their_observed_churn() -> None:
    recency = np.array([[1.0, 1.0, 90.0, 90.0, np.nan, 1.0]])
    frequency = np.array([[1.0, 9.0, 1.0, 1.0, np.nan, 9.0]])
    money = np.array([[5.0, 50.0, 7.0, 9.0, np.nan, 70.0]])
    outcomes = Outcomes(
        (date(2024, 6, 1),),
        np.array([[True, True, True, True, True, False]]),
        np.array([[False, False, True, False, True, False]]),
    )

    grid = rfm_grid(RfmValues(recency, frequency, money), outcomes)

    cells = {cell.level: (cell.n, cell.share, cell.money) for cell in grid.cells}
    assert cells == {
        "R1 F1": (2, 0.5, 8.0),
        "R1 F2": (0, None, None),
        "R2 F1": (1, 0.0, 5.0),
        "R2 F2": (1, 0.0, 50.0),  # who was not at risk does not count
    }
    assert [(r.lowest, r.highest) for r in grid.recency] == [(90, 90), (1, 1)]
    assert grid.without_orders is not None
    assert (grid.without_orders.n, grid.without_orders.left) == (1, 1)


def test_without_orders_there_is_a_reason() -> None:
    nobody = Outcomes((), np.zeros((0, 2), bool), np.zeros((0, 2), bool))

    assert rfm_section(None, nobody).reason == NO_ORDERS
