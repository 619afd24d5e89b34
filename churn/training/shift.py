"""Move the level of log-odds to newer labels: one number, and only where the labels ask for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.optimize import brentq

from churn.model.scorer import sigmoid
from churn.training.metrics import Floats

FEWEST = 100
"""Leavers, seen or expected, below which no level is moved."""
SURE = 1.959964


def fit_shift(logits: Floats, left: Floats) -> dict[str, Any]:
    """Fit what to add to log-odds so that about as many are expected to leave as did leave.

    Nothing is added below 100 leavers, nor where chance alone makes such a difference in one of twenty cases:
    rows count as independent, since whoever left is gone and windows follow one another. Else it is the shift
    of maximum likelihood times `1 - 1 / z^2`, z being the difference over its standard error: of what was
    seen, that much is expected to last.

    Source: Steyerberg (2019), Clinical prediction models, 2nd edition, chapter 20 (recalibration in the
        large); James and Stein (1961), Estimation with quadratic loss (the factor).
    """
    expected = sigmoid(logits)
    difference = float(left.sum() - expected.sum())
    error = float(np.sqrt(np.sum(expected * (1 - expected))))
    by = 0.0
    if max(left.sum(), expected.sum()) >= FEWEST and abs(difference) > SURE * error:
        by = (1 - (error / difference) ** 2) * level_shift(logits, float(left.sum()))
    return {"method": "shifted", "by": by, "of": {"method": "none"}}


def level_shift(logits: Floats, leavers: float) -> float:
    """Return what to add to log-odds so that so many are expected to leave; half a row from none and all."""
    wanted = min(max(leavers, 0.5), len(logits) - 0.5)
    return float(brentq(lambda by: float(sigmoid(logits + by).sum()) - wanted, -40.0, 40.0))


def shifted(calibration: Mapping[str, Any], by: float) -> dict[str, Any]:
    """Return a calibration whose log-odds are moved once more; shifts add up.

    >>> shifted({"method": "shifted", "by": 0.5, "of": {"method": "none"}}, 0.25)
    {'method': 'shifted', 'by': 0.75, 'of': {'method': 'none'}}
    """
    before: Mapping[str, Any] = {"by": 0.0, "of": calibration}
    if calibration["method"] == "shifted":
        before = calibration
    return {"method": "shifted", "by": before["by"] + by, "of": dict(before["of"])}
