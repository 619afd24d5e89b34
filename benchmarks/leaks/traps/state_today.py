"""The customers table carries a state that is overwritten when someone leaves."""

from __future__ import annotations

import numpy as np

from benchmarks.leaks.company import Company
from benchmarks.leaks.trap import Trap


def plant(company: Company, rng: np.random.Generator) -> None:
    """Write a state: some churners keep the old state, and a few stayers get the state of churners."""
    ids = company.left_on.index
    left = ids.isin(company.churners)
    state = np.where(rng.random(len(ids)) < 0.1, "paused", "running")
    state = np.where(left & (rng.random(len(ids)) < 0.9), "ended", state)
    company.add_attribute("state", dict(zip(ids, state, strict=True)))


TRAP = Trap(
    name="overwritten state",
    description="an attribute is overwritten when the customer leaves",
    company="service",
    caught_by=(("only_leavers", "customers.state"),),
    plant=plant,
)
