"""The customer number runs with time."""

from __future__ import annotations

import numpy as np

from benchmarks.leaks.company import Company
from benchmarks.leaks.trap import Trap


def plant(company: Company, rng: np.random.Generator) -> None:
    """Number the customers in the order of their sign-up, with gaps, and add the number as an attribute."""
    customers = company.tables["customers"].sort_values("signed_up_at")
    numbers = 10_000 + np.cumsum(rng.integers(1, 5, len(customers)))
    company.add_attribute("customer_no", dict(zip(customers["customer_id"], numbers, strict=True)))


TRAP = Trap(
    name="id that encodes time",
    description="an attribute is the running customer number",
    company="service",
    caught_by=(("shapes", "customers.customer_no"),),
    plant=plant,
)
