"""Why a customer is at risk, in sentences that hold the customer's own numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn.scoring.words import is_missing, sentence

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class SignalFacts:
    """What a sentence and a sub-score need to know about a signal; travels with the model."""

    name: str
    family: str
    riskier_when: str
    reason: Mapping[str, str]
    kind: str = "number"

    @property
    def has_side(self) -> bool:
        """Tell whether more or less of it means risk; a level and a signal riskier either way have none."""
        return self.kind == "number" and self.riskier_when != "either"

    @classmethod
    def from_spec(cls, entry: Mapping[str, Any]) -> SignalFacts:
        """Read one entry of the model's signal dictionary."""
        return cls(
            name=str(entry["name"]),
            family=str(entry["family"]),
            riskier_when=str(entry["riskier_when"]),
            reason=dict(entry.get("reason") or {}),
            kind=str(entry.get("kind", "number")),
        )


@dataclass(frozen=True)
class Reason:
    """One sentence, the signal and family it speaks for, and the family's push in log-odds."""

    text: str
    signal: str
    family: str
    weight: float


def cohort_medians(frame: pd.DataFrame, signals: Sequence[SignalFacts]) -> dict[str, float]:
    """Return the cohort's median of each numeric signal, NaN where nobody has a value."""
    names = [s.name for s in signals if s.kind == "number" and s.name in frame.columns]
    return {str(name): float(median) for name, median in frame[names].median().items()}


def reasons_for(
    values: pd.DataFrame,
    contributions: Mapping[str, Floats],
    signals: Sequence[SignalFacts],
    medians: Mapping[str, float],
    language: str,
    most: int,
) -> list[tuple[Reason, ...]]:
    """Return up to `most` reasons per row of `values`, the heaviest first.

    A family speaks only if its contributions together raise the risk, and only once, through its signal that
    raises it most among those whose value lies on the risky side of the cohort's median: a sentence never
    says that somebody logs in more than most and is therefore at risk. Signals without a side speak only
    where no other of the family can. Fewer reasons are fewer sentences.

    Args:
        values: one row per customer, the signals as columns, missing where unknown.
        contributions: log-odds per signal, each of shape `[rows]`, in the order of `values`.
        signals: what is known about each signal; those without a contribution are passed over.
        medians: of the whole cohort, not of `values`.
        language: of the sentences: that of the team that reads them.
        most: how many sentences at most.
    """
    used = [s for s in signals if s.name in contributions and s.name in values.columns]
    families: dict[str, list[int]] = {}
    for place, signal in enumerate(used):
        families.setdefault(signal.family, []).append(place)
    pushes = np.column_stack([contributions[s.name] for s in used]) if used else np.empty((len(values), 0))
    cells = values[[s.name for s in used]].to_numpy(dtype=object)
    return [
        _of_row(pushes[row], cells[row], used, families, medians, language)[:most]
        for row in range(len(values))
    ]


def _of_row(
    pushes: Floats,
    cells: npt.NDArray[np.object_],
    signals: Sequence[SignalFacts],
    families: Mapping[str, Sequence[int]],
    medians: Mapping[str, float],
    language: str,
) -> tuple[Reason, ...]:
    found = []
    for family, places in families.items():
        weight = float(pushes[list(places)].sum())
        if not weight > 0:
            continue
        raising = [place for place in places if pushes[place] > 0]
        for place in sorted(
            raising, key=lambda at: (not signals[at].has_side, -pushes[at], signals[at].name)
        ):
            signal, value = signals[place], cells[place]
            if on_risky_side(value, signal, medians) and language in signal.reason:
                text = sentence(signal.reason[language], value, language)
                found.append(Reason(text, signal.name, family, weight))
                break
    return tuple(sorted(found, key=lambda reason: (-reason.weight, reason.family)))


def on_risky_side(value: Any, signal: SignalFacts, medians: Mapping[str, float]) -> bool:
    """Tell whether a value lies strictly beyond the cohort's median on the side that means risk.

    A signal that is riskier either way, or that holds a level, has no side and passes; a missing value never.
    """
    if is_missing(value):
        return False
    if not signal.has_side:
        return True
    median = medians.get(signal.name, np.nan)
    return bool(value > median if signal.riskier_when == "higher" else value < median)
