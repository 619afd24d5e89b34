"""Leavers were copied to balance the classes."""

from __future__ import annotations

import numpy as np

from benchmarks.leaks.company import Company, copy_customers
from benchmarks.leaks.trap import Trap


def plant(company: Company, rng: np.random.Generator) -> None:
    """Copy each churner three times under new ids, as a balanced sample does."""
    copy_customers(company, rng, company.churners.to_numpy(), 3)


TRAP = Trap(
    name="resampling before a split",
    description="each churner was copied three times to balance the classes",
    company="service",
    caught_by=(("duplicates", "customers"),),
    plant=plant,
)
