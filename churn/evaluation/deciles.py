"""Predictions in tables: what came of each tenth, and how predictions are spread."""

from __future__ import annotations

from typing import Any

import numpy as np

from churn.metrics.metrics import Floats
from churn.metrics.profit import CustomerValues

TENTHS = 10
BARS = 40
RARE = 0.1
"""Below this base rate predictions are shown on a logarithmic scale; else most would share a corner."""


def decile_table(
    left: Floats, probability: Floats, worth: CustomerValues | None = None
) -> list[dict[str, Any]]:
    """Return what came of each tenth of the rows, the likeliest to leave first.

    Equal probabilities may part: the tenths hold as many rows each as can be. With money known, `value` is
    the mean residual value of a row and `value_lost` that of all leavers of the tenth, missing where none
    is known.
    """
    order = np.argsort(-probability, kind="stable")
    churners, base = max(float(left.sum()), 1.0), float(left.mean())
    table: list[dict[str, Any]] = []
    reached = 0.0
    for number, rows in enumerate(np.array_split(order, TENTHS), start=1):
        if not len(rows):
            continue
        lost = float(left[rows].sum())
        reached += lost
        row: dict[str, Any] = {
            "decile": number,
            "rows": len(rows),
            "churners": int(lost),
            "least": float(probability[rows].min()),
            "predicted": float(probability[rows].mean()),
            "observed": lost / len(rows),
            "lift": lost / len(rows) / base if base > 0 else None,
            "captured": reached / churners,
        }
        if worth is not None:
            value = worth.value[rows]
            known = np.isfinite(value)
            row["value"] = float(value[known].mean()) if known.any() else None
            row["value_lost"] = float((value * left[rows])[known].sum()) if known.any() else None
        table.append(row)
    return table


def prediction_histogram(left: Floats, probability: Floats) -> dict[str, Any]:
    """Return how the predictions of leavers and of stayers are spread over 40 equally wide bars.

    The bars are equally wide in the logarithm where leaving is rare; `scale` says so.
    """
    low, high = float(probability.min()), float(probability.max())
    scale = "log" if left.mean() < RARE and low > 0 else "linear"
    if high <= low:
        low, high = low * 0.9, high * 1.1
    edges = np.geomspace(low, high, BARS + 1) if scale == "log" else np.linspace(low, high, BARS + 1)
    edges[0], edges[-1] = low, high
    return {
        "scale": scale,
        "edges": edges.tolist(),
        "left": np.histogram(probability[left > 0], edges)[0].tolist(),
        "stayed": np.histogram(probability[left == 0], edges)[0].tolist(),
    }
