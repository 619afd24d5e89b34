"""Leavers were copied to balance the classes."""

from __future__ import annotations

import numpy as np

from benchmarks.leaks.copies import twice
from benchmarks.leaks.made import Made
from benchmarks.leaks.trap import Trap


def plant(made: Made, rng: np.random.Generator) -> None:
    """Copy each leaver three times under new ids, as a balanced sample does."""
    twice(made, rng, made.leavers.to_numpy(), 3)


TRAP = Trap(
    name="resampling before a split",
    what="each leaver was copied three times to balance the classes",
    company="service",
    caught_by=(("duplicates", "customers"),),
    plant=plant,
)
