"""Check the figures of an evaluation: AUC, lead time, calibration, and the order of the health bands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Literal

import numpy as np

from churn.evaluation.measures import LeadTime
from churn.evaluation.result import BandOutcome, EvaluationResult
from churn.finding import Finding
from churn.metrics.catalog import candidate_name
from churn.metrics.interval import Interval, format_interval

CHANCE_AUC = 0.5

MAX_FALL = 0.10
"""The largest allowed fall of the AUC if the model sees only data that are as old as the time to act."""

SLOPE_RANGE = (0.8, 1.25)
"""The interval of the calibration slope must overlap this range."""

Z_99_ONE_SIDED = 2.33
"""A better band must leave more often by this number of standard errors for a stop (one-sided, 1 in 100)."""

MAX_AUC, MAX_AUC_ABOVE_SIMPLE = 0.95, 0.15
"""Two limits that honest churn models do not reach: for the AUC, and for the AUC above the best simple model.
"""

TOO_GOOD_RULE = (
    f"AUC is at most {MAX_AUC} and at most {MAX_AUC_ABOVE_SIMPLE} above the best simple model (recency, "
    "tenure, or recency, frequency and value)"
)

SIMPLE_MODELS = ("recency", "rfm")
"""The baselines with which an AUC is compared; the guard also compares it with tenure."""


def above_simple_models(result: EvaluationResult) -> tuple[str, Interval] | None:
    """Return the best model of `SIMPLE_MODELS`, and the challenger's AUC minus the AUC of this model.

    The result is None if no simple model was measured.
    """
    pairs = [(name, pair.auc) for name in SIMPLE_MODELS if (pair := result.pair(name)) is not None]
    measured_pairs = [(name, auc) for name, auc in pairs if auc.value is not None]
    return min(measured_pairs, key=lambda pair: pair[1].value or 0.0, default=None)


def too_good(
    auc: Interval, above: tuple[str, Interval] | None, bound: Literal["value", "low"] = "value"
) -> str | None:
    """Return which figure is too good to be true, as part of a sentence; None if no figure is.

    Args:
        auc: The challenger's AUC.
        above: The best simple model, and the challenger's AUC minus the AUC of this model; None without a
            simple model.
        bound: Which number is compared with 0.15, the limit for the challenger's AUC minus the AUC of the
            simple model. A warning uses `value`, the measured difference. A stop uses `low`, the lower bound
            of the difference, so that chance alone does not stop a model.
    """
    if auc.value is None:
        return None
    if auc.value > MAX_AUC:
        return f"AUC {auc.value:.3f} is above {MAX_AUC}"
    if above is None:
        return None
    name, difference = above
    rise = difference.value if bound == "value" else difference.low
    if rise is None or rise <= MAX_AUC_ABOVE_SIMPLE:
        return None
    return (
        f"AUC {auc.value:.3f} is {format_interval(difference)} above {candidate_name(name)}, more than "
        f"{MAX_AUC_ABOVE_SIMPLE}"
    )


def too_good_to_be_true(
    auc: Interval, above: tuple[str, Interval] | None, tenure: float | None = None
) -> Iterator[Finding]:
    """Warn of an AUC that honest churn models do not reach; `promote` has a separate gate for it.

    Args:
        auc: The challenger's AUC.
        above: The best simple model, and the challenger's AUC minus the AUC of this model; see `too_good`.
        tenure: The AUC of tenure alone; None if it was not measured.
    """
    reason = too_good(auc, above)
    if auc.value is not None and auc.value <= MAX_AUC and tenure is not None:
        reason = reason if auc.value - tenure > MAX_AUC_ABOVE_SIMPLE else None
    if reason:
        yield Finding(
            "AUC",
            f"challenger {reason}; the usual cause is a leak.",
            "Check the most important signals; if these signals are no leak, write the reason under "
            "evaluate.accept.too_good.",
            "warn",
            "too_good",
        )


def lead_time(leads: Sequence[LeadTime], gap_days: int) -> Iterator[Finding]:
    """Warn if the AUC is far lower for predictions that were made `gap_days` days before the cutoff.

    A team needs these days to act. Of the earlier predictions in `leads`, the guard takes the newest that
    were made at least `gap_days` days before the cutoff.

    If `gap_days` is 0, a fall of the AUC is usual, because most customers show only a few weeks ahead that
    they will leave. So the guard then warns only if the AUC may be as low as .5 (chance).

    Args:
        leads: The AUC of predictions from older data.
        gap_days: The days from a cutoff to the label window.
    """
    older = [lead for lead in leads if lead.days >= max(gap_days, 1)]
    if not older:
        return
    first = min(older, key=lambda lead: lead.days)
    fall = first.fall
    if fall.value is None or fall.low is None or fall.value <= MAX_FALL or fall.low <= MAX_FALL / 2:
        return
    if gap_days or first.low is None or first.low <= CHANCE_AUC:
        older_auc = format_interval(first.interval)
        yield Finding(
            "lead time",
            f"if all signals are {first.days} days older, the challenger's AUC falls to {older_auc}. "
            f"The fall is {format_interval(fall)}, and the largest fall allowed is {MAX_FALL}: the "
            "model recognises customers when they leave, not before.",
            "Look for signals of the leaving itself (notices, refunds, closures) and leave them out, "
            "or set label.gap_days to the time that you need to act.",
            "warn",
            "lead_time",
        )


def calibration(slope: Interval) -> Iterator[Finding]:
    """Warn if the whole interval of the calibration slope lies outside `SLOPE_RANGE`."""
    lowest, highest = SLOPE_RANGE
    if slope.low is None or slope.high is None or (slope.low <= highest and slope.high >= lowest):
        return
    too = "extreme" if slope.high < lowest else "close to each other"
    yield Finding(
        "calibration slope",
        f"the calibration slope is {format_interval(slope, 2)}, outside [{lowest}, {highest}]: the "
        f"probabilities are too {too}.",
        "See calibration in metrics.json. Another value of train.calibration, or more calibration cutoffs, "
        "may help.",
        "warn",
        "calibrated",
    )


def bands(outcomes: Sequence[BandOutcome]) -> Iterator[Finding]:
    """Stop if a health band has a significantly higher churn rate than the next worse band."""
    for worse, better in pairwise(outcomes):
        rows = np.array([worse.rows, better.rows], dtype=float)
        shares = np.array([worse.churners, better.churners]) / rows
        overall = float((shares * rows).sum() / rows.sum())
        error = float(np.sqrt(overall * (1 - overall) * (1 / rows).sum()))
        if shares[1] - shares[0] > Z_99_ONE_SIDED * error > 0:
            yield Finding(
                f"health band {better.band}",
                f"{shares[1]:.1%} of this band left. In band {worse.band}, more customers were expected to "
                f"leave, but only {shares[0]:.1%} left.",
                "The order of the bands misleads the team: check the calibration, and train again.",
                "stop",
                "bands",
            )
