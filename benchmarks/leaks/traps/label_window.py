"""The customers table carries a count over the days in which the label is decided."""

from __future__ import annotations

import numpy as np
import pandas as pd

from benchmarks.leaks.company import END, Company
from benchmarks.leaks.trap import Trap


def plant(company: Company, rng: np.random.Generator) -> None:
    """Count the orders of the last 40 days before the export."""
    orders = company.tables["orders"]
    recent = orders[orders["ordered_at"] >= END - pd.Timedelta(days=40)]
    counts = recent.groupby("customer_id").size().reindex(company.left_on.index, fill_value=0)
    company.add_attribute("orders_40d", counts)


def honest(company: Company) -> None:
    """Leave the attribute out: orders_count_28d is the same count as of each cutoff."""
    company.params["tables"]["customers"]["static"].remove("orders_40d")


TRAP = Trap(
    name="label window overlapping features",
    description="an attribute counts the orders of the 40 days before the export",
    company="shop",
    caught_by=(("as_of_today", "customers.orders_40d"),),
    plant=plant,
    honest=honest,
)
