"""Which levels of a text signal a model knows, and rows counted along them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from churn.snapshots.dataset import Floats, Rows

MOST_LEVELS = 100
FEWEST_ROWS = 20


def frequent_levels(rows: Rows) -> dict[str, tuple[str, ...]]:
    """Return the levels of each text signal seen at least 20 times, at most the 100 commonest, sorted."""
    kept = {}
    for place, name in enumerate(rows.names):
        if name not in rows.levels:
            continue
        codes = rows.matrix[:, place]
        counts = np.bincount(codes[~np.isnan(codes)].astype(np.int64), minlength=len(rows.levels[name]))
        common = np.argsort(-counts, kind="stable")[:MOST_LEVELS]
        kept[name] = tuple(rows.levels[name][code] for code in sorted(common) if counts[code] >= FEWEST_ROWS)
    return kept


def recoded(rows: Rows, levels: Mapping[str, Sequence[str]]) -> Floats:
    """Return the matrix with text signals counted along `levels`; other levels become missing.

    Where all levels are known it is the rows' own matrix: a copy would double the memory of a training.
    """
    if all(tuple(kept) == rows.levels[name] for name, kept in levels.items()):
        return rows.matrix
    matrix = rows.matrix.copy()
    for name, kept in levels.items():
        place = rows.names.index(name)
        new = {level: float(code) for code, level in enumerate(kept)}
        lookup = np.array([*(new.get(level, np.nan) for level in rows.levels[name]), np.nan])
        codes = matrix[:, place]
        matrix[:, place] = lookup[np.where(np.isnan(codes), len(lookup) - 1, codes).astype(np.int64)]
    return matrix
