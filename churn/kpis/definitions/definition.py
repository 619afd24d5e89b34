"""The definition of a figure: its name, how it is computed, and how to read it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from churn.metrics.interval import Interval, format_interval

Unit = Literal[
    "%",
    "currency",
    "currency per month",
    "currency per order",
    "customers",
    "days",
    "hours",
    "points",
    "orders",
    "0..100",
    "number",
]
Better = Literal["higher", "lower"]


@dataclass(frozen=True, kw_only=True)
class FigureDefinition:
    """The definition of one figure of retention.

    Attributes:
        name: The name of the figure in kpis.json.
        title: The name of the figure on pages.
        unit: The unit of the figure and of its confidence interval.
        population: Who or what is counted in the `n` of the figure.
        definition: How the figure is computed.
        better: The direction of better values; None if neither direction is better.
        edges: The rules for the edge cases, and when the figure is missing.
        source: The source of the definition.
        by_segment: Whether the figure is also computed for each segment, by month and by quarter.
        is_watched: Whether an alarm is raised if the latest value is unusual for the figure, judged by its
            earlier values.
    """

    name: str
    title: str
    unit: Unit
    digits: int
    population: str
    definition: str
    better: Better | None = None
    edges: str = ""
    source: str = ""
    by_segment: bool = False
    is_watched: bool = False

    def format(self, value: float, low: float | None = None, high: float | None = None) -> str:
        """Return a value and its interval as text, without the unit."""
        return format_interval(Interval(value=value, low=low, high=high), self.digits)
