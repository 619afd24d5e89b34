"""The chart of the profit of a campaign."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from churn.evaluation.result import EvaluationResult
from churn.metrics.catalog import CANDIDATE_NAMES
from churn.metrics.interval import Interval
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


def profit_figure(result: EvaluationResult) -> Figure | None:
    """Draw profit per customer over the share contacted, the best budget marked with its interval."""
    curve, best = result.profit_curve, result.challenger.best_share
    if not curve or best is None or best.value is None:
        return None
    share, best_profit = result.contact_share, result.challenger.profit_per_customer_at_best_share
    figure, axes = canvas(
        "What a campaign earns", "customers contacted, by value at risk", "profit per customer, in currency"
    )
    shares = [point.share for point in curve]
    profit, low, high, ceiling = (
        np.array([getattr(point, field) for point in curve], dtype=np.float64)
        for field in ("value", "low", "high", "ceiling")
    )
    axes.fill_between(shares, low, high, color=MAIN, alpha=0.18, linewidth=0)
    axes.plot(shares, ceiling, color=SOFT, linewidth=1, linestyle=DASHED, label="perfect list")
    axes.plot(shares, profit, color=MAIN, linewidth=2.2, label="the model")
    others = {name: CANDIDATE_NAMES[name] for name in RULES} | {"base_rate": "by value alone"}
    for name, line in ((rule_in(curve[0]), DASHED), ("base_rate", DOTTED)):
        if name is not None and getattr(curve[0], name) is not None:
            baseline = np.array([getattr(point, name) for point in curve], dtype=np.float64)
            axes.plot(shares, baseline, color=INK, linewidth=1.2, linestyle=line, label=others[name])
    axes.axhline(0, color=SOFT, linewidth=1)
    axes.axvline(share, color=SOFT, linewidth=1, linestyle=DOTTED)
    level = float(np.nanmin([*low, *profit, 0.0]))
    top = float(np.nanmax([*high, *ceiling]))
    foot = level - 0.1 * (top - level)
    at = best_profit.value if best_profit and best_profit.value is not None else float("nan")
    axes.plot([best.value], [at], "o", color=ACCENT, markersize=6, zorder=5)
    axes.plot([best.value] * 2, [foot, at], color=ACCENT, linewidth=1, linestyle=DOTTED)
    if best.low is not None and best.high is not None:
        axes.plot([best.low, best.high], [foot, foot], color=ACCENT, linewidth=3, solid_capstyle="butt")
    near_end = best.value > 0.55
    axes.annotate(
        f"best budget {best.value:.0%}{_interval_text(best)}",
        (best.value, foot),
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


def _interval_text(share: Interval) -> str:
    return "" if share.low is None or share.high is None else f" ({share.low:.0%} to {share.high:.0%})"
