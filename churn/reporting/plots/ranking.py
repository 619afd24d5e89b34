"""Charts of the order: gain, lift, and how early it is known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from churn.metrics.catalog import CANDIDATE_NAMES
from churn.reporting.plots.style import (
    ACCENT,
    DASHED,
    DOTTED,
    INK,
    MAIN,
    SOFT,
    canvas,
    legend,
    percent,
    rule_in,
)


def gain_figure(evaluated: Mapping[str, Any]) -> Figure | None:
    """Draw the share of leavers reached over the share of customers contacted."""
    table, share = evaluated["gain_table"], evaluated["contact_share"]
    figure, axes = canvas("Leavers reached", "customers contacted, likeliest first", "leavers reached")
    shares = [0.0, *(row["share"] for row in table)]
    base = float(evaluated["candidates"]["challenger"]["base_rate"])
    axes.plot([0, base, 1], [0, 1, 1], color=SOFT, linewidth=1, linestyle=DASHED, label="perfect order")
    axes.plot(shares, [0, *(row["captured"] for row in table)], color=MAIN, linewidth=2.2, label="the model")
    if (rule := rule_in(table[0])) is not None:
        line = [0, *(row[rule] for row in table)]
        axes.plot(shares, line, color=INK, linewidth=1.2, linestyle=DASHED, label=CANDIDATE_NAMES[rule])
    axes.plot([0, 1], [0, 1], color=SOFT, linewidth=1, linestyle=DOTTED, label="at random")
    reached = float(np.interp(share, shares, [0, *(row["captured"] for row in table)]))
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


def lift_figure(evaluated: Mapping[str, Any]) -> Figure | None:
    """Draw the lift over the share contacted, under its ceiling, with the interval at the contact share."""
    table, share = evaluated["gain_table"], evaluated["contact_share"]
    lift = evaluated["candidates"]["challenger"]["lift_at_contact_share"]
    if lift["value"] is None:
        return None
    figure, axes = canvas(
        "Lift: leavers found, against calling at random", "customers contacted, likeliest first", "lift"
    )
    shares = [row["share"] for row in table]
    fine = np.geomspace(shares[0], 1, 200)
    base = float(evaluated["candidates"]["challenger"]["base_rate"])
    axes.plot(
        fine, np.minimum(1 / fine, 1 / base), color=SOFT, linewidth=1, linestyle=DASHED, label="perfect order"
    )
    axes.plot(shares, [row["lift"] for row in table], color=MAIN, linewidth=2.2, label="the model")
    if (rule := rule_in(table[0])) is not None:
        line = [row[rule] / row["share"] for row in table]
        axes.plot(shares, line, color=INK, linewidth=1.2, linestyle=DASHED, label=CANDIDATE_NAMES[rule])
    axes.axhline(1, color=SOFT, linewidth=1, linestyle=DOTTED, label="at random")
    if lift["low"] is not None:
        axes.plot([share, share], [lift["low"], lift["high"]], color=ACCENT, linewidth=1.6, zorder=4)
    axes.plot([share], [lift["value"]], "o", color=ACCENT, markersize=6, zorder=5)
    axes.annotate(
        f"{lift['value']:.1f} times at {share:.0%}",
        (share, lift["value"]),
        xytext=(-9, -4),
        textcoords="offset points",
        color=ACCENT,
        fontsize=9,
        ha="right",
        va="top",
    )
    axes.set_xscale("log")
    axes.set_xlim(shares[0], 1)
    ticks = [each for each in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0) if each >= shares[0]]
    axes.set_xticks(ticks, [f"{each:.0%}" for each in ticks])
    axes.set_xticks([], minor=True)
    top = max([*(row["lift"] for row in table), lift["high"] or 0])
    axes.set_ylim(0, min(1.08 / base, 1.6 * top))
    legend(axes, loc="upper right")
    return figure


def lead_time_figure(evaluated: Mapping[str, Any]) -> Figure | None:
    """Draw the AUC over the days between what was known and the cutoff, with intervals."""
    points = [row for row in evaluated.get("lead_time") or [] if row["auc"] is not None]
    if len(points) < 2:
        return None
    figure, axes = canvas("How early it is known", "days earlier that the signals were taken", "AUC")
    days, found = [row["days"] for row in points], [row["auc"] for row in points]
    bounded = [row for row in points if row["low"] is not None]
    axes.fill_between(
        [row["days"] for row in bounded],
        [row["low"] for row in bounded],
        [row["high"] for row in bounded],
        color=MAIN,
        alpha=0.18,
        linewidth=0,
    )
    axes.plot(days, found, "o-", color=MAIN, linewidth=2, markersize=5)
    for day, auc in zip(days, found, strict=True):
        axes.annotate(
            f"{auc:.2f}",
            (day, auc),
            xytext=(0, 8),
            textcoords="offset points",
            color=INK,
            fontsize=8.5,
            ha="center",
        )
    axes.axhline(0.5, color=SOFT, linewidth=1, linestyle=DOTTED)
    axes.annotate(
        "chance",
        (min(days), 0.5),
        xytext=(0, 4),
        textcoords="offset points",
        color=SOFT,
        fontsize=8.5,
    )
    lows = [row["low"] for row in bounded] or found
    axes.set_ylim(min(0.47, *lows) - 0.01, min(1.02, max([*found, *(row["high"] for row in bounded)]) + 0.05))
    axes.set_xticks(days)
    axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    return figure
