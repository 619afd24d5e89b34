"""Rows are loaded days after they happened, and the source holds the time of loading."""

from __future__ import annotations

import numpy as np
import pandas as pd

from benchmarks.leaks.company import END, Company
from benchmarks.leaks.trap import Trap


def plant(company: Company, rng: np.random.Generator) -> None:
    """Load a third of the logins one to twenty days late, and all other logins within the hour."""
    logins = company.tables["logins"]
    late = rng.random(len(logins)) < 0.33
    days = np.where(late, rng.uniform(1, 20, len(logins)), rng.uniform(0, 0.04, len(logins)))
    logins["loaded_at"] = logins["happened_at"] + pd.to_timedelta((days * 86_400).astype(int), unit="s")
    company.tables["logins"] = logins[logins["loaded_at"] < END]


def honest(company: Company) -> None:
    """Map the time of loading as the second clock."""
    company.params["tables"]["logins"] = {"columns": {"known_at": "loaded_at"}}


TRAP = Trap(
    name="late ingestion",
    description="a third of the logins were loaded up to 20 days late; the time of loading is not mapped",
    company="service",
    caught_by=(("late_rows", "logins"),),
    plant=plant,
    honest=honest,
)
