"""The sections of metrics.json, a file each: what is measured and how it is told.

A section is a function from an exam to the keys it adds; `notes` of all sections are joined.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from churn.evaluation.sections.about import about
from churn.evaluation.sections.calibration_by_segment import calibration_by_segment
from churn.evaluation.sections.champion import beside
from churn.evaluation.sections.chosen import chosen
from churn.evaluation.sections.cohort import cohort
from churn.evaluation.sections.comparison import judged
from churn.evaluation.sections.horizons import horizons
from churn.evaluation.sections.lead_time import lead_time
from churn.evaluation.sections.money import money
from churn.evaluation.sections.past import past
from churn.evaluation.sections.purged import purged
from churn.evaluation.sections.segments import segments
from churn.evaluation.sections.split_comparison import four_numbers
from churn.evaluation.sections.summary import shape
from churn.evaluation.test_set import Exam

Section = Callable[[Exam], dict[str, Any]]

SECTIONS: tuple[Section, ...] = (
    about,
    cohort,
    past,
    purged,
    money,
    judged,
    four_numbers,
    segments,
    calibration_by_segment,
    lead_time,
    chosen,
    shape,
    beside,
    horizons,
)


def evaluated(exam: Exam, advance: Callable[[], None] = lambda: None) -> dict[str, Any]:
    """Return the content of metrics.json: the keys of all sections in their order, then the notes.

    Args:
        exam: What is judged.
        advance: Called after each section.
    """
    content: dict[str, Any] = {}
    notes = dict(exam.notes)
    for section in SECTIONS:
        made = section(exam)
        notes |= made.pop("notes", {})
        content |= made
        advance()
    return content | {"notes": notes}
