"""What else tells challenger and champion apart: how fresh each is, and who changes the health band."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from typing import Any

import numpy as np

from churn.data.store import day_number
from churn.evaluation.test_set import Exam
from churn.labels.calendar import trainable
from churn.metrics.metrics import Floats
from churn.metrics.standard_errors import customer_wilson_interval
from churn.model.bundle import BUNDLE_FOLDER
from churn.model.value import health_band
from churn.training.challenger import base_rate


def beside(exam: Exam) -> dict[str, Any]:
    """Return `freshness` and `health_bands`.

    `freshness` holds by candidate the day on which its latest label was known; `health_bands` what came of
    each band on the test cutoffs (1, about to leave, to 5, well) with the interval of the share that left,
    and as `changed` the share of rows whose band differs between challenger and champion (or its recipe,
    where that stands for it), which is missing where there is no champion to compare. The bands of a cutoff
    are those that a night then would have given: against its `usual` rate of leaving, known by then.
    """
    fresh = {"challenger": max(exam.snapshots.mature_on.values()).isoformat()}
    if exam.standing:
        spec = json.loads((exam.params.champion / BUNDLE_FOLDER / "spec.json").read_text(encoding="utf-8"))
        fresh["champion"] = spec["mature_on"]
    return {"freshness": fresh, "health_bands": _bands(exam)}


def _bands(exam: Exam) -> dict[str, Any]:
    usual = {
        day: base_rate(exam.snapshots, trainable(exam.snapshots.mature_on, day))[0] for day in exam.plan.test
    }
    ours, left = _bands_of(exam, "challenger", usual), exam.rows.left
    outcomes = [
        {"band": band, "rows": int(here.sum()), "churners": int(left[here].sum())}
        | dict(
            zip(("low", "high"), customer_wilson_interval(left[here], exam.rows.customer[here]), strict=True)
        )
        for band in range(1, 6)
        if (here := ours == band).any()
    ]
    changed = None
    if exam.standing:
        theirs = _bands_of(exam, exam.standing, usual)
        both = np.isfinite(theirs)
        changed = float((ours[both] != theirs[both]).mean())
    told = {day.isoformat(): rate for day, rate in usual.items()}
    return {"usual": told, "outcomes": outcomes, "changed": changed}


def _bands_of(exam: Exam, candidate: str, usual: Mapping[date, float]) -> Floats:
    bands = np.full(len(exam.rows), np.nan)
    for day, rate in usual.items():
        here = exam.rows.cutoff == day_number(day)
        bands[here] = health_band(exam.predictions[candidate][here], rate)
    return bands
