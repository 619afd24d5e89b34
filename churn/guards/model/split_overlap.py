"""Whether training and test are apart: in time, in rows, and in persons."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date

import numpy as np
import numpy.typing as npt

from churn.finding import Finding
from churn.guards.model.refit_invariance import Fold
from churn.snapshots.dataset import Ints, LabelledRows, cutoffs_of

EPOCH = date(1970, 1, 1)

STOP = 0.01
"""The share of rows from which copies on both sides move the figures of a test."""

FEWEST = 5
"""Fewer copies may be chance."""

RARE = 0.01
"""A value tells customers apart when no more than so many of the rows have it."""

TELLING = 10
"""So many rare values, or half of the signals where there are few, are not shared by chance."""


def disjoint(fold: Fold, mature_on: Mapping[date, date]) -> Iterator[Finding]:
    """Look for rows that stand on both sides, and for training rows whose label was not yet known.

    Args:
        fold: The two sets.
        mature_on: For each cutoff the day on which its label was known.
    """
    train, test = _keys(fold.train), _keys(fold.test)
    both = np.intersect1d(train, test)
    if len(both):
        yield Finding(
            f"test cutoff {fold.cutoff}",
            f"{len(both):,} of its {len(fold.test):,} rows (customer and cutoff) are in training too: the "
            "model has seen their answers.",
            "Split by time (evaluate.test_cutoffs); never at random by rows.",
            "stop",
        )
    later = [day for day in cutoffs_of(fold.train.cutoff) if mature_on.get(day, date.max) > fold.cutoff]
    if later:
        late = int(np.isin(fold.train.cutoff, [(day - EPOCH).days for day in later]).sum())
        yield Finding(
            f"test cutoff {fold.cutoff}",
            f"{late:,} training rows at {', '.join(map(str, later[:4]))} have labels that were not known by "
            "then: no model of that day could have learnt from them.",
            "Train on snapshots whose label window, grace and late days end at or before the test cutoff.",
            "stop",
        )


def copies(fold: Fold) -> Iterator[Finding]:
    """Look for rows whose signals all equal those of another customer's row, in training, test or across.

    Rows count that hold enough rare values to tell customers apart; new and silent customers are alike by
    nature.
    """
    train, test = _hashed(fold.train), _hashed(fold.test)
    hashed = np.concatenate([train, test])
    _, place, count = np.unique(hashed, return_inverse=True, return_counts=True)
    again = count[place] > 1
    if not again.any():
        return
    told = again & np.concatenate([_telling(fold.train), _telling(fold.test)])
    size = int(told.sum())
    if size < FEWEST:
        return
    across = np.isin(test[told[len(train) :]], train[told[: len(train)]])
    left = np.concatenate([fold.train.left, fold.test.left])
    share, base = float(left[told].mean()), float(left[~told].mean()) if (~told).any() else 0.0
    resampled = (
        f" Of them {share:.0%} left, of the others {base:.0%}: leavers may have been copied."
        if share > 2 * base
        else ""
    )
    yield Finding(
        f"test cutoff {fold.cutoff}",
        f"{size:,} of {len(told):,} rows have the same value in every signal as another row, "
        f"{across.sum():,} of them in the test as in training.{resampled} The test knows their answers.",
        "Give one person one customer_id, and no row twice: no resampling, before or after the split.",
        "stop" if size >= STOP * len(told) else "warn",
    )


def _keys(rows: LabelledRows) -> Ints:
    """Return a number per row that stands for customer and cutoff."""
    return rows.customer * 100_000 + rows.cutoff


def _hashed(rows: LabelledRows) -> npt.NDArray[np.uint64]:
    """Return a number per row that is equal where all signals are."""
    total = np.zeros(len(rows), dtype=np.uint64)
    for place in range(len(rows.names)):
        column = np.nan_to_num(rows.matrix[:, place], nan=-1.5e300) + 0.0  # one NaN, one zero
        total = (total ^ column.view(np.uint64)) * np.uint64(0x9E3779B97F4A7C15)
        total ^= total >> np.uint64(29)
    return total


def _telling(rows: LabelledRows) -> npt.NDArray[np.bool_]:
    """Return which rows hold enough rare values."""
    wanted = min(TELLING, (len(rows.names) + 1) // 2)
    rare = np.zeros(len(rows), dtype=np.int64)
    most = max(RARE * len(rows), FEWEST)
    for place in range(len(rows.names)):
        values = rows.matrix[:, place]
        _, at, count = np.unique(values, return_inverse=True, return_counts=True)
        rare += (count[at] <= most) & ~np.isnan(values)
    return rare >= wanted
