"""Judge all candidates on the test cutoffs, side by side and in pairs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from churn.evaluation.measured import Measured, Tested
from churn.metrics import metrics
from churn.metrics.bootstrap import paired_differences
from churn.metrics.metrics import BINS, Floats
from churn.metrics.profit import CustomerValues
from churn.metrics.standard_errors import wilson_interval
from churn.snapshots.dataset import LabelledRows, cutoffs_of

PAIRS = (
    ("challenger", "recency"),
    ("challenger", "base_rate"),
    ("challenger", "logistic"),
    ("challenger", "rfm"),
    ("challenger", "rule"),
    ("challenger", "bg_nbd"),
    ("challenger", "champion"),
    ("challenger", "champion_recipe"),
)
SHARES = (0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.75, 0.9, 1.0)
RANKS_NOBODY = "base_rate"
"""The candidate that gives everybody at a cutoff the same probability."""
RULES = ("rule", "recency", RANKS_NOBODY)
"""The baselines that curves show beside the challenger, where they say something of every row."""


@dataclass(frozen=True)
class Judged:
    """Everything measured on the test cutoffs, ready for metrics.json."""

    candidates: dict[str, Any]
    paired: dict[str, Any]
    by_cutoff: dict[str, Any]
    calibration_table: list[dict[str, float]]
    gain_table: list[dict[str, float]]
    profit_curve: list[dict[str, float]]


def judge_all(
    rows: LabelledRows,
    predictions: Mapping[str, Floats],
    *,
    share: float,
    draws: int,
    seed: int,
    worth: CustomerValues | None = None,
) -> Judged:
    """Measure every candidate on the rows it has a probability for.

    Customers are drawn once for all candidates, so differences between them are paired.

    Args:
        rows: The rows of the test cutoffs.
        predictions: Probabilities per candidate, NaN where it may have seen the label.
        share: The contact share.
        draws: How often customers are drawn.
        seed: The seed of the draws.
        worth: What the customers of the rows are worth; without it nothing is measured in money.
    """
    whole = Tested.of(rows, draws, seed, share, worth)
    measured = {name: whole.measure(p, name != RANKS_NOBODY) for name, p in predictions.items()}
    ours = predictions["challenger"]
    differences = {}
    for one, other in PAIRS:
        if one in measured and other in measured:
            common = np.isfinite(predictions[one]) & np.isfinite(predictions[other])
            first = measured[one]
            if not common.all():
                first = whole.measure(np.where(common, predictions[one], np.nan))
            differences[f"{one}_minus_{other}"] = paired_differences(
                first.estimates, measured[other].estimates
            )
    by_cutoff: dict[str, Any] = {}
    for day in cutoffs_of(rows.cutoff):
        here = np.isin(rows.cutoff, rows.at([day]).cutoff)
        part = whole.where(here)
        by_cutoff[day.isoformat()] = {
            name: part.measure(p[here], name != RANKS_NOBODY).numbers()
            for name, p in predictions.items()
            if np.isfinite(p[here]).any()
        }
    rules = {
        name: np.ones(len(rows)) if name == RANKS_NOBODY else predictions[name]
        for name in RULES
        if name in predictions and np.isfinite(predictions[name]).all()
    }
    return Judged(
        candidates={name: each.numbers() for name, each in measured.items()},
        paired=differences,
        by_cutoff=by_cutoff,
        calibration_table=calibration_table(rows.left, ours),
        gain_table=gain_table(rows.left, ours, rules),
        profit_curve=_with_rules(measured, rules),
    )


def calibration_table(left: Floats, probability: Floats, bins: int = BINS) -> list[dict[str, float]]:
    """Return predicted and observed churn in bins of about equally many rows, with Wilson intervals."""
    placed = metrics.equal_count_bins(probability, bins)
    table = []
    for number, each in enumerate(np.unique(placed), start=1):
        here = placed == each
        low, high = wilson_interval(float(left[here].sum()), int(here.sum()))
        table.append(
            {
                "bin": number,
                "predicted": float(probability[here].mean()),
                "observed": float(left[here].mean()),
                "low": low,
                "high": high,
                "rows": int(here.sum()),
            }
        )
    return table


def gain_table(
    left: Floats, probability: Floats, rules: Mapping[str, Floats] | None = None
) -> list[dict[str, float]]:
    """Return, for growing contact shares, how many leavers are reached, precision and lift.

    Args:
        left: Outcomes.
        probability: Predictions.
        rules: Predictions of baselines, whose share of leavers reached stands beside under their names.
    """
    ranking, ones = metrics.Ranking.of(probability), np.ones(len(left))
    hits, seen = ranking.sums(left), ranking.sums(ones)
    others = {name: metrics.Ranking.of(p) for name, p in (rules or {}).items()}
    base, churners = float(left.mean()), max(float(left.sum()), 1.0)
    table = []
    for share in SHARES:
        precision = metrics.precision_at_share(hits, seen, share)
        contacted = share * len(left)
        table.append(
            {
                "share": share,
                "contacted": round(contacted),
                "churners": precision * contacted,
                "precision": precision,
                "captured": precision * contacted / churners,
                "perfect": min(1.0, share / base) if base > 0 else float("nan"),
                "lift": float(precision / base) if base > 0 else float("nan"),
                "ceiling": metrics.lift_ceiling(base, share),
            }
            | {
                name: metrics.precision_at_share(each.sums(left), each.sums(ones), share)
                * contacted
                / churners
                for name, each in others.items()
            }
        )
    return table


def _with_rules(measured: Mapping[str, Measured], rules: Iterable[str]) -> list[dict[str, float]]:
    """Return the challenger's profit curve with those of some baselines beside it."""
    curves = {name: measured[name].profit_curve for name in rules}
    return [
        row | {name: curve[place]["value"] for name, curve in curves.items()}
        for place, row in enumerate(measured["challenger"].profit_curve)
    ]


def rates(rows: LabelledRows) -> list[dict[str, Any]]:
    """Return for each cutoff how many rows and churners it has, and the share that left."""
    found = []
    for day in cutoffs_of(rows.cutoff):
        here = rows.at([day])
        rate = float(here.left.mean())
        found.append(
            {"cutoff": day.isoformat(), "rows": len(here), "churners": here.churners, "base_rate": rate}
        )
    return found


def predictions_frame(
    rows: LabelledRows, predictions: Mapping[str, Floats], customers: Sequence[str]
) -> pd.DataFrame:
    """Return the test rows with one column of probabilities per candidate."""
    days = {int(day): pd.Timestamp(int(day), unit="D").date() for day in np.unique(rows.cutoff)}
    frame = pd.DataFrame(
        {
            "customer_id": np.asarray(customers, dtype=object)[rows.customer],
            "cutoff": [days[int(day)] for day in rows.cutoff],
            "left": rows.left.astype(np.int8),
        }
    )
    return frame.assign(**dict(predictions))
