"""The customers table carries a grade that was given today."""

from __future__ import annotations

import numpy as np
import pandas as pd

from benchmarks.leaks.made import Made
from benchmarks.leaks.trap import Trap


def plant(made: Made, rng: np.random.Generator) -> None:
    """Grade each customer by all they have spent up to today, in five equal grades."""
    spent = made.tables["orders"].groupby("customer_id")["amount"].sum()
    made.add_attribute("grade", pd.qcut(spent, 5, labels=list("EDCBA")).astype(str))


TRAP = Trap(
    name="future snapshot attribute in bands",
    what="an attribute grades what was spent up to the export",
    company="shop",
    caught_by=(("as_of_today", "customers.grade"),),
    plant=plant,
)
