"""What was chosen in training, and what the model looks at."""

from __future__ import annotations

from typing import Any

from churn.training.exam import Exam


def chosen(exam: Exam) -> dict[str, Any]:
    """Return `calibration`, chosen and tried, and `importance`."""
    record = exam.record
    return {
        "calibration": record.calibration.as_dict(),
        "importance": [{"signal": name, "share": share} for name, share in record.importance.items()],
    }
