"""The sections of metrics.json, a file each: what is measured and how it is told.

A section is a function from an exam to the keys it adds; `notes` of all sections are joined.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from churn.training.exam import Exam
from churn.training.sections.about import about
from churn.training.sections.beside import beside
from churn.training.sections.calibration_by_segment import calibration_by_segment
from churn.training.sections.chosen import chosen
from churn.training.sections.cohort import cohort
from churn.training.sections.four_numbers import four_numbers
from churn.training.sections.horizons import horizons
from churn.training.sections.judged import judged
from churn.training.sections.lead_time import lead_time
from churn.training.sections.money import money
from churn.training.sections.past import past
from churn.training.sections.purged import purged
from churn.training.sections.segments import segments
from churn.training.sections.shape import shape

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
