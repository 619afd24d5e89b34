"""A figure of retention: a value with its interval, or the reason why there is none."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from churn.kpis.catalog import FIGURES
from churn.kpis.definitions.definition import FigureDefinition
from churn.metrics.interval import Part

PeriodKind = Literal["week", "month", "quarter", "window"]


class Period(Part):
    """A period of local days, `[start, end)`.

    Attributes:
        kind: A week from Monday, a month, a quarter, or a window of another length.
        start, end: The first day, and the first day after the last.
        is_open: Whether the data end before the end of the period.
    """

    kind: PeriodKind
    start: date
    end: date
    is_open: bool = False

    @model_validator(mode="after")
    def _has_days(self) -> Period:
        if self.end <= self.start:
            raise ValueError(f"the period [{self.start}, {self.end}) holds no day")
        return self

    def __str__(self) -> str:
        """Return the short name of the period, such as 2025-W09, 2025-03 or 2025-Q1."""
        if self.kind == "week":
            year, week, _ = self.start.isocalendar()
            return f"{year}-W{week:02d}"
        if self.kind == "month":
            return f"{self.start:%Y-%m}"
        if self.kind == "quarter":
            return f"{self.start.year}-Q{(self.start.month + 2) // 3}"
        return f"[{self.start}, {self.end})"


class Slice(Part):
    """The part of the population for which `by` has the value `level`.

    `by` is the name of an attribute of customers, or one of the words "stage" and "rating".
    """

    by: Annotated[str, Field(min_length=1)]
    level: str


def _finite(value: float | None) -> float | None:
    if value is not None and not math.isfinite(value):
        raise ValueError(f"{value} is not finite; a figure that is not defined is missing, with a reason")
    return value


Finite = Annotated[float | None, BeforeValidator(_finite)]


class Figure(Part):
    """A figure of one period and one population.

    Exactly one of `value` and `reason` is given. A figure that is not defined is missing, and never 0.

    Attributes:
        name: The name of the figure's definition in the catalogue.
        period: The days on which the figure was measured.
        value: The value, in the unit of the figure's definition.
        low, high: The 95 % interval `[low, high]`; None if the figure has no interval.
        n: The size of the population.
        reason: Why the figure is missing.
        slice: The part of the population; None for all customers.
        notes: Facts about the value, such as the variant of a formula.
    """

    name: str
    period: Period
    value: Finite = None
    low: Finite = None
    high: Finite = None
    n: Annotated[int, Field(ge=0)] | None = None
    reason: Annotated[str, Field(min_length=1)] | None = None
    slice: Slice | None = None
    notes: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _is_known_or_explained(self) -> Figure:
        if self.name not in FIGURES:
            raise ValueError(f"'{self.name}' is not in the catalogue of figures")
        if (self.value is None) == (self.reason is None):
            raise ValueError(f"{self.name}: give either a value, or the reason why there is none")
        if (self.low is None) != (self.high is None) or (self.value is None and self.low is not None):
            raise ValueError(f"{self.name}: an interval has two ends and a value")
        if self.value is not None and self.low is not None and self.high is not None:
            slack = 1e-9 * max(1.0, abs(self.value))
            if not self.low - slack <= self.value <= self.high + slack:
                raise ValueError(f"{self.name}: {self.value} lies outside [{self.low}, {self.high}]")
        return self

    @model_serializer(mode="wrap")
    def _without_absent_fields(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Write only the fields that have a value, because a file holds many figures."""
        return {key: value for key, value in serialize(self).items() if value is not None and value != []}

    @property
    def definition(self) -> FigureDefinition:
        """Return the definition of the figure: title, unit, population and formula."""
        return FIGURES[self.name]

    def __str__(self) -> str:
        """Return the value with its interval, or the reason why there is none."""
        if self.value is None:
            return f"missing: {self.reason}"
        return self.definition.format(self.value, self.low, self.high)


def missing_figure(name: str, period: Period, reason: str, *, slice: Slice | None = None) -> Figure:
    """Return a figure that is missing, with the reason.

    Args:
        name: The name of the figure's definition in the catalogue.
        period: The period.
        reason: Why there is no value.
        slice: The part of the population; None for all customers.
    """
    return Figure(name=name, period=period, reason=reason, slice=slice)


def in_slice(figures: Iterable[Figure], piece: Slice) -> Iterator[Figure]:
    """Yield those figures that may be computed by segment, each with `piece` as its slice."""
    for figure in figures:
        if figure.definition.by_segment:
            yield figure.model_copy(update={"slice": piece})
