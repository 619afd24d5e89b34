"""Arithmetic on rows that are ordered by customer."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from churn.features.language.reader import Array, RowSequence

RowValues = npt.NDArray[Any]


def per_customer(rows: RowSequence, values: RowValues | None = None) -> Array:
    """Return the sum of `values` per customer, `[n]`; if `values` is None, the number of rows.

    A customer's values are added in the order of the rows, so the sum is exactly the same however customers
    are cut into blocks.
    """
    return np.bincount(rows.customer, weights=values, minlength=rows.n).astype(np.float64)


def run_bounds(rows: RowSequence) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the start and the end of each customer's rows, `[n]` each; the end is exclusive."""
    end = np.cumsum(np.bincount(rows.customer, minlength=rows.n))
    start = np.concatenate([[0], end[:-1]]) if rows.n else end
    return start, end


def at_position(values: RowValues, position: RowValues, valid: npt.NDArray[np.bool_]) -> Array:
    """Return for each customer the value at `position`, `[n]`; missing for customers outside `valid`.

    Args:
        values: One value per row, `[m]`.
        position: For each customer, the position of one row in `values`, `[n]`.
        valid: A mask of the customers who have a position, `[n]`.
    """
    at = np.full(len(position), np.nan)
    at[valid] = values[position[valid]]
    return at


def quantile_per_customer(rows: RowSequence, values: RowValues, share: float) -> Array:
    """Return a quantile of each customer's values, `[n]`, or missing if there are no values.

    The quantile is the customer's smallest value for which at least `share` of the customer's values are
    equal to it or lower.

    Args:
        rows: The rows, ordered by customer.
        values: One value per row, `[m]`.
        share: The share of values, between 0 and 1.
    """
    start, end = run_bounds(rows)
    in_order = values[np.lexsort((values, rows.customer))]
    position = start + np.maximum(np.ceil(share * (end - start)).astype(np.int64), 1) - 1
    return at_position(in_order, position, end > start)


def line_per_customer(rows: RowSequence, x: RowValues, y: RowValues, where: float) -> tuple[Array, Array]:
    """Fit a least-squares line per customer; return the line's value at `where` and its slope, `[n]` each.

    Both numbers are missing if a customer has fewer than three rows, or if all rows have the same x.

    Args:
        rows: The rows, ordered by customer.
        x: The x-coordinate of each row, `[m]`.
        y: The y-coordinate of each row, `[m]`.
        where: The x-coordinate at which the line is read.
    """
    n = per_customer(rows)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean_x, mean_y = per_customer(rows, x) / n, per_customer(rows, y) / n
        off_x, off_y = x - mean_x[rows.customer], y - mean_y[rows.customer]
        spread = per_customer(rows, off_x * off_x)
        slope = np.where((n >= 3) & (spread > 0), per_customer(rows, off_x * off_y) / spread, np.nan)
    return mean_y + slope * (where - mean_x), slope
