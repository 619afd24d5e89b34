"""The gates that compare a challenger with the champion."""

from __future__ import annotations

from collections.abc import Iterator

from churn.evaluation.result import EvaluationResult, Freshness
from churn.guards.verdict import Gate
from churn.metrics.catalog import METRICS, candidate_name
from churn.metrics.interval import Interval, format_interval

SEGMENT_CHURNERS = 300
"""The least number of churners in a segment whose AUC is compared; with fewer churners, chance alone moves
the AUC by .02.
"""

SEGMENT_LOSS = 0.02
"""The largest loss of AUC that is allowed in a segment with at least `SEGMENT_CHURNERS` churners."""

NOT_LESS = ("lift_at_contact_share", "profit_per_customer_at_contact_share")
"""The metrics that must not fall by more than the share `promote.margin`."""


def champion_gates(result: EvaluationResult, margin: float) -> Iterator[Gate]:
    """Return the gates for the differences in the metrics, challenger minus champion, on the same rows.

    If there is no champion, there are no gates of this kind.

    A champion that has learnt from labels of the test cutoffs cannot be compared on these cutoffs. In place
    of such a champion, its recipe is fitted again for each cutoff and compared. A challenger with the same
    recipe has the difference 0.

    1. Log loss: the interval of the difference must be below 0. If the challenger was trained on newer labels
       than the champion, it is enough that the interval is below `margin` times the champion's log loss. The
       reason: a test on past cutoffs cannot show the benefit of newer labels.
    2. Lift and expected profit: the lower bound of the difference, divided by the champion's value, must be
       above `-margin`. If the champion's `value` is 0 or negative, nothing is divided: the lower bound must
       be at least `-margin * abs(value)`.
    3. No segment with at least 300 churners may lose AUC. A loss is a difference in AUC below -.02 whose
       whole interval is below 0.

    Args:
        result: The result of the evaluation.
        margin: The setting `promote.margin`, a share of the champion's log loss, lift or profit, 0 to 1.
    """
    reference = result.champion_reference
    pair = result.pair(reference) if reference else None
    if reference is None or pair is None:
        return
    champion = result.candidates[reference]
    max_loss = margin * (champion.log_loss.value or 0.0)
    yield _log_loss(reference, pair.log_loss, max_loss, margin, fresher=_fresher(result.freshness))
    for metric in NOT_LESS:
        difference, base = pair.metric(metric), champion.metric(metric)
        if difference is not None:  # there is no profit if no money is known
            name = f"{METRICS[metric].title_at()}, against {candidate_name(reference)}"
            yield _not_less(metric, name, difference, base.value if base else None, margin)
    yield from _segments(result, reference)


def _log_loss(reference: str, loss: Interval, max_loss: float, margin: float, *, fresher: bool) -> Gate:
    passed = loss.high is not None and (loss.high < 0 or (loss.high < max_loss and fresher))
    age = "was trained on newer labels" if fresher else "was not trained on newer labels"
    name = candidate_name(reference)
    return Gate.of(
        reference,
        passed,
        loss,
        f"the paired 95% interval of log loss, challenger minus {name}, lies below 0, or below "
        f"{margin:.0%} of {name}'s log loss if the challenger was trained on newer labels than the champion",
        f"log loss of the challenger minus that of {name}: {format_interval(loss, 4)}; the challenger {age} "
        "than the champion. The gate requires an interval below 0. If the challenger was trained on newer "
        f"labels, an interval below {max_loss:.4f} is enough: this limit is {margin:.0%} of {name}'s log "
        "loss.",
        _way_out(surely_worse=loss.low is not None and loss.low > 0),
    )


def _way_out(*, surely_worse: bool) -> str:
    if surely_worse:
        return "The challenger is worse by more than chance: more data will not help."
    return (
        "Add test cutoffs or data: both narrow the interval. Or widen promote.margin if you accept that the "
        "challenger may be a little worse."
    )


def _fresher(freshness: Freshness) -> bool:
    return freshness.champion is not None and freshness.challenger > freshness.champion


def _not_less(metric: str, name: str, difference: Interval, base: float | None, margin: float) -> Gate:
    value, low, high = difference.value, difference.low, difference.high
    if base is None or value is None or low is None or high is None:
        return Gate.of(
            metric,
            False,
            difference,
            f"the difference of {name}, has an interval",
            f"challenger's {name}: the difference is not defined; the gate requires a difference with an "
            "interval.",
            "Add test cutoffs or data, so that the test holds more customers who left.",
        )
    if base <= 0:
        least = -margin * abs(base)
        return Gate.of(
            metric,
            low >= least,  # the same recipe has the difference 0, which must pass if the base is 0
            difference,
            f"the lower bound of the difference of {name}, is not below -{margin:.0%} of the size of the "
            "champion's value, because this value is 0 or negative",
            f"challenger's {name}: the challenger's value minus the champion's value ({base:z.3f}) is "
            f"{format_interval(difference)}. The gate requires that the whole interval of this difference is "
            f"{least:z.3f} or more.",
            _way_out(surely_worse=high < least),
        )
    relative = Interval(value=value / base, low=low / base, high=high / base)
    return Gate.of(
        metric,
        low / base > -margin,
        relative,
        f"the lower bound of the relative difference of {name}, is above -{margin:.0%}",
        f"challenger's {name}: the relative difference is "
        f"{format_interval(relative, 1, percent=True, signed=True)}; the gate requires that the whole "
        f"interval is above -{margin:.0%}.",
        _way_out(surely_worse=high / base < -margin),
    )


def _segments(result: EvaluationResult, reference: str) -> Iterator[Gate]:
    tested: list[tuple[float, str, Interval]] = []
    lost: list[tuple[float, str, Interval]] = []
    for attribute, segments in result.segments.items():
        for segment in segments:
            minus = segment.minus(reference)
            if segment.churners < SEGMENT_CHURNERS or minus is None or minus.auc.value is None:
                continue
            auc = minus.auc
            tested.append((minus.auc.value, f"{attribute} {segment.level}", auc))
            if minus.auc.value < -SEGMENT_LOSS and auc.high is not None and auc.high < 0:
                lost.append(tested[-1])
    if not tested:
        return
    worst = min(tested, key=lambda segment: segment[0])
    words = "; ".join(f"{name}: {format_interval(auc)}" for _, name, auc in lost or [worst])
    yield Gate.of(
        "segments",
        not lost,
        worst[2],
        f"no segment with at least {SEGMENT_CHURNERS} churners loses more than {SEGMENT_LOSS} of AUC, with "
        "the whole interval of the difference below 0",
        f"AUC of the challenger minus that of {candidate_name(reference)}, by segment: "
        f"{'too low' if lost else 'the smallest difference is'} in {words}. The gate tests "
        f"{len(tested)} segments with at least {SEGMENT_CHURNERS} churners. It refuses the challenger if the "
        f"difference in a segment is below -{SEGMENT_LOSS} and the whole interval of this difference is "
        "below 0.",
        "For each segment that lost AUC, look at the signals of its customers, and check whether their data "
        "have changed.",
    )
