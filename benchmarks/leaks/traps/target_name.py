"""The outcome is an attribute, under its own name."""

from __future__ import annotations

import numpy as np

from benchmarks.leaks.made import Made
from benchmarks.leaks.trap import Trap


def plant(made: Made, rng: np.random.Generator) -> None:
    """Write who has left into a column whose name says so."""
    flag = np.where(made.left_on.notna(), "yes", "no")
    made.add_attribute("is_churned", dict(zip(made.left_on.index, flag, strict=True)))


TRAP = Trap(
    name="target-named column",
    what="an attribute says who has left, and is named so",
    company="service",
    caught_by=(("suspicious_names", "customers.is_churned"),),
    plant=plant,
)
