"""The screen of `churn kpis`: the latest value of each figure beside the value before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from churn.kpis.figure import Figure
from churn.kpis.sections import Kpis

SCREEN_KIND = "month"
"""The length of the periods on the screen; kpis.json holds all."""


def kpi_lines(kpis: Kpis) -> list[str]:
    """Return one line for each figure: its latest monthly value with interval, and the month before."""
    lines = [f"figures as of {kpis.cutoff}, local days of {kpis.timezone}, label {kpis.label_id}"]
    width = max((len(figure.definition.title) for figure in kpis.figures), default=0)
    for name in kpis.definitions:
        figures = [figure for figure in kpis.figures if figure.name == name and figure.slice is None]
        lines += _figure_lines(figures, width)
    return lines


def _figure_lines(figures: Sequence[Figure], width: int) -> Iterator[str]:
    """Yield the line of a figure; its periods are months, or windows if it has no months."""
    of_kind = [figure for figure in figures if figure.period.kind == SCREEN_KIND] or [
        figure for figure in figures if figure.period.kind == "window"
    ]
    if not of_kind:
        return
    known = [figure for figure in of_kind if figure.value is not None]
    title = of_kind[0].definition.title
    if not known:
        yield f"  {title:<{width}}  {of_kind[-1]}"
        return
    before = f"  before {known[-2].definition.format(known[-2].value or 0.0)}" if len(known) > 1 else ""
    latest, unit = known[-1], of_kind[0].definition.unit
    yield f"  {title:<{width}}  {latest.period}  {latest} {unit}{before}"
