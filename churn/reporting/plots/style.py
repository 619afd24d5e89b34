"""The style that all charts share: colours, axes, formats of numbers, and how files are saved."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import FuncFormatter, PercentFormatter

from churn.data.files import write_atomically
from churn.evaluation.measures import GainRow, ProfitPoint
from churn.params import CHURN_WORDS, LabelWords

INK, MAIN, ACCENT, SOFT = "#1d2733", "#2f6f9f", "#b4491f", "#97a3b0"
"""The only colours in a chart; a page replaces them by the colours of its style sheet."""

WIDE, HIGH = 6.2, 4.2
DASHED_LINE = (0, (4, 3))
DOTTED_LINE = (0, (1, 2))


RULES = ("rule", "recency")
"""The simple rules with which a chart compares the model; the first rule that has data is drawn."""


def first_rule(row: GainRow | ProfitPoint) -> str | None:
    """Return the first simple rule (of `RULES`) that has a value in this row; None if no rule has a value."""
    return next((name for name in RULES if getattr(row, name) is not None), None)


@contextmanager
def saving(figure: Figure, name: str) -> Iterator[None]:
    """Save a figure so that the same chart gives the same bytes, and so that names from the data are shown as
    text.

    Otherwise, matplotlib reads the text between two `$` in a name as a formula, and raises an error if the
    formula is not valid.

    Args:
        figure: The figure of matplotlib.
        name: The name of the chart, from which the ids inside an SVG are derived.
    """
    for text in figure.findobj(Text):
        text.set_parse_math(False)
    # The settings must also be valid for the labels of ticks, which are made while the figure is drawn.
    with mpl.rc_context({"svg.hashsalt": name, "svg.fonttype": "none", "text.parse_math": False}):
        yield


def save_figure(figure: Figure, folder: Path, name: str, dpi: int) -> tuple[Path, Path]:
    """Write a figure as `NAME.svg` and `NAME.png`, and return both paths.

    The same chart gives the same bytes.

    Args:
        figure: The figure of matplotlib.
        folder: The folder of the files, which must exist.
        name: The name of the files, without the suffix.
        dpi: The number of dots per inch of the PNG.
    """
    FigureCanvasAgg(figure)
    svg, png = folder / f"{name}.svg", folder / f"{name}.png"
    with saving(figure, name):
        _save(figure, svg, metadata={"Date": None})
        # the layout is already computed, and computing it again would be slow
        figure.set_layout_engine("none")
        _save(figure, png, dpi=dpi, metadata={"Software": None})
    return svg, png


def _save(figure: Figure, path: Path, **settings: Any) -> None:
    content = BytesIO()
    figure.savefig(content, format=path.suffix[1:], **settings)
    write_atomically(path, content.getvalue())


def new_canvas(
    title: str, x: str = "", y: str = "", size: tuple[float, float] = (WIDE, HIGH)
) -> tuple[Figure, Axes]:
    """Return a figure with one pair of plain axes.

    Args:
        title: The title of the figure, at the left.
        x: The label of the horizontal axis.
        y: The label of the vertical axis.
        size: The width and the height in inches.
    """
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots()
    style_axes(axes, x, y)
    axes.set_title(title, loc="left", fontsize=11, color=INK)
    return figure, axes


def style_axes(axes: Axes, x: str = "", y: str = "", size: float = 9) -> None:
    """Write labels at the axes, and remove the frame on the right and at the top.

    Args:
        axes: The axes.
        x: The label of the horizontal axis.
        y: The label of the vertical axis.
        size: The font size of the labels in points.
    """
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(SOFT)
    axes.tick_params(which="both", labelsize=size - 0.5, color=SOFT, labelcolor=INK)
    axes.set_xlabel(x, fontsize=size, color=INK)
    axes.set_ylabel(y, fontsize=size, color=INK)


def speak_figure(figure: Figure, words: LabelWords) -> Figure:
    """If the model predicts another event than leaving, replace the words about leaving in a figure.

    The texts at the ticks of the axes stay, because they may be data.
    """
    if words == CHURN_WORDS:
        return figure
    for axes in figure.axes:
        ticks = {id(text) for text in (*axes.get_xticklabels(), *axes.get_yticklabels())}
        for text in axes.findobj(Text):
            if id(text) not in ticks:
                text.set_text(words.speak(text.get_text()))
    return figure


def percent(axis: Any, decimals: int | None = 0) -> None:
    """Format the numbers of an axis as per cent."""
    axis.set_major_formatter(PercentFormatter(1, decimals=decimals))


def short_percent(value: float) -> str:
    """Format a share as per cent, without needless zeros after the decimal point.

    >>> [short_percent(share) for share in (0.0004, 0.003, 0.02, 0.5)]
    ['0.04%', '0.3%', '2%', '50%']
    """
    return f"{100 * value:.12f}".rstrip("0").rstrip(".") + "%" if value else "0%"


def few_percent(axis: Any) -> None:
    """Format the numbers of an axis as per cent, without needless zeros after the decimal point."""
    axis.set_major_formatter(FuncFormatter(lambda value, _: short_percent(round(value, 9))))


def log_percent(axis: Any) -> None:
    """Format the numbers of a logarithmic axis as per cent, but only at its major ticks."""
    few_percent(axis)
    axis.set_minor_formatter(FuncFormatter(lambda value, _: ""))


def legend(axes: Axes, **settings: Any) -> None:
    """Add a legend without a frame."""
    axes.legend(frameon=False, fontsize=8.5, labelcolor=INK, **settings)
