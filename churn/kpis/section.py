"""The result of one section of kpis.json."""

from __future__ import annotations

from churn.kpis.figure import Figure
from churn.metrics.interval import Part


class SectionResult(Part):
    """The result of one section; a section with further results has a subclass with further fields."""

    figures: tuple[Figure, ...] = ()
