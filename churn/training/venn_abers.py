"""Venn-Abers calibration: two isotonic fits per score, kept as a short list of steps."""

from __future__ import annotations

from typing import Any

import numpy as np

from churn.metrics.metrics import Floats

MOST_LEVELS = 200
"""Scores are rounded to so many levels of about equally many rows: the spec stays short, the fit quick."""


def fit_venn_abers(logits: Floats, left: Floats) -> dict[str, Any]:
    """Fit an inductive Venn-Abers predictor on scores rounded to levels.

    A new customer of a level stays or leaves; each guess joins the fitted rows, and isotonic regression
    gives the level's probability: `p0` under the guess that it stays, `p1` that it leaves. The scorer
    answers `p1 / (1 - p0 + p1)`: always strictly between 0 and 1, and never turning an order round, but
    customers of one level tie.

    Returns:
        `upto`, the upper edge (log-odds) of every step but the last; `p0` and `p1` of every step.

    Source: Vovk and Petej (2014), Venn-Abers predictors, UAI; Vovk, Petej and Fedorova (2015), Large-scale
        probabilistic predictors with and without guarantees of validity, NeurIPS.
    """
    score, place, count = np.unique(logits, return_inverse=True, return_counts=True)
    level = np.arange(len(score))
    if len(score) > MOST_LEVELS:
        rank = (np.cumsum(count) - count) * MOST_LEVELS // len(logits)
        level = np.unique(rank, return_inverse=True)[1]
    rows = np.bincount(level, count).astype(np.float64)
    leavers = np.bincount(level[place], left).astype(np.float64)
    p0, p1 = isotonic_with_guess(rows, leavers, 0.0), isotonic_with_guess(rows, leavers, 1.0)
    ends = np.flatnonzero(np.diff(level))
    edges = (score[ends] + score[ends + 1]) / 2
    steps = (np.diff(p0) > 0) | (np.diff(p1) > 0)
    kept = np.append(True, steps)
    return {
        "method": "venn_abers",
        "upto": edges[steps].tolist(),
        "p0": p0[kept].tolist(),
        "p1": p1[kept].tolist(),
    }


def isotonic_with_guess(rows: Floats, leavers: Floats, guess: float) -> Floats:
    """Return each level's isotonic share of leavers once a row with outcome `guess` has joined that level.

    By the max-min formula: the largest, over stretches that begin at or below the level, of the least share
    over stretches that end at or above it.

    Args:
        rows: Rows per level, the levels by rising score.
        leavers: Those of them that left.
        guess: 1.0 where the new row is taken to leave, 0.0 where to stay.

    Source: Robertson, Wright and Dykstra (1988), Order restricted statistical inference, theorem 1.4.4.
    """
    before, left_before = np.append(0.0, np.cumsum(rows)), np.append(0.0, np.cumsum(leavers))
    found = np.empty(len(rows))
    for level in range(len(rows)):
        n = before[level + 1 :] - before[: level + 1, None] + 1.0
        hits = left_before[level + 1 :] - left_before[: level + 1, None] + guess
        found[level] = (hits / n).min(axis=1).max()
    return np.maximum.accumulate(found)
