"""A made-up company: raw tables, the parameters that a user would write, and the true ends."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import yaml

from churn.params import Params, load_params

START = pd.Timestamp("2023-01-01")
"""Day 0: the first day of the events."""

DAYS = 730
"""The days after `START` up to which the data are complete."""

END = START + pd.Timedelta(days=DAYS)

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass
class Company:
    """A made-up company; a trap changes its tables and its parameters.

    Attributes:
        tables: The raw tables by name; `customer_id` is text in all of them.
        params: The tree of params.yaml, without the paths.
        left_on: The day on which each customer left, by customer_id; missing for customers who stayed.
    """

    tables: dict[str, pd.DataFrame]
    params: dict[str, Any]
    left_on: pd.Series[pd.Timestamp]

    @property
    def churners(self) -> pd.Index[str]:
        """Return the ids of the customers who left before the data end."""
        return self.left_on.index[self.left_on.notna()]

    def add_attribute(self, name: str, values: Mapping[str, Any] | pd.Series[Any]) -> None:
        """Give the customers a column, and list it as a static attribute, as a trusting user would."""
        customers = self.tables["customers"]
        customers[name] = customers["customer_id"].map(values)
        self.params["tables"]["customers"].setdefault("static", []).append(name)

    def keep_customers(self, ids: pd.Index[str], tables: list[str] | None = None) -> None:
        """Drop the rows of all other customers from some tables, by default from all tables."""
        for name in tables or list(self.tables):
            rows = self.tables[name]
            self.tables[name] = rows[rows["customer_id"].isin(ids)]

    def copy(self) -> Company:
        """Return an independent copy."""
        return deepcopy(self)

    def write(self, folder: Path) -> Params:
        """Write the raw tables and params.yaml into a folder, and read the parameters from it."""
        source = folder / "raw"
        source.mkdir(parents=True)
        for name, rows in self.tables.items():
            rows.to_parquet(source / f"{name}.parquet", index=False)
        tree = {"source": "raw", "timezone": "Europe/Berlin", **self.params}
        (folder / "params.yaml").write_text(yaml.safe_dump(tree), encoding="utf-8")
        return load_params(folder / "params.yaml")


def new_ids(rng: np.random.Generator, n: int, prefix: str = "C") -> npt.NDArray[np.object_]:
    """Draw ids whose order means nothing."""
    numbers = rng.choice(900_000, n, replace=False) + 100_000
    return np.array([f"{prefix}{number}" for number in numbers], dtype=object)


def moments(rng: np.random.Generator, daily: Floats) -> tuple[Ints, Ints, pd.DatetimeIndex]:
    """Draw events from daily rates of shape (customers, days).

    Returns:
        The customer, the day and the time of each event, each of shape (events,).
    """
    counts = rng.poisson(daily)
    customer, day = np.nonzero(counts)
    times = counts[customer, day]
    customer, day = np.repeat(customer, times), np.repeat(day, times)
    seconds = rng.integers(6 * 3600, 23 * 3600, len(day))
    at = START + pd.to_timedelta(day, unit="D") + pd.to_timedelta(seconds, unit="s")
    return customer, day, pd.DatetimeIndex(at)


def copy_customers(
    company: Company, rng: np.random.Generator, ids: npt.NDArray[np.object_], times: int
) -> None:
    """Copy customers with all their rows under new ids.

    Args:
        company: The company, which is changed.
        rng: The generator that draws the new ids.
        ids: The ids of the customers.
        times: The number of copies of each customer.
    """
    for number in range(times):
        new_id = dict(zip(ids, new_ids(rng, len(ids), f"N{number}"), strict=True))
        for name, rows in company.tables.items():
            copies = rows[rows["customer_id"].isin(new_id)]
            copies = copies.assign(customer_id=copies["customer_id"].map(new_id))
            company.tables[name] = pd.concat([rows, copies], ignore_index=True)
        left_on = company.left_on[list(new_id)]
        copied_left_on = pd.Series(left_on.to_numpy(), index=pd.Index(new_id.values()))
        company.left_on = pd.concat([company.left_on, copied_left_on])
