"""Predict each cutoff with the labels that were known at it: a rolling origin."""

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
"""Of more rows a backtest learns from a share of the customers. A model may then look a little worse."""


@dataclass(frozen=True)
class OutOfTime:
    """Predictions of rows by models that were trained on labels known by the row's cutoff.

    Attributes:
        logits: Uncalibrated log-odds, shape (rows,), as are all others.
        left: Outcomes: 1.0 where the customer left, else 0.0.
        customer: A dense integer per customer.
        cutoff: Days since 1970-01-01, never falling.
    """

    logits: Floats
    left: Floats
    customer: Ints
    cutoff: Ints

    @property
    def cutoffs(self) -> tuple[date, ...]:
        """Return the predicted cutoffs, in order."""
        return tuple(cutoffs_of(self.cutoff))

    def at(self, cutoffs: Sequence[date]) -> OutOfTime:
        """Return the rows of some cutoffs."""
        return self.where(np.isin(self.cutoff, [day_number(day) for day in cutoffs]))

    def where(self, mask: npt.NDArray[np.bool_]) -> OutOfTime:
        """Return the rows for which the mask is true."""
        return OutOfTime(self.logits[mask], self.left[mask], self.customer[mask], self.cutoff[mask])

    def join(self, more_rows: OutOfTime) -> OutOfTime:
        """Return these rows and those of other cutoffs, in the order of the cutoffs."""
        order = np.argsort(np.concatenate([self.cutoff, more_rows.cutoff]), kind="stable")
        return OutOfTime(
            np.concatenate([self.logits, more_rows.logits])[order],
            np.concatenate([self.left, more_rows.left])[order],
            np.concatenate([self.customer, more_rows.customer])[order],
            np.concatenate([self.cutoff, more_rows.cutoff])[order],
        )

    def frame(self, customers: Sequence[str]) -> pd.DataFrame:
        """Return a table with customer_id, cutoff, left, logit.

        Args:
            customers: The customer ids that `customer` counts.
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


def predict_out_of_time(
    snapshots: Snapshots,
    recipe: Recipe,
    cutoffs: Sequence[date],
    threads: int,
    advance: Callable[[], None] = lambda: None,
) -> OutOfTime:
    """Fit the recipe once per cutoff and predict that cutoff; the folds run in parallel.

    Args:
        snapshots: All matured snapshots.
        recipe: The settings of the fits.
        cutoffs: The cutoffs to predict. Each model learns from at most a million rows known by its cutoff.
        threads: Threads for all folds together; they do not change the result.
        advance: Called after each fold.
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
    """Predict some cutoffs out of time, and fit the recipe on all matured snapshots at the same time.

    The fits run in parallel however large they are: the fits for the cutoffs use thinned rows, so their
    copies take no more memory than the snapshots.

    Args:
        snapshots: All matured snapshots.
        recipe: The settings of the fits.
        cutoffs: The cutoffs to predict.
        threads: Threads for all fits together; they do not change the result.
        advance: Called after each fit.
    """
    cutoffs = sorted(cutoffs)

    def fit_by(cutoff: date | None, n_threads: int) -> FittedModel:
        # A large final fit still runs when the others have ended, and then needs their threads.
        runs_longest = cutoff is None and snapshots.rows.matrix.size > LARGE_FOLD_CELLS
        return _fit_by(cutoff, snapshots, recipe, threads if runs_longest else n_threads)

    # The largest fit comes first. Started last, it would keep the other threads waiting.
    final, *earlier = map_parallel(fit_by, [None, *reversed(cutoffs)], threads, advance=advance)
    logits = [
        model.logits(snapshots.rows.at([cutoff]), threads)
        for cutoff, model in zip(cutoffs, reversed(earlier), strict=True)
    ]
    return _out_of_time(snapshots, cutoffs, logits), final


def _fit_by(cutoff: date | None, snapshots: Snapshots, recipe: Recipe, threads: int) -> FittedModel:
    """Fit on the labels known by a cutoff, or on all."""
    rows = snapshots.rows
    if cutoff is not None:
        rows = thin_customers(rows.at(trainable(snapshots.mature_on, cutoff)), MAX_BACKTEST_ROWS)
    return fit_recipe(rows, recipe, snapshots.monotone, threads)


def _out_of_time(snapshots: Snapshots, cutoffs: Sequence[date], logits: Sequence[Floats]) -> OutOfTime:
    rows = snapshots.rows.at(cutoffs)
    return OutOfTime(np.concatenate([*logits, np.zeros(0)]), rows.left, rows.customer, rows.cutoff)


def calibrate_out_of_time(
    snapshots: Snapshots, recipe: Recipe, predictions: OutOfTime, test: Sequence[date]
) -> Floats:
    """Return calibrated probabilities of the test cutoffs, shape (rows,).

    Args:
        snapshots: All matured snapshots.
        recipe: It names the calibration.
        predictions: Out-of-time predictions of the test cutoffs and of earlier ones.
        test: The test cutoffs; each is calibrated with a fit on the cutoffs whose labels were known by then.
    """
    parts = []
    for day in sorted(test):
        earlier = predictions.at(trainable(snapshots.mature_on, day))
        calibration = fit_calibration(recipe.calibration, earlier.logits, earlier.left, earlier.customer)
        parts.append(apply_calibration(predictions.at([day]).logits, calibration))
    return np.concatenate(parts)


def predict_champion(
    snapshots: Snapshots, scorer: Scorer, test: Sequence[date]
) -> tuple[Floats, tuple[date, ...]]:
    """Return the champion's probabilities, and the test cutoffs that it had not seen.

    Args:
        snapshots: All matured snapshots.
        scorer: The champion.
        test: The test cutoffs.

    Returns:
        The probabilities of the rows of the test cutoffs, NaN at cutoffs that it may have seen; and the
        others.

    Raises:
        SchemaError: the snapshots lack a signal that the champion needs.
    """
    rows = snapshots.rows.at(test)
    learnt_by = date.fromisoformat(scorer.spec["mature_on"])  # the latest maturity of its trained cutoffs
    unseen_cutoffs = tuple(day for day in sorted(test) if learnt_by <= day)
    probability = np.full(len(rows), np.nan)
    if unseen_cutoffs:
        mask = np.isin(rows.cutoff, snapshots.rows.at(unseen_cutoffs).cutoff)
        probability[mask] = scorer.predict(scorer_columns(rows.where(mask)))
    return probability, unseen_cutoffs
