"""The customers come from a join with the customers who are active today."""

from __future__ import annotations

import numpy as np
import pandas as pd

from benchmarks.leaks.company import END, Company
from benchmarks.leaks.trap import Trap


def plant(company: Company, rng: np.random.Generator) -> None:
    """Keep only customers who were active in the last 90 days; keep the events of all customers."""
    company.keep_customers(
        company.left_on.index[~(company.left_on < END - pd.Timedelta(days=90))], ["customers"]
    )


TRAP = Trap(
    name="join that drops the inactive",
    description="customers are joined with the customers active in the last 90 days",
    company="service",
    caught_by=(
        ("ingest", "customer_id is in customers"),
        ("dangling", ""),
    ),
    plant=plant,
)
