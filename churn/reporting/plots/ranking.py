"""Charts about the ranking of customers: gain, lift, AUC by age of the signals, and profit of a campaign."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from churn.evaluation.measures import GainRow
from churn.evaluation.result import EvaluationResult
from churn.metrics.catalog import CANDIDATE_NAMES
from churn.metrics.interval import Interval
from churn.reporting.plots.style import (
    ACCENT,
    DASHED_LINE,
    DOTTED_LINE,
    INK,
    MAIN,
    RULES,
    SOFT,
    first_rule,
    legend,
    new_canvas,
    percent,
)

MOST_LIKELY_FIRST = "share of customers contacted, the most likely to leave first"


def gain_figure(result: EvaluationResult) -> Figure | None:
    """Draw the share of churners who are reached against the share of customers who are contacted."""
    table, share = result.gain_table, result.contact_share
    if not table:
        return None
    figure, axes = new_canvas("Churners reached", MOST_LIKELY_FIRST, "share of churners reached")
    shares, captured = [0.0, *(row.share for row in table)], [0.0, *(row.captured for row in table)]
    base = result.challenger.base_rate
    axes.plot([0, base, 1], [0, 1, 1], color=SOFT, linewidth=1, linestyle=DASHED_LINE, label="perfect order")
    axes.plot(shares, captured, color=MAIN, linewidth=2.2, label="the model")
    if (rule := first_rule(table[0])) is not None:
        line = [0.0, *_column(table, rule)]
        axes.plot(shares, line, color=INK, linewidth=1.2, linestyle=DASHED_LINE, label=CANDIDATE_NAMES[rule])
    axes.plot([0, 1], [0, 1], color=SOFT, linewidth=1, linestyle=DOTTED_LINE, label="at random")
    reached = float(np.interp(share, shares, captured))
    axes.plot([share], [reached], "o", color=ACCENT, markersize=6, zorder=5)
    axes.annotate(
        f"{share:.0%} contacted,\n{reached:.0%} reached",
        (share, reached),
        xytext=(9, 2),
        textcoords="offset points",
        color=ACCENT,
        fontsize=9,
        va="top",
    )
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.02)
    percent(axes.xaxis)
    percent(axes.yaxis)
    legend(axes, loc="lower right")
    return figure


def lift_figure(result: EvaluationResult) -> Figure | None:
    """Draw the lift and the highest possible lift against the share of customers contacted.

    A bar shows the interval of the lift at the share that `evaluate.contact_share` sets.
    """
    table, share = result.gain_table, result.contact_share
    lift = result.challenger.lift_at_contact_share
    if lift.value is None or not table:
        return None
    figure, axes = new_canvas(
        "Lift: churners reached, compared with random contacts", MOST_LIKELY_FIRST, "lift"
    )
    shares, lifts = [row.share for row in table], _column(table, "lift")
    fine = np.geomspace(shares[0], 1, 200)
    base = result.challenger.base_rate
    axes.plot(
        fine,
        np.minimum(1 / fine, 1 / base),
        color=SOFT,
        linewidth=1,
        linestyle=DASHED_LINE,
        label="perfect order",
    )
    axes.plot(shares, lifts, color=MAIN, linewidth=2.2, label="the model")
    if (rule := first_rule(table[0])) is not None:
        line = [captured / row.share for captured, row in zip(_column(table, rule), table, strict=True)]
        axes.plot(shares, line, color=INK, linewidth=1.2, linestyle=DASHED_LINE, label=CANDIDATE_NAMES[rule])
    axes.axhline(1, color=SOFT, linewidth=1, linestyle=DOTTED_LINE, label="at random")
    if lift.low is not None and lift.high is not None:
        axes.plot([share, share], [lift.low, lift.high], color=ACCENT, linewidth=1.6, zorder=4)
    axes.plot([share], [lift.value], "o", color=ACCENT, markersize=6, zorder=5)
    axes.annotate(
        f"{lift.value:.1f} times at {share:.0%}",
        (share, lift.value),
        xytext=(-9, -4),
        textcoords="offset points",
        color=ACCENT,
        fontsize=9,
        ha="right",
        va="top",
    )
    axes.set_xscale("log")
    axes.set_xlim(shares[0], 1)
    ticks = [tick for tick in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0) if tick >= shares[0]]
    axes.set_xticks(ticks, [f"{tick:.0%}" for tick in ticks])
    axes.set_xticks([], minor=True)
    top = max([*lifts, lift.high or 0])
    axes.set_ylim(0, min(1.08 / base, 1.6 * top))
    legend(axes, loc="upper right")
    return figure


def lead_time_figure(result: EvaluationResult) -> Figure | None:
    """Draw the AUC of early predictions; the x-axis is the number of days from prediction to test cutoff."""
    points = [lead for lead in result.lead_time if lead.auc is not None]
    if len(points) < 2:
        return None
    figure, axes = new_canvas("How early churn is predicted", "age of the signals in days", "AUC")
    days, aucs = [lead.days for lead in points], [float(lead.auc or 0) for lead in points]
    bounded = [
        (lead.days, lead.low, lead.high) for lead in points if lead.low is not None and lead.high is not None
    ]
    axes.fill_between(
        [day for day, _, _ in bounded],
        [low for _, low, _ in bounded],
        [high for _, _, high in bounded],
        color=MAIN,
        alpha=0.18,
        linewidth=0,
    )
    axes.plot(days, aucs, "o-", color=MAIN, linewidth=2, markersize=5)
    for day, auc in zip(days, aucs, strict=True):
        axes.annotate(
            f"{auc:.2f}",
            (day, auc),
            xytext=(0, 8),
            textcoords="offset points",
            color=INK,
            fontsize=8.5,
            ha="center",
        )
    axes.axhline(0.5, color=SOFT, linewidth=1, linestyle=DOTTED_LINE)
    axes.annotate(
        "chance",
        (min(days), 0.5),
        xytext=(0, 4),
        textcoords="offset points",
        color=SOFT,
        fontsize=8.5,
    )
    lowest = min(0.47, *(low for _, low, _ in bounded), *aucs)
    highest = max(*aucs, *(high for _, _, high in bounded))
    axes.set_ylim(lowest - 0.01, min(1.02, highest + 0.05))
    axes.set_xticks(days)
    axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    return figure


def _column(table: Sequence[GainRow], name: str) -> list[float]:
    """Return a column of the gain table; a row without a value gives NaN."""
    values = (getattr(row, name) for row in table)
    return [float("nan") if value is None else float(value) for value in values]


def profit_figure(result: EvaluationResult) -> Figure | None:
    """Draw the profit against the share of customers contacted, and mark the best share.

    The profit of the contacts is divided by the number of all customers, contacted or not.
    """
    curve, best = result.profit_curve, result.challenger.best_share
    if not curve or best is None or best.value is None:
        return None
    share, best_profit = result.contact_share, result.challenger.profit_per_customer_at_best_share
    figure, axes = new_canvas(
        "What a campaign earns", "customers contacted, by value at risk", "profit per customer, in currency"
    )
    shares = [point.share for point in curve]
    profit, low, high, ceiling = (
        np.array([getattr(point, field) for point in curve], dtype=np.float64)
        for field in ("value", "low", "high", "ceiling")
    )
    axes.fill_between(shares, low, high, color=MAIN, alpha=0.18, linewidth=0)
    axes.plot(shares, ceiling, color=SOFT, linewidth=1, linestyle=DASHED_LINE, label="perfect list")
    axes.plot(shares, profit, color=MAIN, linewidth=2.2, label="the model")
    others = {name: CANDIDATE_NAMES[name] for name in RULES} | {"base_rate": "by value only"}
    for name, line in ((first_rule(curve[0]), DASHED_LINE), ("base_rate", DOTTED_LINE)):
        if name is not None and getattr(curve[0], name) is not None:
            baseline = np.array([getattr(point, name) for point in curve], dtype=np.float64)
            axes.plot(shares, baseline, color=INK, linewidth=1.2, linestyle=line, label=others[name])
    axes.axhline(0, color=SOFT, linewidth=1)
    axes.axvline(share, color=SOFT, linewidth=1, linestyle=DOTTED_LINE)
    level = float(np.nanmin([*low, *profit, 0.0]))
    top = float(np.nanmax([*high, *ceiling]))
    foot = level - 0.1 * (top - level)
    at = best_profit.value if best_profit and best_profit.value is not None else float("nan")
    axes.plot([best.value], [at], "o", color=ACCENT, markersize=6, zorder=5)
    axes.plot([best.value] * 2, [foot, at], color=ACCENT, linewidth=1, linestyle=DOTTED_LINE)
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
