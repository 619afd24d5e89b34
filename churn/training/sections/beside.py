"""What else tells challenger and champion apart: how fresh each is, and who changes the health band."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from churn.model.band import band_of
from churn.model.champion import BUNDLE
from churn.training.describe import base_rate
from churn.training.evaluation import customer_wilson
from churn.training.exam import Exam


def beside(exam: Exam) -> dict[str, Any]:
    """Return `freshness` and `health_bands`.

    `freshness` holds by candidate the day on which its latest label was known; `health_bands` what came of
    each band on the test cutoffs (1, about to leave, to 5, well) with the interval of the share that left,
    and as `changed` the share of rows whose band differs between challenger and champion (or its recipe,
    where that stands for it), which is missing where there is no champion to compare.
    """
    fresh = {"challenger": max(exam.snapshots.mature_on.values()).isoformat()}
    if exam.standing:
        spec = json.loads((exam.params.champion / BUNDLE / "spec.json").read_text(encoding="utf-8"))
        fresh["champion"] = spec["mature_on"]
    return {"freshness": fresh, "health_bands": _bands(exam)}


def _bands(exam: Exam) -> dict[str, Any]:
    usual, _ = base_rate(exam.snapshots)
    ours, left = band_of(exam.predictions["challenger"], usual), exam.rows.left
    outcomes = [
        {"band": band, "rows": int(here.sum()), "churners": int(left[here].sum())}
        | dict(zip(("low", "high"), customer_wilson(left[here], exam.rows.customer[here]), strict=True))
        for band in range(1, 6)
        if (here := ours == band).any()
    ]
    changed = None
    if exam.standing:
        theirs = band_of(exam.predictions[exam.standing], usual)
        both = np.isfinite(theirs)
        changed = float((ours[both] != theirs[both]).mean())
    return {"usual": usual, "outcomes": outcomes, "changed": changed}
