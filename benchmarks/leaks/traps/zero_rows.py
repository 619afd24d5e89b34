"""Rows of nothing are written once a contract is cancelled."""

from __future__ import annotations

import numpy as np
import pandas as pd

from benchmarks.leaks.made import END, Made
from benchmarks.leaks.trap import Trap


def plant(made: Made, rng: np.random.Generator) -> None:
    """Keep the meter running for customers who gave notice.

    It writes an empty row each week, from three weeks before the end of the contract to five weeks after.
    """
    weeks = pd.to_timedelta(np.arange(-3, 6) * 7, unit="D")
    at = made.left_on[made.leavers].to_numpy()[:, None] + weeks.to_numpy()[None, :]
    seconds = pd.to_timedelta(rng.integers(0, 86_400, at.shape).ravel(), unit="s")
    rows = pd.DataFrame(
        {"customer_id": np.repeat(made.leavers, len(weeks)), "happened_at": at.ravel() + seconds}
    )
    rows = rows[rows["happened_at"] < END].assign(kind="search", quantity=0)
    started = rows["customer_id"].map(made.tables["customers"].set_index("customer_id")["signed_up_at"])
    notice = rows["customer_id"].map(made.left_on) - pd.Timedelta(days=21)
    interactions = made.tables["interactions"]
    silent = interactions["happened_at"] < interactions["customer_id"].map(made.left_on).fillna(
        END
    ) - pd.Timedelta(days=21)
    kept = rows[(rows["happened_at"] > started) & (rows["happened_at"] >= notice)]
    made.tables["interactions"] = pd.concat([interactions[silent], kept], ignore_index=True)


TRAP = Trap(
    name="zero rows after cancellation",
    what="from the notice on the meter writes a weekly row of quantity 0",
    company="service",
    caught_by=(("zeroed", "interactions.quantity"),),
    plant=plant,
)
