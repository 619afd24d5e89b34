"""Which model was judged, and where."""

from __future__ import annotations

from typing import Any

from churn.training.exam import Exam


def about(exam: Exam) -> dict[str, Any]:
    """Return `model`, `cutoffs` and `contact_share`."""
    record = exam.record
    return {
        "model": {
            "name": record.model,
            "version": record.version,
            "run_id": record.run_id,
            "digest": record.digest,
        },
        "cutoffs": [day.isoformat() for day in exam.plan.test],
        "contact_share": exam.params.evaluate.contact_share,
    }
