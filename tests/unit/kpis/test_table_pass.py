"""A table is read once for all that need its rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from churn.data.store import day_number
from churn.data.table_rows import RowBatch, read_batches
from churn.features.engine.cohort import read_customers
from churn.features.money import money_before, money_rows
from churn.kpis import table_pass
from churn.kpis.company import Company
from churn.kpis.sections import compute_kpis
from churn.kpis.table_pass import SumsAt, read_once
from tests.drawn_company import draw

ORDERS = """
    customer | ordered_at | amount | returned_at | known_at
    ana      | 2024-05-30 | 10     |             | 2024-05-30
    ana      | 2024-05-31 | 5      |             | 2024-06-20
    ana      | 2024-01-01 | 99     |             | 2024-01-01
    ben      | 2024-05-20 | 20     | 2024-05-25  | 2024-05-20
    ben      | 2024-05-10 | 30     | 2024-06-25  | 2024-05-10
    cleo     | 2024-06-01 | 40     |             | 2024-06-01
"""
PAYMENTS = """
    customer | due_at     | amount | paid_at    | known_at
    ana      | 2024-07-30 | 10     | 2024-05-30 | 2024-05-30
    ana      | 2024-05-30 | 5      |            | 2024-05-30
    ben      | 2024-05-10 | 30     | 2024-06-25 | 2024-05-10
    cleo     | 2024-05-10 | 7      | 2024-05-11 | 2024-06-25
"""


@pytest.mark.parametrize("tables", [{"orders": ORDERS}, {"payments": PAYMENTS, "orders": ORDERS}])
@pytest.mark.parametrize("batch_rows", [1, 100])
def test_money_at_several_cutoffs_is_that_of_each_cutoff(
    tmp_path: Path, tables: dict[str, Any], batch_rows: int
) -> None:
    label = {"kind": "inactivity", "table": "orders", "horizon_days": 30}
    store = draw(tmp_path, label=label, since=None, **tables).store
    cutoffs = [date(2024, 6, 1), date(2024, 6, 2), date(2024, 6, 25), date(2024, 7, 1)]
    rows = money_rows(store)
    assert rows is not None
    bounds = [(day_number(cutoff) - 91, day_number(cutoff)) for cutoff in cutoffs]
    sums = SumsAt(store.n_customers, bounds, amount="amount", day=rows.day, until=rows.until)

    read_once(store, rows.table, [sums], batch_rows)

    for row, cutoff in enumerate(cutoffs):
        money = money_before(store, cutoff, 91).set_index("customer_id")["money"]
        expected = [money.get(customer, np.nan) for customer in read_customers(store).ids]
        np.testing.assert_array_equal(sums.sums[row] / 100, expected)
    assert np.isnan(sums.sums).any()
    assert (sums.sums > 0).any()


def test_all_figures_read_each_table_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    days = [date(2024, 3, 1 + day % 28) for day in range(40)]
    names = [f"c{number:02}" for number in range(40)]
    logins = ["customer | happened_at | kind"]
    logins += [f"{name} | {day} 10:00 | look" for name, day in zip(names, days, strict=True)]
    store = draw(
        tmp_path,
        orders=ORDERS,
        payments=PAYMENTS,
        logins="\n".join(logins),
        label={"kind": "inactivity", "table": "logins", "horizon_days": 30, "active_days": 60},
        since=None,
    ).store
    reads: Counter[str] = Counter()

    def counted(own: Any, table: str, *arguments: Any) -> Iterator[RowBatch]:
        reads[table] += 1
        return read_batches(own, table, *arguments)

    monkeypatch.setattr(table_pass, "read_batches", counted)
    company = Company(store, store.watermark)

    compute_kpis(company)

    assert reads == {"logins": 1, "orders": 1, "payments": 1}
