"""Compare all candidates on the test cutoffs: metrics with intervals, their differences, and curves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import numpy.typing as npt

from churn.evaluation.measures import (
    CHALLENGER,
    CHAMPION,
    CHAMPION_RECIPE,
    CalibrationBin,
    CandidateMetrics,
    Differences,
    GainRow,
    Measure,
    ProfitPoint,
    Range,
    Spread,
)
from churn.metrics import metrics
from churn.metrics.bootstrap import Draws, Estimate, estimate_metrics, paired_differences
from churn.metrics.catalog import MAIN_METRICS
from churn.metrics.metrics import BINS, Floats, Ints
from churn.metrics.profit import CurvePoint, CustomerValues, estimate_profit
from churn.metrics.standard_errors import effective_rows, wilson_interval
from churn.snapshots.dataset import LabelledRows, cutoffs_of

COMPARED_WITH = ("recency", "base_rate", "logistic", "rfm", "rule", "bg_nbd", CHAMPION, CHAMPION_RECIPE)
"""The candidates with which the challenger is compared, one by one."""

SHARES = (0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.75, 0.9, 1.0)
"""The shares of customers to contact that are rows of the gain table."""

BASE_RATE = "base_rate"
"""The candidate that gives every customer of a cutoff the same probability."""

CURVE_BASELINES = ("rule", "recency", BASE_RATE)
"""The baselines that are shown in the gain table and the profit curve, if they have a probability for every
row.
"""


@dataclass(frozen=True)
class Comparison:
    """The figures of all candidates on the test cutoffs, as parts of an `EvaluationResult`."""

    candidates: Mapping[str, CandidateMetrics]
    paired: Mapping[str, Differences]
    by_cutoff: Mapping[date, Mapping[str, CandidateMetrics]]
    spread: Mapping[str, Spread]
    calibration_table: tuple[CalibrationBin, ...]
    gain_table: tuple[GainRow, ...]
    profit_curve: tuple[ProfitPoint, ...]


def compare_candidates(
    rows: LabelledRows,
    predictions: Mapping[str, Floats],
    draws: Draws,
    *,
    share: float,
    values: CustomerValues | None = None,
) -> Comparison:
    """Measure every candidate on the rows for which it has a probability.

    All candidates are measured on the same draws of customers, so a difference between two candidates does
    not come from different draws.

    Args:
        rows: The labelled rows of the test cutoffs.
        predictions: The probabilities by candidate, shape `[rows]`; NaN if the candidate has no probability.
        draws: How often each customer is in each bootstrap draw, from `draw_customers`; shape `[draws,
            customers]`, with the customers in the order of their codes in `rows`.
        share: The share of customers that is contacted, in (0, 1].
        values: What each row's customer is worth in money; None if this is known for no customer.
    """
    customer = np.unique(rows.customer, return_inverse=True)[1]
    test = _TestRows(rows.left, customer, draws, share, values, rows.weight)
    results = {name: test.measure(p, with_order=name != BASE_RATE) for name, p in predictions.items()}
    by_cutoff: dict[date, dict[str, CandidateMetrics]] = {}
    for day in cutoffs_of(rows.cutoff):
        at_cutoff = np.isin(rows.cutoff, rows.at([day]).cutoff)
        part = test.where(at_cutoff)
        by_cutoff[day] = {
            name: part.measure(p[at_cutoff], with_order=name != BASE_RATE).metrics
            for name, p in predictions.items()
            if np.isfinite(p[at_cutoff]).any()
        }
    baselines = {
        name: np.ones(len(rows)) if name == BASE_RATE else predictions[name]
        for name in CURVE_BASELINES
        if name in predictions and np.isfinite(predictions[name]).all()
    }
    return Comparison(
        candidates={name: candidate.metrics for name, candidate in results.items()},
        paired={
            f"{CHALLENGER}_minus_{second}": _differences(test, predictions, results, second)
            for second in COMPARED_WITH
            if second in results
        },
        by_cutoff=by_cutoff,
        spread={name: spread(by_cutoff, name) for name in results},
        calibration_table=calibration_table(rows.left, predictions[CHALLENGER], weight=rows.weight),
        gain_table=gain_table(rows.left, predictions[CHALLENGER], baselines, rows.weight),
        profit_curve=_profit_curve(results, baselines),
    )


@dataclass(frozen=True)
class _Measures:
    """The metrics of one candidate, and their values in each draw of customers, to compare candidates."""

    metrics: CandidateMetrics
    estimates: Mapping[str, Estimate]
    profit_curve: tuple[CurvePoint, ...] = ()


@dataclass(frozen=True)
class _TestRows:
    """Labelled rows, and how often each of their customers is in each bootstrap draw.

    Attributes:
        left: Whether the customer left (1) or stayed (0), shape `[rows]`.
        customer: For each row, the index of its customer in the columns of `draws`, shape `[rows]`.
        draws: How often each customer is in each bootstrap draw, shape `[draws, customers]`.
        share: The share of customers that is contacted, in (0, 1].
        values: What each row's customer is worth in money; None if this is known for no customer.
        weight: The weight of each row: how many rows it stands for, shape `[rows]`; None if each weight is 1.
    """

    left: Floats
    customer: Ints
    draws: Draws
    share: float
    values: CustomerValues | None
    weight: Floats | None

    def where(self, mask: npt.NDArray[np.bool_]) -> _TestRows:
        """Return the rows for which the mask is true, with the same draws of customers."""
        values = None if self.values is None else self.values.where(mask)
        weight = None if self.weight is None else self.weight[mask]
        return replace(self, left=self.left[mask], customer=self.customer[mask], values=values, weight=weight)

    def measure(self, probability: Floats, *, with_order: bool = True) -> _Measures:
        """Measure a candidate on the rows for which it has a probability.

        Args:
            probability: The predictions of the candidate, shape `[rows]`; NaN for a row without a prediction.
            with_order: Whether the rows are ranked by their predictions. If not, all rows get the same rank.
                The candidate `base_rate` ranks nobody: it gives all customers of a cutoff the same
                probability.
        """
        mask = np.isfinite(probability)
        rows, probability = self.where(mask), probability[mask]
        order = probability if with_order else np.ones(len(probability))
        estimates = estimate_metrics(
            rows.left, probability, rows.customer, rows.draws, rows.share, order, rows.weight
        )
        base_rate = float(np.average(rows.left, weights=rows.weight))
        ceiling = metrics.lift_ceiling(base_rate, rows.share)
        references = {
            "average_precision": {"base_rate": base_rate},
            "precision_at_contact_share": {"ceiling": base_rate * ceiling},
            "lift_at_contact_share": {"ceiling": ceiling},
        }
        counts = {"rows": len(rows.left), "churners": int(rows.left.sum())}
        curve: tuple[CurvePoint, ...] = ()
        if rows.values is not None:
            counts["rows_with_known_value"] = int(np.isfinite(rows.values.value).sum())
            profit = estimate_profit(
                rows.left, order, rows.customer, rows.draws, rows.share, rows.values, rows.weight
            )
            if profit is not None:
                estimates |= profit.estimates
                references |= profit.references
                curve = profit.curve
        measures = {
            name: Measure(
                value=estimate.value, low=estimate.low, high=estimate.high, **references.get(name, {})
            )
            for name, estimate in estimates.items()
        }
        error, floor = metrics.calibration_error(rows.left, probability, rows.weight)
        measures["ece"] = Measure(value=error, noise_floor=floor)
        candidate = CandidateMetrics.model_validate({**measures, **counts, "base_rate": base_rate})
        return _Measures(candidate, estimates, curve)


def _differences(
    test: _TestRows,
    predictions: Mapping[str, Floats],
    results: Mapping[str, _Measures],
    second: str,
) -> Differences:
    """Return the metrics of the challenger minus the metrics of another candidate, on the rows for which both
    have a probability.
    """
    challenger = results[CHALLENGER]
    common = np.isfinite(predictions[CHALLENGER]) & np.isfinite(predictions[second])
    if not common.all():
        challenger = test.measure(np.where(common, predictions[CHALLENGER], np.nan))
    return Differences(**paired_differences(challenger.estimates, results[second].estimates))


def spread(by_cutoff: Mapping[date, Mapping[str, CandidateMetrics]], candidate: str) -> Spread:
    """Return how far the main metrics of a candidate differ between the test cutoffs.

    The interval of a metric comes from draws of customers and does not show how much the test cutoffs differ.
    """
    cutoffs = [candidates[candidate] for candidates in by_cutoff.values() if candidate in candidates]
    ranges = {}
    for name in MAIN_METRICS:
        measures = (numbers.metric(name) for numbers in cutoffs)
        values = np.array(
            [measure.value for measure in measures if measure is not None and measure.value is not None]
        )
        if len(values):
            sd = float(values.std(ddof=1)) if len(values) > 1 else None
            ranges[name] = Range(min=float(values.min()), max=float(values.max()), sd=sd)
    return Spread(**ranges, cutoffs=len(cutoffs))


def calibration_table(
    left: Floats, probability: Floats, bins: int = BINS, weight: Floats | None = None
) -> tuple[CalibrationBin, ...]:
    """Return predicted and observed churn in bins with equally many rows, with Wilson intervals.

    Args:
        left: Whether the customer left (1) or stayed (0), shape `[rows]`.
        probability: The predicted probabilities, shape `[rows]`.
        bins: The number of bins; rows with equal predictions are in the same bin, so there may be fewer bins.
        weight: The weight of each row: how many rows it stands for, shape `[rows]`; None if each weight is 1.
            Unequal weights make the intervals wider.
    """
    bin_of_row = metrics.equal_count_bins(probability, bins)
    row_weight = np.ones(len(left)) if weight is None else weight
    table = []
    for number, code in enumerate(np.unique(bin_of_row), start=1):
        mask = bin_of_row == code
        observed = float(np.average(left[mask], weights=None if weight is None else weight[mask]))
        trials = effective_rows(row_weight[mask])
        low, high = wilson_interval(observed * trials, trials)
        table.append(
            CalibrationBin(
                bin=number,
                predicted=float(
                    np.average(probability[mask], weights=None if weight is None else weight[mask])
                ),
                observed=observed,
                low=low,
                high=high,
                rows=int(mask.sum()),
            )
        )
    return tuple(table)


def gain_table(
    left: Floats,
    probability: Floats,
    baselines: Mapping[str, Floats] | None = None,
    weight: Floats | None = None,
) -> tuple[GainRow, ...]:
    """Return for each share of contacted customers how many churners are reached, the precision and the lift.

    Args:
        left: Whether the customer left (1) or stayed (0), shape `[rows]`.
        probability: The predicted probabilities, shape `[rows]`.
        baselines: The predictions of each baseline, by its name. The table also shows the share of churners
            that each baseline reaches.
        weight: The weight of each row: how many rows it stands for, shape `[rows]`; None if each weight is 1.
    """
    ranking, ones = metrics.Ranking.of(probability), np.ones(len(left)) if weight is None else weight
    left = ones * left
    churners, rows = ranking.sums(left), ranking.sums(ones)
    rankings = {name: metrics.Ranking.of(p) for name, p in (baselines or {}).items()}
    base_rate, total = float(left.sum() / ones.sum()), max(float(left.sum()), 1.0)
    table = []
    for share in SHARES:
        precision = metrics.precision_at_share(churners, rows, share)
        contacted = share * float(ones.sum())
        captured = {
            name: metrics.precision_at_share(second.sums(left), second.sums(ones), share) * contacted / total
            for name, second in rankings.items()
        }
        table.append(
            GainRow(
                share=share,
                contacted=round(contacted),
                churners=precision * contacted,
                precision=precision,
                captured=precision * contacted / total,
                perfect=min(1.0, share / base_rate) if base_rate > 0 else None,
                lift=float(precision / base_rate) if base_rate > 0 else None,
                ceiling=metrics.lift_ceiling(base_rate, share),
                **captured,
            )
        )
    return tuple(table)


def _profit_curve(results: Mapping[str, _Measures], baselines: Iterable[str]) -> tuple[ProfitPoint, ...]:
    """Return the profit curves of the challenger and of the given baselines."""
    curves = {name: results[name].profit_curve for name in baselines}
    return tuple(
        ProfitPoint(
            share=point.share,
            value=point.profit.value,
            low=point.profit.low,
            high=point.profit.high,
            ceiling=point.ceiling,
            **{name: curve[number].profit.value for name, curve in curves.items()},
        )
        for number, point in enumerate(results[CHALLENGER].profit_curve)
    )
