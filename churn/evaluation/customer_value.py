"""What the customers of the test cutoffs were worth, as it was known then."""

from __future__ import annotations

import numpy as np
import pandas as pd

from churn.data.store import Store
from churn.errors import SourceError
from churn.features.money import money_before, mrr_at
from churn.labels.calendar import trainable
from churn.metrics.metrics import Floats
from churn.metrics.profit import CustomerValues
from churn.model.value import monthly_money, residual_value
from churn.params import Params
from churn.snapshots.dataset import LabelledRows, cutoffs_of
from churn.snapshots.read import Snapshots
from churn.training.challenger import base_rate

DAYS = 91
"""How many days of payments stand for a customer without a running contract, as at night."""


def worth_of(params: Params, snapshots: Snapshots, rows: LabelledRows) -> tuple[CustomerValues | None, str]:
    """Return what the customers of some rows are worth, or None with the reason in words.

    It is the residual value that a night multiplies with the probability, from the money that was known
    at each row's cutoff and the share that had left of the labels known by then.

    Args:
        params: The parameters.
        snapshots: The matured snapshots; their store is read.
        rows: Rows of test cutoffs, in the order of their cutoffs.
    """
    try:
        store = Store.open(params)
    except SourceError:
        return None, "Nothing is measured in money: there is no store to read it from. Run `churn ingest`."
    if store.digest != snapshots.store_digest:
        return None, (
            "Nothing is measured in money: the store has changed since the snapshots were made. "
            "Run `churn snapshot` again."
        )
    value = np.concatenate(
        [np.zeros(0), *(_at(params, store, snapshots, rows.at([day])) for day in cutoffs_of(rows.cutoff))]
    )
    if not np.isfinite(value).any():
        return None, "Nothing is measured in money: no table tells what the tested customers pay."
    return CustomerValues(value, params.evaluate.profit), ""


def _at(params: Params, store: Store, snapshots: Snapshots, rows: LabelledRows) -> Floats:
    (cutoff,) = cutoffs_of(rows.cutoff)
    customers = pd.Series(np.asarray(snapshots.customers, dtype=object)[rows.customer], dtype="str")
    usual, _ = base_rate(snapshots, trainable(snapshots.mature_on, cutoff))
    return residual_value(
        monthly_money(customers, money_before(store, cutoff, DAYS), mrr_at(store, cutoff), DAYS),
        base_rate=usual,
        horizon_days=params.label.horizon_days,
        terms=params.score.value,
    )
