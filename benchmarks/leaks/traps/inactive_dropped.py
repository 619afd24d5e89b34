"""The customers come from a join with those who are active today."""

from __future__ import annotations

import numpy as np
import pandas as pd

from benchmarks.leaks.made import END, Made
from benchmarks.leaks.trap import Trap


def plant(made: Made, rng: np.random.Generator) -> None:
    """Keep only customers who were active in the last 90 days; the events of the others stay behind."""
    made.keep_customers(made.left_on.index[~(made.left_on < END - pd.Timedelta(days=90))], ["customers"])


TRAP = Trap(
    name="join that drops the inactive",
    what="customers are joined with those active in the last 90 days",
    company="service",
    caught_by=(
        ("ingest", "customer_id is in customers"),
        ("dangling", ""),
    ),
    plant=plant,
)
