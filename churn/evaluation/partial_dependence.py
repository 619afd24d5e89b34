"""How the predicted probability moves with one signal, all others as they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from churn.metrics.metrics import Floats
from churn.model.scorer import Scorer
from churn.snapshots.dataset import LabelledRows, scorer_columns

SIGNALS = 6
SAMPLE = 5_000
GRID = (0.01, 0.05, *(step / 10 for step in range(1, 10)), 0.95, 0.99)
"""The quantiles at which a signal is put; the outermost 1 % are left out, where hardly a row is."""
FEW = 12
COVERED = 0.95
"""A signal is put at each value that one row in 500 has, if at most 12 are and they cover 95 % of rows."""


def partial_dependence(scorer: Scorer, rows: LabelledRows, signals: Sequence[str]) -> list[dict[str, Any]]:
    """Return the mean predicted probability over the values of each signal.

    Every row gets the value, and all else stays as it is. At most 5,000 rows are looked at, every so many
    of them. Where some rows lack the signal, `missing_probability` is the mean if all did, else None.
    This shows what the model makes of a signal; it is no effect of changing it.

    Args:
        scorer: The model.
        rows: The rows of one cutoff.
        signals: Which signals, in this order.

    Source: Friedman (2001), Greedy function approximation, Annals of Statistics 29, section 8.2.
    """
    rows = rows.where(np.arange(len(rows)) % max(1, -(-len(rows) // SAMPLE)) == 0)
    matrix = scorer.matrix(scorer_columns(rows))
    about = {signal["name"]: signal for signal in scorer.spec["signals"]}
    found = []
    for name in signals:
        place = scorer.names.index(name)
        own = matrix[:, place]
        known = own[np.isfinite(own)]
        if not len(known):
            continue
        entry: dict[str, Any] = {
            "signal": name,
            "kind": about[name]["kind"],
            "unit": about[name]["unit"],
            "missing_share": float(1 - len(known) / len(own)),
        }
        if about[name]["kind"] == "level":
            codes, counts = np.unique(known, return_counts=True)
            entry["levels"] = [about[name]["levels"][int(code)] for code in codes]
            entry["shares"] = (counts / len(own)).tolist()
        else:
            codes = _places(known, len(own))
            entry["values"] = codes.tolist()
            entry["deciles"] = np.quantile(known, np.arange(1, 10) / 10).tolist()
        entry["probabilities"] = [_mean_with(scorer, matrix, place, float(code)) for code in codes]
        lacks = len(known) < len(own)
        entry["missing_probability"] = _mean_with(scorer, matrix, place, np.nan) if lacks else None
        found.append(entry)
    return found


def _places(known: Floats, rows: int) -> Floats:
    """Return the values a number is put at: its common ones where they are nearly all, else quantiles."""
    values, counts = np.unique(known, return_counts=True)
    often = counts * 500 >= rows
    if 2 <= often.sum() <= FEW and counts[often].sum() >= COVERED * len(known):
        return np.asarray(values[often])
    return np.unique(np.quantile(known, GRID))


def _mean_with(scorer: Scorer, matrix: Floats, place: int, value: float) -> float:
    changed = matrix.copy()
    changed[:, place] = value
    return float(scorer.probability(scorer.logits(changed)).mean())
