"""The visits keep only their month."""

from __future__ import annotations

import numpy as np

from benchmarks.leaks.company import Company
from benchmarks.leaks.trap import Trap


def plant(company: Company, rng: np.random.Generator) -> None:
    """Give each visit the first day of its month as its time."""
    visits = company.tables["visits"]
    visits["happened_at"] = visits["happened_at"].dt.to_period("M").dt.to_timestamp()


TRAP = Trap(
    name="times of months only",
    description="visits are dated on the first day of their month, and the cutoffs lie inside months",
    company="shop",
    caught_by=(("stamped_early", "visits"),),
    plant=plant,
)
