"""The customers table carries a running total that was exported today."""

from __future__ import annotations

import numpy as np

from benchmarks.leaks.company import Company
from benchmarks.leaks.trap import Trap


def plant(company: Company, rng: np.random.Generator) -> None:
    """Write how often each customer has logged in up to today."""
    company.add_attribute("lifetime_logins", company.tables["logins"].groupby("customer_id").size())


TRAP = Trap(
    name="future snapshot attribute",
    description="an attribute holds the number of logins up to the export",
    company="service",
    caught_by=(("as_of_today", "customers.lifetime_logins"),),
    plant=plant,
)
