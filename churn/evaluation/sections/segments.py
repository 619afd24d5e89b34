"""How the challenger does on each kind of customer."""

from __future__ import annotations

from typing import Any

import numpy as np

from churn.evaluation.segments import Mask, groups_of
from churn.evaluation.test_set import Exam
from churn.metrics.bootstrap import estimate_metrics, paired_differences

FEWEST = 30
"""Leavers, and stayers, below which a ranking within a group is mostly chance."""


def segments(exam: Exam) -> dict[str, Any]:
    """Return `segments`: per attribute and level rows, churners and metrics with intervals.

    A group of fewer than 30 leavers or stayers has observed over expected alone. The paired difference of
    AUC is `challenger_minus_champion`, or `challenger_minus_champion_recipe` where the recipe stands.
    """
    return {
        "segments": {
            name: [{"level": level} | _measured(exam, here) for level, here in parts.items()]
            for name, parts in groups_of(exam.rows, exam.params.evaluate.segments).items()
        }
    }


def _measured(exam: Exam, here: Mask) -> dict[str, Any]:
    left, column = exam.rows.left[here], exam.column[here]
    churners = int(left.sum())
    many = min(churners, len(left) - churners) >= FEWEST
    share = exam.params.evaluate.contact_share
    estimates = estimate_metrics(left, exam.predictions["challenger"][here], column, exam.draws, share)
    shown = ("auc", "log_loss", "observed_expected") if many else ("observed_expected",)
    found: dict[str, Any] = {"rows": len(left), "churners": churners, "base_rate": float(left.mean())}
    found |= {name: estimates[name].as_dict() for name in shown}
    champion = exam.predictions.get(exam.standing or "")
    if many and champion is not None and np.isfinite(champion[here]).all():
        theirs = estimate_metrics(left, champion[here], column, exam.draws, share)
        found[f"challenger_minus_{exam.standing}"] = {"auc": paired_differences(estimates, theirs)["auc"]}
    return found
