"""Who of a night gets reasons, and which."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn.scoring import contacts
from churn.scoring.reasons import Reason, SignalFacts, cohort_medians, reasons_for

Floats = npt.NDArray[np.float64]
Progress = Callable[[str, int], AbstractContextManager[Callable[[int], object]]]

MOST_BEYOND_THE_LIST = 2_000
"""Customers outside the call list who get reasons too; contributions cost a hundred predictions each."""

CHUNK = 500


class Explaining(Protocol):
    """What reasons need of a scorer."""

    def contributions(self, columns: Any) -> dict[str, Floats]:
        """Return log-odds per signal."""
        ...


def to_explain(called: contacts.Order, band: Floats, probability: Floats) -> contacts.Order:
    """Return the positions that get reasons: the call list, then the likeliest to leave in bands 1 and 2."""
    likeliest = np.argsort(-probability, kind="stable")
    beyond = likeliest[(band[likeliest] <= 2) & ~np.isin(likeliest, called)][:MOST_BEYOND_THE_LIST]
    return np.concatenate([called, beyond]).astype(np.intp)


def explained(
    frame: pd.DataFrame,
    positions: contacts.Order,
    model: Explaining,
    signals: Sequence[SignalFacts],
    language: str,
    most: int,
    progress: Progress,
) -> list[tuple[Reason, ...]]:
    """Return for each row its reasons, the weightiest first; none for rows that are not at `positions`.

    Args:
        frame: cohort rows: `customer_id` and the signals.
        positions: of the rows to explain.
        model: the champion's scorer.
        signals: what is known of them.
        language: of the team.
        most: how many reasons a customer gets.
        progress: shows how far it is.
    """
    medians = cohort_medians(frame, signals)
    reasons: list[tuple[Reason, ...]] = [()] * len(frame)
    with progress("reasons", len(positions)) as advance:
        for start in range(0, len(positions), CHUNK):
            rows = positions[start : start + CHUNK]
            values = frame.iloc[rows]
            found = reasons_for(values, model.contributions(values), signals, medians, language, most)
            for row, its in zip(rows, found, strict=True):
                reasons[row] = its
            advance(len(rows))
    return reasons
