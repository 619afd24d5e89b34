"""Totals of a month are stamped with its first day."""

from __future__ import annotations

import numpy as np

from benchmarks.leaks.made import Made
from benchmarks.leaks.trap import Trap


def plant(made: Made, rng: np.random.Generator) -> None:
    """Sum up the logins of each month, and stamp the sum with the month's beginning, as reports do."""
    logins = made.tables["logins"]
    month = logins["happened_at"].dt.to_period("M").dt.to_timestamp()
    totals = logins.groupby(["customer_id", month.rename("happened_at")]).size().rename("value")
    made.tables["usage"] = totals.reset_index()
    made.params["events"] = {"usage": {}}


def honest(made: Made) -> None:
    """Say that the total of a month is known when the month is over."""
    made.params["events"] = {"usage": {"columns": {"known_at": "happened_at + INTERVAL 1 MONTH"}}}


TRAP = Trap(
    name="label window in an event table",
    what="monthly totals are stamped with the first day of their month",
    company="service",
    caught_by=(("stamped_early", "usage.value"),),
    plant=plant,
    honest=honest,
)
