"""The screen of `churn kpis`: the latest value of each figure beside the value before it, then tables, such
as the cohorts.
"""

from __future__ import annotations

from collections.abc import Sequence

from churn.kpis.alarms import AlarmsResult
from churn.kpis.catalog import FIGURES
from churn.kpis.event import EventResult
from churn.kpis.figure import Figure
from churn.kpis.sections import Kpis
from churn.reporting.kpi_section_lines import section_lines

SCREEN_KIND = "month"
"""The length of the periods that the screen shows; kpis.json has periods of all lengths."""


def screen_lines(kpis: Kpis) -> list[str]:
    """Return one line for each figure, with its latest value, the interval and the previous value; then the
    alarms.

    Figures without any value come after the other figures; those that are missing for the same reason share a
    line.
    """
    lines = [f"figures as of {kpis.cutoff}, local days of {kpis.timezone}, label {kpis.label_id}"]
    event = kpis.sections.get("event")
    if isinstance(event, EventResult):
        lines.append(f"  the event is {event.event}")
    by_name = _screen_figures(kpis.figures)
    width = max((len(FIGURES[name].title) for name in by_name), default=0)
    without_value: dict[str, list[str]] = {}
    for name, figures in by_name.items():
        known = [figure for figure in figures if figure.value is not None]
        if known:
            lines.append(_line(known, width))
        else:
            without_value.setdefault(figures[-1].reason or "", []).append(FIGURES[name].title)
    for name in kpis.missing_sections if isinstance(event, EventResult) else ():
        without_value.setdefault(kpis.missing_sections[name], []).append(f"the section {name}")
    lines += [f"  missing, {reason}: {', '.join(titles)}" for reason, titles in without_value.items()]
    for section in kpis.sections.values():
        if isinstance(section, AlarmsResult):
            lines += section_lines(section)
    return lines


def table_lines(kpis: Kpis) -> list[str]:
    """Return the tables of all sections except the alarms: cohorts, survival, stages, groups, and the
    audit.
    """
    sections = (section for section in kpis.sections.values() if not isinstance(section, AlarmsResult))
    return [line for section in sections for line in section_lines(section)]


def _screen_figures(figures: Sequence[Figure]) -> dict[str, list[Figure]]:
    """Return for each figure name the monthly values of the figure, without the values of segments.

    If a figure has no monthly values, its values for windows (periods of another length) are returned.
    """
    by_name: dict[str, dict[str, list[Figure]]] = {}
    for figure in figures:
        if figure.slice is None:
            by_name.setdefault(figure.name, {}).setdefault(figure.period.kind, []).append(figure)
    selection = {name: kinds.get(SCREEN_KIND) or kinds.get("window") or [] for name, kinds in by_name.items()}
    return {name: selection[name] for name in FIGURES if selection.get(name)}


def _line(figures: Sequence[Figure], width: int) -> str:
    latest, definition = figures[-1], figures[-1].definition
    before = ""
    if len(figures) > 1 and figures[-2].value is not None:
        before = f"  before {definition.format(figures[-2].value)}"
    return f"  {definition.title:<{width}}  {latest.period}  {latest} {definition.unit}{before}"
