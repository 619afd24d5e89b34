"""Rows come in days after they happened, and the source says when."""

from __future__ import annotations

import numpy as np
import pandas as pd

from benchmarks.leaks.made import END, Made
from benchmarks.leaks.trap import Trap


def plant(made: Made, rng: np.random.Generator) -> None:
    """Let a third of the logins come in one to twenty days late; all others within the hour."""
    logins = made.tables["logins"]
    late = rng.random(len(logins)) < 0.33
    days = np.where(late, rng.uniform(1, 20, len(logins)), rng.uniform(0, 0.04, len(logins)))
    logins["loaded_at"] = logins["happened_at"] + pd.to_timedelta((days * 86_400).astype(int), unit="s")
    made.tables["logins"] = logins[logins["loaded_at"] < END]


def honest(made: Made) -> None:
    """Map the time of loading as the second clock."""
    made.params["tables"]["logins"] = {"columns": {"known_at": "loaded_at"}}


TRAP = Trap(
    name="late ingestion",
    what="a third of the logins came in up to 20 days late; the time of loading is not mapped",
    company="service",
    caught_by=(("late_rows", "logins"),),
    plant=plant,
    honest=honest,
)
