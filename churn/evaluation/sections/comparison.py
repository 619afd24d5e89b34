"""All candidates on the test cutoffs, side by side and in pairs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from churn.evaluation.test_set import Exam
from churn.metrics.catalog import MAIN_METRICS


def judged(exam: Exam) -> dict[str, Any]:
    """Return `candidates`, `paired`, `by_cutoff`, `spread`, two tables and `profit_curve`."""
    found = exam.judged
    return {
        "candidates": found.candidates,
        "paired": found.paired,
        "by_cutoff": found.by_cutoff,
        "spread": {name: spread(found.by_cutoff, name) for name in found.candidates},
        "calibration_table": found.calibration_table,
        "gain_table": found.gain_table,
        "profit_curve": found.profit_curve,
    }


def spread(by_cutoff: Mapping[str, Mapping[str, Any]], candidate: str) -> dict[str, Any]:
    """Return per metric how far the test cutoffs lie apart: min, max and sd.

    An interval by drawing customers tells nothing of the difference between one month and the next. The
    standard deviation is that of a sample, missing with a single cutoff.
    """
    cutoffs = [numbers[candidate] for numbers in by_cutoff.values() if candidate in numbers]
    found: dict[str, Any] = {}
    for metric in MAIN_METRICS:
        known = [numbers[metric]["value"] for numbers in cutoffs if metric in numbers]
        values = np.array(known, dtype=np.float64)
        values = values[np.isfinite(values)]
        if len(values):
            sd = float(values.std(ddof=1)) if len(values) > 1 else None
            found[metric] = {"min": float(values.min()), "max": float(values.max()), "sd": sd}
    return found | {"cutoffs": len(cutoffs)}
