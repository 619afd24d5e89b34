"""Empty rows are written after a contract is cancelled."""

from __future__ import annotations

import numpy as np
import pandas as pd

from benchmarks.leaks.company import END, Company
from benchmarks.leaks.trap import Trap


def plant(company: Company, rng: np.random.Generator) -> None:
    """Write meter rows for customers who gave notice.

    The meter writes an empty row each week, from three weeks before the end of the contract to five
    weeks after the end.
    """
    weeks = pd.to_timedelta(np.arange(-3, 6) * 7, unit="D")
    at = company.left_on[company.churners].to_numpy()[:, None] + weeks.to_numpy()[None, :]
    seconds = pd.to_timedelta(rng.integers(0, 86_400, at.shape).ravel(), unit="s")
    rows = pd.DataFrame(
        {"customer_id": np.repeat(company.churners, len(weeks)), "happened_at": at.ravel() + seconds}
    )
    rows = rows[rows["happened_at"] < END].assign(kind="search", quantity=0)
    sign_up = rows["customer_id"].map(company.tables["customers"].set_index("customer_id")["signed_up_at"])
    notice = rows["customer_id"].map(company.left_on) - pd.Timedelta(days=21)
    interactions = company.tables["interactions"]
    silent = interactions["happened_at"] < interactions["customer_id"].map(company.left_on).fillna(
        END
    ) - pd.Timedelta(days=21)
    zero_rows = rows[(rows["happened_at"] > sign_up) & (rows["happened_at"] >= notice)]
    company.tables["interactions"] = pd.concat([interactions[silent], zero_rows], ignore_index=True)


TRAP = Trap(
    name="zero rows after cancellation",
    description="after the notice the meter writes a weekly row of quantity 0",
    company="service",
    caught_by=(("zeroed", "interactions.quantity"),),
    plant=plant,
)
