"""Some people are customers twice."""

from __future__ import annotations

import numpy as np

from benchmarks.leaks.copies import twice
from benchmarks.leaks.made import Made
from benchmarks.leaks.trap import Trap


def plant(made: Made, rng: np.random.Generator) -> None:
    """Give one customer in twenty a second id with the same history."""
    twice(made, rng, rng.choice(made.left_on.index.to_numpy(), len(made.left_on) // 20, replace=False), 1)


TRAP = Trap(
    name="duplicates across a split",
    what="one customer in twenty stands there twice, under two ids",
    company="shop",
    caught_by=(("duplicates", "customers"),),
    plant=plant,
)
