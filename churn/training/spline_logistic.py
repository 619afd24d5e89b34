"""Spline logistic regression: the log-odds are a sum of one curve per signal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from churn.metrics.metrics import Floats
from churn.model.scorer import linear_term, sigmoid
from churn.snapshots.dataset import Rows
from churn.snapshots.levels import frequent_levels, recoded
from churn.training.blas import one_blas_thread
from churn.training.fitted_model import Fitted

QUANTILES = (0.0, 0.1, 0.35, 0.65, 0.9, 1.0)
"""Where a curve may bend: at these quantiles of the known training values; beyond the ends it is flat."""
STRENGTHS = (0.001, 0.003, 0.01, 0.03, 0.1)
"""Prior variances of a weight that are tried, the most regularised first."""
MOST_CELLS = 40_000_000
"""Of larger designs the newest rows are used: a sum of curves has few degrees of freedom to fill."""

Columns = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Design:
    """The columns of a spline logistic regression.

    A number has one ramp per stretch between two knots, from -1/2 below to 1/2 above it, and 0 where it is
    missing; text has one column per level; both have one for missing. A sum of ramps is a curve that is
    straight between knots, and one whose ramps all weigh at least 0 never falls.

    Attributes:
        knots: Per signal the places where its curve bends; None for text.
        levels: The levels each text signal had often enough.
    """

    names: tuple[str, ...]
    levels: dict[str, tuple[str, ...]]
    knots: tuple[Floats | None, ...]

    @classmethod
    def of(cls, rows: Rows) -> Design:
        """Return the design for training rows."""
        levels = frequent_levels(rows)
        knots: list[Floats | None] = []
        for place, name in enumerate(rows.names):
            values = rows.matrix[:, place]
            known = values[~np.isnan(values)]
            at = np.unique(np.quantile(known, QUANTILES)) if len(known) else np.zeros(1)
            knots.append(None if name in levels else at)
        return cls(rows.names, levels, tuple(knots))

    @property
    def widths(self) -> tuple[int, ...]:
        """Return how many columns each signal has, the one for missing included."""
        return tuple(
            1 + (len(self.levels[name]) if at is None else len(at) - 1)
            for name, at in zip(self.names, self.knots, strict=True)
        )

    def columns(self, rows: Rows) -> Columns:
        """Return the columns of some rows, shape (rows, columns)."""
        matrix = recoded(rows, self.levels)
        made = np.zeros((len(rows), sum(self.widths)), dtype=np.float32)
        end = 0
        for place, (at, width) in enumerate(zip(self.knots, self.widths, strict=True)):
            values, start, end = matrix[:, place], end, end + width
            missing = np.isnan(values)
            for column in range(width - 1):
                if at is None:
                    made[:, start + column] = values == column
                else:
                    low, high = at[column], at[column + 1]
                    ramp = np.clip((values - low) / (high - low), 0, 1) - 0.5
                    made[:, start + column] = np.where(missing, 0, ramp)
            made[:, end - 1] = missing
        return made

    def bounds(self, monotone: Sequence[int]) -> list[tuple[float | None, float | None]]:
        """Return the bounds of the weights: ramps of a signal that may only raise the risk weigh >= 0."""
        free = (None, None)
        found: list[tuple[float | None, float | None]] = []
        for at, width, sign in zip(self.knots, self.widths, monotone, strict=True):
            ramp = free if at is None or not sign else (0.0, None) if sign > 0 else (None, 0.0)
            found += [ramp] * (width - 1) + [free]
        return found

    def member(self, weights: Floats, rows: Rows) -> dict[str, Any]:
        """Return the member of a spec that gives the same log-odds; the intercept comes last in `weights`."""
        matrix = recoded(rows, self.levels)
        terms = []
        end = 0
        for place, (name, at, width) in enumerate(zip(self.names, self.knots, self.widths, strict=True)):
            start, end = end, end + width
            own = weights[start : end - 1]
            term: dict[str, Any] = {"signal": name, "missing_weight": float(weights[end - 1])}
            if at is None:
                term["weights"] = own.tolist()
            else:
                height = np.concatenate([[0.0], np.cumsum(own)]) - own.sum() / 2
                term |= {"knots": at.tolist(), "values": height.tolist()}
            term["mean"] = float(linear_term(matrix[:, place], term).mean())
            terms.append(term)
        return {"kind": "linear", "intercept": float(weights[-1]), "terms": terms}


def fit_spline(rows: Rows, strength: float, monotone: Sequence[int]) -> Fitted:
    """Fit a ridge logistic regression on curves, each bounded to its signal's direction.

    Args:
        rows: What to learn from; both classes are present. Of very many the newest are used.
        strength: The prior variance of each weight.
        monotone: One of -1, 0, 1 per signal.
    """
    design = Design.of(rows)
    rows = _newest(rows, MOST_CELLS // sum(design.widths))
    weights = _fit(design.columns(rows), rows.left, design.bounds(monotone), strength, None)
    return Fitted(rows.names, design.levels, [design.member(weights, rows)], {})


def path_logits(rows: Rows, monotone: Sequence[int], watched: Rows) -> tuple[Floats, ...]:
    """Return the log-odds of watched rows for each strength, from fits that start where the last ended."""
    design = Design.of(rows)
    rows = _newest(rows, MOST_CELLS // sum(design.widths))
    columns, seen = design.columns(rows), design.columns(watched)
    found, weights = [], None
    for strength in STRENGTHS:
        weights = _fit(columns, rows.left, design.bounds(monotone), strength, weights)
        found.append(seen @ weights[:-1] + weights[-1])
    return tuple(found)


def _fit(
    columns: Columns,
    left: Floats,
    bounds: list[tuple[float | None, float | None]],
    strength: float,
    start: Floats | None,
) -> Floats:
    """Minimise the negative log likelihood plus `|weights|^2 / (2 strength)`; the intercept is free.

    One thread of the linear algebra library works, so that threads do not change the sums.
    """

    def loss(weights: Floats) -> tuple[float, Floats]:
        z = (columns @ weights[:-1].astype(np.float32)).astype(np.float64) + weights[-1]
        rest = sigmoid(z) - left
        value = np.logaddexp(0, z).sum() - left @ z + weights[:-1] @ weights[:-1] / (2 * strength)
        slope = (rest.astype(np.float32) @ columns).astype(np.float64) + weights[:-1] / strength
        return float(value), np.append(slope, rest.sum())

    if start is None:
        rate = left.mean()
        start = np.append(np.zeros(columns.shape[1]), np.log(rate / (1 - rate)))
    with one_blas_thread():
        found = minimize(
            loss,
            start,
            jac=True,
            method="L-BFGS-B",
            bounds=[*bounds, (None, None)],
            options={"maxiter": 400, "ftol": 1e-7, "gtol": 1e-3},
        )
    return np.asarray(found.x, dtype=np.float64)


def _newest(rows: Rows, most: int) -> Rows:
    """Return the newest rows, so many at most, in whole or in part of the oldest cutoff taken."""
    if len(rows) <= most:
        return rows
    return rows.where(np.arange(len(rows)) >= len(rows) - most)
