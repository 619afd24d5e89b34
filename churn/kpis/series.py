"""How kpis.json stores figures: one series for each figure and part of the population, with one row for each
period.

If each figure were stored on its own, the name and the part of the population would be repeated in each
figure. A series gives them only once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from churn.kpis.figure import Figure
from churn.kpis.periods import period_of

SERIES = "series"
"""The key of the series in the result of a section."""

COLUMNS = ("value", "low", "high", "n")
"""The columns of a series, with one value or null for each period; a column of only nulls is left out."""

SPARSE_COLUMNS = ("reason", "notes")
"""Columns that only few figures need: an object whose keys are positions in `start`, counted from 0."""


def series_key(figure: Figure) -> tuple[str, str, str, str]:
    """Return what the figures of a series share: name, kind of period, and part of the population."""
    piece = figure.slice
    return (figure.name, figure.period.kind, "" if piece is None else piece.by, piece.level if piece else "")


def in_series(figures: Sequence[Figure]) -> list[list[Figure]]:
    """Return the figures grouped by series, in the order in which the series first occur."""
    series: dict[tuple[str, str, str, str], list[Figure]] = {}
    for figure in figures:
        series.setdefault(series_key(figure), []).append(figure)
    return list(series.values())


def series_json(figures: Sequence[Figure]) -> list[dict[str, Any]]:
    """Return the figures, grouped into series, as JSON values."""
    return [_series(own) for own in in_series(figures)]


def _series(figures: Sequence[Figure]) -> dict[str, Any]:
    first, dumps = figures[0], [figure.as_json() for figure in figures]
    result: dict[str, Any] = {"name": first.name, "period": first.period.kind}
    if first.slice is not None:
        result["slice"] = first.slice.as_json()
    result["start"] = [str(figure.period.start) for figure in figures]
    if first.period.kind == "window":
        result["end"] = [str(figure.period.end) for figure in figures]
    for column in COLUMNS:
        entries = [dump.get(column) for dump in dumps]
        if any(entry is not None for entry in entries):
            result[column] = entries
    for column in SPARSE_COLUMNS:
        if known := {str(row): dump[column] for row, dump in enumerate(dumps) if dump.get(column)}:
            result[column] = known
    return result


def figures_of(series: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the figures of the given series, each as a dictionary from which a `Figure` can be built.

    Raises:
        ValueError: a column of a series does not have as many values as the series has periods.
    """
    return [figure for entry in series for figure in _figures_of(entry)]


def _figures_of(entry: Mapping[str, Any]) -> list[dict[str, Any]]:
    keys = {"name", "period", "slice", "start", "end", *COLUMNS, *SPARSE_COLUMNS}
    if unknown := sorted(set(entry) - keys):
        raise ValueError(f"a series has no {', '.join(unknown)}")
    starts = [date.fromisoformat(day) for day in entry["start"]]
    kind, n = entry["period"], len(starts)
    columns = {name: entry[name] for name in ("end", *COLUMNS) if name in entry}
    if any(len(column) != n for column in columns.values()):
        raise ValueError(f"{entry['name']}: the columns of the series differ in length")
    if kind == "window":
        ends = [date.fromisoformat(day) for day in columns.pop("end")]
    else:
        ends = [period_of(kind, start).end for start in starts]
    shared = {"name": entry["name"], **({"slice": entry["slice"]} if "slice" in entry else {})}
    return [
        {
            **shared,
            "period": {"kind": kind, "start": starts[row], "end": ends[row]},
            **{name: column[row] for name, column in columns.items() if column[row] is not None},
            **{name: entry[name][str(row)] for name in SPARSE_COLUMNS if str(row) in entry.get(name, {})},
        }
        for row in range(n)
    ]
