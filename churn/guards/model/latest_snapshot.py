"""Rows whose label is still to come: the customers as they are tonight."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from churn.params import Params
from churn.snapshots.dataset import Rows
from churn.snapshots.read import Snapshots


def newest_rows(params: Params, snapshots: Snapshots) -> Rows:
    """Return the rows of the newest snapshot, whether or not its label is known; `left` is NaN.

    A night in the past knows no later snapshot than the day on which its latest label was known. Levels
    that were never seen with a label are missing, and customers who were not are numbered after the others.
    """
    tonight = max(snapshots.mature_on.values())
    day = max((one for one in snapshots.waiting if one <= tonight), default=None)
    if day is None or day < snapshots.cutoffs[-1]:
        return snapshots.rows.at(snapshots.cutoffs[-1:])
    names, levels = snapshots.rows.names, snapshots.rows.levels
    path = params.output / "snapshots" / f"cutoff={day}" / "part.parquet"
    frame = pq.read_table(path, partitioning=None, columns=["customer_id", *names]).to_pandas()
    matrix = np.empty((len(frame), len(names)))
    for place, name in enumerate(names):
        if name in levels:
            codes = pd.Categorical(frame[name], categories=list(levels[name])).codes.astype(np.float64)
            matrix[:, place] = np.where(codes < 0, np.nan, codes)
        else:
            matrix[:, place] = frame[name].to_numpy(dtype=np.float64, na_value=np.nan)
    known = pd.Index(snapshots.customers).get_indexer(frame["customer_id"].astype(str))
    new = np.flatnonzero(known < 0)
    known[new] = len(snapshots.customers) + np.arange(len(new))
    return Rows(
        names=names,
        levels=levels,
        matrix=matrix,
        left=np.full(len(frame), np.nan),
        customer=known.astype(np.int64),
        cutoff=np.full(len(frame), (day - date(1970, 1, 1)).days),
    )
