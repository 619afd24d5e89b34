"""The chart that supports the choice of a horizon."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from churn.labels.horizon import MAX_RETURN, HorizonSuggestion
from churn.reporting.plots.style import ACCENT, INK, MAIN, SOFT, save_figure

SHOWN_HORIZONS = 4
"""The chart ends at this multiple of the longer of both horizons."""


def write_horizon_plot(folder: Path, found: HorizonSuggestion) -> list[Path]:
    """Write `horizon.svg` and `horizon.png`: the same chart gives the same bytes."""
    return list(save_figure(horizon_figure(found), folder, "horizon", dpi=110))


def horizon_figure(found: HorizonSuggestion) -> Figure:
    """Draw the chance of coming back over the days of silence, with interval, limit and both horizons."""
    curve = found.curve
    days = range(len(curve.chance))
    figure = Figure(figsize=(6.4, 4.0), layout="constrained")
    axes = figure.subplots()
    axes.fill_between(days, curve.low, curve.high, color=SOFT, alpha=0.5, linewidth=0, label="95 % interval")
    axes.plot(days, curve.chance, color=MAIN, linewidth=1.5, label=f"comes back to {found.table}")
    axes.axhline(MAX_RETURN, color=SOFT, linewidth=1, linestyle="--")
    for day, color, name in ((found.asked, INK, "asked for"), (found.suggested, ACCENT, "suggested")):
        if day is not None and day <= curve.followed_days:
            axes.axvline(day, color=color, linewidth=1, label=f"{name}: {day} days")
            axes.plot([day], [curve.chance[day]], "o", color=color, markersize=4)
    half, last = curve.followed_days / 2, curve.followed_days
    axes.axvspan(
        half, last, color=SOFT, alpha=0.15, linewidth=0, label="second half: few are followed so long"
    )
    axes.set_title(f"Who comes back after a silence? Data before {found.before.day}", loc="left", fontsize=10)
    axes.set_xlabel("days of silence", fontsize=8)
    axes.set_ylabel("comes back later", fontsize=8)
    shown = SHOWN_HORIZONS * max(found.asked, found.suggested or curve.followed_days)
    axes.set_xlim(0, min(shown, curve.followed_days))
    axes.set_ylim(0, 1)
    axes.yaxis.set_major_formatter(mpl.ticker.PercentFormatter(1.0))
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=8)
    return figure
