"""Check the split: training and test must share no row and no person, and must not overlap in time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date

import numpy as np
import numpy.typing as npt

from churn.data.store import day_number
from churn.finding import Finding
from churn.guards.duplicates import oversampling_note
from churn.guards.model.refit_invariance import CutoffFit
from churn.snapshots.dataset import Ints, LabelledRows, cutoffs_of


def disjoint(fold: CutoffFit, mature_on: Mapping[date, date]) -> Iterator[Finding]:
    """Find rows that are in both training and test, and training labels unknown at the test cutoff.

    Each finding has the severity `stop`.

    Args:
        fold: The training and test rows.
        mature_on: The day on which the labels of each cutoff were known.
    """
    shared_keys = np.intersect1d(_row_keys(fold.train), _row_keys(fold.test))
    if len(shared_keys):
        yield Finding(
            f"test cutoff {fold.cutoff}",
            f"{len(shared_keys):,} of the {len(fold.test):,} test rows (customer and cutoff) are also "
            "training rows: the model has already learnt their outcomes.",
            "Split the rows by time (evaluate.test_cutoffs), never at random.",
            "stop",
        )
    early = [day for day in cutoffs_of(fold.train.cutoff) if mature_on.get(day, date.max) > fold.cutoff]
    if early:
        count = int(np.isin(fold.train.cutoff, [day_number(day) for day in early]).sum())
        yield Finding(
            f"test cutoff {fold.cutoff}",
            f"{count:,} training rows at {', '.join(map(str, early[:4]))} have labels that were not known "
            "at the test cutoff: no model of that day could have learnt from these labels.",
            "Train on snapshots whose label window, grace and late days end at or before the test cutoff.",
            "stop",
        )


def copied_rows(fold: CutoffFit) -> Iterator[Finding]:
    """Look for rows of a customer and a cutoff that occur more than once in training or test.

    Rows with equal signals are no copies: the signals of new and silent customers are often equal. The guard
    `duplicates` finds a person under two ids in the data.
    """
    train, test = _row_keys(fold.train), _row_keys(fold.test)
    is_copy = np.concatenate([_occurs_twice(train), _occurs_twice(test)])
    copies = int(is_copy.sum())
    if not copies:
        return
    left = np.concatenate([fold.train.left, fold.test.left])
    share, base = float(left[is_copy].mean()), float(left[~is_copy].mean()) if (~is_copy).any() else 0.0
    note = oversampling_note(share, base, "the other rows")
    yield Finding(
        f"test cutoff {fold.cutoff}",
        f"{copies:,} of {len(is_copy):,} rows have the customer and the cutoff of another row: rows were "
        f"copied.{note}",
        "Keep one row for each customer and cutoff, and do not resample rows before or after the split.",
        "stop",
    )


def _occurs_twice(keys: Ints) -> npt.NDArray[np.bool_]:
    """Return a mask of the keys that occur more than once, shape (rows,)."""
    _, code, count = np.unique(keys, return_inverse=True, return_counts=True)
    return np.asarray(count[code] > 1)


def _row_keys(rows: LabelledRows) -> Ints:
    """Return for each row a number that identifies customer and cutoff, shape (rows,)."""
    return rows.customer * 100_000 + rows.cutoff
