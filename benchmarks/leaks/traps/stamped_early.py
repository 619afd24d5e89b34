"""The total of a month has the first day of the month as its time."""

from __future__ import annotations

import numpy as np

from benchmarks.leaks.company import Company
from benchmarks.leaks.trap import Trap


def plant(company: Company, rng: np.random.Generator) -> None:
    """Sum up the logins of each month, and give the sum the first day of the month, as reports do."""
    logins = company.tables["logins"]
    month = logins["happened_at"].dt.to_period("M").dt.to_timestamp()
    totals = logins.groupby(["customer_id", month.rename("happened_at")]).size().rename("value")
    company.tables["usage"] = totals.reset_index()
    company.params["events"] = {"usage": {}}


def honest(company: Company) -> None:
    """Map the end of the month as the time at which the total is known."""
    company.params["events"] = {"usage": {"columns": {"known_at": "happened_at + INTERVAL 1 MONTH"}}}


TRAP = Trap(
    name="label window in an event table",
    description="monthly totals are stamped with the first day of their month",
    company="service",
    caught_by=(("stamped_early", "usage.value"),),
    plant=plant,
    honest=honest,
)
