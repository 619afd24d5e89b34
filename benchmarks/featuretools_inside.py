"""What runs in the environment of featuretools: 25 simple signals of our own at the rows of `cohort.parquet`.

It gets all it can for free: the tables are read and in local time, and the cohort is known. Each window is a
pass of its own, as featuretools has one window a pass.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import featuretools as ft
import numpy as np
import pandas as pd
from featuretools.primitives import Count, Mean, NUniqueDays, Sum, TimeSinceLast

WINDOWS = (28, 182)
ZONE = "Europe/Berlin"
TABLES = ("visits", "emails", "payments", "surveys", "tickets", "orders")
ACTIVE = ("visits", "orders")


def main(folder: Path) -> None:
    """Compute and print what it took."""
    store = folder / "output" / "store"
    customers = pd.read_parquet(store / "customers", columns=["customer"])
    tables = {name: _table(store / name, name) for name in TABLES}
    asked = pd.read_parquet(folder / "cohort.parquet")
    cpu, wall = time.process_time(), time.perf_counter()
    company = ft.EntitySet("company")
    company.add_dataframe(dataframe_name="customers", dataframe=customers, index="customer")
    for name, table in tables.items():
        company.add_dataframe(
            dataframe_name=name, dataframe=table, index="row", make_index=True, time_index="at"
        )
        company.add_relationship("customers", "customer", name, "customer")
    made = [
        ft.calculate_feature_matrix(
            _features(company, days),
            company,
            cutoff_time=asked,
            training_window=f"{days} days",
            include_cutoff_time=False,
        )
        for days in WINDOWS
    ]
    took = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}
    found = pd.concat(made, axis=1)
    versions = f"featuretools {ft.__version__}, pandas {pd.__version__}, numpy {np.__version__}"
    print(json.dumps({**took, "answer": {"features": _checksums(found), "versions": versions}}))


def _table(folder: Path, name: str) -> pd.DataFrame:
    columns = ["customer", "at", *(["amount"] if name == "orders" else [])]
    table = pd.read_parquet(folder, columns=columns)
    zoned = table["at"] if table["at"].dt.tz is not None else table["at"].dt.tz_localize("UTC")
    # Without its zone: cutoffs are local midnights.
    table["at"] = zoned.dt.tz_convert(ZONE).dt.tz_localize(None).astype("datetime64[ns]")
    return table


def _features(company: ft.EntitySet, days: int) -> list[ft.FeatureBase]:
    """Return the features of one window, named as ours; the longest gives the recency too."""
    found = []

    def add(name: str, table: str, column: str, primitive: type | ft.primitives.AggregationPrimitive) -> None:
        feature = ft.Feature(
            company[table].ww[column], parent_dataframe_name="customers", primitive=primitive
        )
        found.append(feature.rename(name))

    for table in TABLES:
        add(f"{table}_count_{days}d", table, "row", Count)
        if table in ACTIVE:
            add(f"{table}_active_days_{days}d", table, "at", NUniqueDays)
        if days == max(WINDOWS):
            add(f"{table}_days_since_last", table, "at", TimeSinceLast(unit="days"))
    add(f"orders_amount_total_{days}d", "orders", "amount", Sum)
    if days == max(WINDOWS):
        add("order_value", "orders", "amount", Mean)
    return found


def _checksums(found: pd.DataFrame) -> dict[str, tuple[int, float]]:
    """Return how many values each feature has and their sum, in our units."""
    told = {}
    for name, column in found.items():
        values = column.astype(float)
        if str(name).endswith("_days_since_last"):
            values = np.ceil(values)  # whole local days, the day of the row counted
        if str(name).startswith(("orders_amount_total", "order_value")):
            values = values / 100  # the store holds cents
        told[str(name)] = int(values.notna().sum()), float(values.sum())
    return told


if __name__ == "__main__":
    main(Path(sys.argv[1]))
