"""The challenger's predictions in tables: deciles, histogram, health bands and partial dependence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np

from churn.data.store import day_number
from churn.evaluation.measures import DecileRow, Histogram
from churn.evaluation.result import BandOutcome, HealthBands, PartialDependence
from churn.evaluation.test_set import TestSet
from churn.labels.calendar import trainable
from churn.metrics.metrics import Floats
from churn.metrics.profit import CustomerValues
from churn.metrics.standard_errors import customer_wilson_interval
from churn.model.scorer import Scorer
from churn.model.value import health_band
from churn.snapshots.dataset import LabelledRows, scorer_columns
from churn.training.challenger import base_rate

DECILES = 10
BARS = 40

RARE = 0.1
"""If the base rate is below this value, the histogram has a logarithmic scale.

On a linear scale, most predictions would then be in one bar."""

DEPENDENCE_SIGNALS = 6
"""The number of signals for which the partial dependence is computed."""

DEPENDENCE_ROWS = 5_000
"""The largest number of rows from which a partial dependence is computed."""

QUANTILES = (0.01, 0.05, *(step / 10 for step in range(1, 10)), 0.95, 0.99)
"""The quantiles of a signal's values at which its partial dependence is computed; hardly any row lies in the
outermost 1 %.
"""

COMMON_VALUES = 12
COMMON_SHARE = 0.95
"""If at most 12 values of a signal cover 95 % of the rows, its partial dependence is computed at each value
that at least one row in 500 has.
"""


def decile_table(
    left: Floats,
    probability: Floats,
    values: CustomerValues | None = None,
    weight: Floats | None = None,
) -> tuple[DecileRow, ...]:
    """Return the outcomes of each tenth of the rows, the highest probabilities first.

    The tenths have equally many rows, as far as possible. So rows with equal probabilities may be in two
    tenths.

    Args:
        left: Whether the customer left (1) or stayed (0), shape `[rows]`.
        probability: The predicted probabilities, shape `[rows]`.
        values: The residual value of each row's customer, in currency; None if no value is known.
        weight: The weight of each row: how many rows it stands for, shape `[rows]`; None if each weight is 1.
    """
    order = np.argsort(-probability, kind="stable")
    row_weight = np.ones(len(left)) if weight is None else weight
    churners, rate = max(float((row_weight * left).sum()), 1.0), float(np.average(left, weights=weight))
    table = []
    captured = 0.0
    for number, rows in enumerate(np.array_split(order, DECILES), start=1):
        if not len(rows):
            continue
        own = row_weight[rows]
        lost, size = float((own * left[rows]).sum()), float(own.sum())
        captured += lost
        row = {
            "decile": number,
            "rows": len(rows),
            "churners": int(left[rows].sum()),
            "least": float(probability[rows].min()),
            "predicted": float(np.average(probability[rows], weights=None if weight is None else own)),
            "observed": lost / size,
            "lift": lost / size / rate if rate > 0 else None,
            "captured": captured / churners,
        }
        if values is not None:
            value = values.value[rows]
            known = np.isfinite(value)
            row["value"] = float(value[known].mean()) if known.any() else None
            row["value_lost"] = float((value * left[rows])[known].sum()) if known.any() else None
        table.append(DecileRow.model_validate(row))
    return tuple(table)


def prediction_histogram(left: Floats, probability: Floats) -> Histogram:
    """Return how the predictions of churners and of stayers are distributed over 40 bars.

    The bars have equal widths in the probability or, if churn is rare, in the logarithm of the probability.

    Args:
        left: Whether the customer left (1) or stayed (0), shape `[rows]`.
        probability: The predicted probabilities, shape `[rows]`.
    """
    low, high = float(probability.min()), float(probability.max())
    logarithmic = left.mean() < RARE and low > 0
    if high <= low:
        low, high = low * 0.9, high * 1.1
    edges = np.geomspace(low, high, BARS + 1) if logarithmic else np.linspace(low, high, BARS + 1)
    edges[0], edges[-1] = low, high
    return Histogram(
        scale="log" if logarithmic else "linear",
        edges=tuple(edges.tolist()),
        left=tuple(np.histogram(probability[left > 0], edges)[0].tolist()),
        stayed=tuple(np.histogram(probability[left == 0], edges)[0].tolist()),
    )


NO_HEALTH_BANDS = HealthBands(usual={}, outcomes=(), changed=None)
"""The result for a label of an event, which has no health bands: a likely event says nothing about a
customer's health.
"""

NO_EVENT_HEALTH = (
    "There are no health bands: a band says how likely a customer is to leave, and this label predicts an "
    "event."
)


def health_bands(test_set: TestSet) -> HealthBands:
    """Return the outcomes of each health band of the challenger, and compare its bands with the champion's.

    The result `changed` is the share of rows to which the champion gives another band. For each test
    cutoff, the bands are computed as `churn score` would have computed them that night. A band compares a
    customer's odds of leaving with the usual odds. The usual odds come only from labels that were known at
    the cutoff.
    """
    snapshots = test_set.snapshots
    usual = {
        cutoff: base_rate(snapshots, trainable(snapshots.mature_on, cutoff))[0] for cutoff in test_set.cutoffs
    }
    bands, customer = _bands_of(test_set, "challenger", usual), test_set.rows.customer
    outcomes = []
    for band in range(1, 6):
        mask = bands == band
        if mask.any():
            left, weight = test_set.rows.left[mask], test_set.rows.weight_where(mask)
            low, high = customer_wilson_interval(left, customer[mask], weight)
            outcome = BandOutcome(
                band=band,
                rows=len(left),
                churners=int(left.sum()),
                predicted=float(np.average(test_set.challenger[mask], weights=weight)),
                low=low,
                high=high,
            )
            if weight is not None:
                outcome = outcome.model_copy(update={"observed": float(np.average(left, weights=weight))})
            outcomes.append(outcome)
    changed = None
    if test_set.champion_reference:
        champion_bands = _bands_of(test_set, test_set.champion_reference, usual)
        both = np.isfinite(champion_bands)
        changed = float((bands[both] != champion_bands[both]).mean())
    return HealthBands(usual=usual, outcomes=tuple(outcomes), changed=changed)


def _bands_of(test_set: TestSet, candidate: str, usual: Mapping[date, float]) -> Floats:
    bands = np.full(len(test_set.rows), np.nan)
    for cutoff, rate in usual.items():
        mask = test_set.rows.cutoff == day_number(cutoff)
        bands[mask] = health_band(test_set.predictions[candidate][mask], rate)
    return bands


def partial_dependence(
    scorer: Scorer, rows: LabelledRows, signals: Sequence[str]
) -> tuple[PartialDependence, ...]:
    """Return the mean predicted probability at several values of each signal.

    Each value is set in all rows, while the other signals stay as they are. If there are more than 5,000
    rows, only every k-th row is used, so that at most 5,000 remain. The result shows what the model learnt
    about a signal, not what would happen if the signal changed.

    Args:
        scorer: The model whose predictions are averaged.
        rows: The rows of one cutoff.
        signals: The signals, in the order of the result; signals without any value are left out.

    Source: Friedman (2001), Greedy function approximation, Annals of Statistics 29, section 8.2.
    """
    rows = rows.where(np.arange(len(rows)) % max(1, -(-len(rows) // DEPENDENCE_ROWS)) == 0)
    matrix = scorer.matrix(scorer_columns(rows))
    entries = {signal["name"]: signal for signal in scorer.spec["signals"]}
    curves = []
    for name in signals:
        column = scorer.names.index(name)
        known = matrix[np.isfinite(matrix[:, column]), column]
        if not len(known):
            continue
        entry, share = entries[name], len(known) / len(matrix)
        facts: dict[str, object] = {"signal": name, "kind": entry["kind"], "unit": entry["unit"]}
        facts["missing_share"] = float(1 - share)
        if entry["kind"] == "level":
            grid, counts = np.unique(known, return_counts=True)
            facts["levels"] = [entry["levels"][int(code)] for code in grid]
            facts["shares"] = (counts / len(matrix)).tolist()
        else:
            grid = _grid(known, len(matrix))
            facts["values"] = grid.tolist()
            facts["deciles"] = np.quantile(known, np.arange(1, 10) / 10).tolist()
        facts["probabilities"] = [_mean_with(scorer, matrix, column, float(value)) for value in grid]
        facts["missing_probability"] = _mean_with(scorer, matrix, column, np.nan) if share < 1 else None
        curves.append(PartialDependence.model_validate(facts))
    return tuple(curves)


def _grid(values_known: Floats, rows: int) -> Floats:
    """Return the values of a numeric signal at which its partial dependence is computed.

    If a few common values cover nearly all rows, return these values, otherwise quantiles.
    """
    values, counts = np.unique(values_known, return_counts=True)
    common = counts * 500 >= rows
    if 2 <= common.sum() <= COMMON_VALUES and counts[common].sum() >= COMMON_SHARE * len(values_known):
        return np.asarray(values[common])
    return np.unique(np.quantile(values_known, QUANTILES))


def _mean_with(scorer: Scorer, matrix: Floats, column: int, value: float) -> float:
    changed = matrix.copy()
    changed[:, column] = value
    return float(scorer.probability(scorer.logits(changed)).mean())
