"""Charts as inline SVG whose colours are the page's, so that they follow light, dark and print."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from typing import Any

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from churn.reporting.plots import style
from churn.reporting.plots.level import calibration_figure

Floats = npt.NDArray[np.float64]

# Stand-ins that matplotlib accepts; in the SVG each becomes a variable of the style sheet.
INK, FAINT, MAIN, ACCENT = "#010101", "#020202", "#030303", "#040404"
_VARIABLES = {INK: "var(--ink)", FAINT: "var(--faint)", MAIN: "var(--main)", ACCENT: "var(--accent)"}
_SIZE = (5.4, 3.3)

PLOT_COLOURS = {
    "#ffffff": "none",
    style.INK: "var(--ink)",
    style.MAIN: "var(--main)",
    style.ACCENT: "var(--accent)",
    style.SOFT: "var(--soft)",
}
"""What the colours of an evaluation's charts become on a page."""

CALIBRATION_LABEL = "Observed against predicted rates with 95 % intervals"
CALIBRATION_WORDS = (
    "Ten groups of customers by predicted probability, with 95&nbsp;% intervals. On the line, the promise is "
    "kept. Below: how the predictions of those who left and of those who stayed are spread."
)


def probabilities(values: Floats, base_rate: float) -> str:
    """Draw how many customers have which probability, with the usual rate as a line."""
    figure, axes = _canvas()
    top = min(1.0, max(0.05, np.ceil(max(values.max(initial=0), 1.5 * base_rate) * 20) / 20))
    axes.hist(values, bins=np.linspace(0, top, 31).tolist(), color=MAIN, edgecolor="none")
    axes.axvline(base_rate, color=ACCENT, linewidth=1.6, linestyle=(0, (4, 2)))
    axes.annotate(
        f"usual rate {base_rate:.1%}",
        (base_rate, 1),
        xycoords=("data", "axes fraction"),
        xytext=(5, -4),
        textcoords="offset points",
        color=ACCENT,
        va="top",
        fontsize=9,
    )
    axes.set_xlim(0, top)
    axes.set_xlabel("probability of leaving")
    axes.set_ylabel("customers")
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    return _svg(figure, "probabilities", "Histogram of the customers' probability of leaving")


def calibration(evaluated: Mapping[str, Any]) -> str:
    """Draw observed against predicted rates, the chart of the evaluation's own page.

    Args:
        evaluated: The content of metrics.json, with `calibration_table` and `prediction_histogram`.
    """
    return _svg(calibration_figure(evaluated), "calibration", CALIBRATION_LABEL, PLOT_COLOURS)


def gain(shares: Floats, found: Floats, contact_share: float) -> str:
    """Draw which share of all leavers is found by contacting the likeliest `shares` of the customers."""
    figure, axes = _canvas()
    axes.plot([0, 1], [0, 1], color=FAINT, linewidth=1, linestyle=(0, (3, 3)))
    axes.plot(shares, found, color=MAIN, linewidth=2)
    at = float(np.interp(contact_share, shares, found))
    axes.plot([contact_share], [at], "o", color=ACCENT, markersize=6)
    axes.annotate(
        f"{contact_share:.0%} contacted: {at:.0%} found",
        (0.98, 0.05),
        xycoords="axes fraction",
        color=ACCENT,
        fontsize=9,
        ha="right",
    )
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.02)
    axes.set_xlabel("customers contacted, likeliest first")
    axes.set_ylabel("leavers among them")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1, decimals=0))
    return _svg(figure, "gain", "Share of leavers found by share of customers contacted")


def _canvas() -> tuple[Figure, Axes]:
    figure = Figure(figsize=_SIZE, layout="constrained")
    figure.patch.set_alpha(0)
    axes = figure.subplots()
    axes.patch.set_alpha(0)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(FAINT)
    axes.tick_params(colors=INK, labelsize=9, color=FAINT)
    axes.xaxis.label.set_color(INK)
    axes.yaxis.label.set_color(INK)
    return figure, axes


def _svg(figure: Figure, name: str, label: str, colours: Mapping[str, str] = _VARIABLES) -> str:
    """Return the figure as SVG that is the same bytes each time and takes its colours from the page."""
    out = io.StringIO()
    plain = {"Date": None, "Creator": None, "Format": None, "Type": None}
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        figure.savefig(out, format="svg", metadata=plain)
    return inline(out.getvalue(), name, label, colours)


def inline(svg: str, name: str, label: str, colours: Mapping[str, str]) -> str:
    """Return a written SVG as part of a page: its size and colours are the page's.

    Args:
        svg: What matplotlib wrote.
        name: A name of its own on the page: two charts must not share the id of a clip path.
        label: What it shows, for those who do not see it.
        colours: What each of its colours becomes.
    """
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata.*?</metadata>", "", svg, count=1, flags=re.DOTALL)
    svg = re.sub(r"<style.*?</style>", "", svg, count=1, flags=re.DOTALL)  # it would reach the whole page
    for colour, variable in colours.items():
        svg = svg.replace(colour, variable)
    svg = re.sub(r'(<svg [^>]*?) width="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r'(<svg [^>]*?) height="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r"font: ([\d.]+)px [^;\"]+", r"font: \1px var(--font)", svg)
    svg = re.sub(r"font-family: [^;\"]+", "font-family: var(--font)", svg)
    svg = re.sub(r'(id="|href="#|url\(#)', rf"\g<1>{name}-", svg)
    return svg.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1).strip()
