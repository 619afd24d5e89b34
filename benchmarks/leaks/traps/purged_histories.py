"""The rows of those who left are deleted."""

from __future__ import annotations

import numpy as np
import pandas as pd

from benchmarks.leaks.company import END, Company
from benchmarks.leaks.trap import Trap


def plant(company: Company, rng: np.random.Generator) -> None:
    """Delete the e-mails of customers who left more than a month before the export, as a mail tool does."""
    long_gone = company.left_on.index[company.left_on < END - pd.Timedelta(days=30)]
    company.keep_customers(company.left_on.index.difference(long_gone), ["emails"])


TRAP = Trap(
    name="history deleted at the end",
    description="the mail tool deletes the rows of customers a month after they left",
    company="service",
    caught_by=(("purged", "emails"),),
    plant=plant,
)
