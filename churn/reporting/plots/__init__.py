"""Charts of an evaluation, written as SVG and PNG under the same names each time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from churn.data.files import write_whole
from churn.reporting.plots.level import calibration_figure
from churn.reporting.plots.money import profit_figure
from churn.reporting.plots.ranking import gain_figure, lead_time_figure, lift_figure
from churn.reporting.plots.signals import dependence_figure, importance_figure

FIGURES: dict[str, Callable[[Mapping[str, Any]], Figure | None]] = {
    "gain": gain_figure,
    "lift": lift_figure,
    "calibration": calibration_figure,
    "profit": profit_figure,
    "lead_time": lead_time_figure,
    "importance": importance_figure,
    "partial_dependence": dependence_figure,
}
"""Every chart by the name of its files; one whose data are missing is not drawn."""


def write_plots(folder: Path, evaluated: Mapping[str, Any]) -> list[Path]:
    """Draw the content of metrics.json and return the PNG files; charts of an earlier one are removed."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, drawn in FIGURES.items():
        figure = drawn(evaluated)
        if figure is None:
            for path in folder.glob(f"{name}.*"):
                path.unlink()
            continue
        FigureCanvasAgg(figure)
        with mpl.rc_context({"svg.hashsalt": name, "svg.fonttype": "none"}):  # the same chart, the same bytes
            _write(figure, folder / f"{name}.svg", metadata={"Date": None})
        figure.set_layout_engine("none")  # the places are found; finding them takes most of the time
        _write(figure, folder / f"{name}.png", dpi=130, metadata={"Software": None})
        written.append(folder / f"{name}.png")
    return written


def _write(figure: Figure, path: Path, **how: Any) -> None:
    drawn = BytesIO()
    figure.savefig(drawn, format=path.suffix[1:], **how)
    write_whole(path, drawn.getvalue())
