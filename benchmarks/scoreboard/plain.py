"""The plain features of the reference baseline and of the simple rules, computed from the store."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from benchmarks.scoreboard.sets import TimeSet
from churn.data.store import Store, day_number
from churn.features.engine.cohort import read_customers

KEYS = ["customer_id", "cutoff"]


def plain_features(store: Store, time_set: TimeSet, rows: pd.DataFrame, totals: bool) -> pd.DataFrame:
    """Return counts and spent money in windows, recency, tenure and mean gap, for the keys of `rows`.

    Counts, recency and gap come from each counted table. Spent money comes from the spent table. Without an
    event, a count is 0, and recency and gap are missing.

    Args:
        store: The set's store.
        time_set: The set.
        rows: A table with the columns customer_id and cutoff.
        totals: Whether to add counts, spent money and distinct days of the whole history.
    """
    keys = rows[KEYS].drop_duplicates()
    parts = [_at(store, time_set, day, keys, totals) for day in sorted(set(keys["cutoff"]))]
    return rows[KEYS].merge(pd.concat(parts, ignore_index=True), on=KEYS, how="left", validate="m:1")


def _at(store: Store, time_set: TimeSet, cutoff: date, rows: pd.DataFrame, totals: bool) -> pd.DataFrame:
    customers = read_customers(store)
    code = pd.Series(np.arange(store.n_customers), index=customers.ids)
    features = pd.DataFrame({"customer_id": rows.loc[rows["cutoff"] == cutoff, "customer_id"]})
    features = features.assign(cutoff=cutoff, customer=code.loc[features["customer_id"]].to_numpy())
    day = day_number(cutoff)
    midnight = datetime.combine(cutoff, time(), ZoneInfo(store.params.timezone)).timestamp()
    features["tenure"] = day - customers.signed_up[features["customer"].to_numpy()]
    with store.connect() as connection:
        for table in time_set.counted_tables:
            wanted = dict(_columns(time_set, table, day, midnight, totals))
            columns = ", ".join(f"{sql} AS {name}" for name, sql in wanted.items())
            query = f"SELECT customer, {columns} FROM {store.scan(table)} WHERE day < {day} GROUP BY 1"
            aggregates = connection.execute(query).df()
            features = features.merge(aggregates, on="customer", how="left")
            empty = [name for name in wanted if not name.endswith(("_recency", "_gap"))]
            features[empty] = features[empty].fillna(0.0)
    return features.drop(columns="customer")


def _columns(
    time_set: TimeSet, table: str, day: int, midnight: float, totals: bool
) -> Iterator[tuple[str, str]]:
    windows = [(f"{w}d", f" FILTER (WHERE day >= {day - w})") for w in time_set.windows]
    for name, inside in [*windows, *([("ever", "")] if totals else [])]:
        yield f"{table}_count_{name}", f"count(*){inside}"
        if table == time_set.spend_table:
            yield f"{table}_spend_{name}", f"sum(amount){inside} / 100.0"
    if totals:
        yield f"{table}_days_ever", "count(DISTINCT day)"
    yield f"{table}_recency", f'({midnight} - epoch(max("at"))) / 86400.0'
    yield f"{table}_gap", "(max(day) - min(day)) / nullif(count(DISTINCT day) - 1, 0)"
