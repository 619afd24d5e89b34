"""Some people are customers twice."""

from __future__ import annotations

import numpy as np

from benchmarks.leaks.company import Company, copy_customers
from benchmarks.leaks.trap import Trap


def plant(company: Company, rng: np.random.Generator) -> None:
    """Give one customer in twenty a second id with the same history."""
    copy_customers(
        company,
        rng,
        rng.choice(company.left_on.index.to_numpy(), len(company.left_on) // 20, replace=False),
        1,
    )


TRAP = Trap(
    name="duplicates across a split",
    description="one customer in twenty appears twice, under two ids",
    company="shop",
    caught_by=(("duplicates", "customers"),),
    plant=plant,
)
