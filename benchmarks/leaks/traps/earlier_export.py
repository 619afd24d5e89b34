"""The customers table carries a total that was exported months before the events."""

from __future__ import annotations

import numpy as np
import pandas as pd

from benchmarks.leaks.company import END, Company
from benchmarks.leaks.trap import Trap


def plant(company: Company, rng: np.random.Generator) -> None:
    """Write the money that each customer had spent 150 days before the end of the data."""
    orders = company.tables["orders"]
    spent = orders[orders["ordered_at"] < END - pd.Timedelta(days=150)].groupby("customer_id")["amount"].sum()
    company.add_attribute("spent", spent.reindex(company.left_on.index, fill_value=0.0).round(2))


TRAP = Trap(
    name="total of an earlier export",
    description="an attribute sums up the orders up to an export 150 days before the end",
    company="shop",
    caught_by=(("as_of_today", "customers.spent"),),
    plant=plant,
)
