"""All candidates on the test cutoffs, side by side and in pairs."""

from __future__ import annotations

from typing import Any

from churn.training.evaluation import judge_all
from churn.training.exam import Exam


def judged(exam: Exam) -> dict[str, Any]:
    """Return `candidates`, `paired`, `by_cutoff`, `calibration_table`, `gain_table` and `profit_curve`."""
    asked = exam.params.evaluate
    found = judge_all(
        exam.rows,
        exam.predictions,
        share=asked.contact_share,
        draws=asked.bootstrap,
        seed=asked.seed,
        worth=exam.worth,
    )
    return {
        "candidates": found.candidates,
        "paired": found.paired,
        "by_cutoff": found.by_cutoff,
        "calibration_table": found.calibration_table,
        "gain_table": found.gain_table,
        "profit_curve": found.profit_curve,
    }
