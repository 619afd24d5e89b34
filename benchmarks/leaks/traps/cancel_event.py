"""A click on the way out counts as activity."""

from __future__ import annotations

import numpy as np
import pandas as pd

from benchmarks.leaks.company import Company
from benchmarks.leaks.trap import Trap


def plant(company: Company, rng: np.random.Generator) -> None:
    """Let most churners open the cancellation page in their last days; a few other customers open it too."""
    interactions = company.tables["interactions"]
    asks = company.churners[rng.random(len(company.churners)) < 0.85]
    before = pd.to_timedelta(rng.integers(3_600, 12 * 86_400, len(asks)), unit="s")
    curious = interactions.sample(5, random_state=rng)
    clicks = pd.DataFrame({"customer_id": asks, "happened_at": company.left_on[asks].to_numpy() - before})
    clicks = pd.concat([clicks, curious[["customer_id", "happened_at"]]]).assign(
        kind="plan_page_end", quantity=1
    )
    company.tables["interactions"] = pd.concat([interactions, clicks], ignore_index=True)


TRAP = Trap(
    name="cancel event as activity",
    description="interactions hold the click by which most churners ended their contract",
    company="service",
    caught_by=(("announced", "interactions.kind: plan_page_end"),),
    plant=plant,
)
