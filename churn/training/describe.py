"""What a bundle says about the model beside its trees: signals as they were in training, provenance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np

from churn.model.scorer import FORMAT, Floats
from churn.params import Params
from churn.snapshots.dataset import Rows, columns_of, dates_of
from churn.snapshots.read import Snapshots
from churn.training.fitted_model import Fitted
from churn.training.recipe import Recipe

BASE_CHURNERS = 200
"""How many churners the base rate is taken over: their Poisson error, 1 / sqrt(200), is 7 %."""
IMPORTANCE_ROWS = 1000
GRID = tuple(round(0.1 * step, 1) for step in range(11))


def spec_of(
    params: Params,
    snapshots: Snapshots,
    fitted: Fitted,
    recipe: Recipe,
    calibration: Mapping[str, Any],
    scores: Floats,
) -> dict[str, Any]:
    """Return the spec of a bundle.

    Args:
        params: The parameters; only what defines label and model goes in, never a path.
        snapshots: What the model learnt from.
        fitted: The model.
        recipe: How it was fitted.
        calibration: What the scorer does after averaging log-odds.
        scores: Calibrated out-of-time probabilities, whose deciles are kept to notice drift.
    """
    rows = snapshots.rows
    usual, over = base_rate(snapshots)
    return {
        "format": FORMAT,
        "model": params.tracking.model,
        "label_id": snapshots.label_id,
        "label": params.label.model_dump(mode="json"),
        "timezone": params.timezone,
        "horizon_days": params.label.horizon_days,
        "gap_days": params.label.gap_days,
        "trained_cutoffs": [day.isoformat() for day in snapshots.cutoffs],
        "mature_on": max(snapshots.mature_on.values()).isoformat(),
        "rows": len(rows),
        "churners": rows.churners,
        "training_rate": float(rows.left.mean()),
        "base_rate": usual,
        "base_rate_cutoffs": over,
        "snapshots_digest": snapshots.digest,
        "store_digest": snapshots.store_digest,
        "watermark": snapshots.watermark,
        "recipe": recipe.as_dict(),
        "signals": [
            dict(signal) | _in_training(rows, place, fitted) for place, signal in enumerate(snapshots.signals)
        ],
        "score_quantiles": quantiles(scores),
        "quantile_grid": list(GRID),
        "members": list(fitted.members),
        "calibration": dict(calibration),
    }


def base_rate(snapshots: Snapshots, known: Sequence[date] | None = None) -> tuple[float, int]:
    """Return the trailing share that left, and over how many cutoffs it was taken.

    It is that of the newest matured cutoffs which together hold 200 churners (all, where they hold fewer),
    so that the usual rate of a night is that of its time and not that of years ago.

    Args:
        snapshots: All matured snapshots.
        known: The cutoffs whose labels are known, in order; by default all.
    """
    taken = []
    for day in reversed(snapshots.cutoffs if known is None else known):
        taken.append(day)
        rows = snapshots.rows.at(taken)
        if rows.churners >= BASE_CHURNERS:
            break
    return float(rows.left.mean()), len(taken)


def importance(fitted: Fitted, rows: Rows, threads: int) -> dict[str, float]:
    """Return each signal's share of the mean absolute contribution to the log-odds, the largest first.

    It is taken over at most 1,000 of the newest rows, evenly spread.

    Source: Lundberg and Lee (2017), A unified approach to interpreting model predictions, NeurIPS.
    """
    newest = rows.at(dates_of(rows.cutoff)[-1:])
    some = newest.where(np.arange(len(newest)) % -(-len(newest) // IMPORTANCE_ROWS) == 0)
    parts = fitted.scorer({"method": "none"}, threads).contributions(columns_of(some))
    size = np.array([np.abs(parts[name]).mean() for name in fitted.names])
    share = size / size.sum() if size.sum() > 0 else size
    return {fitted.names[place]: float(share[place]) for place in np.argsort(-share, kind="stable")}


def _in_training(rows: Rows, place: int, fitted: Fitted) -> dict[str, Any]:
    """Return levels or quantiles of one signal over all training rows."""
    name, values = rows.names[place], rows.matrix[:, place]
    missing = np.isnan(values)
    facts: dict[str, Any] = {"missing_share": float(missing.mean())}
    if name in rows.levels:
        counts = np.bincount(values[~missing].astype(np.int64), minlength=len(rows.levels[name]))
        shares = dict(zip(rows.levels[name], (counts / len(rows)).tolist(), strict=True))
        kept = fitted.levels[name]
        return facts | {"levels": list(kept), "shares": {level: shares[level] for level in kept}}
    return facts | {
        "median": float(np.median(values[~missing])) if not missing.all() else None,
        "quantiles": quantiles(values[~missing]),
    }


def quantiles(values: Floats) -> list[float]:
    """Return the deciles of some values, from the least to the largest; none of none."""
    return [float(value) for value in np.quantile(values, GRID)] if len(values) else []
