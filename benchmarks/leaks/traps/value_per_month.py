"""The customers table carries a customer value that was computed at the end of the data."""

from __future__ import annotations

import numpy as np
import pandas as pd

from benchmarks.leaks.company import END, Company
from benchmarks.leaks.trap import Trap


def plant(company: Company, rng: np.random.Generator) -> None:
    """Write the mean revenue of each customer for a month of life up to today."""
    spent = company.tables["orders"].groupby("customer_id")["amount"].sum()
    signed_up = company.tables["customers"].set_index("customer_id")["signed_up_at"]
    months = (END - signed_up.dt.normalize()) / pd.Timedelta(days=30.4)
    company.add_attribute("customer_value", (spent / months).fillna(0.0).round(2))


TRAP = Trap(
    name="customer value at the end of the data",
    description="an attribute holds the revenue for each month of life up to the export",
    company="shop",
    caught_by=(("as_of_today", "customers.customer_value"),),
    plant=plant,
)
