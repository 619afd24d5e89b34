"""Predict each cutoff with what could be known at it: a rolling origin."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn.labels.calendar import trainable
from churn.metrics.metrics import Floats, Ints
from churn.model.scorer import Scorer
from churn.snapshots.dataset import columns_of, dates_of, thinned
from churn.snapshots.read import Snapshots
from churn.training import calibration
from churn.training.fit import fit
from churn.training.fitted_model import Fitted
from churn.training.parallel import LARGE, side_by_side
from churn.training.recipe import Recipe

MOST_ROWS = 1_000_000
"""Of more rows a backtest learns from a share of the customers, and may look a little worse than it is."""


@dataclass(frozen=True)
class OutOfTime:
    """Uncalibrated log-odds of rows whose model was trained on labels known by their cutoff."""

    logits: Floats
    left: Floats
    customer: Ints
    cutoff: Ints

    @property
    def cutoffs(self) -> tuple[date, ...]:
        """Return the cutoffs predicted, in order."""
        return tuple(dates_of(self.cutoff))

    def at(self, cutoffs: Sequence[date]) -> OutOfTime:
        """Return the rows of some cutoffs."""
        return self.where(np.isin(self.cutoff, [(day - date(1970, 1, 1)).days for day in cutoffs]))

    def where(self, wanted: npt.NDArray[np.bool_]) -> OutOfTime:
        """Return the rows that a mask holds."""
        return OutOfTime(self.logits[wanted], self.left[wanted], self.customer[wanted], self.cutoff[wanted])

    def joined(self, more: OutOfTime) -> OutOfTime:
        """Return these rows and those of other cutoffs, in the order of the cutoffs."""
        order = np.argsort(np.concatenate([self.cutoff, more.cutoff]), kind="stable")
        return OutOfTime(
            np.concatenate([self.logits, more.logits])[order],
            np.concatenate([self.left, more.left])[order],
            np.concatenate([self.customer, more.customer])[order],
            np.concatenate([self.cutoff, more.cutoff])[order],
        )

    def frame(self, customers: Sequence[str]) -> pd.DataFrame:
        """Return a table for people: customer_id, cutoff, left, logit."""
        return pd.DataFrame(
            {
                "customer_id": np.asarray(customers, dtype=object)[self.customer],
                "cutoff": [day.isoformat() for day in _days(self.cutoff)],
                "left": self.left.astype(np.int8),
                "logit": self.logits,
            }
        )


def out_of_time(
    snapshots: Snapshots,
    recipe: Recipe,
    cutoffs: Sequence[date],
    threads: int,
    advance: Callable[[], None] = lambda: None,
) -> OutOfTime:
    """Fit the recipe once per cutoff and predict that cutoff; the folds run side by side.

    Of more than a million rows known by a cutoff those of a share of the customers are learnt from.
    """
    cutoffs = sorted(cutoffs)

    def one(cutoff: date, each: int) -> Floats:
        fitted = _fit_by(cutoff, snapshots, recipe, each)
        return fitted.logits(snapshots.rows.at([cutoff]), each)

    made = side_by_side(one, cutoffs, threads, snapshots.rows.matrix.size, advance)
    return _joined(snapshots, cutoffs, made)


def out_of_time_and_fitted(
    snapshots: Snapshots,
    recipe: Recipe,
    cutoffs: Sequence[date],
    threads: int,
    advance: Callable[[], None] = lambda: None,
) -> tuple[OutOfTime, Fitted]:
    """Predict some cutoffs out of time, and fit the recipe on all matured snapshots beside that.

    The fits run side by side however large they are: those for the cutoffs are thinned, so that their copies
    take no more memory than the snapshots themselves.
    """
    cutoffs = sorted(cutoffs)

    def one(cutoff: date | None, each: int) -> Fitted:
        # a large last fit goes on when the others have ended, and then needs their threads
        outlasts = cutoff is None and snapshots.rows.matrix.size > LARGE
        return _fit_by(cutoff, snapshots, recipe, threads if outlasts else each)

    # the largest first: begun last it would keep the other threads waiting
    fitted, *earlier = side_by_side(one, [None, *reversed(cutoffs)], threads, advance=advance)
    made = [
        each.logits(snapshots.rows.at([cutoff]), threads)
        for cutoff, each in zip(cutoffs, reversed(earlier), strict=True)
    ]
    return _joined(snapshots, cutoffs, made), fitted


def _fit_by(cutoff: date | None, snapshots: Snapshots, recipe: Recipe, threads: int) -> Fitted:
    """Fit on what was known by a cutoff, or on everything."""
    rows = snapshots.rows
    if cutoff is not None:
        rows = thinned(rows.at(trainable(snapshots.mature_on, cutoff)), MOST_ROWS)
    return fit(rows, recipe, snapshots.monotone, threads)


def _joined(snapshots: Snapshots, cutoffs: Sequence[date], made: Sequence[Floats]) -> OutOfTime:
    rows = snapshots.rows.at(cutoffs)
    return OutOfTime(np.concatenate([*made, np.zeros(0)]), rows.left, rows.customer, rows.cutoff)


def calibrated_in_time(snapshots: Snapshots, recipe: Recipe, made: OutOfTime, test: Sequence[date]) -> Floats:
    """Return calibrated probabilities of the test cutoffs; each calibration knew earlier cutoffs only."""
    parts = []
    for day in sorted(test):
        known = made.at(trainable(snapshots.mature_on, day))
        fitted = calibration.fit(recipe.calibration, known.logits, known.left, known.customer)
        parts.append(calibration.apply(made.at([day]).logits, fitted))
    return np.concatenate(parts)


def champion_predictions(
    snapshots: Snapshots, scorer: Scorer, test: Sequence[date]
) -> tuple[Floats, tuple[date, ...]]:
    """Return the champion's probabilities, NaN at cutoffs it may have seen, and the cutoffs it had not.

    Raises:
        SchemaError: the snapshots lack a signal the champion needs.
    """
    rows = snapshots.rows.at(test)
    learnt_by = date.fromisoformat(scorer.spec["mature_on"])  # the latest maturity of its trained cutoffs
    unseen = tuple(day for day in sorted(test) if learnt_by <= day)
    probability = np.full(len(rows), np.nan)
    if unseen:
        wanted = np.isin(rows.cutoff, snapshots.rows.at(unseen).cutoff)
        probability[wanted] = scorer.predict(columns_of(rows.where(wanted)))
    return probability, unseen


def _days(cutoff: Ints) -> list[date]:
    origin = date(1970, 1, 1).toordinal()
    known: Mapping[int, date] = {int(day): date.fromordinal(int(day) + origin) for day in np.unique(cutoff)}
    return [known[int(day)] for day in cutoff]
