"""A fitted model as plain data: whatever is fitted here is read back by the scorer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from churn.model.scorer import FORMAT, Floats, Scorer
from churn.snapshots.dataset import Rows
from churn.snapshots.levels import recoded


@dataclass(frozen=True)
class Fitted:
    """A fitted model, uncalibrated: the parts of a bundle.

    Attributes:
        levels: The levels each text signal had often enough in training.
        members: Entries of `members` in the spec; their log-odds are averaged.
        boosters: LightGBM texts by file name.
    """

    names: tuple[str, ...]
    levels: Mapping[str, tuple[str, ...]]
    members: Sequence[Mapping[str, Any]]
    boosters: Mapping[str, str]

    def scorer(self, calibration: Mapping[str, Any], threads: int) -> Scorer:
        """Return the scorer that a bundle of this model gives."""
        signals = [
            {"name": name, "kind": "level", "levels": list(self.levels[name])}
            if name in self.levels
            else {"name": name, "kind": "number"}
            for name in self.names
        ]
        spec = {
            "format": FORMAT,
            "signals": signals,
            "members": list(self.members),
            "calibration": calibration,
        }
        return Scorer(spec, self.boosters, threads)

    def logits(self, rows: Rows, threads: int) -> Floats:
        """Return uncalibrated log-odds."""
        return self.scorer({"method": "none"}, threads).logits(recoded(rows, self.levels))

    def beside(self, other: Fitted) -> Fitted:
        """Return both models, fitted on the same rows, as one whose log-odds are the mean of theirs."""
        return Fitted(
            self.names, self.levels, [*self.members, *other.members], {**self.boosters, **other.boosters}
        )
