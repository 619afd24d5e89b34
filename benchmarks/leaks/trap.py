"""A trap: one leak planted in a clean company, and the guards that should catch it."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from benchmarks.leaks.made import Made
from benchmarks.leaks.service import service
from benchmarks.leaks.shop import shop

CLEAN: Mapping[str, Callable[[int], Made]] = {"service": service, "shop": shop}
"""The clean companies, one with contracts, one without."""

Plant = Callable[[Made, np.random.Generator], None]


@dataclass(frozen=True)
class Trap:
    """One leak.

    Attributes:
        name: As the table names it.
        what: What was done to the data, for people.
        company: Which clean company it is planted in.
        caught_by: `(guard, place)` pairs; any one is a fitting catch, others are accidents.
        plant: Changes the tables and the parameters.
        honest: Changes the parameters to the honest mapping of the same raw tables; None where there is none.
    """

    name: str
    what: str
    company: str
    caught_by: tuple[tuple[str, str], ...]
    plant: Plant
    honest: Callable[[Made], None] | None = None

    def made(self, seed: int) -> Made:
        """Make the company with this leak in it."""
        made = CLEAN[self.company](seed)
        self.plant(made, np.random.default_rng([seed, 3]))
        return made


def traps() -> dict[str, Trap]:
    """Return all traps by name, one per file of the folder `traps`."""
    from benchmarks.leaks import traps as package

    names = sorted(file.name for file in pkgutil.iter_modules(package.__path__))
    found = [importlib.import_module(f"{package.__name__}.{name}").TRAP for name in names]
    return {trap.name: trap for trap in found}
