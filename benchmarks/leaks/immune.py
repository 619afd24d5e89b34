"""Whether the honest mapping of a trap's raw tables is immune: it equals a twin that never saw the future."""

from __future__ import annotations

import tempfile
from datetime import date
from pathlib import Path

import pandas as pd

from benchmarks.leaks.made import Made
from benchmarks.leaks.trap import Trap
from churn.data.ingest.ingest import ingest
from churn.data.store import Store
from churn.features.engine.matrix import matrix_at
from churn.features.library import select_signals
from churn.labels.calendar import snapshot_cutoffs


def immune(trap: Trap, seed: int) -> bool:
    """Compare every signal of the honest mapping with that of the twin, at the middle cutoff.

    The twin's raw tables hold what stood in the source on the morning of the cutoff: rows that had come in by
    then, and outcomes that had happened. Both are read with the honest mapping.
    """
    if trap.honest is None:
        raise ValueError(f"'{trap.name}' has no honest mapping")
    made = trap.made(seed)
    trap.honest(made)
    with tempfile.TemporaryDirectory() as folder:
        store = ingest(made.written(Path(folder) / "honest"), lambda _: None)
        cutoffs = snapshot_cutoffs(store.params, store)
        cutoff = cutoffs[len(cutoffs) // 2]
        twin = ingest(
            _on_the_morning(made, pd.Timestamp(cutoff)).written(Path(folder) / "twin"), lambda _: None
        )
        one, other = (_signals(each, cutoff, store) for each in (store, twin))
    return one.equals(other)


def _signals(store: Store, cutoff: date, asked: Store) -> pd.DataFrame:
    return matrix_at(store, select_signals(asked.params, asked), cutoff).frame


TIMES = {
    "customers": "signed_up_at",
    "subscriptions": "started_at",
    "payments": "due_at",
    "emails": "sent_at",
    "tickets": "opened_at",
    "orders": "ordered_at",
}
"""When a row of a raw table happened; other tables say `happened_at`."""

OUTCOMES = ("ended_at", "opened_at", "paid_at", "first_reply_at", "closed_at")


def _on_the_morning(made: Made, cutoff: pd.Timestamp) -> Made:
    """Return the company as its source was at a cutoff; a row of `old` customers keeps the watermark."""
    past = made.copied()
    for name, rows in past.tables.items():
        time = TIMES.get(name, "happened_at")
        known = rows["loaded_at"] if "loaded_at" in rows else rows[time]
        if name == "usage":  # the report of a month is written when it is over
            known = rows[time] + pd.DateOffset(months=1)
        kept = rows[(rows[time] < cutoff) & (known < cutoff)].copy()
        for column in OUTCOMES:
            if column in kept and column != time:
                kept[column] = kept[column].where(kept[column] < cutoff)
        past.tables[name] = kept
    return past
