"""Who was judged, and who was left out."""

from __future__ import annotations

import json
from typing import Any

from churn.evaluation.test_set import Exam


def cohort(exam: Exam) -> dict[str, Any]:
    """Return `cohort`: at the last test cutoff how many were at risk, and how many were not, by reason."""
    last = exam.plan.test[-1].isoformat()
    path = exam.params.output / "snapshots" / "manifest.json"
    facts = json.loads(path.read_text(encoding="utf-8"))["cutoffs"][last]
    return {"cohort": {"cutoff": last, "rows": facts["rows"], "excluded": facts.get("excluded", {})}}
