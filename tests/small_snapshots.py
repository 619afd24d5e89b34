"""Small snapshots made in memory, for what needs a world of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import numpy as np

from churn.data.store import day_number
from churn.metrics.bootstrap import Draws, draw_customers
from churn.snapshots.dataset import LabelledRows
from churn.snapshots.read import Snapshots
from churn.training.recipe import Recipe

FIRST = date(2024, 1, 1)
RECIPE = Recipe(
    candidate="trees",
    rounds=60,
    calibration="none",
    seed=7,
    learning_rate=0.1,
    num_leaves=8,
    extra_trees=False,
    strength=0.003,
)


def rows_of(
    signals: Mapping[str, Sequence[float]],
    left: Sequence[float],
    *,
    cutoffs: int = 1,
    levels: Mapping[str, tuple[str, ...]] | None = None,
) -> LabelledRows:
    """Return rows of the same customers at several cutoffs, cutoff by cutoff."""
    names = tuple(sorted(signals))
    customers = len(left) // cutoffs
    start = day_number(FIRST)
    return LabelledRows(
        names=names,
        levels=levels or {},
        matrix=np.column_stack([np.asarray(signals[name], dtype=np.float64) for name in names]),
        left=np.asarray(left, dtype=np.float64),
        customer=np.tile(np.arange(customers), cutoffs),
        cutoff=start + 28 * np.repeat(np.arange(cutoffs), customers),
    )


def snapshots_from(rows: LabelledRows, *, known_after: int = 28) -> Snapshots:
    """Return snapshots whose labels are known so many days after their cutoff."""
    cutoffs = [FIRST + timedelta(days=int(day - rows.cutoff[0])) for day in np.unique(rows.cutoff)]
    tables = {name: name.removesuffix("_days_since_last") for name in rows.names}
    return Snapshots(
        rows=rows,
        signals=tuple(
            {
                "name": name,
                "table": tables[name],
                "kind": "level" if name in rows.levels else "number",
                "riskier_when": "either",
            }
            for name in rows.names
        ),
        mature_on={cutoff: cutoff + timedelta(days=known_after) for cutoff in cutoffs},
        immature_cutoffs=(),
        customers=tuple(f"c{number:04d}" for number in range(int(rows.customer.max()) + 1)),
        label_id="label",
        store_digest="store",
        digest="digest",
        watermark=str(cutoffs[-1] + timedelta(days=known_after)),
    )


def draws_of(rows: LabelledRows, draws: int = 20, seed: int = 7) -> Draws:
    """Draw the customers of some rows, as an evaluation does."""
    return draw_customers(len(np.unique(rows.customer)), draws, seed)
