"""How often customers left before the test."""

from __future__ import annotations

from typing import Any

from churn.evaluation.evaluate import rates
from churn.evaluation.test_set import Exam


def past(exam: Exam) -> dict[str, Any]:
    """Return `before`: rows, churners and base rate of each cutoff before the first test cutoff."""
    snapshots, first = exam.snapshots, exam.plan.test[0]
    return {"before": rates(snapshots.rows.at([day for day in snapshots.cutoffs if day < first]))}
