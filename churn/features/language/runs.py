"""Arithmetic on rows that stand together by customer."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from churn.features.language.reader import Array, Sequence

Rows = npt.NDArray[Any]


def per_customer(rows: Sequence, values: Rows | None = None) -> Array:
    """Sum values, or count rows, per customer; in the order of rows, so that no digit depends on blocks."""
    return np.bincount(rows.customer, weights=values, minlength=rows.n).astype(np.float64)


def ends(rows: Sequence) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return per customer where the rows begin and end: positions `[start, end)`."""
    end = np.cumsum(np.bincount(rows.customer, minlength=rows.n))
    start = np.concatenate([[0], end[:-1]]) if rows.n else end
    return start, end


def at_position(values: Rows, position: Rows, valid: npt.NDArray[np.bool_]) -> Array:
    """Return a value per customer, missing where its position is not valid."""
    found = np.full(len(position), np.nan)
    found[valid] = values[position[valid]]
    return found


def quantile(rows: Sequence, values: Rows, share: float) -> Array:
    """Return per customer the smallest value that at least this share of values do not exceed."""
    start, end = ends(rows)
    in_order = values[np.lexsort((values, rows.customer))]
    place = start + np.maximum(np.ceil(share * (end - start)).astype(np.int64), 1) - 1
    return at_position(in_order, place, end > start)


def line_at(rows: Sequence, x: Rows, y: Rows, where: float) -> tuple[Array, Array]:
    """Fit a least-squares line per customer; return its value at `where` and its slope.

    Missing with fewer than three rows, or where all stand at the same x.
    """
    n = per_customer(rows)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean_x, mean_y = per_customer(rows, x) / n, per_customer(rows, y) / n
        off_x, off_y = x - mean_x[rows.customer], y - mean_y[rows.customer]
        spread = per_customer(rows, off_x * off_x)
        slope = np.where((n >= 3) & (spread > 0), per_customer(rows, off_x * off_y) / spread, np.nan)
    return mean_y + slope * (where - mean_x), slope
