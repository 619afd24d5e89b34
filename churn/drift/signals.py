"""Compare tonight's signals and scores with those of the training by the population stability index (PSI)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from churn.drift.result import Alarm, SignalDrift
from churn.metrics.stability import population_stability_index, psi_by_chance
from churn.metrics.standard_errors import effective_rows
from churn.model.reference import Bins, Reference

Floats = npt.NDArray[np.float64]

MATERIAL_PSI = 0.25
"""The PSI above which a shift counts as large.

Source: Siddiqi (2006), Credit risk scorecards, chapter 8. The value is a convention. What chance and the
calendar cause is added to it.
"""

USUAL_FACTOR = 2.0
"""A signal must move this many times as far as it ever moved between cutoffs of the training."""

ALARM_PROBABILITY = 0.001
"""The probability that chance alone lifts the PSI of at least one signal of a night above `by_chance`."""

SHOWN_SIGNALS = 5


def signal_drift(
    reference: Reference, columns: Mapping[str, Any], tables: Mapping[str, str], weights: Floats
) -> tuple[SignalDrift, ...]:
    """Return how far each signal has moved; the signal that is furthest above its limit comes first.

    A signal has moved if the PSI between its values tonight and in training is above its limit,
    `max(.25, 2 * usual) + by_chance`. `usual` is the largest PSI between a cutoff of the training and the
    cutoffs before it. An earlier cutoff counts only if its labels were known on the day of the later cutoff.
    So the limit allows for the season, the growth of the company and what is special about a single date.
    `by_chance` allows for chance: if nothing has changed, only one night in a thousand has a signal whose PSI
    is above `by_chance`.

    Args:
        reference: What the model's signals and probabilities looked like in training.
        columns: The values of each signal tonight; a signal without values is left out.
        tables: The table of each signal, by the name of the signal.
        weights: The weight of each customer, shape (customers,).
    """
    names = [bins.name for bins in reference.signals if bins.name in columns]
    drifts = [
        _drift_of(
            bins,
            bins.count(columns[bins.name], weights),
            weights,
            table=tables.get(bins.name, ""),
            customers=reference.customers,
            tests=len(names),
        )
        for bins in reference.signals
        if bins.name in columns
    ]
    return tuple(sorted(drifts, key=lambda drift: (-_excess(drift), drift.signal)))


def score_drift(reference: Reference, probabilities: Floats, weights: Floats) -> SignalDrift | None:
    """Return how far tonight's predicted probabilities have moved from those in training.

    The result is None if the reference has no probabilities.

    Args:
        reference: What the model's signals and probabilities looked like in training.
        probabilities: Tonight's probabilities, shape (customers,).
        weights: The weight of each customer, shape (customers,).
    """
    if reference.score is None:
        return None
    counts = reference.score.count(probabilities, weights)
    return _drift_of(reference.score, counts, weights, table="", customers=reference.score_customers, tests=1)


def _drift_of(
    bins: Bins, counts: Floats, weights: Floats, *, table: str, customers: int, tests: int
) -> SignalDrift:
    before, after = np.array(bins.counts, dtype=np.float64), counts
    psi = population_stability_index(before, after)
    rows = effective_rows(weights)
    used_bins = int(((before > 0) | (after > 0)).sum())
    chance = (
        psi_by_chance(used_bins, customers, rows, ALARM_PROBABILITY / max(1, tests))
        if customers and rows
        else float("nan")
    )
    limit = max(MATERIAL_PSI, USUAL_FACTOR * (bins.usual_psi or 0.0)) + chance
    total = float(after.sum())
    return SignalDrift(
        signal=bins.name,
        table=table,
        psi=psi,
        by_chance=chance,
        usual=bins.usual_psi,
        limit=limit,
        missing=float(after[-1]) / total if total else None,
        missing_in_training=bins.missing_share,
        has_moved=bool(psi > limit),
    )


def _excess(drift: SignalDrift) -> float:
    return (drift.psi or 0.0) - (drift.limit or 0.0)


def signal_alarms(drifts: tuple[SignalDrift, ...], score: SignalDrift | None) -> list[Alarm]:
    """Return one alarm for each table whose signals have moved, and one alarm if the scores have moved."""
    alarms = []
    for table in dict.fromkeys(drift.table for drift in drifts if drift.has_moved):
        moved = [drift for drift in drifts if drift.has_moved and drift.table == table]
        shown = ", ".join(
            f"{drift.signal} (PSI {drift.psi:.2f}, limit {drift.limit:.2f}{_missing_in_words(drift)})"
            for drift in moved[:SHOWN_SIGNALS]
        )
        more = f" and {len(moved) - SHOWN_SIGNALS} more" if len(moved) > SHOWN_SIGNALS else ""
        verb = "signal has" if len(moved) == 1 else "signals have"
        alarms.append(
            Alarm(
                kind="signal",
                subject=table,
                text=f"{len(moved)} {verb} moved: {shown}{more}. Tonight's values differ more from "
                "the training than the training's cutoffs ever differed from each other.",
                way_out="Check the source first. If the customers themselves have changed, train again.",
            )
        )
    if score is not None and score.has_moved:
        alarms.append(
            Alarm(
                kind="score",
                subject="probabilities",
                text=f"the probabilities have moved since the training (PSI {score.psi:.2f}, limit "
                f"{score.limit:.2f}).",
                way_out="Look at the signals that moved; if their sources are sound, train again.",
            )
        )
    return alarms


def _missing_in_words(drift: SignalDrift) -> str:
    if drift.missing is None or abs(drift.missing - drift.missing_in_training) < 0.05:
        return ""
    return f", missing {drift.missing:.0%} instead of {drift.missing_in_training:.0%}"
