"""The customers table carries a count over the days in which the label is decided."""

from __future__ import annotations

import numpy as np
import pandas as pd

from benchmarks.leaks.made import END, Made
from benchmarks.leaks.trap import Trap


def plant(made: Made, rng: np.random.Generator) -> None:
    """Count the orders of the last 40 days before the export."""
    orders = made.tables["orders"]
    recent = orders[orders["ordered_at"] >= END - pd.Timedelta(days=40)]
    counts = recent.groupby("customer_id").size().reindex(made.left_on.index, fill_value=0)
    made.add_attribute("orders_40d", counts)


def honest(made: Made) -> None:
    """Leave the attribute out: orders_count_28d says the same as of each cutoff."""
    made.params["tables"]["customers"]["static"].remove("orders_40d")


TRAP = Trap(
    name="label window overlapping features",
    what="an attribute counts the orders of the 40 days before the export",
    company="shop",
    caught_by=(("as_of_today", "customers.orders_40d"),),
    plant=plant,
    honest=honest,
)
