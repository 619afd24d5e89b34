"""Charts about churn rates: calibration, and the probability of coming back by the number of silent days."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from churn.evaluation.measures import CalibrationBin
from churn.evaluation.result import EvaluationResult
from churn.labels.horizon import MAX_RETURN, HorizonSuggestion
from churn.reporting.plots.style import (
    ACCENT,
    HIGH,
    INK,
    MAIN,
    SOFT,
    WIDE,
    few_percent,
    legend,
    log_percent,
    percent,
    save_figure,
    style_axes,
)

TICKS = (0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)


def calibration_figure(result: EvaluationResult) -> Figure | None:
    """Draw observed churn against predicted churn, with intervals, above a histogram of the predictions.

    If churn is rare, both axes are logarithmic, and a bin without churners is shown as a hollow triangle at
    the lower edge.
    """
    if not result.calibration_table:
        return None
    histogram = result.prediction_histogram
    log = histogram.scale == "log"
    figure = Figure(figsize=(WIDE, 1.3 * HIGH), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    style_axes(above, "", "share that left")
    style_axes(below, "predicted", "share of each")
    above.set_title("Calibration on the test cutoffs", loc="left", fontsize=11, color=INK)
    _draw_bins(above, result.calibration_table, log)
    edges = np.array(histogram.edges)
    for label, values, colour in (("stayed", histogram.stayed, SOFT), ("left", histogram.left, ACCENT)):
        counts = np.array(values, dtype=float)
        if counts.sum():
            below.stairs(counts / counts.sum(), edges, color=colour, linewidth=1.4, label=label)
    below.set_ylim(bottom=0)
    below.yaxis.set_major_locator(MaxNLocator(3))
    few_percent(below.yaxis)
    legend(below, loc="upper left" if log else "upper right")
    if log:
        below.set_xscale("log")
        right = _next_tick(float(edges[-1]))
        below.set_xticks(_ticks(float(edges[0]), right))
        below.set_xlim(right=right)
        log_percent(below.xaxis)
    else:
        below.set_xlim(0, None)
        percent(below.xaxis)
    return figure


def _next_tick(value: float) -> float:
    """Return the lowest tick of a logarithmic axis that is at least as high as `value`."""
    return next((tick for tick in TICKS if tick >= value), TICKS[-1])


def _ticks(low: float, high: float) -> list[float]:
    """Return at most ten ticks of a logarithmic axis; the highest tick is always among them."""
    shown = [tick for tick in reversed(TICKS) if low <= tick <= high]
    return shown[:: 1 + len(shown) // 9][::-1]


def _draw_bins(axes: Axes, table: Sequence[CalibrationBin], log: bool) -> None:
    predicted, observed, low, high = (
        np.array([getattr(row, field) for row in table], dtype=np.float64)
        for field in ("predicted", "observed", "low", "high")
    )
    top = 1.1 * max(predicted.max(), high.max())
    floor = 0.0
    if log:
        positive = [*predicted[predicted > 0], *observed[observed > 0], *low[observed > 0]]
        floor = 0.6 * max(min(positive, default=0.01), 1e-5)
        axes.set_yscale("log")
        top = _next_tick(top / 1.1)
        axes.set_yticks(_ticks(floor, top))
        log_percent(axes.yaxis)
    else:
        axes.set_yticks(MaxNLocator(5).tick_values(0, top))
        top = max(top, float(axes.get_yticks()[-1]))
        percent(axes.yaxis)
    axes.set_ylim(floor, top)
    axes.plot([max(floor, 1e-6), top], [max(floor, 1e-6), top], color=SOFT, linewidth=1, zorder=1)
    axes.vlines(predicted, np.maximum(low, floor), high, color=MAIN, linewidth=1.5, alpha=0.7)
    drawable = observed > 0 if log else np.ones(len(table), dtype=bool)
    axes.plot(predicted[drawable], observed[drawable], "o", color=MAIN, markersize=5.5)
    if not drawable.all():
        at_floor = np.full((~drawable).sum(), floor * 1.08)
        axes.plot(
            predicted[~drawable],
            at_floor,
            "v",
            color=MAIN,
            markersize=5.5,
            markerfacecolor="none",
            clip_on=False,
        )


SHOWN_HORIZONS = 4
"""The end of the chart, as a multiple of the longer of two horizons: the requested one and the suggested
one.
"""


def write_horizon_plot(folder: Path, suggestion: HorizonSuggestion) -> list[Path]:
    """Write `horizon.svg` and `horizon.png`: the same chart gives the same bytes."""
    return list(save_figure(horizon_figure(suggestion), folder, "horizon", dpi=110))


def horizon_figure(suggestion: HorizonSuggestion) -> Figure:
    """Draw the probability of coming back, with its 95 % interval, by the number of silent days.

    Lines show the highest allowed probability, and the requested and the suggested horizon.
    """
    curve = suggestion.curve
    days = range(len(curve.chance))
    figure = Figure(figsize=(6.4, 4.0), layout="constrained")
    axes = figure.subplots()
    axes.fill_between(days, curve.low, curve.high, color=SOFT, alpha=0.5, linewidth=0, label="95% interval")
    axes.plot(days, curve.chance, color=MAIN, linewidth=1.5, label=f"comes back to {suggestion.table}")
    axes.axhline(MAX_RETURN, color=SOFT, linewidth=1, linestyle="--")
    for day, color, name in (
        (suggestion.requested_days, INK, "asked for"),
        (suggestion.suggested_days, ACCENT, "suggested"),
    ):
        if day is not None and day <= curve.followed_days:
            axes.axvline(day, color=color, linewidth=1, label=f"{name}: {day} days")
            axes.plot([day], [curve.chance[day]], "o", color=color, markersize=4)
    half, last = curve.followed_days / 2, curve.followed_days
    axes.axvspan(
        half,
        last,
        color=SOFT,
        alpha=0.15,
        linewidth=0,
        label="second half: few customers are followed this long",
    )
    axes.set_title(
        f"Who comes back after a silence? Data before {suggestion.before.day}", loc="left", fontsize=10
    )
    axes.set_xlabel("days of silence", fontsize=8)
    axes.set_ylabel("comes back later", fontsize=8)
    shown = SHOWN_HORIZONS * max(suggestion.requested_days, suggestion.suggested_days or curve.followed_days)
    axes.set_xlim(0, min(shown, curve.followed_days))
    axes.set_ylim(0, 1)
    axes.yaxis.set_major_formatter(mpl.ticker.PercentFormatter(1.0))
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=8)
    return figure
