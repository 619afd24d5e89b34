"""The chart behind the choice of a horizon."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from churn.data.files import write_whole
from churn.labels.horizon import MOST_RETURN, Horizon

INK, LINE, SOFT, MARK = "#1f2933", "#0b7285", "#adb5bd", "#c92a2a"

SHOWN = 4
"""The chart runs to so many times the longer of both horizons."""


def write_horizon_plot(folder: Path, found: Horizon) -> list[Path]:
    """Write `horizon.svg` and `horizon.png`: the same chart gives the same bytes."""
    figure = horizon_figure(found)
    FigureCanvasAgg(figure)
    paths = [folder / "horizon.svg", folder / "horizon.png"]
    with mpl.rc_context({"svg.hashsalt": "horizon"}):
        _write(figure, paths[0], {"Date": None})
    _write(figure, paths[1], {"Software": None})
    return paths


def _write(figure: Figure, path: Path, metadata: dict[str, str | None]) -> None:
    drawn = BytesIO()
    figure.savefig(drawn, format=path.suffix[1:], dpi=110, metadata=metadata)
    write_whole(path, drawn.getvalue())


def horizon_figure(found: Horizon) -> Figure:
    """Draw the chance to come back over silent days with its interval, the limit and both horizons."""
    curve = found.curve
    days = range(len(curve.chance))
    figure = Figure(figsize=(6.4, 4.0), layout="constrained")
    axes = figure.subplots()
    axes.fill_between(days, curve.low, curve.high, color=SOFT, alpha=0.5, linewidth=0, label="95 % interval")
    axes.plot(days, curve.chance, color=LINE, linewidth=1.5, label=f"comes back to {found.table}")
    axes.axhline(MOST_RETURN, color=SOFT, linewidth=1, linestyle="--")
    for day, color, name in ((found.asked, INK, "asked for"), (found.suggested, MARK, "suggested")):
        if day is not None and day <= curve.followed_days:
            axes.axvline(day, color=color, linewidth=1, label=f"{name}: {day} days")
            axes.plot([day], [curve.chance[day]], "o", color=color, markersize=4)
    half, last = curve.followed_days / 2, curve.followed_days
    axes.axvspan(half, last, color=SOFT, alpha=0.15, linewidth=0, label="not followed for as long again")
    axes.set_title(f"Who comes back after a silence? Data before {found.before.day}", loc="left", fontsize=10)
    axes.set_xlabel("silent for so many days", fontsize=8)
    axes.set_ylabel("comes back later", fontsize=8)
    shown = SHOWN * max(found.asked, found.suggested or curve.followed_days)
    axes.set_xlim(0, min(shown, curve.followed_days))
    axes.set_ylim(0, 1)
    axes.yaxis.set_major_formatter(mpl.ticker.PercentFormatter(1.0))
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=8)
    return figure
