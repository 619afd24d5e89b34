"""The customers table carries the number of events of one kind, counted today."""

from __future__ import annotations

import numpy as np

from benchmarks.leaks.company import Company
from benchmarks.leaks.trap import Trap


def plant(company: Company, rng: np.random.Generator) -> None:
    """Write how often each customer has complained up to today."""
    rows = company.tables["interactions"]
    counts = rows[rows["kind"] == "complaint"].groupby("customer_id").size()
    company.add_attribute("remarks", counts.reindex(company.left_on.index, fill_value=0))


TRAP = Trap(
    name="all-time total of one kind",
    description="an attribute counts the complaints up to the export",
    company="service",
    caught_by=(("as_of_today", "customers.remarks"),),
    plant=plant,
)
