"""A table of accounts to be deleted is mapped as a table of events."""

from __future__ import annotations

import numpy as np
import pandas as pd

from benchmarks.leaks.company import Company
from benchmarks.leaks.trap import Trap


def plant(company: Company, rng: np.random.Generator) -> None:
    """Let most customers who never come back ask, soon after their last event, to have their data deleted."""
    asks = company.churners[rng.random(len(company.churners)) < 0.6]
    before = pd.to_timedelta(rng.integers(3_600, 20 * 86_400, len(asks)), unit="s")
    at = company.left_on[asks].to_numpy() - before
    company.tables["data_requests"] = pd.DataFrame({"customer_id": asks, "happened_at": at})
    company.params["events"]["data_requests"] = {}


TRAP = Trap(
    name="table of requests to be forgotten",
    description="an event table holds only customers who never come back",
    company="shop",
    caught_by=(("announced", "data_requests"),),
    plant=plant,
)
