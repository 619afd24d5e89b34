"""What all charts share: colours, axes, and words along lines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, PercentFormatter

INK, MAIN, ACCENT, SOFT = "#1d2733", "#2f6f9f", "#b4491f", "#97a3b0"
"""The only colours of a chart; a page swaps them for its own."""

WIDE, HIGH = 6.2, 4.2
DASHED = (0, (4, 3))
DOTTED = (0, (1, 2))


RULES = {"rule": "your own rule", "recency": "recency rule"}
"""The rule that a chart shows beside the model: the team's own, else recency."""


def rule_in(row: Mapping[str, Any]) -> str | None:
    """Return which of the rules a table holds, the first that it does."""
    return next((name for name in RULES if name in row), None)


def canvas(
    title: str, x: str = "", y: str = "", size: tuple[float, float] = (WIDE, HIGH)
) -> tuple[Figure, Axes]:
    """Return a figure with one plain pair of axes."""
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots()
    plain(axes, x, y)
    axes.set_title(title, loc="left", fontsize=11, color=INK)
    return figure, axes


def plain(axes: Axes, x: str = "", y: str = "", size: float = 9) -> None:
    """Take away what distracts, and label."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(SOFT)
    axes.tick_params(which="both", labelsize=size - 0.5, color=SOFT, labelcolor=INK)
    axes.set_xlabel(x, fontsize=size, color=INK)
    axes.set_ylabel(y, fontsize=size, color=INK)


def percent(axis: Any, decimals: int | None = 0) -> None:
    """Write the numbers of an axis as per cent."""
    axis.set_major_formatter(PercentFormatter(1, decimals=decimals))


def short_percent(value: float) -> str:
    """Write a share with as many digits as it needs.

    >>> [short_percent(each) for each in (0.0004, 0.003, 0.02, 0.5)]
    ['0.04%', '0.3%', '2%', '50%']
    """
    return f"{100 * value:.12f}".rstrip("0").rstrip(".") + "%" if value else "0%"


def few_percent(axis: Any) -> None:
    """Write the numbers of an axis as per cent, each with as many digits as it needs."""
    axis.set_major_formatter(FuncFormatter(lambda value, _: short_percent(round(value, 9))))


def log_percent(axis: Any) -> None:
    """Write the numbers of a logarithmic axis as per cent, at the chosen places only."""
    few_percent(axis)
    axis.set_minor_formatter(FuncFormatter(lambda value, _: ""))


def legend(axes: Axes, **how: Any) -> None:
    """Name the lines, without a frame."""
    axes.legend(frameon=False, fontsize=8.5, labelcolor=INK, **how)
