"""A trap: a leak planted in a clean company, and the guards that should find it."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from benchmarks.leaks.company import Company
from benchmarks.leaks.service import service
from benchmarks.leaks.shop import shop

CLEAN: Mapping[str, Callable[[int], Company]] = {"service": service, "shop": shop}
"""The clean companies: one with contracts, one without."""

Plant = Callable[[Company, np.random.Generator], None]


@dataclass(frozen=True)
class Trap:
    """A leak in the data.

    Attributes:
        name: The name in the table.
        description: What was done to the data, in words.
        company: The clean company in which it is planted.
        caught_by: Pairs (guard, place). A finding with one of these pairs catches the leak; other findings do
            not count.
        plant: A function that changes the tables and the parameters.
        honest: A function that changes the parameters to the honest mapping of the same raw tables; None if
            there is no honest mapping.
    """

    name: str
    description: str
    company: str
    caught_by: tuple[tuple[str, str], ...]
    plant: Plant
    honest: Callable[[Company], None] | None = None

    def company_with_leak(self, seed: int) -> Company:
        """Make the company with this leak in it."""
        company = CLEAN[self.company](seed)
        self.plant(company, np.random.default_rng([seed, 3]))
        return company


def traps() -> dict[str, Trap]:
    """Return all traps by name; each trap is a file in the folder `traps`."""
    from benchmarks.leaks import traps as package

    names = sorted(file.name for file in pkgutil.iter_modules(package.__path__))
    all_traps = [importlib.import_module(f"{package.__name__}.{name}").TRAP for name in names]
    return {trap.name: trap for trap in all_traps}
