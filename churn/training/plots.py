"""Charts of an evaluation, written as SVG and PNG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from churn.data.files import write_whole

INK, LINE, SOFT = "#1f2933", "#0b7285", "#adb5bd"


def write_plots(folder: Path, evaluated: Mapping[str, Any], importance: Mapping[str, float]) -> list[Path]:
    """Write calibration, gain and importance charts; return the PNG files."""
    folder.mkdir(parents=True, exist_ok=True)
    figures = {
        "calibration": calibration_figure(evaluated["calibration_table"]),
        "gain": gain_figure(evaluated["gain_table"]),
        "importance": importance_figure(importance),
    }
    written = []
    for name, figure in figures.items():
        FigureCanvasAgg(figure)
        with mpl.rc_context({"svg.hashsalt": name}):  # the same chart gives the same bytes
            _write(figure, folder / f"{name}.svg", metadata={"Date": None})
        _write(figure, folder / f"{name}.png", dpi=110, metadata={"Software": None})
        written.append(folder / f"{name}.png")
    return written


def _write(figure: Figure, path: Path, **how: Any) -> None:
    drawn = BytesIO()
    figure.savefig(drawn, format=path.suffix[1:], **how)
    write_whole(path, drawn.getvalue())


def calibration_figure(table: Sequence[Mapping[str, float]]) -> Figure:
    """Draw observed churn over predicted churn with intervals."""
    figure, axes = _figure("Calibration on the test cutoffs", "predicted churn", "observed churn")
    predicted = [row["predicted"] for row in table]
    top = 1.05 * max([*predicted, *(row["high"] for row in table)])
    axes.plot([0, top], [0, top], color=SOFT, linewidth=1)
    for row in table:
        axes.plot([row["predicted"]] * 2, [row["low"], row["high"]], color=LINE, linewidth=1)
    axes.plot(predicted, [row["observed"] for row in table], "o", color=LINE, markersize=4)
    return figure


def gain_figure(table: Sequence[Mapping[str, float]]) -> Figure:
    """Draw the share of leavers reached over the share of customers contacted."""
    figure, axes = _figure("Leavers reached", "share contacted", "share of leavers reached")
    shares = [0.0, *(row["share"] for row in table)]
    axes.plot([0, 1], [0, 1], color=SOFT, linewidth=1)
    axes.plot(shares, [0.0, *(row["captured"] for row in table)], color=LINE, linewidth=2)
    return figure


def importance_figure(importance: Mapping[str, float]) -> Figure:
    """Draw the 15 signals with the largest share of the gain."""
    figure, axes = _figure("What the model looks at most", "share of the gain", "")
    top = list(importance.items())[:15][::-1]
    axes.barh([name for name, _ in top], [share for _, share in top], color=LINE)
    axes.tick_params(axis="y", labelsize=7)
    return figure


def _figure(title: str, x: str, y: str) -> tuple[Figure, Any]:
    figure = Figure(figsize=(5.6, 4.0), layout="constrained")
    axes = figure.subplots()
    axes.set_title(title, loc="left", fontsize=10, color=INK)
    axes.set_xlabel(x, fontsize=8)
    axes.set_ylabel(y, fontsize=8)
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes
