"""Guards of the split: training and test must share no row and no person, and must not overlap in time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date

import numpy as np
import numpy.typing as npt

from churn.data.store import day_number
from churn.finding import Finding
from churn.guards.duplicates import COPY_STOP_SHARE, oversampling_note
from churn.guards.model.refit_invariance import CutoffFit
from churn.snapshots.dataset import Ints, LabelledRows, cutoffs_of

MIN_COPIES = 5
"""The least number of copied rows: fewer copies may be chance."""

RARE_SHARE = 0.01
"""The largest share of rows with a rare value. Rare values tell customers apart."""

MIN_RARE_VALUES = 10
"""The number of rare values that are not equal by chance; with few signals, half of the signals."""


def disjoint(fold: CutoffFit, mature_on: Mapping[date, date]) -> Iterator[Finding]:
    """Stop at rows in both training and test, and at training labels not known by the test cutoff.

    Args:
        fold: The training and test rows.
        mature_on: The day on which the labels of each cutoff were known.
    """
    shared_keys = np.intersect1d(_row_keys(fold.train), _row_keys(fold.test))
    if len(shared_keys):
        yield Finding(
            f"test cutoff {fold.cutoff}",
            f"{len(shared_keys):,} of its {len(fold.test):,} rows (customer and cutoff) are also in "
            "training: the model has seen their answers.",
            "Split by time (evaluate.test_cutoffs), never at random by rows.",
            "stop",
        )
    early = [day for day in cutoffs_of(fold.train.cutoff) if mature_on.get(day, date.max) > fold.cutoff]
    if early:
        count = int(np.isin(fold.train.cutoff, [day_number(day) for day in early]).sum())
        yield Finding(
            f"test cutoff {fold.cutoff}",
            f"{count:,} training rows at {', '.join(map(str, early[:4]))} have labels that were not known at "
            "the test cutoff: no model of that day could have learnt from them.",
            "Train on snapshots whose label window, grace and late days end at or before the test cutoff.",
            "stop",
        )


def copied_rows(fold: CutoffFit) -> Iterator[Finding]:
    """Look for rows with the same value in every signal as another row of training or test.

    Only rows with enough rare values count, because the rows of new and silent customers are often equal.
    """
    train, test = _row_hashes(fold.train), _row_hashes(fold.test)
    _, code, count = np.unique(np.concatenate([train, test]), return_inverse=True, return_counts=True)
    has_twin = count[code] > 1
    if not has_twin.any():
        return
    is_copy = has_twin & np.concatenate([_is_distinctive(fold.train), _is_distinctive(fold.test)])
    copies = int(is_copy.sum())
    if copies < MIN_COPIES:
        return
    across = np.isin(test[is_copy[len(train) :]], train[is_copy[: len(train)]])
    left = np.concatenate([fold.train.left, fold.test.left])
    share, base = float(left[is_copy].mean()), float(left[~is_copy].mean()) if (~is_copy).any() else 0.0
    note = oversampling_note(share, base, "the other rows")
    yield Finding(
        f"test cutoff {fold.cutoff}",
        f"{copies:,} of {len(is_copy):,} rows have the same value in every signal as another row; "
        f"{across.sum():,} of these are in the test and have a copy in training.{note} The model has seen "
        "their answers.",
        "Give each person a single customer_id, and do not resample rows before or after the split.",
        "stop" if copies >= COPY_STOP_SHARE * len(is_copy) else "warn",
    )


def _row_keys(rows: LabelledRows) -> Ints:
    """Return for each row a number that identifies customer and cutoff, shape (rows,)."""
    return rows.customer * 100_000 + rows.cutoff


def _row_hashes(rows: LabelledRows) -> npt.NDArray[np.uint64]:
    """Return a hash of each row; rows with equal signals have equal hashes. Shape (rows,)."""
    total = np.zeros(len(rows), dtype=np.uint64)
    for index in range(len(rows.names)):
        # All NaN get an equal code, and -0.0 becomes 0.0.
        column = np.nan_to_num(rows.matrix[:, index], nan=-1.5e300) + 0.0
        total = (total ^ column.view(np.uint64)) * np.uint64(0x9E3779B97F4A7C15)
        total ^= total >> np.uint64(29)
    return total


def _is_distinctive(rows: LabelledRows) -> npt.NDArray[np.bool_]:
    """Return which rows hold enough rare values to tell customers apart, shape (rows,)."""
    enough = min(MIN_RARE_VALUES, (len(rows.names) + 1) // 2)
    rare_values = np.zeros(len(rows), dtype=np.int64)
    max_rows = max(RARE_SHARE * len(rows), MIN_COPIES)
    for index in range(len(rows.names)):
        values = rows.matrix[:, index]
        _, code, count = np.unique(values, return_inverse=True, return_counts=True)
        rare_values += (count[code] <= max_rows) & ~np.isnan(values)
    return rare_values >= enough
