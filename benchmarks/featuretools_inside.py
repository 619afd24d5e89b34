"""What runs in the environment of featuretools: simple features at the rows of `cohort.parquet`.

It gets all it can for free: the tables are read and in local time, the cohort is known, and one window serves
all features, as each further one would be another pass.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import featuretools as ft
import numpy as np
import pandas as pd

WINDOW = "182 days"
ZONE = "Europe/Berlin"
VALUES = {
    "visits": ["value", "kind"],
    "emails": [],
    "payments": ["amount"],
    "surveys": ["rating"],
    "tickets": [],
    "orders": ["amount"],
}
PRIMITIVES = ["count", "sum", "mean", "max", "min", "std", "num_unique"]


def main(folder: Path) -> None:
    """Compute and print what it took."""
    store = folder / "output" / "store"
    customers = pd.read_parquet(store / "customers", columns=["customer"])
    tables = {name: _table(store / name, columns) for name, columns in VALUES.items()}
    asked = pd.read_parquet(folder / "cohort.parquet")
    cpu, wall = time.process_time(), time.perf_counter()
    entities = ft.EntitySet("company")
    entities.add_dataframe(dataframe_name="customers", dataframe=customers, index="customer")
    for name, table in tables.items():
        entities.add_dataframe(
            dataframe_name=name, dataframe=table, index="row", make_index=True, time_index="at"
        )
        entities.add_relationship("customers", "customer", name, "customer")
    features = ft.dfs(
        entityset=entities,
        target_dataframe_name="customers",
        agg_primitives=PRIMITIVES,
        trans_primitives=[],
        features_only=True,
    )
    found = ft.calculate_feature_matrix(
        features,
        entities,
        cutoff_time=asked,
        training_window=WINDOW,
        include_cutoff_time=False,
        chunk_size=len(asked),
    )
    took = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}
    counts = {f"{name}_count_182d": float(found[f"COUNT({name})"].sum()) for name in tables}
    versions = f"featuretools {ft.__version__}, pandas {pd.__version__}, numpy {np.__version__}"
    answer = {"features": counts, "n_features": len(features), "versions": versions}
    print(json.dumps({**took, "answer": answer}))


def _table(folder: Path, columns: list[str]) -> pd.DataFrame:
    table = pd.read_parquet(folder, columns=["customer", "at", *columns])
    table["at"] = _local(table["at"])
    if "kind" in columns:
        table["kind"] = table["kind"].astype("category")
    return table


def _local(times: pd.Series) -> pd.Series:
    """Turn UTC into local time without its zone, in which the cutoffs are midnights."""
    zoned = times if times.dt.tz is not None else times.dt.tz_localize("UTC")
    return zoned.dt.tz_convert(ZONE).dt.tz_localize(None).astype("datetime64[ns]")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
