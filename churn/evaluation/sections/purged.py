"""Which snapshots trained the model of each test cutoff, and which had to wait for their labels."""

from __future__ import annotations

from typing import Any

from churn.evaluation.test_set import Exam
from churn.labels.calendar import purged_cutoffs as waiting
from churn.labels.calendar import trainable


def purged(exam: Exam) -> dict[str, Any]:
    """Return `purged`: per test cutoff the snapshots that trained, and the rows left out.

    A row is left out where its label window, with gap, grace and lag, had not ended by the test cutoff.
    """
    snapshots = exam.snapshots
    found = []
    for day in exam.plan.test:
        trained, out = trainable(snapshots.mature_on, day), waiting(snapshots.mature_on, day)
        found.append(
            {
                "cutoff": day.isoformat(),
                "trained_on": [each.isoformat() for each in trained],
                "trained_rows": len(snapshots.rows.at(trained)),
                "purged": [each.isoformat() for each in out],
                "purged_rows": len(snapshots.rows.at(out)),
            }
        )
    return {"purged": found}
