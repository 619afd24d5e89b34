"""Signals that tell too much alone, or tell who or when it is rather than how the customer is."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from churn.finding import Finding
from churn.guards.single_signal import MISSING, STOP, STOP_LOW, WARN, WARN_LOW, WAY_OUT, low_of
from churn.guards.statistics import auc_within, best_auc, explained, level_scores
from churn.snapshots.dataset import Floats, Ints, LabelledRows, cutoffs_of

MOST_ROWS = 40_000
"""Rows of so many are enough to see an AUC of .9; customers are taken whole."""

IDS = 0.9
"""From this share of distinct values on, a value that never changes names the customer."""

CALENDAR = 0.9
"""A signal whose cutoff explains so much of its ranks tells the date."""

FEWEST_CUTOFFS = 3


def columns(rows: LabelledRows) -> Iterator[Finding]:
    """Look at each signal alone over the training rows."""
    rows = _sample(rows)
    if rows.one_class:
        return
    leavers = len(np.unique(rows.customer[rows.left > 0]))
    for place, name in enumerate(rows.names):
        values = rows.matrix[:, place]
        known = values[~np.isnan(values)]
        if not len(known) or (known == known[0]).all():
            yield from _lacking(rows, name, values, leavers)
            continue
        yield from _alone(rows, name, values, leavers)
        yield from _lacking(rows, name, values, leavers)
        if name not in rows.levels:
            yield from _id_like(rows, name, values)
            yield from _calendar_like(rows, name, values)


def _alone(rows: LabelledRows, name: str, values: Floats, leavers: int) -> Iterator[Finding]:
    if name in rows.levels:
        area = auc_within(rows.left, level_scores(rows.left, values, rows.customer), rows.cutoff)
    else:
        area = best_auc(rows.left, values, rows.cutoff)
    low = low_of(area, leavers)
    if not area > WARN or low <= WARN_LOW:
        return
    stop = area > STOP and low > STOP_LOW
    yield Finding(
        name,
        f"alone it tells who leaves with AUC {area:.3f} ({leavers:,} leavers, at least {low:.2f}); above "
        f"{STOP if stop else WARN} it is {'the answer' if stop else 'rarely honest'}.",
        WAY_OUT,
        "stop" if stop else "warn",
        "alone",
        f"AUC {area:.3f}",
    )


def _lacking(rows: LabelledRows, name: str, values: Floats, leavers: int) -> Iterator[Finding]:
    lacks = np.isnan(values).astype(np.float64)
    if not 0 < lacks.sum() < len(lacks):
        return
    area = auc_within(rows.left, lacks, rows.cutoff)
    area = max(area, 1 - area)
    if area > MISSING and low_of(area, leavers) > 0.5:
        yield Finding(
            name,
            f"that it is missing alone tells who leaves with AUC {area:.3f} ({leavers:,} leavers); above "
            f"{MISSING} the hole may have been made, or filled, after the fact.",
            "See when it has no value, and whether its source empties or fills it late; leave it out, or "
            "sign it off.",
            "stop" if area > STOP and low_of(area, leavers) > STOP_LOW else "warn",
            "missing",
            f"AUC {area:.3f}",
        )


def _id_like(rows: LabelledRows, name: str, values: Floats) -> Iterator[Finding]:
    known = ~np.isnan(values)
    if known.mean() < IDS:
        return
    first, last, seen = _spread(values[known], rows.customer[known])
    often = seen > 1
    if not often.any() or (first != last).any():
        return
    distinct = len(np.unique(first)) / len(first)
    if distinct > IDS:
        yield Finding(
            name,
            f"it never changes, and {distinct:.0%} of the customers have a value of their own: it names the "
            "customer, and a model learns names by heart.",
            "Leave it out (signals.leave_out); map what changes about it as a history.",
            "warn",
            "id_like",
            f"{distinct:.0%}",
        )


def _spread(values: Floats, customer: Ints) -> tuple[Floats, Floats, Ints]:
    """Return least and greatest value and the number of rows of each customer."""
    order = np.argsort(customer, kind="stable")
    start = np.flatnonzero(np.diff(customer[order], prepend=-1))
    ordered = values[order]
    seen = np.diff(np.append(start, len(order)))
    return np.minimum.reduceat(ordered, start), np.maximum.reduceat(ordered, start), seen


def _calendar_like(rows: LabelledRows, name: str, values: Floats) -> Iterator[Finding]:
    known = ~np.isnan(values)
    days = cutoffs_of(rows.cutoff[known])
    if known.mean() < IDS or len(days) < FEWEST_CUTOFFS:
        return
    _, group = np.unique(rows.cutoff[known], return_inverse=True)
    share = explained(group.astype(np.int64), values[known])
    if share > CALENDAR:
        yield Finding(
            name,
            f"the cutoff explains {share:.0%} of its order: it tells the date rather than the customer, and "
            "no tree can know a date that is yet to come.",
            "Leave it out (signals.leave_out), or count from the cutoff: days since, not a date.",
            "warn",
            "calendar_like",
            f"{share:.0%}",
        )


def _sample(rows: LabelledRows) -> LabelledRows:
    """Return the rows of every n-th customer, so that no more than `MOST_ROWS` are left."""
    step = -(-len(rows) // MOST_ROWS)
    return rows if step <= 1 else rows.where(rows.customer % step == 0)
