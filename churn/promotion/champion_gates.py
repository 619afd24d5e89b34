"""What a challenger must show against the champion."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from churn.evaluation.champion import standing
from churn.guards.verdict import Gate
from churn.metrics.catalog import METRICS, candidate_name
from churn.metrics.interval import format_interval
from churn.params import Params

SEGMENT_CHURNERS = 300
"""A segment is judged from so many churners on: with fewer, chance alone moves its AUC by .02."""

SEGMENT_LOSS = 0.02
"""The AUC that no such segment may lose."""

NOT_LESS = ("lift_at_contact_share", "profit_per_customer_at_contact_share")
"""What must not fall by more than `promote.margin`."""


def against_champion(evaluated: Mapping[str, Any], params: Params) -> Iterator[Gate]:
    """Judge the paired differences, challenger minus champion, where there is one to compare with.

    A champion that has seen the test cannot be judged on it: its recipe stands for it, fitted anew for each
    cutoff, so that the same recipe differs by 0.

    1. Log loss: the interval lies below 0; or it lies below the margin, and the challenger has learnt from
       labels that ripened later than the champion's: freshness is worth something that no test in the past
       can show.
    2. Lift and expected profit: the lower bound, relative to the champion's value, is above minus the margin.
       Where that value is 0 or negative, the difference itself may lie below 0 by the margin of its size.
    3. No segment with 300 churners or more loses more than .02 AUC, surely losing some.

    Args:
        evaluated: The content of metrics.json.
        params: The parameters.
    """
    if (other := standing(evaluated["candidates"])) is None:
        return
    pair = evaluated["paired"][f"challenger_minus_{other}"]
    champion = evaluated["candidates"][other]
    yield _log_loss(other, pair["log_loss"], champion["log_loss"]["value"], evaluated, params.promote.margin)
    for metric in NOT_LESS:
        if difference := pair.get(metric):  # of profit there is none where no money is known
            base = (champion.get(metric) or {}).get("value")
            against = f"{METRICS[metric].title_at()}, against {candidate_name(other)}"
            yield _not_less(metric, against, difference, base, params.promote.margin)
    yield from _segments(evaluated, other)


def _log_loss(
    other: str, loss: Mapping[str, Any], champion: float, evaluated: Mapping[str, Any], margin: float
) -> Gate:
    allowed = margin * champion
    fresher = _fresher(evaluated.get("freshness") or {})
    known = loss.get("high") is not None
    passed = known and (loss["high"] < 0 or (loss["high"] < allowed and fresher))
    age = "it has learnt from later labels" if fresher else "it has not learnt from later labels"
    words = candidate_name(other)
    return Gate.of(
        other,
        passed,
        loss,
        f"the paired 95 % interval of log loss, challenger minus {words}, lies below 0, or below "
        f"{margin:.0%} of the latter's with a challenger that has learnt from later labels than the champion",
        f"challenger minus {words}, log loss: {format_interval(loss, 4)}, and {age} than the champion; the "
        f"gate asks for an interval below 0, or for later labels and an interval below {allowed:.4f} "
        f"({margin:.0%} of the latter's).",
        _way_out(loss.get("low") is not None and loss["low"] > 0),
    )


def _way_out(surely_worse: bool) -> str:
    if surely_worse:
        return "It is surely worse, whatever is added."
    return "Add test cutoffs or data, which narrow the interval, or widen promote.margin knowingly."


def _fresher(freshness: Mapping[str, Any]) -> bool:
    ours, theirs = freshness.get("challenger"), freshness.get("champion")
    return ours is not None and theirs is not None and str(ours) > str(theirs)


def _not_less(
    metric: str, words: str, difference: Mapping[str, Any], base: float | None, margin: float
) -> Gate:
    if base is None or difference.get("low") is None:
        return Gate.of(
            metric,
            False,
            difference,
            f"the difference of {words}, has an interval",
            f"challenger's {words}: not defined; the gate asks for an interval of the difference.",
            "Add test cutoffs or data with customers who left.",
        )
    if base <= 0:
        return _not_less_than_nothing(metric, words, difference, base, margin)
    relative = {key: difference[key] / base for key in ("value", "low", "high")}
    return Gate.of(
        metric,
        relative["low"] > -margin,
        relative,
        f"the lower bound of the relative difference of {words}, is above -{margin:.0%}",
        f"challenger's {words}: {format_interval(relative, 1, percent=True, signed=True)}; the gate asks for "
        f"a lower bound above -{margin:.0%}.",
        _way_out(relative["high"] < -margin),
    )


def _not_less_than_nothing(
    metric: str, words: str, difference: Mapping[str, Any], base: float, margin: float
) -> Gate:
    least = -margin * abs(base)
    return Gate.of(
        metric,
        difference["low"] >= least,  # the same recipe differs by exactly 0, which must do where base is 0
        difference,
        f"the lower bound of the difference of {words}, is not below -{margin:.0%} of the latter's size, as "
        "that is 0 or negative",
        f"challenger's {words}, whose own is {base:z.3f}: a difference of {format_interval(difference)}; "
        f"the gate asks for a lower bound of {least:z.3f} or more.",
        _way_out(difference["high"] < least),
    )


def _segments(evaluated: Mapping[str, Any], other: str) -> Iterator[Gate]:
    judged = [
        (f"{name} {one['level']}", auc)
        for name, levels in (evaluated.get("segments") or {}).items()
        for one in levels
        if one["churners"] >= SEGMENT_CHURNERS
        and (auc := one.get(f"challenger_minus_{other}", {}).get("auc"))
        and auc["value"] is not None
    ]
    if not judged:
        return
    lost = [one for one in judged if one[1]["value"] < -SEGMENT_LOSS and one[1]["high"] < 0]
    worst = min(judged, key=lambda one: float(one[1]["value"]))
    told = "; ".join(f"{name}: {format_interval(auc)}" for name, auc in lost or [worst])
    yield Gate.of(
        "segments",
        not lost,
        worst[1],
        f"no segment with {SEGMENT_CHURNERS} churners or more loses more than {SEGMENT_LOSS} AUC with an "
        "interval below 0",
        f"challenger minus {candidate_name(other)}, AUC by segment: {'lost' if lost else 'least gained'} in "
        f"{told}; the gate asks that none of {len(judged)} segments with {SEGMENT_CHURNERS} churners or "
        f"more loses more than {SEGMENT_LOSS} with an interval below 0.",
        "See what the signals say of these customers, and whether their data have changed.",
    )
