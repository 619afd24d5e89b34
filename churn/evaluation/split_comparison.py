"""Compare the challenger's test on cutoffs after the training with two other tests, and with the baselines.

The other tests are a test on unseen customers and a naive split (a random split of all rows).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from churn.evaluation.measures import (
    CHALLENGER,
    CHAMPION,
    CHAMPION_RECIPE,
    AucAndLogLoss,
    CandidateMetrics,
    Measure,
    NaiveSplit,
    SplitComparison,
    SplitMetrics,
    UnseenCustomers,
)
from churn.evaluation.test_set import TestSet
from churn.labels.calendar import trainable
from churn.metrics.bootstrap import Estimate, draw_customers, estimate_metrics, paired_differences
from churn.metrics.metrics import Floats
from churn.snapshots.dataset import LabelledRows
from churn.snapshots.read import Snapshots
from churn.training import calibration
from churn.training.backtest import OutOfTime
from churn.training.parallel import map_parallel
from churn.training.recipe import Recipe, fit_recipe

NAIVE_LABEL = "not to be quoted"
SPLIT_METRICS = ("auc", "log_loss", "average_precision", "lift_at_contact_share", "observed_expected")

SALT = "out of customer"
SHARE = 0.2
"""The share of customers who are left out of every training set, and the share of rows that the naive split
predicts.
"""

MAX_NAIVE_ROWS = 1_000_000
"""The approximate largest number of rows in the naive split; either all rows of a customer are used, or
none.
"""


@dataclass(frozen=True)
class Predictions:
    """Rows with probabilities from a model that did not see their labels, shape `[rows]`."""

    rows: LabelledRows
    probability: Floats


def compare_splits(
    test_set: TestSet, candidates: Mapping[str, CandidateMetrics], *, seed: int, threads: int
) -> tuple[SplitComparison, dict[str, str]]:
    """Compare several ways to split rows into training and test.

    `out_of_time` holds the metrics of the challenger on the test cutoffs. In `out_of_time_and_customer`, a
    fifth of the customers is left out of every training set, and only these customers are predicted. For
    comparison, the challenger's models, which have learnt from these customers too, predict the same rows.
    `naive_split` predicts a random fifth of all rows; its model has learnt from other rows of the same
    customers, also from later rows. So its figures look better than the model is, and must not be quoted.

    Args:
        test_set: The rows of the test cutoffs, with the predictions of all candidates.
        candidates: The metrics of the candidates on the test set.
        seed: The seed of the naive split, and of the bootstrap draws for the naive split's intervals.
        threads: The number of threads.

    Returns:
        The comparison, and a dict of notes. If there is no test on unseen customers, the note
        `out_of_customer` says why; otherwise the dict is empty.
    """
    metrics = {name: _of_candidate(candidate) for name, candidate in candidates.items()}
    naive, *folds = _predictions(test_set, seed, threads)
    unseen = _unseen_customers(test_set, folds)
    comparison = SplitComparison.model_validate(
        {
            "out_of_time": metrics[CHALLENGER],
            **({"out_of_time_and_customer": unseen} if unseen else {}),
            **({"naive_split": _naive(test_set, naive, seed)} if isinstance(naive, Predictions) else {}),
            "baselines": {
                name: numbers
                for name, numbers in metrics.items()
                if name not in (CHALLENGER, CHAMPION, CHAMPION_RECIPE)
            },
        }
    )
    if unseen:
        return comparison, {}
    return comparison, {
        "out_of_customer": "There is no test on unseen customers, because too few customers leave."
    }


def _predictions(test_set: TestSet, seed: int, threads: int) -> list[Predictions | Floats | None]:
    """Return the result of `naive_split`, then the result of `predict_unseen_customers` for each test cutoff.

    The models are fitted in parallel.
    """
    snapshots, recipe = test_set.snapshots, test_set.record.recipe

    def predict(cutoff: date | None, threads: int) -> Predictions | Floats | None:
        if cutoff is None:
            return naive_split(snapshots, recipe, seed, threads)
        return predict_unseen_customers(snapshots, recipe, test_set.out_of_time, cutoff, threads)

    return map_parallel(predict, [None, *test_set.cutoffs], threads, snapshots.rows.matrix.size)


def _unseen_customers(
    test_set: TestSet, folds: Sequence[Predictions | Floats | None]
) -> UnseenCustomers | None:
    predictions = [fold for fold in folds if isinstance(fold, np.ndarray)]
    if len(predictions) < len(folds):
        return None
    unseen = np.concatenate(predictions)
    if not np.isfinite(unseen).any():
        return None
    seen = np.where(np.isfinite(unseen), test_set.predictions[CHALLENGER], np.nan)
    of_unseen, of_seen = test_set.estimate(unseen), test_set.estimate(seen)
    differences = paired_differences(of_unseen, of_seen)
    return UnseenCustomers(
        **dict(_of_estimates(test_set.rows, unseen, of_unseen)),
        same_customers_in_training=_of_estimates(test_set.rows, seen, of_seen),
        out_minus_in_training=AucAndLogLoss(auc=differences["auc"], log_loss=differences["log_loss"]),
    )


def _naive(test_set: TestSet, naive: Predictions, seed: int) -> NaiveSplit:
    customers, customer = np.unique(naive.rows.customer, return_inverse=True)
    draws = draw_customers(len(customers), len(test_set.draws), seed)
    rows, probability = naive.rows, naive.probability
    estimates = estimate_metrics(
        rows.left, probability, customer, draws, test_set.contact_share, weight=rows.weight
    )
    return NaiveSplit(label=NAIVE_LABEL, **dict(_of_estimates(rows, probability, estimates)))


def _of_candidate(candidate: CandidateMetrics) -> SplitMetrics:
    return SplitMetrics(
        auc=candidate.auc,
        log_loss=candidate.log_loss,
        average_precision=candidate.average_precision,
        lift_at_contact_share=candidate.lift_at_contact_share,
        observed_expected=candidate.observed_expected,
        rows=candidate.rows,
        churners=candidate.churners,
        base_rate=candidate.base_rate,
    )


def _of_estimates(rows: LabelledRows, probability: Floats, estimates: Mapping[str, Estimate]) -> SplitMetrics:
    known = np.isfinite(probability)
    left = rows.left[known]
    rate = float(np.average(left, weights=rows.weight_where(known)))
    measures = {
        name: Measure(value=estimate.value, low=estimate.low, high=estimate.high)
        for name, estimate in estimates.items()
        if name in SPLIT_METRICS
    }
    return SplitMetrics.model_validate(
        {**measures, "rows": len(left), "churners": int(left.sum()), "base_rate": rate}
    )


def hash_to_unit_interval(customers: Sequence[str], salt: str = SALT) -> Floats:
    """Return for each customer a number in `[0, 1)` that depends only on the customer's id and on `salt`.

    >>> hash_to_unit_interval(["a", "b"]).round(3).tolist()
    [0.404, 0.56]
    """
    hashes = [hashlib.sha256(f"{salt}:{customer}".encode()).digest()[:6] for customer in customers]
    return np.array([int.from_bytes(digest, "big") / 2**48 for digest in hashes])


def unseen_customers(snapshots: Snapshots) -> npt.NDArray[np.bool_]:
    """Return which of the snapshots' customers are left out of every training set, as a mask."""
    return hash_to_unit_interval(snapshots.customers) < SHARE


def predict_unseen_customers(
    snapshots: Snapshots, recipe: Recipe, out_of_time: OutOfTime, cutoff: date, threads: int
) -> Floats | None:
    """Predict who leaves after a test cutoff, for a fifth of the customers; the model never saw their rows.

    The model learns from earlier rows of the other customers. The calibration, too, is fitted without the
    predicted customers. One dependence remains: the settings in the recipe, such as the number of trees, were
    chosen on all customers of earlier cutoffs, also on the predicted customers.

    Args:
        snapshots: The matured snapshots.
        recipe: The recipe of the challenger.
        out_of_time: The challenger's out-of-time log-odds, from which the calibration is fitted.
        cutoff: The test cutoff whose rows are predicted.
        threads: The number of threads.

    Returns:
        The probabilities of the cutoff's rows, NaN for customers who were in the training. The result is None
        if all training rows have the same label.
    """
    hidden = unseen_customers(snapshots)
    train = snapshots.rows.at(trainable(snapshots.mature_on, cutoff))
    train = train.where(~hidden[train.customer])
    if train.one_class:
        return None
    rows = snapshots.rows.at([cutoff])
    mask = hidden[rows.customer]
    probability = np.full(len(rows), np.nan)
    if mask.any():
        fitted = fit_recipe(train, recipe, snapshots.monotone, threads)
        past = out_of_time.at(trainable(snapshots.mature_on, cutoff))
        past = past.where(~hidden[past.customer])
        calibrator = calibration.fit_calibration(
            recipe.calibration, past.logits, past.left, past.customer, past.weight
        )
        probability[mask] = calibration.apply_calibration(
            fitted.logits(rows.where(mask), threads), calibrator
        )
    return probability


def naive_split(snapshots: Snapshots, recipe: Recipe, seed: int, threads: int) -> Predictions | None:
    """Predict a random fifth of the rows with a model that is trained on the other rows.

    So for most predicted rows, the model has learnt from rows of the same customer at other cutoffs, even at
    later cutoffs. The probabilities of the model are not calibrated, because a calibration is learnt from
    out-of-time predictions.

    Args:
        snapshots: The matured snapshots.
        recipe: The recipe of the challenger.
        seed: The seed of the split.
        threads: The number of threads.

    Returns:
        The rows with their probabilities. The result is None if all training rows have the same label, or if
        all predicted rows have the same label.
    """
    rows = snapshots.rows
    if len(rows) > MAX_NAIVE_ROWS:
        sample = hash_to_unit_interval(snapshots.customers, "naive") < MAX_NAIVE_ROWS / len(rows)
        rows = rows.where(sample[rows.customer])
    predicted = np.random.default_rng(seed).random(len(rows)) < SHARE
    train, test = rows.where(~predicted), rows.where(predicted)
    if train.one_class or test.one_class:
        return None
    fitted = fit_recipe(train, recipe, snapshots.monotone, threads)
    return Predictions(
        test, calibration.apply_calibration(fitted.logits(test, threads), calibration.NO_CALIBRATION)
    )
