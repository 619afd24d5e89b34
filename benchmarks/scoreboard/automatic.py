"""featuretools + LightGBM: automatic features at cutoff times, and the plain trees of the reference."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from benchmarks.featuretools import environment
from benchmarks.scoreboard.contest import KEYS, Contest
from benchmarks.scoreboard.keep import ROOT
from benchmarks.scoreboard.rivals import plain_trees
from churn.data.sources.table_specs import TableSpec, table_specs
from churn.data.store import Store

NAME = "featuretools"
ENVIRONMENT = ROOT / "output" / "featuretools"


def predicted(
    contest: Contest, folder: Path, environment_folder: Path = ENVIRONMENT
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Return the probabilities of plain LightGBM on automatic features, and the number of features.

    Args:
        contest: The set and its test rows.
        folder: The folder in which tables and features are exchanged.
        environment_folder: The environment of featuretools, made if it is not there.
    """
    rows = pd.concat([contest.train_rows, contest.test_rows], ignore_index=True)
    _hand_over(contest, rows, folder)
    inside = ["-W", "ignore", "-m", "benchmarks.scoreboard.automatic_inside", str(folder.resolve())]
    subprocess.run([str(environment(environment_folder)), *inside], cwd=ROOT, check=True)
    features = pd.read_parquet(folder / "features.parquet")
    matrix = np.column_stack([_numbers(features[name]) for name in features])
    parts = []
    for cutoff in contest.test:
        train = rows["cutoff"].isin(contest.learnt_from(cutoff)).to_numpy()
        here = (np.arange(len(rows)) >= len(contest.train_rows)) & (rows["cutoff"] == cutoff).to_numpy()
        left = rows.loc[train, "left"].to_numpy(np.float64)
        probability = plain_trees(matrix[train], left, matrix[here])
        parts.append(rows.loc[here, KEYS].assign(probability=probability))
    return pd.concat(parts, ignore_index=True), {"features": matrix.shape[1]}


def _hand_over(contest: Contest, rows: pd.DataFrame, folder: Path) -> None:
    """Write the tables with local times, the keys, and the types of the columns.

    Outcomes are not written: they are filled in later, and featuretools would use them as known values.
    """
    folder.mkdir(parents=True, exist_ok=True)
    keys = pd.DataFrame({"customer": "c" + rows["customer_id"], "time": pd.to_datetime(rows["cutoff"])})
    keys.to_parquet(folder / "keys.parquet", index=False)
    store, levels_by_table = contest.store, {}
    for wanted in table_specs(contest.params):
        name = wanted.table.name
        if store.has(name):
            table, levels = _table(store, wanted)
            table.to_parquet(folder / f"{name}.parquet", index=False)
            levels_by_table[name] = levels
    (folder / "tables.json").write_text(json.dumps(levels_by_table), encoding="utf-8")


def _table(store: Store, spec: TableSpec) -> tuple[pd.DataFrame, list[str]]:
    """Return the columns that are known with each row, and the columns that hold levels."""
    name, stored = spec.table.name, store.tables[spec.table.name]
    columns = [
        column
        for column in spec.table.of_role("value", "attribute")
        if column.name in stored.columns and not column.known_with
        if column.type != "text" or column.name in stored.levels
    ]
    picked = ", ".join(["t.customer", 't."at"', *(f't."{column.name}"' for column in columns)])
    with store.connect() as connection:
        rows = connection.execute(
            f"SELECT c.customer_id, {picked} FROM {store.scan(name)} t "
            f"JOIN {store.scan('customers')} c USING (customer)"
        ).df()
    at = rows["at"] if rows["at"].dt.tz is not None else rows["at"].dt.tz_localize("UTC")
    frame = pd.DataFrame({"customer": "c" + rows["customer_id"]})  # digits would be taken for numbers
    frame["at"] = (
        at.dt.tz_convert(ZoneInfo(store.params.timezone)).dt.tz_localize(None).astype("datetime64[ns]")
    )
    for column in columns:
        values = rows[column.name]
        if column.name in stored.levels:
            names = np.array([*stored.levels[column.name], None], dtype=object)
            frame[column.name] = names[values.fillna(-1).astype(int)]
        else:
            frame[column.name] = values.astype(float)
    return frame, [column.name for column in columns if column.name in stored.levels]


def _numbers(column: pd.Series) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return a feature as numbers; names and days become their rank in sorted order."""
    if pd.api.types.is_bool_dtype(column) or pd.api.types.is_numeric_dtype(column):
        return column.to_numpy(dtype=np.float64, na_value=np.nan)
    codes = pd.Categorical(column.astype("string")).codes.astype(np.float64)
    return np.where(codes < 0, np.nan, codes)
