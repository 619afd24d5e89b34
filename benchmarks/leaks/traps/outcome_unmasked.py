"""The end of a contract is mapped as if it were scheduled."""

from __future__ import annotations

import numpy as np

from benchmarks.leaks.made import Made
from benchmarks.leaks.trap import Trap


def plant(made: Made, rng: np.random.Generator) -> None:
    """Map the end as the renewal, which is known ahead and never masked."""
    made.params["tables"]["subscriptions"] = {"columns": {"renews_at": "ended_at"}}


def honest(made: Made) -> None:
    """Map the end as the outcome it is."""
    made.params["tables"]["subscriptions"] = {}


TRAP = Trap(
    name="outcome column not masked",
    what="the end of the contract is mapped as a renewal known ahead",
    company="service",
    caught_by=(("filled_afterwards", "subscriptions.renews_at"),),
    plant=plant,
    honest=honest,
)
