"""The reference of a model: what its signals and scores looked like in training. Each night, the signals and
scores are compared with the reference.

The reference holds only counts, and no row of a customer. The reference is a file of the bundle, so it is
copied with the champion. `churn train --refresh` keeps the bins of the signals, and replaces the bins of the
scores.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import ValidationError

from churn.data.files import json_text
from churn.errors import ModelError
from churn.metrics.interval import Number, Part
from churn.metrics.stability import population_stability_index

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

REFERENCE_FILE = "reference.json"
"""The name of the reference's file in a bundle."""

MAX_LEVELS = 50
"""The largest number of levels of a text signal that get their own bin."""

MIN_LEVEL_ROWS = 20
"""The least number of rows that a level needs to get its own bin. So no text that belongs to one customer is
written into a file.
"""

MAX_QUANTILE_ROWS = 100_000
"""The largest number of rows from which the bounds of the bins are computed."""


class Bins(Part):
    """The bins of a signal or of the scores, and how many training rows are in each bin.

    The last bin holds the missing values. A numeric signal has the bins
    `(-inf, e1], (e1, e2], ..., (en, inf)`. A text signal has one bin for each level, and then one bin for all
    other texts.

    Attributes:
        name: The name of the signal.
        edges: The bounds between the bins of a numeric signal; None for a text signal.
        levels: The levels of a text signal that have their own bin; None for a numeric signal.
        counts: The number of rows in each bin.
        usual_psi: The largest of the population stability indices (PSI) of the training cutoffs. The PSI of a
            cutoff says how much the values at this cutoff differ from the values at earlier cutoffs whose
            labels were already known. `usual_psi` is None if no cutoff could be compared.
        usual_missing: The smallest and the largest share of missing values among the cutoffs of the training.
    """

    name: str
    edges: tuple[float, ...] | None = None
    levels: tuple[str, ...] | None = None
    counts: tuple[int, ...]
    usual_psi: Number = None
    usual_missing: tuple[float, float]

    @property
    def missing_share(self) -> float:
        """Return the share of missing values in the training rows."""
        return self.counts[-1] / max(1, sum(self.counts))

    def count(self, values: Any, weights: Floats) -> Floats:
        """Return the sum of the weights of the rows in each bin, shape (bins,).

        Args:
            values: The values of the signal, shape (rows,): numbers, where NaN is missing, or texts, where
                None is missing.
            weights: The weight of each row, shape (rows,).
        """
        if self.levels is None:
            codes = number_codes(np.asarray(values, dtype=np.float64), np.asarray(self.edges))
        else:
            code_of = {level: code for code, level in enumerate(self.levels)}
            n_levels = len(self.levels)
            codes = np.array(
                [
                    code_of.get(text, n_levels) if isinstance(text, str) else n_levels + 1
                    for text in np.asarray(values, dtype=object)
                ],
                dtype=np.int64,
            )
        return np.bincount(codes, weights, len(self.counts)).astype(np.float64)


class Reference(Part):
    """The bins of a model's signals and scores, and how many rows of the training are in each bin.

    Attributes:
        version: The version of the format of `reference.json`.
        cutoffs: The cutoffs of the training.
        customers: The number of customers in the training. The number of customers matters because the rows
            of one customer depend on each other.
        signals: The bins of each signal.
        score: The bins of the calibrated out-of-time probabilities; None if no row has such a probability.
        score_customers: The number of customers who have a calibrated out-of-time probability.
    """

    version: Literal[1] = 1
    cutoffs: tuple[date, ...]
    customers: int
    signals: tuple[Bins, ...]
    score: Bins | None = None
    score_customers: int = 0

    def as_text(self) -> str:
        """Return the content of `reference.json`; equal references have equal texts."""
        return json_text(self.model_dump(mode="json"))


def read_reference(bundle: Path) -> Reference | None:
    """Read the reference from a loaded bundle; loading has already verified the checksums of the bundle.

    Returns:
        The reference; None if an earlier version of the program, which had no reference, trained the model.

    Raises:
        ModelError: this version of the program cannot read the content of `reference.json`.
    """
    path = bundle / REFERENCE_FILE
    if not path.is_file():
        return None
    try:
        return Reference.model_validate_json(path.read_text(encoding="utf-8"))
    except (ValidationError, json.JSONDecodeError, UnicodeDecodeError):
        raise ModelError(
            f"{path}: this version of churn cannot read the file, which describes the values of the "
            "signals in the training data. Train and promote a new model with `churn run`."
        ) from None


def number_codes(values: Floats, edges: Floats) -> Ints:
    """Return the index of each value's bin, shape (rows,); the last bin holds the missing values.

    >>> number_codes(np.array([0.0, 1.0, 5.0, np.nan]), np.array([0.0, 4.0]))
    array([0, 1, 2, 3])
    """
    codes = np.searchsorted(edges, values, side="left").astype(np.int64)
    codes[np.isnan(values)] = len(edges) + 1
    return codes


def number_bins(
    name: str,
    values: Floats,
    cutoff: Ints,
    known_by: Mapping[int, Sequence[int]],
    weight: Floats | None = None,
) -> Bins:
    """Return the bins of a numeric signal: tenths of the training rows, or fewer bins if many rows have equal
    values.

    Args:
        name: The name of the signal.
        values: The values of the training rows, shape (rows,), NaN if missing.
        cutoff: The day number of each row's cutoff, shape (rows,).
        known_by: For each cutoff, the earlier cutoffs whose labels were known by then, all as day numbers.
        weight: The weight of each row: how many rows it stands for, shape (rows,); None if each weight is 1.
    """
    step = -(-len(values) // MAX_QUANTILE_ROWS) if len(values) else 1
    sample = values[::step]
    sample = sample[~np.isnan(sample)]
    edges = (
        np.unique(np.quantile(sample, np.arange(1, 10) / 10, method="inverted_cdf"))
        if len(sample)
        else np.zeros(0)
    )
    counts = _counts_by_cutoff(number_codes(values, edges), cutoff, len(edges) + 2, weight)
    return Bins(
        name=name,
        edges=tuple(float(edge) for edge in edges),
        **_summary(counts, known_by),
    )


def level_bins(
    name: str,
    codes: Floats,
    levels: Sequence[str],
    cutoff: Ints,
    known_by: Mapping[int, Sequence[int]],
    weight: Floats | None = None,
) -> Bins:
    """Return the bins of a text signal: the most common levels, all other texts together, and missing values.

    Args:
        name: The name of the signal.
        codes: For each training row, the position of its text in `levels`, shape (rows,); NaN if the text is
            missing.
        levels: All text values of the signal, each value once.
        cutoff: The day number of each row's cutoff, shape (rows,).
        known_by: For each cutoff, the earlier cutoffs whose labels were known by then, all as day numbers.
        weight: The weight of each row: how many rows it stands for, shape (rows,); None if each weight is 1.
    """
    is_missing = np.isnan(codes)
    whole = np.where(is_missing, len(levels), codes).astype(np.int64)
    frequency = np.bincount(whole, minlength=len(levels) + 1)[: len(levels)]
    commonest = np.argsort(-frequency, kind="stable")[:MAX_LEVELS]
    common = np.sort(commonest[frequency[commonest] >= MIN_LEVEL_ROWS])
    new_code = np.full(len(levels) + 1, len(common), dtype=np.int64)
    new_code[common] = np.arange(len(common))
    new_code[len(levels)] = len(common) + 1
    counts = _counts_by_cutoff(new_code[whole], cutoff, len(common) + 2, weight)
    return Bins(name=name, levels=tuple(levels[code] for code in common), **_summary(counts, known_by))


def _counts_by_cutoff(codes: Ints, cutoff: Ints, n_bins: int, weight: Floats | None) -> dict[int, Floats]:
    days, ordinal = np.unique(cutoff, return_inverse=True)
    counts = np.bincount(ordinal * n_bins + codes, weight, len(days) * n_bins).reshape(len(days), n_bins)
    return {int(day): row.astype(np.float64) for day, row in zip(days, counts, strict=True)}


def _summary(counts: Mapping[int, Floats], known_by: Mapping[int, Sequence[int]]) -> dict[str, Any]:
    """Return `counts`, `usual_psi` and `usual_missing`, as the class `Bins` defines them."""
    indices = [
        population_stability_index(np.sum([counts[day] for day in earlier], axis=0), row)
        for cutoff, row in counts.items()
        if (earlier := [day for day in known_by.get(cutoff, ()) if day in counts])
    ]
    missing = [float(row[-1] / row.sum()) for row in counts.values()]
    total = np.sum(list(counts.values()), axis=0)
    return {
        "counts": tuple(round(float(number)) for number in total),
        "usual_psi": max(indices, default=None),
        "usual_missing": (min(missing), max(missing)),
    }
