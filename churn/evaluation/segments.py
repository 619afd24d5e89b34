"""Groups of customers by which results are told apart: their attributes, and how long they have been here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from churn.errors import ParamsError, did_you_mean
from churn.features.engine.cohort import TENURE_BANDS
from churn.params import Params
from churn.snapshots.dataset import LabelledRows

Mask = npt.NDArray[np.bool_]
LEVELS = (2, 12)
"""A text of fewer levels tells nothing apart, one of more leaves too few customers in each."""

TENURE = "tenure_days"
MISSING = "(missing)"


def check_segments(params: Params, rows: LabelledRows) -> None:
    """Check that each name of `evaluate.segments` is a signal that holds text.

    Raises:
        ParamsError: one is not; all are listed.
    """
    problems = []
    for name in params.evaluate.segments:
        if name not in rows.levels:
            what = "holds numbers" if name in rows.names else "is no signal of the snapshots"
            hint = did_you_mean(name, rows.levels)
            place = params.locate(f"evaluate.segments: '{name}'")
            problems.append(f"{place} {what}; name signals of text.{hint}")
    if problems:
        raise ParamsError(*problems)


def groups_of(rows: LabelledRows, asked: Sequence[str] = ()) -> Mapping[str, Mapping[str, Mask]]:
    """Return for each attribute its levels, and for each level which rows belong to it.

    Args:
        rows: The rows to tell apart.
        asked: The attributes; by default all text signals of which the rows hold 2 to 12 levels. Bands of
            tenure come with them wherever `tenure_days` is a signal.
    """
    groups: dict[str, dict[str, Mask]] = {}
    for name in asked or sorted(rows.levels):
        codes = rows.matrix[:, rows.names.index(name)]
        parts = {level: codes == code for code, level in enumerate(rows.levels[name])}
        parts = {level: here for level, here in parts.items() if here.any()}
        if asked or LEVELS[0] <= len(parts) <= LEVELS[1]:
            groups[name] = parts | ({MISSING: np.isnan(codes)} if np.isnan(codes).any() else {})
    if TENURE in rows.names:
        groups[TENURE] = _bands(rows.matrix[:, rows.names.index(TENURE)])
    return groups


def _bands(tenure: npt.NDArray[np.float64]) -> dict[str, Mask]:
    """Return the rows of each band of tenure, named by its days `[from, to)`."""
    edges = [0, *TENURE_BANDS]
    band = np.searchsorted(TENURE_BANDS, tenure, side="right")
    names = [f"[{low}, {high})" for low, high in zip(edges, TENURE_BANDS, strict=False)]
    names.append(f"from {TENURE_BANDS[-1]}")
    known = ~np.isnan(tenure)
    found = {name: known & (band == number) for number, name in enumerate(names)}
    if not known.all():
        found[MISSING] = ~known
    return {name: here for name, here in found.items() if here.any()}
