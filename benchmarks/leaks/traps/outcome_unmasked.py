"""The end of a contract is mapped as if it were scheduled."""

from __future__ import annotations

import numpy as np

from benchmarks.leaks.company import Company
from benchmarks.leaks.trap import Trap


def plant(company: Company, rng: np.random.Generator) -> None:
    """Map the end as the renewal, which is known in advance and never masked."""
    company.params["tables"]["subscriptions"] = {"columns": {"renews_at": "ended_at"}}


def honest(company: Company) -> None:
    """Map the end as the outcome it is."""
    company.params["tables"]["subscriptions"] = {}


TRAP = Trap(
    name="outcome column not masked",
    description="the end of the contract is mapped as a renewal that is known in advance",
    company="service",
    caught_by=(("filled_afterwards", "subscriptions.renews_at"),),
    plant=plant,
    honest=honest,
)
