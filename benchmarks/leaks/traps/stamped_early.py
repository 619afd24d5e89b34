"""Totals of a month are stamped with its first day."""

from __future__ import annotations

import numpy as np

from benchmarks.leaks.company import Company
from benchmarks.leaks.trap import Trap


def plant(company: Company, rng: np.random.Generator) -> None:
    """Sum up the logins of each month, and stamp the sum with the month's beginning, as reports do."""
    logins = company.tables["logins"]
    month = logins["happened_at"].dt.to_period("M").dt.to_timestamp()
    totals = logins.groupby(["customer_id", month.rename("happened_at")]).size().rename("value")
    company.tables["usage"] = totals.reset_index()
    company.params["events"] = {"usage": {}}


def honest(company: Company) -> None:
    """Say that the total of a month is known when the month is over."""
    company.params["events"] = {"usage": {"columns": {"known_at": "happened_at + INTERVAL 1 MONTH"}}}


TRAP = Trap(
    name="label window in an event table",
    description="monthly totals are stamped with the first day of their month",
    company="service",
    caught_by=(("stamped_early", "usage.value"),),
    plant=plant,
    honest=honest,
)
