"""The customers table carries a running total that was exported today."""

from __future__ import annotations

import numpy as np

from benchmarks.leaks.made import Made
from benchmarks.leaks.trap import Trap


def plant(made: Made, rng: np.random.Generator) -> None:
    """Write how often each customer has logged in up to today."""
    made.add_attribute("lifetime_logins", made.tables["logins"].groupby("customer_id").size())


TRAP = Trap(
    name="future snapshot attribute",
    what="an attribute holds the number of logins up to the export",
    company="service",
    caught_by=(("as_of_today", "customers.lifetime_logins"),),
    plant=plant,
)
