"""The customers table loses a value when someone leaves."""

from __future__ import annotations

import numpy as np

from benchmarks.leaks.company import Company
from benchmarks.leaks.trap import Trap


def plant(company: Company, rng: np.random.Generator) -> None:
    """Write how each customer pays; empty the value for churners and for a few other customers."""
    ids = company.left_on.index
    has_left = ids.isin(company.churners) | (rng.random(len(ids)) < 0.02)
    means = rng.choice(["card", "invoice", "direct debit"], len(ids))
    company.add_attribute("pays_by", dict(zip(ids, np.where(has_left, None, means), strict=True)))


TRAP = Trap(
    name="value emptied at the end",
    description="an attribute is emptied when the customer leaves",
    company="service",
    caught_by=(
        ("only_leavers", "customers.pays_by"),
        ("missing", "customers.pays_by"),
    ),
    plant=plant,
)
