"""Some people got a new id, and their rows were copied to it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from benchmarks.leaks.company import DAYS, START, Company, copy_customers
from benchmarks.leaks.trap import Trap

TIMES = {"orders": "ordered_at", "visits": "happened_at", "emails": "sent_at"}


def plant(company: Company, rng: np.random.Generator) -> None:
    """Copy one customer in twenty to a new id on a day of the second year; then the old id gets no rows."""
    moved = rng.choice(company.left_on.index.to_numpy(), len(company.left_on) // 20, replace=False)
    copy_customers(company, rng, moved, 1)
    day = START + pd.to_timedelta(rng.integers(DAYS // 2, DAYS, len(moved)), unit="D")
    moved_on = pd.Series(day, index=pd.Index(moved))
    for table, time in TIMES.items():
        rows = company.tables[table]
        is_later = rows[time] >= rows["customer_id"].map(moved_on)
        company.tables[table] = rows[~is_later]


TRAP = Trap(
    name="people duplicated under new ids",
    description="one customer in twenty got a new id in the second year, and the old rows under both ids",
    company="shop",
    caught_by=(("duplicates", "customers"),),
    plant=plant,
)
