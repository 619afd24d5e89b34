"""Spline logistic regression: the log-odds are a sum of curves, one for each signal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from churn.metrics.metrics import Floats
from churn.model.scorer import linear_term, sigmoid
from churn.snapshots.dataset import LabelledRows, frequent_levels, recode_levels
from churn.training.fitted_model import FittedModel
from churn.training.parallel import one_blas_thread

KNOT_QUANTILES = (0.0, 0.1, 0.35, 0.65, 0.9, 1.0)
"""The quantiles of the training values at which a curve may bend; the curve is flat below the first and above
the last.
"""
STRENGTHS = (0.001, 0.003, 0.01, 0.03, 0.1)
"""The prior variances of a weight from which one is selected; the smallest, which regularises most, comes
first.
"""
MAX_CELLS = 40_000_000
"""The largest number of cells (rows times columns) of a design; if there are more, only the newest rows are
used.

The newest rows are enough, because a sum of curves has few degrees of freedom.
"""

Columns = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Design:
    """The columns of a spline logistic regression.

    A signal with numbers has one ramp for each interval between two knots. A ramp is -1/2 below its interval,
    rises to 1/2 inside the interval, and is 1/2 above the interval. A ramp is 0 if the number is missing. A
    text signal has one column for each level. Every signal has one further column for missing values. A sum
    of ramps is a curve that is straight between knots. If the weights of all ramps are at least 0, the curve
    never falls.

    Attributes:
        names: The names of the signals, in order.
        levels: For each text signal, the levels that are frequent enough to get a column.
        knots: For each signal, the values at which its curve may bend, in order; None for a text signal.
    """

    names: tuple[str, ...]
    levels: dict[str, tuple[str, ...]]
    knots: tuple[Floats | None, ...]

    @classmethod
    def of(cls, rows: LabelledRows) -> Design:
        """Return the design for these training rows; its levels and knots are computed from them."""
        levels = frequent_levels(rows)
        knots: list[Floats | None] = []
        for index, name in enumerate(rows.names):
            values = rows.matrix[:, index]
            present = values[~np.isnan(values)]
            bends = np.unique(np.quantile(present, KNOT_QUANTILES)) if len(present) else np.zeros(1)
            knots.append(None if name in levels else bends)
        return cls(rows.names, levels, tuple(knots))

    @property
    def widths(self) -> tuple[int, ...]:
        """Return the number of columns of each signal; the column for missing values is included."""
        return tuple(
            1 + (len(self.levels[name]) if knots is None else len(knots) - 1)
            for name, knots in zip(self.names, self.knots, strict=True)
        )

    def columns(self, rows: LabelledRows) -> Columns:
        """Return the columns of this design for some rows, shape (rows, columns)."""
        matrix = recode_levels(rows, self.levels)
        columns = np.zeros((len(rows), sum(self.widths)), dtype=np.float32)
        end = 0
        for index, (knots, width) in enumerate(zip(self.knots, self.widths, strict=True)):
            values, start, end = matrix[:, index], end, end + width
            missing = np.isnan(values)
            for step in range(width - 1):
                if knots is None:
                    columns[:, start + step] = values == step
                else:
                    low, high = knots[step], knots[step + 1]
                    ramp = np.clip((values - low) / (high - low), 0, 1) - 0.5
                    columns[:, start + step] = np.where(missing, 0, ramp)
            columns[:, end - 1] = missing
        return columns

    def bounds(self, monotone: Sequence[int]) -> list[tuple[float | None, float | None]]:
        """Return the lower and upper bounds of the weights; a weight is at least 0 if the signal may only
        raise the risk.
        """
        free = (None, None)
        bounds: list[tuple[float | None, float | None]] = []
        for knots, width, sign in zip(self.knots, self.widths, monotone, strict=True):
            ramp = free if knots is None or not sign else (0.0, None) if sign > 0 else (None, 0.0)
            bounds += [ramp] * (width - 1) + [free]
        return bounds

    def member(self, weights: Floats, rows: LabelledRows) -> dict[str, Any]:
        """Return this regression in the form that a model's spec stores.

        The log-odds of a row are the intercept plus the sum of its columns times their weights.

        Args:
            weights: The weights of the columns, then the intercept, shape (columns + 1,).
            rows: The training rows; the spec stores each signal's mean contribution over them.
        """
        matrix = recode_levels(rows, self.levels)
        terms = []
        end = 0
        for index, (name, knots, width) in enumerate(zip(self.names, self.knots, self.widths, strict=True)):
            start, end = end, end + width
            signal_weights = weights[start : end - 1]
            term: dict[str, Any] = {"signal": name, "missing_weight": float(weights[end - 1])}
            if knots is None:
                term["weights"] = signal_weights.tolist()
            else:
                height = np.concatenate([[0.0], np.cumsum(signal_weights)]) - signal_weights.sum() / 2
                term |= {"knots": knots.tolist(), "values": height.tolist()}
            term["mean"] = float(linear_term(matrix[:, index], term).mean())
            terms.append(term)
        return {"kind": "linear", "intercept": float(weights[-1]), "terms": terms}


def fit_spline(rows: LabelledRows, strength: float, monotone: Sequence[int]) -> FittedModel:
    """Fit a ridge logistic regression with a curve for each signal; the curve only rises or only falls if the
    direction of the signal is fixed.

    Args:
        rows: The training rows, with churners and stayers. If there are too many rows, only the newest rows
            are used.
        strength: The prior variance of each weight.
        monotone: For each signal, 1 if a higher value may only raise the risk, -1 if it may only lower the
            risk, otherwise 0.
    """
    design = Design.of(rows)
    rows = _newest(rows, MAX_CELLS // sum(design.widths))
    weights = _fit(design.columns(rows), rows.left, design.bounds(monotone), strength, None)
    return FittedModel(rows.names, design.levels, [design.member(weights, rows)], {})


def spline_stages(
    train: LabelledRows, monotone: Sequence[int], validation: LabelledRows
) -> tuple[Floats, ...]:
    """Return the log-odds of the validation rows for each prior variance in `STRENGTHS`, each of shape
    (rows,).

    Each fit starts from the weights of the previous fit.

    Args:
        train: The training rows, with churners and stayers.
        monotone: For each signal, 1 if a higher value may only raise the risk, -1 if it may only lower the
            risk, otherwise 0.
        validation: The rows to predict.
    """
    design = Design.of(train)
    train = _newest(train, MAX_CELLS // sum(design.widths))
    columns, validation_columns = design.columns(train), design.columns(validation)
    logits, weights = [], None
    for strength in STRENGTHS:
        weights = _fit(columns, train.left, design.bounds(monotone), strength, weights)
        logits.append(validation_columns @ weights[:-1] + weights[-1])
    return tuple(logits)


def _fit(
    columns: Columns,
    left: Floats,
    bounds: list[tuple[float | None, float | None]],
    strength: float,
    start: Floats | None,
) -> Floats:
    """Minimise the negative log likelihood plus `|weights|^2 / (2 strength)`; the intercept is not penalised.

    The linear algebra library uses one thread, so that the sums do not depend on the number of threads.
    """

    def loss(weights: Floats) -> tuple[float, Floats]:
        z = (columns @ weights[:-1].astype(np.float32)).astype(np.float64) + weights[-1]
        residual = sigmoid(z) - left
        value = np.logaddexp(0, z).sum() - left @ z + weights[:-1] @ weights[:-1] / (2 * strength)
        slope = (residual.astype(np.float32) @ columns).astype(np.float64) + weights[:-1] / strength
        return float(value), np.append(slope, residual.sum())

    if start is None:
        rate = left.mean()
        start = np.append(np.zeros(columns.shape[1]), np.log(rate / (1 - rate)))
    with one_blas_thread():
        result = minimize(
            loss,
            start,
            jac=True,
            method="L-BFGS-B",
            bounds=[*bounds, (None, None)],
            options={"maxiter": 400, "ftol": 1e-7, "gtol": 1e-3},
        )
    return np.asarray(result.x, dtype=np.float64)


def _newest(rows: LabelledRows, max_rows: int) -> LabelledRows:
    """Return the newest rows, at most `max_rows`.

    The oldest cutoff among them may have only a part of its rows.
    """
    if len(rows) <= max_rows:
        return rows
    return rows.where(np.arange(len(rows)) >= len(rows) - max_rows)
