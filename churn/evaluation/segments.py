"""Segments of customers by attribute and tenure, with the challenger's metrics on each segment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from churn.errors import ParamsError, did_you_mean
from churn.evaluation.measures import (
    CalibrationBySegment,
    CalibrationLevel,
    SegmentCalibration,
    SegmentDifference,
    SegmentMetrics,
)
from churn.evaluation.test_set import TestSet
from churn.features.engine.cohort import TENURE_BANDS
from churn.metrics.bootstrap import paired_differences
from churn.metrics.interval import Interval, format_interval
from churn.metrics.metrics import Floats
from churn.metrics.standard_errors import clustered_departure, clustered_ratio, clustered_slope
from churn.snapshots.dataset import LabelledRows
from churn.training.backtest import OutOfTime

Mask = npt.NDArray[np.bool_]

LEVELS = (2, 12)
"""A signal with texts is a segment if it has 2 to 12 levels, so that each level has enough customers."""

TENURE = "tenure_days"
MISSING = "(missing)"

MIN_RANKED = 30
"""If a segment has fewer churners or stayers than this, a ranking within it is mostly chance."""

MIN_CALIBRATED = 100
"""If a segment has fewer churners than this, observed and expected, it is not tested, because the error of
its ratio exceeds 10 %.
"""

ALPHA = 0.05
"""The probability that a segment is marked `off` if no segment is really off."""


def check_segments(attributes: Sequence[str], rows: LabelledRows, location: str) -> None:
    """Check that each name of `evaluate.segments` is a signal that holds text.

    Args:
        attributes: The names in `evaluate.segments`.
        rows: The labelled rows of the snapshots.
        location: The file and the key in which the names are written, for messages.

    Raises:
        ParamsError: a name is not the name of a signal that holds text. The error lists all such names.
    """
    problems = []
    for name in attributes:
        if name not in rows.levels:
            mistake = "holds numbers" if name in rows.names else "is no signal of the snapshots"
            hint = did_you_mean(name, rows.levels)
            problems.append(f"{location}: '{name}' {mistake}; name signals that hold text.{hint}")
    if problems:
        raise ParamsError(*problems)


def segment_masks(rows: LabelledRows, attributes: Sequence[str] = ()) -> Mapping[str, Mapping[str, Mask]]:
    """Return the rows of each level of each attribute, as masks of shape `[rows]`.

    Args:
        rows: The rows that are divided into segments.
        attributes: The text signals to use; by default the text signals that have 2 to 12 levels in `rows`.
            Bands of tenure are added if `tenure_days` is a signal.
    """
    segments: dict[str, dict[str, Mask]] = {}
    for name in attributes or sorted(rows.levels):
        codes = rows.matrix[:, rows.names.index(name)]
        masks = {level: codes == code for code, level in enumerate(rows.levels[name])}
        masks = {level: mask for level, mask in masks.items() if mask.any()}
        if attributes or LEVELS[0] <= len(masks) <= LEVELS[1]:
            segments[name] = masks | ({MISSING: np.isnan(codes)} if np.isnan(codes).any() else {})
    if TENURE in rows.names:
        segments[TENURE] = _tenure_bands(rows.matrix[:, rows.names.index(TENURE)])
    return segments


def _tenure_bands(tenure: npt.NDArray[np.float64]) -> dict[str, Mask]:
    """Return the rows of each band of tenure; the name of a band is its days `[from, to)`."""
    edges = [0, *TENURE_BANDS]
    band = np.searchsorted(TENURE_BANDS, tenure, side="right")
    names = [f"[{low}, {high})" for low, high in zip(edges, TENURE_BANDS, strict=False)]
    names.append(f"from {TENURE_BANDS[-1]}")
    known = ~np.isnan(tenure)
    masks = {name: known & (band == number) for number, name in enumerate(names)}
    if not known.all():
        masks[MISSING] = ~known
    return {name: mask for name, mask in masks.items() if mask.any()}


def measure_segments(
    test_set: TestSet, attributes: Sequence[str] = ()
) -> dict[str, tuple[SegmentMetrics, ...]]:
    """Measure the challenger on each segment, and compare its AUC with the champion's AUC.

    In a segment with fewer than 30 churners or fewer than 30 stayers, only observed/expected is measured.

    Args:
        test_set: The rows of the test cutoffs, with the predictions of all candidates.
        attributes: The attributes, as in `segment_masks`.
    """
    return {
        name: tuple(_segment_metrics(test_set, level, mask) for level, mask in masks.items())
        for name, masks in segment_masks(test_set.rows, attributes).items()
    }


def _segment_metrics(test_set: TestSet, level: str, mask: Mask) -> SegmentMetrics:
    left = test_set.rows.left[mask]
    churners = int(left.sum())
    ranked = min(churners, len(left) - churners) >= MIN_RANKED
    estimates = test_set.estimate(test_set.challenger, mask)
    metrics: dict[str, Interval | SegmentDifference] = {
        name: estimates[name].interval
        for name in (("auc", "log_loss", "observed_expected") if ranked else ("observed_expected",))
    }
    reference = test_set.champion_reference
    if ranked and reference and np.isfinite(test_set.predictions[reference][mask]).all():
        theirs = test_set.estimate(test_set.predictions[reference], mask)
        difference = paired_differences(estimates, theirs)["auc"]
        metrics[f"challenger_minus_{reference}"] = SegmentDifference(auc=difference)
    counts = {
        "rows": len(left),
        "churners": churners,
        "base_rate": float(np.average(left, weights=test_set.rows.weight_where(mask))),
    }
    return SegmentMetrics.model_validate({"level": level, **counts, **metrics})


def calibration_by_segment(
    rows: LabelledRows, out_of_time: OutOfTime, probability: Floats, attributes: Sequence[str] = ()
) -> tuple[CalibrationBySegment, dict[str, str]]:
    """Return for each segment whether its probabilities are too high or too low.

    All out-of-time predictions are used, also those for the choice cutoffs, on which the model was selected.
    The ratio of observed to expected churners in a segment is compared with the ratio of all customers. A
    segment is `off` if the difference is larger than chance explains. The more segments are tested, the
    larger this difference must be. The gate `observed_expected` checks the ratio of all customers.

    Args:
        rows: The rows of the choice cutoffs and of the test cutoffs.
        out_of_time: The uncalibrated log-odds of leaving for each row of `rows`. The model that predicts a
            row learnt only from labels that were known at the cutoff of this row.
        probability: The calibrated probabilities, shape `[rows]`; the calibration of a row uses only what was
            known at the cutoff of the row.
        attributes: The attributes, as in `segment_masks`.

    Returns:
        The segments, and a sentence about each segment that is off.

    Source: Holm (1979), A simple sequentially rejective multiple test procedure, Scandinavian Journal of
        Statistics 6.
    """
    segments = {
        name: [_segment_calibration(out_of_time, probability, level, mask) for level, mask in masks.items()]
        for name, masks in segment_masks(rows, attributes).items()
    }
    z_scores = [
        abs(calibration.z)
        for levels in segments.values()
        for calibration in levels
        if calibration.judged and calibration.z is not None
    ]
    limit = holm_limit(z_scores)
    marked = {
        name: tuple(
            calibration.model_copy(
                update={
                    "off": calibration.judged and calibration.z is not None and abs(calibration.z) > limit
                }
            )
            for calibration in levels
        )
        for name, levels in segments.items()
    }
    level = CalibrationLevel.model_validate(_calibration(out_of_time, probability))
    notes = {
        f"calibration of {name} {calibration.level}": _off_in_words(name, calibration, level, len(z_scores))
        for name, levels in marked.items()
        for calibration in levels
        if calibration.off
    }
    return CalibrationBySegment(cutoffs=out_of_time.cutoffs, all=level, groups=marked), notes


def holm_limit(z_scores: Sequence[float]) -> float:
    """Return the absolute z-score above which a test counts as significant, by Holm's procedure.

    With this limit, chance alone makes a segment significant in at most one of twenty evaluations.

    Args:
        z_scores: The absolute values of the z-scores of all tests.

    >>> round(holm_limit([2.0, 0.5]), 2), round(holm_limit([3.0, 2.0]), 2)
    (2.24, 1.96)
    """
    limit = float("inf")
    for number, z in enumerate(sorted(z_scores, reverse=True)):
        limit = NormalDist().inv_cdf(1 - ALPHA / (2 * (len(z_scores) - number)))
        if z <= limit:
            return limit
    return limit


def _segment_calibration(rows: OutOfTime, probability: Floats, level: str, mask: Mask) -> SegmentCalibration:
    facts = _calibration(rows.where(mask), probability[mask])
    weight = 1.0 if rows.weight is None else rows.weight
    departure, error = clustered_departure(weight * rows.left, weight * probability, rows.customer, mask)
    z = departure / error if error > 0 else float("nan")
    # the numbers of rows, not their weights, decide whether there are enough churners
    n_expected = float(probability[mask].sum())
    tested = bool(max(rows.left[mask].sum(), n_expected) >= MIN_CALIBRATED and np.isfinite(z))
    return SegmentCalibration.model_validate(
        {"level": level, **facts, "z": z, "judged": tested, "off": False}
    )


def _calibration(rows: OutOfTime, probability: Floats) -> dict[str, float | Interval]:
    weight = 1.0 if rows.weight is None else rows.weight
    ratio, error = clustered_ratio(weight * rows.left, weight * probability, rows.customer)
    slope, slope_error = clustered_slope(rows.left, probability, rows.customer, rows.weight)
    reach = NormalDist().inv_cdf(1 - ALPHA / 2)
    low, high = ratio * np.exp(-reach * error), ratio * np.exp(reach * error)
    return {
        "rows": len(rows.left),
        "churners": int(rows.left.sum()),
        "expected": float((weight * probability).sum()),
        "observed_expected": Interval(value=ratio, low=float(low), high=float(high)),
        "calibration_slope": Interval(
            value=slope, low=slope - reach * slope_error, high=slope + reach * slope_error
        ),
    }


def _off_in_words(name: str, segment: SegmentCalibration, all_rows: CalibrationLevel, tests: int) -> str:
    side = "high" if segment.z is not None and segment.z < 0 else "low"
    ratio = format_interval(segment.observed_expected, 2)
    level = format_interval(all_rows.observed_expected, 2)
    return (
        f"{name} {segment.level}: compared with all customers, the probabilities are too {side} in this "
        f"segment. Observed/expected is {ratio} in this segment ({segment.churners:,} churners), and {level} "
        f"over all customers. This difference is larger than chance explains, even though {tests} segments "
        "were tested. Look for a signal that explains the risk of these customers."
    )
