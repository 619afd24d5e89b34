"""The scores that the page of a night needs: three values per customer, and whole rows of a few customers.

A company may have millions of customers, so a row becomes a Python object only if the page shows it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class NightScores:
    """The scores of a night, as far as its page needs them.

    Attributes:
        probability: The probability of each scored customer, shape `[customers]`.
        health: The health band of each scored customer, NaN if there is none, shape `[customers]`.
        value: The value at risk of each scored customer in currency, NaN if it is not known, shape
            `[customers]`.
        rows: The whole rows of a few customers, by customer id.
    """

    probability: Floats
    health: Floats
    value: Floats
    rows: Mapping[str, Mapping[str, Any]]

    @classmethod
    def of(cls, table: pa.Table, probability: str, customers: Iterable[str]) -> NightScores:
        """Take what the page needs from the table of the night's scores.

        Args:
            table: The scores, one row for each customer; only customers who are not excluded count as scored.
            probability: The name of the column with the probability.
            customers: The ids of the customers whose whole rows are needed.
        """
        scored = table.filter(pc.is_null(table["excluded_because"]))
        return cls(
            probability=_floats(scored[probability]),
            health=_floats(scored["health"]),
            value=_floats(scored["value_at_risk"]),
            rows=rows_of(table, customers),
        )


def rows_of(table: pa.Table, customers: Iterable[str]) -> Mapping[str, Mapping[str, Any]]:
    """Return the rows of some customers by id; a customer who is not in the table has no entry."""
    is_wanted = pc.is_in(table["customer_id"], pa.array(sorted(set(customers)), table["customer_id"].type))
    return {str(row["customer_id"]): row for row in table.filter(is_wanted).to_pylist()}


def _floats(column: pa.ChunkedArray) -> Floats:
    """Return a column as floating-point numbers; a missing value is NaN."""
    return np.asarray(pc.cast(column, pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)
