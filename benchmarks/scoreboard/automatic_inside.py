"""The script in the environment of featuretools: all its default features at the time of each key.

Primitives for recency are added to the default primitives, because featuretools could not compete without
them. There are two passes: the whole history, and the last eight weeks.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import featuretools as ft
import pandas as pd

WINDOWS = (None, "56 days")
AGGREGATE = ["sum", "std", "max", "skew", "min", "mean", "count", "num_unique", "mode"]
OF_TIME = ["time_since_last", "time_since_first", "avg_time_between"]


def main(folder: Path) -> None:
    """Compute the features and write them in the order of the keys."""
    levels_by_table = json.loads((folder / "tables.json").read_text(encoding="utf-8"))
    keys = pd.read_parquet(folder / "keys.parquet")
    keys["time"] = keys["time"].astype("datetime64[ns]")
    company = ft.EntitySet("company")
    company.add_dataframe(
        dataframe_name="customers",
        dataframe=pd.read_parquet(folder / "customers.parquet"),
        index="customer",
        time_index="at",
        logical_types=dict.fromkeys(levels_by_table.pop("customers"), "Categorical"),
    )
    for name, levels in levels_by_table.items():
        company.add_dataframe(
            dataframe_name=name,
            dataframe=pd.read_parquet(folder / f"{name}.parquet"),
            index="row",
            make_index=True,
            time_index="at",
            logical_types=dict.fromkeys(levels, "Categorical"),
        )
        company.add_relationship("customers", "customer", name, "customer")
    parts = []
    for window in WINDOWS:
        matrix, _ = ft.dfs(
            entityset=company,
            target_dataframe_name="customers",
            cutoff_time=keys.drop_duplicates(),
            agg_primitives=[*AGGREGATE, *OF_TIME],
            trans_primitives=[],
            training_window=window,
            include_cutoff_time=False,
            max_depth=2,
            cutoff_time_in_index=True,
        )
        matrix = matrix.loc[pd.MultiIndex.from_frame(keys[["customer", "time"]])].reset_index(drop=True)
        parts.append(matrix.add_suffix(f" {window or 'ever'}"))
    features = pd.concat(parts, axis=1)
    for name in features:
        if isinstance(features[name].dtype, pd.CategoricalDtype):
            features[name] = features[name].astype("string")
    features.to_parquet(folder / "features.parquet", index=False)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
