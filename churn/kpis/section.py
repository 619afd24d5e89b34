"""The result of one section of kpis.json."""

from __future__ import annotations

from typing import Any

from pydantic import SerializerFunctionWrapHandler, field_validator, model_serializer, model_validator

from churn.kpis.figure import Figure
from churn.kpis.series import SERIES, figures_of, in_series, series_json
from churn.metrics.interval import Part


class SectionResult(Part):
    """The result of one section of kpis.json.

    A section that reports more than figures has a subclass with further fields.

    Attributes:
        figures: The figures, series by series: a series holds all periods of a figure for one part of the
            population. The file holds the figures under the key `series`.
    """

    figures: tuple[Figure, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _read_series(cls, content: Any) -> Any:
        """Read the figures from the key `series` of a file, if it has this key."""
        if not isinstance(content, dict) or SERIES not in content:
            return content
        others = {key: value for key, value in content.items() if key != SERIES}
        return {**others, "figures": figures_of(content[SERIES])}

    @field_validator("figures", mode="after")
    @classmethod
    def _order_by_series(cls, figures: tuple[Figure, ...]) -> tuple[Figure, ...]:
        return tuple(figure for own in in_series(figures) for figure in own)

    @model_serializer(mode="wrap")
    def _with_series(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        content: dict[str, Any] = serialize(self)
        if content.pop("figures", None):
            content = {**content, SERIES: series_json(self.figures)}
        return content
