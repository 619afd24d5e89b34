"""The customers table carries a total over two tables, computed today."""

from __future__ import annotations

import numpy as np

from benchmarks.leaks.company import Company
from benchmarks.leaks.trap import Trap


def plant(company: Company, rng: np.random.Generator) -> None:
    """Write the number of tickets and complaints of each customer up to today."""
    rows = company.tables["interactions"]
    complaints = rows[rows["kind"] == "complaint"].groupby("customer_id").size()
    tickets = company.tables["tickets"].groupby("customer_id").size()
    ids = company.left_on.index
    company.add_attribute(
        "problems", complaints.reindex(ids, fill_value=0) + tickets.reindex(ids, fill_value=0)
    )


TRAP = Trap(
    name="all-time total of two tables",
    description="an attribute adds up the tickets and the complaints up to the export",
    company="service",
    caught_by=(("as_of_today", "customers.problems"),),
    plant=plant,
)
