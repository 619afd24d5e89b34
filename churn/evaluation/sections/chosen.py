"""What was chosen in training, and what the model looks at."""

from __future__ import annotations

from typing import Any

from churn.evaluation.test_set import Exam


def chosen(exam: Exam) -> dict[str, Any]:
    """Return `calibration`, chosen and tried, the candidates `tried`, and `importance`."""
    record = exam.record
    return {
        "calibration": record.calibration.as_dict(),
        "tried": [score.as_dict() for score in record.scores],
        "importance": [{"signal": name, "share": share} for name, share in record.importance.items()],
    }
