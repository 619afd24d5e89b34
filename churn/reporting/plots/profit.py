"""The chart of what a campaign earns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from churn.metrics.catalog import CANDIDATE_NAMES
from churn.metrics.interval import format_interval
from churn.reporting.plots.style import (
    ACCENT,
    DASHED,
    DOTTED,
    INK,
    MAIN,
    RULES,
    SOFT,
    canvas,
    percent,
    rule_in,
)


def profit_figure(evaluated: Mapping[str, Any]) -> Figure | None:
    """Draw profit per customer over the share contacted, the best budget marked with its interval."""
    curve = evaluated.get("profit_curve")
    if not curve:
        return None
    ours, share = evaluated["candidates"]["challenger"], evaluated["contact_share"]
    figure, axes = canvas(
        "What a campaign earns", "customers contacted, by value at risk", "profit per customer, in currency"
    )
    shares = np.array([row["share"] for row in curve])
    profit = np.array([row["value"] for row in curve])
    low, high = (
        np.array([np.nan if row[name] is None else row[name] for row in curve]) for name in ("low", "high")
    )
    axes.fill_between(shares, low, high, color=MAIN, alpha=0.18, linewidth=0)
    axes.plot(
        shares,
        [row["ceiling"] for row in curve],
        color=SOFT,
        linewidth=1,
        linestyle=DASHED,
        label="perfect list",
    )
    axes.plot(shares, profit, color=MAIN, linewidth=2.2, label="the model")
    others = {name: CANDIDATE_NAMES[name] for name in RULES} | {"base_rate": "by value alone"}
    for name, line in ((rule_in(curve[0]), DASHED), ("base_rate", DOTTED)):
        if name is not None and name in curve[0]:
            beside = [row[name] for row in curve]
            axes.plot(shares, beside, color=INK, linewidth=1.2, linestyle=line, label=others[name])
    axes.axhline(0, color=SOFT, linewidth=1)
    axes.axvline(share, color=SOFT, linewidth=1, linestyle=DOTTED)
    best, at = ours["best_share"], ours["profit_per_customer_at_best_share"]["value"]
    level = float(np.nanmin([*low, *profit, 0.0]))
    top = float(np.nanmax([*high, *(row["ceiling"] for row in curve)]))
    foot = level - 0.1 * (top - level)
    axes.plot([best["value"]], [at], "o", color=ACCENT, markersize=6, zorder=5)
    axes.plot([best["value"]] * 2, [foot, at], color=ACCENT, linewidth=1, linestyle=DOTTED)
    if best["low"] is not None:
        axes.plot([best["low"], best["high"]], [foot, foot], color=ACCENT, linewidth=3, solid_capstyle="butt")
    near_end = best["value"] > 0.55
    axes.annotate(
        f"best budget {format_interval(best, 0, percent=True)}",
        (best["value"], foot),
        xytext=(-6 if near_end else 6, 5),
        textcoords="offset points",
        ha="right" if near_end else "left",
        color=ACCENT,
        fontsize=9,
    )
    axes.annotate(
        f"contact share {share:.0%}",
        (share, 0),
        xytext=(4, 4),
        textcoords="offset points",
        color=SOFT,
        fontsize=8.5,
    )
    axes.set_xlim(0, 1)
    axes.set_ylim(foot - 0.03 * (top - foot), top + 0.04 * (top - foot))
    percent(axes.xaxis)
    figure.legend(loc="outside lower center", ncols=4, frameon=False, fontsize=8.5, labelcolor=INK)
    return figure
