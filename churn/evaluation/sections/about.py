"""Which model was judged, and where."""

from __future__ import annotations

from typing import Any

from churn.evaluation.test_set import Exam
from churn.training.split import plan_cutoffs


def about(exam: Exam) -> dict[str, Any]:
    """Return `model`, `champion`, `cutoffs`, `cutoffs_possible` and `contact_share`.

    `champion` is the one that stands, compared or not: only it may be followed on this evaluation.
    `cutoffs_possible` is how many test cutoffs of their own the snapshots would have given, `TESTS` at most;
    None for a refreshed champion, which can be tested only on what it had not learnt.
    """
    record, snapshots = exam.record, exam.snapshots
    possible = plan_cutoffs(snapshots.rows, snapshots.mature_on, (), exam.params.label.horizon_days).test
    return {
        "model": {
            "name": record.model,
            "version": record.version,
            "run_id": record.run_id,
            "digest": record.digest,
            "candidate": record.recipe.candidate,
        },
        "champion": exam.champion.identity if exam.champion else None,
        "cutoffs": [day.isoformat() for day in exam.plan.test],
        "cutoffs_possible": None if record.recipe.calibration == "shifted" else len(possible),
        "contact_share": exam.params.evaluate.contact_share,
    }
