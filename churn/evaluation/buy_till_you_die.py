"""BG/NBD as a baseline of inactivity labels: it knows the rhythm of the events and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import pandas as pd

from churn.data.store import Store, day_number
from churn.features.engine.cohort import read_customers
from churn.features.language.btyd import fit_lifetimes, p_none
from churn.features.language.btyd_verbs import MAX_HISTORIES
from churn.metrics.metrics import Floats


def p_inactive(store: Store, cutoff: date, customers: Sequence[str]) -> Floats:
    """Return the raw probability of no event of the label's table in the label window.

    The model is fitted at the cutoff on the days with events of all customers known by then, as known by
    then; of more than 10,000 evenly spaced ones are taken.

    Args:
        store: What the snapshots were made from.
        cutoff: The cutoff.
        customers: Whose probability is asked for.

    Returns:
        NaN where a customer has no event yet, and for all where no model can be fitted.
    """
    label = store.params.label
    table = label.core_table
    with store.connect() as connection:
        found = connection.execute(
            "SELECT customer, count(DISTINCT day) - 1 AS x, min(day) AS first, max(day) AS last "
            f"FROM {store.scan(table)} WHERE {store.visible_before(table, cutoff)} GROUP BY 1 ORDER BY 1"
        ).fetchnumpy()
    x, first, last = (np.asarray(found[name], dtype=np.float64) for name in ("x", "first", "last"))
    recency, age = last - first, day_number(cutoff) - first
    taken = np.arange(len(x))
    if len(x) > MAX_HISTORIES:
        taken = np.arange(MAX_HISTORIES) * len(x) // MAX_HISTORIES
    model = fit_lifetimes(x[taken], recency[taken], age[taken])
    ids = read_customers(store).ids
    probability = np.full(len(ids) + 1, np.nan)  # the last place is of those the store does not know
    if model is not None:
        codes = np.asarray(found["customer"], dtype=np.int64)
        probability[codes] = p_none(model, x, recency, age, label.horizon_days, after=label.gap_days)
    return probability[pd.Index(ids).get_indexer(pd.Index(customers))]
