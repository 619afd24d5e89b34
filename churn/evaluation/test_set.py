"""The test set: the probabilities of all candidates (the challenger, the baselines and the champion) for the
rows of the test cutoffs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn.data.store import Store
from churn.errors import SourceError
from churn.evaluation.baselines import predict_baselines
from churn.evaluation.champion import champion_predictions
from churn.evaluation.measures import CHALLENGER, champion_reference
from churn.features.money import money_before, mrr_at
from churn.labels.calendar import trainable
from churn.metrics.bootstrap import Draws, Estimate, draw_customers, estimate_metrics
from churn.metrics.metrics import Floats, Ints
from churn.metrics.profit import CustomerValues
from churn.model.bundle import Champion
from churn.model.value import monthly_money, residual_value
from churn.params import EvaluateParams, LabelParams, Params, ProfitParams, ValueParams
from churn.snapshots.dataset import LabelledRows, cutoffs_of
from churn.snapshots.read import Snapshots
from churn.training.backtest import OutOfTime, calibrate_out_of_time, predict_out_of_time
from churn.training.challenger import Challenger, base_rate

PAYMENT_DAYS = 91
"""The number of days whose payments give the monthly money of a customer without a contract; a night uses the
same number.
"""


NO_EVENT_VALUE = (
    "No metric is measured in money: a contact earns money only if it keeps a customer, but the label "
    "predicts another event."
)


@dataclass(frozen=True)
class TestSet:
    """The rows of the test cutoffs with all predictions for them.

    Attributes:
        snapshots: All matured snapshots.
        record: The challenger and how it was trained.
        cutoffs: The test cutoffs, in order.
        rows: The rows of the test cutoffs.
        out_of_time: The challenger's log-odds before calibration, for the test cutoffs and for the cutoffs
            on which the challenger was selected. Each row is predicted by a model that learnt only from
            labels that were known by the row's cutoff.
        predictions: The probabilities by candidate (challenger, baseline or champion), shape `[rows]`, NaN
            for a row without a probability.
        contact_share: The share of customers that is contacted, in (0, 1].
        customer: The index of each row's customer in the columns of `draws`, shape `[rows]`.
        draws: How often each customer is in each draw of the bootstrap, shape `[draws, customers]`.
        values: The residual value of each row's customer, in currency; None if no value is known.
        champion: The current champion; None if there is none.
        notes: Sentences that say what could not be predicted or measured, and why; the key is the subject.
    """

    snapshots: Snapshots
    record: Challenger
    cutoffs: tuple[date, ...]
    rows: LabelledRows
    out_of_time: OutOfTime
    predictions: Mapping[str, Floats]
    contact_share: float
    customer: Ints
    draws: Draws
    values: CustomerValues | None = None
    champion: Champion | None = None
    notes: Mapping[str, str] = field(default_factory=dict)

    @property
    def challenger(self) -> Floats:
        """Return the challenger's probabilities."""
        return self.predictions[CHALLENGER]

    @property
    def champion_reference(self) -> str | None:
        """Return the name of the candidate that is compared with the challenger; None if there is none.

        It is `champion_recipe` if a new model was trained with the champion's settings, otherwise `champion`.
        """
        return champion_reference(self.predictions)

    def estimate(self, probability: Floats, mask: npt.NDArray[np.bool_] | None = None) -> dict[str, Estimate]:
        """Return every metric with its interval, on the rows that have a probability.

        Args:
            probability: The predictions, shape `[rows]`, NaN for a row without a prediction.
            mask: The rows to use; by default all rows.
        """
        mask = np.isfinite(probability) if mask is None else np.isfinite(probability) & mask
        return estimate_metrics(
            self.rows.left[mask],
            probability[mask],
            self.customer[mask],
            self.draws,
            self.contact_share,
            weight=self.rows.weight_where(mask),
        )


def predict_test_set(
    snapshots: Snapshots,
    record: Challenger,
    test_cutoffs: tuple[date, ...],
    *,
    settings: EvaluateParams,
    label: LabelParams,
    value_terms: ValueParams,
    threads: int,
    out_of_time: OutOfTime | None,
    champion: Champion | None,
    store: Store | None,
    missing_store: str,
) -> TestSet:
    """Predict the rows of each test cutoff with the challenger, the baselines and the champion; each of them
    uses only what was known at the cutoff.

    Args:
        snapshots: All matured snapshots.
        record: The challenger.
        test_cutoffs: The test cutoffs, in order.
        settings: The section `evaluate` of the parameters.
        label: The definition of the label.
        value_terms: The settings by which the value of a customer is computed.
        threads: The number of threads.
        out_of_time: The challenger's out-of-time log-odds that `train` wrote; None if they do not exist. If
            they lack a test cutoff, or a cutoff on which the challenger was selected, all log-odds are
            computed again.
        champion: The current champion; None if there is none.
        store: The store from which the snapshots were made; None if it is not available.
        missing_store: The reason why the store is not available, from `store_of_snapshots`; empty if it is
            available.
    """
    rows = snapshots.rows.at(test_cutoffs)
    cutoffs = tuple(sorted({*record.choice_cutoffs, *test_cutoffs}))
    if out_of_time is not None and set(cutoffs) <= set(out_of_time.cutoffs):
        past = out_of_time.at(cutoffs)
    else:
        past = predict_out_of_time(snapshots, record.recipe, cutoffs, threads)
    baselines, baseline_notes = predict_baselines(
        snapshots,
        test_cutoffs,
        label=label,
        logistic=record.logistic,
        rule=settings.rule,
        store=store,
        threads=threads,
    )
    reference = champion_predictions(champion, snapshots, record, past, test_cutoffs, threads)
    values, missing_values = None, missing_store
    if label.is_event:
        missing_values = NO_EVENT_VALUE
    elif store is not None:
        values, missing_values = customer_values(
            store,
            snapshots,
            rows,
            horizon_days=label.horizon_days,
            value_terms=value_terms,
            profit_terms=settings.profit,
        )
    customers, customer = np.unique(rows.customer, return_inverse=True)
    return TestSet(
        snapshots=snapshots,
        record=record,
        cutoffs=test_cutoffs,
        rows=rows,
        out_of_time=past,
        predictions={
            CHALLENGER: calibrate_out_of_time(snapshots, record.recipe, past, test_cutoffs),
            **baselines,
            **reference.predictions,
        },
        contact_share=settings.contact_share,
        customer=customer,
        draws=draw_customers(len(customers), settings.bootstrap, settings.seed),
        values=values,
        champion=champion,
        notes=baseline_notes | reference.notes | ({"value": missing_values} if missing_values else {}),
    )


def predictions_frame(test_set: TestSet) -> pd.DataFrame:
    """Return the test rows, with one column of probabilities for each candidate."""
    rows = test_set.rows
    days = {int(day): pd.Timestamp(int(day), unit="D").date() for day in np.unique(rows.cutoff)}
    frame = pd.DataFrame(
        {
            "customer_id": np.asarray(test_set.snapshots.customers, dtype=object)[rows.customer],
            "cutoff": [days[int(day)] for day in rows.cutoff],
            "left": rows.left.astype(np.int8),
        }
    )
    return frame.assign(**dict(test_set.predictions))


def store_of_snapshots(params: Params, snapshots: Snapshots) -> tuple[Store | None, str]:
    """Return the store from which the snapshots were made, or None and the reason why it is not available."""
    try:
        store = Store.open(params)
    except SourceError:
        return (
            None,
            "No metric is measured in money: there is no store from which the payments of the "
            "customers can be read. Run `churn ingest`.",
        )
    if store.digest != snapshots.store_digest:
        return None, (
            "No metric is measured in money: the store has changed since the snapshots were made. "
            "Run `churn snapshot` again."
        )
    return store, ""


def customer_values(
    store: Store,
    snapshots: Snapshots,
    rows: LabelledRows,
    *,
    horizon_days: int,
    value_terms: ValueParams,
    profit_terms: ProfitParams,
) -> tuple[CustomerValues | None, str]:
    """Return the residual value of each row's customer, or None and the reason why no value is known.

    A night multiplies this value by the customer's probability of leaving. The value is computed from the
    customer's payments, orders or contracts, as known at the cutoff of the row. It also depends on the mean
    time that customers stay. This time is computed from the share of churners among the labels that were
    known at the cutoff.

    Args:
        store: The store from which the snapshots were made.
        snapshots: The matured snapshots.
        rows: Rows of test cutoffs, in the order of their cutoffs.
        horizon_days: The horizon of the label, in days.
        value_terms: The settings by which the value of a customer is computed.
        profit_terms: The costs and the effect of a campaign.
    """
    parts = [
        _values_at(store, snapshots, rows.at([day]), day, horizon_days, value_terms)
        for day in cutoffs_of(rows.cutoff)
    ]
    value = np.concatenate([np.zeros(0), *parts])
    if not np.isfinite(value).any():
        return (
            None,
            "No metric is measured in money: no table says what the customers at the test cutoffs pay.",
        )
    return CustomerValues(value, profit_terms), ""


def _values_at(
    store: Store,
    snapshots: Snapshots,
    rows: LabelledRows,
    cutoff: date,
    horizon_days: int,
    terms: ValueParams,
) -> Floats:
    customers = pd.Series(np.asarray(snapshots.customers, dtype=object)[rows.customer], dtype="str")
    usual_rate, _ = base_rate(snapshots, trainable(snapshots.mature_on, cutoff))
    payments = money_before(store, cutoff, PAYMENT_DAYS)
    return residual_value(
        monthly_money(customers, payments, mrr_at(store, cutoff), PAYMENT_DAYS),
        base_rate=usual_rate,
        horizon_days=horizon_days,
        terms=terms,
    )
