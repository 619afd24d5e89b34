"""The script in the environment of featuretools: compute 25 simple signals at the rows of `cohort.parquet`.

Reading the tables, converting them to local time and finding the cohort are not measured. Each window is one
pass, because featuretools has one window per pass.
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
    """Compute the signals and print the times."""
    store = folder / "output" / "store"
    customers = pd.read_parquet(store / "customers", columns=["customer"])
    tables = {name: _table(store / name, name) for name in TABLES}
    cohort = pd.read_parquet(folder / "cohort.parquet")
    cpu, wall = time.process_time(), time.perf_counter()
    company = ft.EntitySet("company")
    company.add_dataframe(dataframe_name="customers", dataframe=customers, index="customer")
    for name, table in tables.items():
        company.add_dataframe(
            dataframe_name=name, dataframe=table, index="row", make_index=True, time_index="at"
        )
        company.add_relationship("customers", "customer", name, "customer")
    matrices = [
        ft.calculate_feature_matrix(
            _features(company, days),
            company,
            cutoff_time=cohort,
            training_window=f"{days} days",
            include_cutoff_time=False,
        )
        for days in WINDOWS
    ]
    times = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}
    features = pd.concat(matrices, axis=1)
    versions = f"featuretools {ft.__version__}, pandas {pd.__version__}, numpy {np.__version__}"
    print(json.dumps({**times, "answer": {"features": _checksums(features), "versions": versions}}))


def _table(folder: Path, name: str) -> pd.DataFrame:
    columns = ["customer", "at", *(["amount"] if name == "orders" else [])]
    table = pd.read_parquet(folder, columns=columns)
    times = table["at"] if table["at"].dt.tz is not None else table["at"].dt.tz_localize("UTC")
    # Without its zone: cutoffs are local midnights.
    table["at"] = times.dt.tz_convert(ZONE).dt.tz_localize(None).astype("datetime64[ns]")
    return table


def _features(company: ft.EntitySet, days: int) -> list[ft.FeatureBase]:
    """Return the features of one window with the names of the signals; the longest window has recency too."""
    features = []

    def add(name: str, table: str, column: str, primitive: type | ft.primitives.AggregationPrimitive) -> None:
        feature = ft.Feature(
            company[table].ww[column], parent_dataframe_name="customers", primitive=primitive
        )
        features.append(feature.rename(name))

    for table in TABLES:
        add(f"{table}_count_{days}d", table, "row", Count)
        if table in ACTIVE:
            add(f"{table}_active_days_{days}d", table, "at", NUniqueDays)
        if days == max(WINDOWS):
            add(f"{table}_days_since_last", table, "at", TimeSinceLast(unit="days"))
    add(f"orders_amount_total_{days}d", "orders", "amount", Sum)
    if days == max(WINDOWS):
        add("order_value", "orders", "amount", Mean)
    return features


def _checksums(features: pd.DataFrame) -> dict[str, tuple[int, float]]:
    """Return the number of values and their sum for each feature, in the units of the engine."""
    checksums = {}
    for name, column in features.items():
        values = column.astype(float)
        if str(name).endswith("_days_since_last"):
            values = np.ceil(values)  # whole local days, the day of the row counted
        if str(name).startswith(("orders_amount_total", "order_value")):
            values = values / 100  # the store holds cents
        checksums[str(name)] = int(values.notna().sum()), float(values.sum())
    return checksums


if __name__ == "__main__":
    main(Path(sys.argv[1]))
