"""What the tested customers are worth, and what a campaign is taken to cost."""

from __future__ import annotations

from typing import Any

import numpy as np

from churn.evaluation.test_set import Exam
from churn.model.value import VARIANT


def money(exam: Exam) -> dict[str, Any]:
    """Return `value`: how many rows have a known value, its mean, and all that was assumed; or None."""
    if exam.worth is None:
        return {"value": None}
    known = exam.worth.value[np.isfinite(exam.worth.value)]
    return {
        "value": {
            "rows": len(exam.worth.value),
            "known": len(known),
            "mean": float(known.mean()),
            "median": float(np.median(known)),
            "profit": exam.worth.terms.model_dump(),
            **exam.params.score.value.model_dump(),
            "variant": VARIANT,
        }
    }
