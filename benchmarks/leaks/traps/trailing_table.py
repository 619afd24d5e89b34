"""The rows of one table come in days after the rows of the other tables."""

from __future__ import annotations

import numpy as np
import pandas as pd

from benchmarks.leaks.company import END, Company
from benchmarks.leaks.trap import Trap


def plant(company: Company, rng: np.random.Generator) -> None:
    """Let each payment come in 5 to 14 days after it is due; the source does not hold the time of loading."""
    payments = company.tables["payments"]
    days = pd.to_timedelta(rng.integers(5, 15, len(payments)), unit="D")
    company.tables["payments"] = payments[payments["due_at"] + days < END]


TRAP = Trap(
    name="table that trails in by another clock",
    description="payments come in 5 to 14 days late, so the newest are missing; other tables are complete",
    company="service",
    caught_by=(("trailing", "payments"),),
    plant=plant,
)
