"""Every table comes from a join with the customers who are active today."""

from __future__ import annotations

import numpy as np
import pandas as pd

from benchmarks.leaks.company import END, Company
from benchmarks.leaks.trap import Trap


def plant(company: Company, rng: np.random.Generator) -> None:
    """Keep only customers who were active in the last 90 days, in all tables."""
    company.keep_customers(company.left_on.index[~(company.left_on < END - pd.Timedelta(days=90))])


TRAP = Trap(
    name="join that drops the inactive everywhere",
    description="all tables are joined with customers active in the last 90 days",
    company="service",
    caught_by=(("survivors", "subscriptions"),),
    plant=plant,
)
