"""The outcome is an attribute, and its name says so."""

from __future__ import annotations

import numpy as np

from benchmarks.leaks.company import Company
from benchmarks.leaks.trap import Trap


def plant(company: Company, rng: np.random.Generator) -> None:
    """Write who has left into a column with a name that speaks of leaving."""
    flag = np.where(company.left_on.notna(), "yes", "no")
    company.add_attribute("is_churned", dict(zip(company.left_on.index, flag, strict=True)))


TRAP = Trap(
    name="target-named column",
    description="an attribute holds who has left, and its name says so",
    company="service",
    caught_by=(("suspicious_names", "customers.is_churned"),),
    plant=plant,
)
