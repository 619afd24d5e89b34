"""Customers who stand in the tables more than once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmarks.leaks.made import Made, new_ids


def twice(made: Made, rng: np.random.Generator, ids: npt.NDArray[np.object_], times: int) -> None:
    """Copy customers with all their rows under new ids, so many times."""
    for number in range(times):
        renamed = dict(zip(ids, new_ids(rng, len(ids), f"N{number}"), strict=True))
        for name, rows in made.tables.items():
            copies = rows[rows["customer_id"].isin(renamed)]
            copies = copies.assign(customer_id=copies["customer_id"].map(renamed))
            made.tables[name] = pd.concat([rows, copies], ignore_index=True)
        old = made.left_on[list(renamed)]
        made.left_on = pd.concat([made.left_on, pd.Series(old.to_numpy(), index=pd.Index(renamed.values()))])
