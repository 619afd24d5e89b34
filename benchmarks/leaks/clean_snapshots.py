"""Labelled snapshots made in memory, for the guards of the model and the leaks that they must find."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np

from churn.data.store import day_number
from churn.params import LabelParams, Params
from churn.snapshots.dataset import LabelledRows
from churn.snapshots.read import Snapshots

FIRST, STEP = date(2024, 1, 1), 28
NAMES = ("amount", "change", "days", "share", "spread", "tenure")


def label_params(**sections: object) -> Params:
    """Return parameters whose label window is one step long."""
    label = LabelParams(kind="inactivity", table="orders", horizon_days=STEP)
    return Params(source="company", label=label, **sections)  # type: ignore[arg-type]


def cutoff(step: int) -> date:
    """Return the n-th cutoff."""
    return FIRST + timedelta(days=STEP * step)


def clean_snapshots(
    *, customers: int = 400, cutoffs: int = 6, seed: int = 0, strength: float = 1.0
) -> Snapshots:
    """Make clean snapshots: moods move slowly, signals show them with noise, sad customers leave."""
    rng = np.random.default_rng(seed)
    mood = rng.normal(size=customers)
    parts, left = [], []
    for step in range(cutoffs):
        mood = 0.8 * mood + 0.6 * rng.normal(size=customers)
        noise = rng.normal(size=(customers, len(NAMES)))
        noise[:, :3] += mood[:, None]
        noise[:, NAMES.index("tenure")] = rng.integers(0, 900, customers) + STEP * step
        odds = -1.2 + strength * mood
        parts.append(noise)
        left.append(rng.random(customers) < 1 / (1 + np.exp(-odds)))
    days = [day_number(cutoff(step)) for step in range(cutoffs)]
    rows = LabelledRows(
        names=NAMES,
        levels={},
        matrix=np.concatenate(parts),
        left=np.concatenate(left).astype(np.float64),
        customer=np.tile(np.arange(customers), cutoffs),
        cutoff=np.repeat(days, customers),
    )
    return Snapshots(
        rows=rows,
        signals=tuple({"name": name, "kind": "number"} for name in NAMES),
        mature_on={cutoff(step): cutoff(step + 1) for step in range(cutoffs)},
        immature_cutoffs=(),
        customers=tuple(f"c{number:04}" for number in range(customers)),
        label_id="label",
        store_digest="store",
        digest="snapshots",
        watermark=cutoff(cutoffs).isoformat(),
    )
