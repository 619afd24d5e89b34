"""What a challenger must show against the champion."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from churn.params import Params
from churn.training.gate import Gate
from churn.training.span import span

SEGMENT_CHURNERS = 300
"""A segment is judged from so many churners on: with fewer, chance alone moves its AUC by .02."""

SEGMENT_LOSS = 0.02
"""The AUC that no such segment may lose."""

NOT_LESS = {
    "lift_at_contact_share": "lift at the contact share",
    "profit_per_customer_at_contact_share": "expected profit per customer",
}
"""What must not fall by more than `promote.margin`."""


def against_champion(evaluated: Mapping[str, Any], params: Params) -> Iterator[Gate]:
    """Judge the paired differences, challenger minus champion, on the cutoffs that neither has seen.

    1. Log loss: the interval lies below 0; or it lies below the margin, and the challenger has learnt from
       labels that ripened later: freshness is worth something that no test in the past can show.
    2. Lift and expected profit: the lower bound, relative to the champion's value, is above minus the margin.
    3. No segment with 300 churners or more loses more than .02 AUC, surely losing some.

    Args:
        evaluated: The content of metrics.json, with `paired.challenger_minus_champion`.
        params: The parameters.
    """
    pair = evaluated["paired"]["challenger_minus_champion"]
    champion = evaluated["candidates"]["champion"]
    yield _log_loss(pair["log_loss"], champion["log_loss"]["value"], evaluated, params.promote.margin)
    for metric, words in NOT_LESS.items():
        base = (champion.get(metric) or {}).get("value")
        if pair.get(metric) and pair[metric].get("low") is not None and base and base > 0:
            yield _not_less(metric, words, pair[metric], base, params.promote.margin)
    yield from _segments(evaluated)


def against_recipe(evaluated: Mapping[str, Any]) -> Gate:
    """Judge that the challenger is not surely worse than the champion's recipe fitted anew.

    A champion that has seen the test cannot be judged on it. Its recipe can, on the rows that the challenger
    learnt from, so that freshness speaks for neither.
    """
    loss = evaluated["paired"]["challenger_minus_champion_recipe"]["log_loss"]
    return Gate.of(
        "champion_recipe",
        loss["low"] is not None and loss["low"] <= 0,
        loss,
        "the paired 95 % interval of log loss, challenger minus the champion's recipe fitted anew, does not "
        "lie above 0",
        f"challenger minus the champion's recipe fitted anew, log loss: {span(loss, 4)}; the gate asks that "
        "it does not lie above 0.",
        "The champion stays: what it was made by is the better way.",
    )


def _log_loss(loss: Mapping[str, Any], champion: float, evaluated: Mapping[str, Any], margin: float) -> Gate:
    allowed = margin * champion
    fresher = _fresher(evaluated.get("freshness") or {})
    known = loss.get("high") is not None
    passed = known and (loss["high"] < 0 or (loss["high"] < allowed and fresher))
    age = "it has learnt from later labels" if fresher else "it has not learnt from later labels"
    return Gate.of(
        "champion",
        passed,
        loss,
        f"the paired 95 % interval of log loss, challenger minus champion, lies below 0, or below "
        f"{margin:.0%} of the champion's with a challenger that has learnt from later labels",
        f"challenger minus champion, log loss: {span(loss, 4)}, and {age}; the gate asks for an interval "
        f"below 0, or for later labels and an interval below {allowed:.4f} ({margin:.0%} of the champion's).",
        "Add test cutoffs or data, which narrow the interval, or widen promote.margin knowingly.",
    )


def _fresher(freshness: Mapping[str, Any]) -> bool:
    ours, theirs = freshness.get("challenger"), freshness.get("champion")
    return ours is not None and theirs is not None and str(ours) > str(theirs)


def _not_less(metric: str, words: str, difference: Mapping[str, Any], base: float, margin: float) -> Gate:
    relative = {key: difference[key] / base for key in ("value", "low", "high")}
    told = ", ".join(f"{relative[key]:+.1%}" for key in ("low", "high"))
    return Gate.of(
        metric,
        relative["low"] > -margin,
        relative,
        f"the lower bound of {words}, relative to the champion's, is above -{margin:.0%}",
        f"challenger against champion, {words}: {relative['value']:+.1%} [{told}]; the gate asks for a lower "
        f"bound above -{margin:.0%}.",
        "Add test cutoffs or data, which narrow the interval, or widen promote.margin knowingly.",
    )


def _segments(evaluated: Mapping[str, Any]) -> Iterator[Gate]:
    judged = [
        (f"{name} {one['level']}", auc)
        for name, levels in (evaluated.get("segments") or {}).items()
        for one in levels
        if one["churners"] >= SEGMENT_CHURNERS
        and (auc := one.get("challenger_minus_champion", {}).get("auc"))
        and auc["value"] is not None
    ]
    if not judged:
        return
    lost = [one for one in judged if one[1]["value"] < -SEGMENT_LOSS and one[1]["high"] < 0]
    worst = min(judged, key=lambda one: float(one[1]["value"]))
    told = "; ".join(f"{name}: {span(auc)}" for name, auc in lost or [worst])
    yield Gate.of(
        "segments",
        not lost,
        worst[1],
        f"no segment with {SEGMENT_CHURNERS} churners or more loses more than {SEGMENT_LOSS} AUC",
        f"challenger minus champion, AUC by segment: {'lost' if lost else 'least gained'} in {told}; the "
        f"gate asks that none of {len(judged)} segments with {SEGMENT_CHURNERS} churners or more loses "
        f"more than {SEGMENT_LOSS}.",
        "See what the signals say of these customers, and whether their data have changed.",
    )
