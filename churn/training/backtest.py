"""Predict each cutoff with a model that was fitted only on labels that were known by this cutoff (a rolling
origin).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn.data.store import date_of_day, day_number
from churn.labels.calendar import trainable
from churn.metrics.metrics import Floats, Ints
from churn.model.scorer import Scorer
from churn.snapshots.dataset import cutoffs_of, scorer_columns, thin_customers
from churn.snapshots.read import Snapshots
from churn.training.calibration import apply_calibration, fit_calibration
from churn.training.fitted_model import FittedModel
from churn.training.parallel import LARGE_FOLD_CELLS, map_parallel
from churn.training.recipe import Recipe, fit_recipe

MAX_BACKTEST_ROWS = 1_000_000
"""The largest number of training rows of one fit in a backtest.

If there are more rows, the fit uses all rows of a part of the customers. Its predictions may then be a little
worse.
"""


@dataclass(frozen=True)
class OutOfTime:
    """Predictions of rows by models that learnt only from labels that were known by the cutoff of the row.

    Attributes:
        logits: The uncalibrated log-odds, shape (rows,).
        left: The outcomes, shape (rows,): 1.0 if the customer left, otherwise 0.0.
        customer: The index of each row's customer, shape (rows,). The indices have no gaps: 0, 1, 2, …
        cutoff: The day number of each row's cutoff, shape (rows,), in ascending order.
        weight: The weight of each row: how many rows it stands for, shape (rows,); None if each weight is 1.
    """

    logits: Floats
    left: Floats
    customer: Ints
    cutoff: Ints
    weight: Floats | None = None

    @property
    def cutoffs(self) -> tuple[date, ...]:
        """Return the cutoffs of the rows, in order."""
        return tuple(cutoffs_of(self.cutoff))

    def at(self, cutoffs: Sequence[date]) -> OutOfTime:
        """Return the rows whose cutoff is one of `cutoffs`."""
        return self.where(np.isin(self.cutoff, [day_number(day) for day in cutoffs]))

    def where(self, mask: npt.NDArray[np.bool_]) -> OutOfTime:
        """Return the rows for which the mask is true."""
        weight = None if self.weight is None else self.weight[mask]
        return OutOfTime(self.logits[mask], self.left[mask], self.customer[mask], self.cutoff[mask], weight)

    def join(self, more_rows: OutOfTime) -> OutOfTime:
        """Return these rows together with rows of other cutoffs, ordered by cutoff."""
        order = np.argsort(np.concatenate([self.cutoff, more_rows.cutoff]), kind="stable")
        return OutOfTime(
            np.concatenate([self.logits, more_rows.logits])[order],
            np.concatenate([self.left, more_rows.left])[order],
            np.concatenate([self.customer, more_rows.customer])[order],
            np.concatenate([self.cutoff, more_rows.cutoff])[order],
            None
            if self.weight is None and more_rows.weight is None
            else _join_weights(self, more_rows)[order],
        )

    def frame(self, customers: Sequence[str]) -> pd.DataFrame:
        """Return the predictions as a table with the columns `customer_id`, `cutoff`, `left` and `logit`.

        Args:
            customers: The customer ids; the attribute `customer` holds indices into them.
        """
        days = {int(day): date_of_day(int(day)).isoformat() for day in np.unique(self.cutoff)}
        return pd.DataFrame(
            {
                "customer_id": np.asarray(customers, dtype=object)[self.customer],
                "cutoff": [days[int(day)] for day in self.cutoff],
                "left": self.left.astype(np.int8),
                "logit": self.logits,
            }
        )


def _join_weights(first: OutOfTime, second: OutOfTime) -> Floats:
    parts = [np.ones(len(own.left)) if own.weight is None else own.weight for own in (first, second)]
    return np.concatenate(parts)


def predict_out_of_time(
    snapshots: Snapshots,
    recipe: Recipe,
    cutoffs: Sequence[date],
    threads: int,
    advance: Callable[[], None] = lambda: None,
) -> OutOfTime:
    """For each cutoff, fit a model and predict the rows of the cutoff; the fits run in parallel.

    Args:
        snapshots: All matured snapshots.
        recipe: The settings of the fits.
        cutoffs: The cutoffs to predict. Each model learns from at most a million rows, whose labels were
            known by its cutoff.
        threads: The number of threads for all fits together; it does not change the result.
        advance: A function that is called after each fit.
    """
    cutoffs = sorted(cutoffs)

    def predict(cutoff: date, n_threads: int) -> Floats:
        model = _fit_by(cutoff, snapshots, recipe, n_threads)
        return model.logits(snapshots.rows.at([cutoff]), n_threads)

    logits = map_parallel(predict, cutoffs, threads, snapshots.rows.matrix.size, advance)
    return _out_of_time(snapshots, cutoffs, logits)


def predict_and_fit(
    snapshots: Snapshots,
    recipe: Recipe,
    cutoffs: Sequence[date],
    threads: int,
    advance: Callable[[], None] = lambda: None,
) -> tuple[OutOfTime, FittedModel]:
    """Predict some cutoffs as `predict_out_of_time` does and, in parallel, fit a model on all labels.

    The fits run in parallel even if there are many rows. To save memory, a fit for a cutoff then uses only a
    part of the customers, with about a million rows or fewer.

    Args:
        snapshots: All matured snapshots.
        recipe: The settings of the fits.
        cutoffs: The cutoffs to predict.
        threads: The number of threads for all fits together; it does not change the result.
        advance: A function that is called after each fit.
    """
    cutoffs = sorted(cutoffs)

    def fit_by(cutoff: date | None, n_threads: int) -> FittedModel:
        # A large final fit is still running when the other fits have ended; then it may use the threads of
        # all fits.
        runs_longest = cutoff is None and snapshots.rows.matrix.size > LARGE_FOLD_CELLS
        return _fit_by(cutoff, snapshots, recipe, threads if runs_longest else n_threads)

    # The largest fit starts first. If it started last, the other threads would wait for it.
    final, *earlier = map_parallel(fit_by, [None, *reversed(cutoffs)], threads, advance=advance)
    logits = [
        model.logits(snapshots.rows.at([cutoff]), threads)
        for cutoff, model in zip(cutoffs, reversed(earlier), strict=True)
    ]
    return _out_of_time(snapshots, cutoffs, logits), final


def _fit_by(cutoff: date | None, snapshots: Snapshots, recipe: Recipe, threads: int) -> FittedModel:
    """Fit on the labels that were known by a cutoff; if the cutoff is None, fit on all labels."""
    rows = snapshots.rows
    if cutoff is not None:
        rows = thin_customers(rows.at(trainable(snapshots.mature_on, cutoff)), MAX_BACKTEST_ROWS)
    return fit_recipe(rows, recipe, snapshots.monotone, threads)


def _out_of_time(snapshots: Snapshots, cutoffs: Sequence[date], logits: Sequence[Floats]) -> OutOfTime:
    rows = snapshots.rows.at(cutoffs)
    return OutOfTime(
        np.concatenate([*logits, np.zeros(0)]), rows.left, rows.customer, rows.cutoff, rows.weight
    )


def calibrate_out_of_time(
    snapshots: Snapshots, recipe: Recipe, predictions: OutOfTime, test: Sequence[date]
) -> Floats:
    """Return calibrated probabilities of the rows of the test cutoffs, shape (rows,).

    Args:
        snapshots: All matured snapshots.
        recipe: The recipe, which names the calibration method.
        predictions: The out-of-time predictions of the test cutoffs and of earlier cutoffs.
        test: The test cutoffs. The calibration of a test cutoff is fitted on the cutoffs whose labels were
            known by that test cutoff.
    """
    parts = []
    for day in sorted(test):
        earlier = predictions.at(trainable(snapshots.mature_on, day))
        calibration = fit_calibration(
            recipe.calibration, earlier.logits, earlier.left, earlier.customer, earlier.weight
        )
        parts.append(apply_calibration(predictions.at([day]).logits, calibration))
    return np.concatenate(parts)


def predict_treated(
    snapshots: Snapshots, recipe: Recipe, predictions: OutOfTime, test: Sequence[date], threads: int
) -> Floats:
    """Return calibrated probabilities for the treated (contacted) rows of the test cutoffs, shape (treated
    rows,).

    The models and calibrations learn only from untreated rows, as for all other predictions.

    Args:
        snapshots: All matured snapshots, with their treated rows.
        recipe: The settings of the fits.
        predictions: The out-of-time predictions of untreated rows.
        test: The test cutoffs.
        threads: The number of threads for all fits together; it does not change the result.
    """
    treated = snapshots.treated_rows
    if treated is None:
        return np.zeros(0)
    days = [day for day in sorted(test) if len(treated.at([day]))]

    def predict(cutoff: date, n_threads: int) -> Floats:
        return _fit_by(cutoff, snapshots, recipe, n_threads).logits(treated.at([cutoff]), n_threads)

    logits = map_parallel(predict, days, threads, snapshots.rows.matrix.size)
    parts = []
    for day, of_day in zip(days, logits, strict=True):
        earlier = predictions.at(trainable(snapshots.mature_on, day))
        calibration = fit_calibration(
            recipe.calibration, earlier.logits, earlier.left, earlier.customer, earlier.weight
        )
        parts.append(apply_calibration(of_day, calibration))
    return np.concatenate([*parts, np.zeros(0)])


def predict_champion(
    snapshots: Snapshots, scorer: Scorer, test: Sequence[date]
) -> tuple[Floats, tuple[date, ...]]:
    """Return the champion's probabilities, and the test cutoffs whose labels the champion has not seen.

    Args:
        snapshots: All matured snapshots.
        scorer: The champion.
        test: The test cutoffs.

    Returns:
        The probabilities of the rows of the test cutoffs, shape (rows,), and the cutoffs whose labels the
        champion has not seen. At all other cutoffs the probabilities are NaN.

    Raises:
        SchemaError: the snapshots lack a signal that the champion needs.
    """
    rows = snapshots.rows.at(test)
    # the day on which the last label became known from which the champion learnt
    learnt_by = date.fromisoformat(scorer.spec["mature_on"])
    unseen_cutoffs = tuple(day for day in sorted(test) if learnt_by <= day)
    probability = np.full(len(rows), np.nan)
    if unseen_cutoffs:
        mask = np.isin(rows.cutoff, snapshots.rows.at(unseen_cutoffs).cutoff)
        probability[mask] = scorer.predict(scorer_columns(rows.where(mask)))
    return probability, unseen_cutoffs
