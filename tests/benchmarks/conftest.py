"""A made-up shop that the benchmarks of models play on."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.scoreboard.sets import TimeSet

PARAMS = """\
source: {source}
timezone: UTC
tables:
  customers: {{}}
  orders: {{}}
label: {{kind: inactivity, table: orders, horizon_days: 28, active_days: 56, accept_reactivation: made up}}
snapshot:
  cutoffs: [2020-06-01, 2020-06-29, 2020-07-27, 2020-08-24, 2020-09-21]
  watermark: 2020-12-01
signals: {{names: [orders_days_since_last, orders_count_28d, tenure_days]}}
train: {{candidates: [logistic]}}
evaluate: {{test_cutoffs: [2020-09-21], bootstrap: 100}}
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark these tests as slow: they are about programs that measure, not about the product."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> TimeSet:
    """A made-up shop: each customer buys at an own rate and may stop for good after any purchase."""
    folder = tmp_path_factory.mktemp("shop")
    rng = np.random.default_rng(5)
    orders = []
    for customer in range(400):
        pause, stops, day = rng.uniform(3, 30), rng.uniform(0.02, 0.2), rng.uniform(0, 60)
        while day < 335:
            when = pd.Timestamp("2020-01-01") + pd.Timedelta(days=int(day), hours=9)
            orders.append((f"c{customer:03d}", when, round(float(rng.uniform(5, 50)), 2)))
            if rng.random() < stops:
                break
            day += rng.exponential(pause)
    bought = pd.DataFrame(orders, columns=["customer_id", "ordered_at", "amount"])
    source = folder / "source"
    source.mkdir()
    bought.to_csv(source / "orders.csv", index=False)
    bought.groupby("customer_id")["ordered_at"].min().rename("signed_up_at").to_csv(source / "customers.csv")
    example = folder / "shop.yaml"
    example.write_text(PARAMS.format(source=source), encoding="utf-8")
    return TimeSet(
        "shop",
        train=tuple(map(date.fromisoformat, ("2020-06-01", "2020-06-29", "2020-07-27"))),
        test=(date(2020, 9, 21),),
        begins=date(2020, 1, 1),
        aim=0.8,
        reference_figures=None,
        counted_tables=("orders",),
        spend_table="orders",
        example=example,
    )


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("work")
