"""Charts about the signals: the importance of each signal, and the mean prediction at its values."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from churn.evaluation.result import EvaluationResult, PartialDependence
from churn.reporting.plots.style import HIGH, INK, MAIN, SOFT, WIDE, few_percent, style_axes

MAX_SIGNALS = 15
COLUMNS = 3


def importance_figure(result: EvaluationResult) -> Figure | None:
    """Draw the importance of the 15 signals that change predictions most, and of each family of signals."""
    signals = [signal for signal in result.importance[:MAX_SIGNALS] if signal.share > 0]
    families = [family for family in result.importance_by_family if family.share > 0]
    if not signals:
        return None
    figure = Figure(figsize=(1.5 * WIDE, 1.1 * HIGH), layout="constrained")
    by_signal, by_family = figure.subplots(1, 2, width_ratios=[3, 2])
    _bars(by_signal, f"Signals, the top {len(signals)}", [(row.signal, row.share) for row in signals])
    _bars(by_family, "Families of signals", [(row.family, row.share) for row in families])
    return figure


def _bars(axes: Axes, title: str, shares: list[tuple[str, float]]) -> None:
    style_axes(axes, "share of the mean absolute contribution")
    axes.set_title(title, loc="left", fontsize=11, color=INK)
    names, values = zip(*shares[::-1], strict=True)
    axes.barh(names, values, color=MAIN, height=0.72)
    for position, value in enumerate(values):
        axes.annotate(
            f"{value:.1%}",
            (value, position),
            xytext=(3, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
            color=INK,
        )
    axes.tick_params(axis="y", length=0)
    axes.set_xlim(0, 1.18 * max(values))
    axes.xaxis.set_major_locator(MaxNLocator(4))
    few_percent(axes.xaxis)


def dependence_figure(result: EvaluationResult) -> Figure | None:
    """Draw the mean predicted probability at the values of the most important signals, one small chart for
    each signal.

    The ticks at the lower edge are the deciles of the signal. For a signal with levels, each level is a bar.
    A hollow mark shows the prediction for a missing value.
    """
    entries = result.partial_dependence
    if not entries:
        return None
    lines = -(-len(entries) // COLUMNS)
    figure = Figure(figsize=(1.5 * WIDE, 0.72 * HIGH * lines), layout="constrained")
    figure.suptitle(
        "Mean prediction over the values of the top signals", x=0.01, ha="left", fontsize=11, color=INK
    )
    grid = figure.subplots(lines, COLUMNS, sharey=True, squeeze=False)
    top = max(max(*entry.probabilities, entry.missing_probability or 0.0) for entry in entries)
    for axes, entry in zip(grid.flat, entries, strict=False):
        _dependence(axes, entry, top)
    for axes in grid.flat[len(entries) :]:
        axes.set_visible(False)
    for row in grid:
        row[0].set_ylabel("mean predicted", fontsize=8.5, color=INK)
    return figure


def _dependence(axes: Axes, entry: PartialDependence, top: float) -> None:
    missing = f", {entry.missing_share:.0%} missing" if entry.missing_share >= 0.005 else ""
    style_axes(axes, f"{entry.unit}{missing}", size=8.5)
    axes.set_title(entry.signal, loc="left", fontsize=9.5, color=INK)
    probabilities = np.array(entry.probabilities)
    if entry.levels is not None:
        axes.bar(entry.levels, probabilities, color=MAIN, width=0.6)
        if entry.missing_probability is not None:
            axes.bar(["missing"], [entry.missing_probability], width=0.6, facecolor="none", edgecolor=MAIN)
        if len(entry.levels) > 2:
            axes.tick_params(axis="x", rotation=30)
    else:
        values = np.array(entry.values)
        axes.plot(values, probabilities, color=MAIN, linewidth=2, marker="o", markersize=3)
        if entry.missing_probability is not None:
            _missing(axes, values, entry.missing_probability)
        axes.vlines(
            np.unique(np.array(entry.deciles)),
            0,
            0.05,
            transform=axes.get_xaxis_transform(),
            color=SOFT,
            linewidth=1,
        )
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=bool((values == np.rint(values)).all())))
    axes.set_ylim(0, 1.1 * top)
    axes.yaxis.set_major_locator(MaxNLocator(5))
    few_percent(axes.yaxis)


def _missing(axes: Axes, values: np.ndarray, probability: float) -> None:
    """Mark the prediction for a missing value, to the left of all other values."""
    position = values.min() - 0.2 * (float(np.ptp(values)) or 1.0)
    axes.plot([position], [probability], "D", color=MAIN, markersize=5, markerfacecolor="none")
    axes.annotate(
        "missing",
        (position, probability),
        xytext=(-4, 6),
        textcoords="offset points",
        color=INK,
        fontsize=7.5,
    )
