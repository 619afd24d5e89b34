"""The customers table carries a grade that was given today."""

from __future__ import annotations

import numpy as np
import pandas as pd

from benchmarks.leaks.company import Company
from benchmarks.leaks.trap import Trap


def plant(company: Company, rng: np.random.Generator) -> None:
    """Grade each customer by the total spent up to today, in five equally large grades."""
    total = company.tables["orders"].groupby("customer_id")["amount"].sum()
    company.add_attribute("grade", pd.qcut(total, 5, labels=list("EDCBA")).astype(str))


TRAP = Trap(
    name="future snapshot attribute in bands",
    description="an attribute is a grade of the money spent up to the export",
    company="shop",
    caught_by=(("as_of_today", "customers.grade"),),
    plant=plant,
)
