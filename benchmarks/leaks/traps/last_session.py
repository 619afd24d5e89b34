"""The customers table carries the last session as of today."""

from __future__ import annotations

import numpy as np

from benchmarks.leaks.company import Company
from benchmarks.leaks.trap import Trap


def plant(company: Company, rng: np.random.Generator) -> None:
    """Write the date of each customer's last login before the export."""
    last = company.tables["logins"].groupby("customer_id")["happened_at"].max()
    company.add_attribute("last_session", last.dt.date)


TRAP = Trap(
    name="last-session column exported today",
    description="an attribute holds the date of the last login",
    company="service",
    caught_by=(("as_of_today", "customers.last_session"),),
    plant=plant,
)
