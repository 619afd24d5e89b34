"""Columns of a public data set that are known to leak."""

from __future__ import annotations

import numpy as np

from benchmarks.leaks.company import Company
from benchmarks.leaks.trap import Trap


def plant(company: Company, rng: np.random.Generator) -> None:
    """Add columns of the extended Telco data, including the two columns that were made from the outcome."""
    ids = company.left_on.index
    score = np.where(company.left_on.notna(), rng.integers(60, 101, len(ids)), rng.integers(5, 81, len(ids)))
    columns = {
        "payment_method": rng.choice(["card", "cheque"], len(ids)),
        "paperless_billing": rng.choice(["yes", "no"], len(ids)),
        "cltv": rng.integers(20, 65, len(ids)) * 100 - 10 * score,
    }
    for name, values in columns.items():
        company.add_attribute(name, dict(zip(ids, values, strict=True)))


TRAP = Trap(
    name="known leaky public column",
    description="attributes of the extended Telco data, including CLTV",
    company="service",
    caught_by=(("known_leaks", "customers.cltv"),),
    plant=plant,
)
