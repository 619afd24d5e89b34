"""A fitted model as plain data: the parts that the scorer reads, and facts about the signals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from churn.model.scorer import SPEC_FORMAT, Floats, Scorer
from churn.snapshots.dataset import LabelledRows, cutoffs_of, recode_levels, scorer_columns

IMPORTANCE_ROWS = 1000
GRID = tuple(round(0.1 * step, 1) for step in range(11))
"""The quantiles that `spec.json` stores: the smallest value, the nine deciles, and the largest value."""


@dataclass(frozen=True)
class FittedModel:
    """A fitted model without calibration: the parts that are written to its files.

    Attributes:
        names: The names of the signals, in the order of the columns of the model's input.
        levels: For each text signal, the levels (its possible values) that were frequent enough in training.
        members: The parts of the model (trees, a regression), as `spec.json` stores them. The log-odds of the
            model are the mean of the members' log-odds.
        boosters: The texts that LightGBM writes, by file name.
    """

    names: tuple[str, ...]
    levels: Mapping[str, tuple[str, ...]]
    members: Sequence[Mapping[str, Any]]
    boosters: Mapping[str, str]

    def scorer(self, calibration: Mapping[str, Any], threads: int) -> Scorer:
        """Return the scorer that applies this model and a calibration."""
        signals = [
            {"name": name, "kind": "level", "levels": list(self.levels[name])}
            if name in self.levels
            else {"name": name, "kind": "number"}
            for name in self.names
        ]
        spec = {
            "format": SPEC_FORMAT,
            "signals": signals,
            "members": list(self.members),
            "calibration": calibration,
        }
        return Scorer(spec, self.boosters, threads)

    def logits(self, rows: LabelledRows, threads: int) -> Floats:
        """Return the uncalibrated log-odds of some rows, shape (rows,)."""
        return self.scorer({"method": "none"}, threads).logits(recode_levels(rows, self.levels))

    def averaged_with(self, second: FittedModel) -> FittedModel:
        """Return a model whose log-odds are the mean of the log-odds of two models: this one and `second`.

        Both were fitted on the same rows.
        """
        return FittedModel(
            self.names, self.levels, [*self.members, *second.members], {**self.boosters, **second.boosters}
        )

    def importance(self, rows: LabelledRows, threads: int) -> dict[str, float]:
        """Return the importance of each signal, 0 to 1, the largest first.

        The importance is the signal's mean absolute contribution to the log-odds, divided by the sum of these
        means over all signals. Each mean is taken over at most 1,000 evenly spread rows of the newest cutoff.

        Source: Lundberg and Lee (2017), A unified approach to interpreting model predictions, NeurIPS.
        """
        newest = rows.at(cutoffs_of(rows.cutoff)[-1:])
        sample = newest.where(np.arange(len(newest)) % -(-len(newest) // IMPORTANCE_ROWS) == 0)
        contributions = self.scorer({"method": "none"}, threads).contributions(scorer_columns(sample))
        size = np.array([np.abs(contributions[name]).mean() for name in self.names])
        share = size / size.sum() if size.sum() > 0 else size
        return {self.names[index]: float(share[index]) for index in np.argsort(-share, kind="stable")}

    def signal_facts(self, rows: LabelledRows, index: int) -> dict[str, Any]:
        """Return what `spec.json` stores about the values of a signal.

        These are the share of missing values and, for a text signal, the levels and their shares; for a
        numeric signal, the median and the quantiles.
        """
        name, values = rows.names[index], rows.matrix[:, index]
        missing = np.isnan(values)
        facts: dict[str, Any] = {"missing_share": float(missing.mean())}
        if name in rows.levels:
            counts = np.bincount(values[~missing].astype(np.int64), minlength=len(rows.levels[name]))
            shares = dict(zip(rows.levels[name], (counts / len(rows)).tolist(), strict=True))
            levels = self.levels[name]
            return facts | {"levels": list(levels), "shares": {level: shares[level] for level in levels}}
        return facts | {
            "median": float(np.median(values[~missing])) if not missing.all() else None,
            "quantiles": quantiles(values[~missing]),
        }


def quantiles(values: Floats) -> list[float]:
    """Return the smallest value, the nine deciles and the largest value of some values; an empty list if
    there are none.
    """
    return [float(value) for value in np.quantile(values, GRID)] if len(values) else []
