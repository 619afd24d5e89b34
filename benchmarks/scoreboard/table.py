"""Write the figures of all sets as a page."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.scoreboard.looks import LOOKS, count_looks, read_looks
from churn.metrics.interval import Interval, format_interval

OWN_NAME = "ours"
WORDS = {
    "ours": "**our pipeline**",
    "recency": "days since last seen, logistic",
    "rfm": "recency, frequency, money, logistic",
    "bg_nbd": "BG/NBD, without labels",
    "reference": "reference: LightGBM on plain counts",
    "logit": "L2 logistic regression",
    "featuretools": "featuretools + LightGBM",
    "ours_one_snapshot": "ours, trained on one snapshot",
    "ours_plain_counts": "ours, plain counts instead of the signal library",
    "ours_default_trees": "LightGBM with its own settings on our snapshots",
    "ours_uncalibrated": "ours, without calibration",
}
COLUMNS = ("auc", "log_loss", "average_precision", "lift_at_contact_share", "observed_expected")
HEAD = "| who | AUC | log loss | average precision | lift at 10 % | observed / expected |"


def page(figures: Mapping[str, Any], looks: Path = LOOKS) -> str:
    """Return the scoreboard as Markdown."""
    sets: Mapping[str, Any] = figures["sets"]
    lines = [*_summary(sets, looks)]
    for name, result in sets.items():
        lines += ["", *_set(name, result, looks)]
        if fake := result.get("fake"):
            lines += ["", *_fake(fake)]
    return "\n".join(lines) + "\n"


def _summary(sets: Mapping[str, Any], looks: Path) -> Iterator[str]:
    yield (
        "| data | AUC aimed at | AUC reached | log loss | log loss minus the reference's | "
        "AUC minus the reference's | looks at the test |"
    )
    yield "|---|---|---|---|---|---|---|"
    for name, result in sets.items():
        contestants = result["contestants"]
        if OWN_NAME not in contestants:
            continue
        ours, difference = contestants[OWN_NAME], contestants.get("reference", {}).get("ours_minus_it")
        differences = [_signed(difference[metric]) if difference else "" for metric in ("log_loss", "auc")]
        yield (
            f"| {name} | {_short(result['aim'], 3)} | {_span(ours['auc'], 3)} | {_span(ours['log_loss'], 3)} "
            f"| {differences[0]} | {differences[1]} | {count_looks(name, OWN_NAME, looks)} |"
        )
    total = len(read_looks(looks))
    yield ""
    yield f"Our models, ablations included, looked at a test {total} times."


def _set(name: str, result: Mapping[str, Any], looks: Path) -> Iterator[str]:
    yield f"## {name}"
    yield ""
    yield (
        f"{result['rows']:,} rows of {result['customers']:,} customers, {result['churners']:,} churners "
        f"({result['base_rate']:.1%}); {result['how']}"
    )
    if stated := result.get("stated"):
        yield (
            f"The README of the data states for the reference: AUC {_short(stated['auc'], 3)}, "
            f"log loss {_short(stated['log_loss'], 3)}."
        )
    if ceiling := result.get("ceiling"):
        known, inside = (_span(ceiling[name], 3) for name in ("histories", "inside"))
        yield (
            "In twenty simulated companies customers buy as the BG/NBD that is fitted at the last cutoff. "
            f"There the best use of histories reaches AUC {known}. A model that knows each customer's rate, "
            f"and which customers have stopped, reaches {inside}."
        )
    contestants, ablations = _split_ablations(result["contestants"])
    yield from _table(contestants)
    if ablations:
        yield ""
        yield "Our pipeline with one part left out or replaced:"
        yield from _table(ablations)


def _split_ablations(contestants: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    ablations = {name: measures for name, measures in contestants.items() if name.startswith(f"{OWN_NAME}_")}
    rest = {name: measures for name, measures in contestants.items() if name not in ablations}
    ordered = sorted(rest, key=lambda name: (name != OWN_NAME, rest[name]["log_loss"]["value"]))
    return {name: rest[name] for name in ordered}, ablations


def _table(contestants: Mapping[str, Any]) -> Iterator[str]:
    yield ""
    yield f"{HEAD} ours minus it: log loss | ours minus it: AUC | s |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for name, measures in contestants.items():
        digits = (3, 4, 3, 2, 2)
        cells = [_span(measures[metric], places) for metric, places in zip(COLUMNS, digits, strict=True)]
        difference = measures.get("ours_minus_it")
        cells += [_signed(difference[metric]) if difference else "" for metric in ("log_loss", "auc")]
        yield f"| {WORDS[name]} | {' | '.join(cells)} | {measures['seconds']:.0f} |"


def _fake(fake: Mapping[str, Any]) -> Iterator[str]:
    yield "## How a fake .99 is made"
    yield ""
    yield (
        "The data are Telco again, with the reference's trees. The test is a random fifth of the rows, and "
        f"the figures are means of {fake['seeds']} splits. SMOTE invents churners between real churners. ENN "
        "drops the rows that have neighbours with the other label. If this is done before the split, the "
        "test holds near-copies of training rows and no hard rows."
    )
    yield ""
    yield "| what was done | AUC | log loss |"
    yield "|---|---|---|"
    for way in fake["ways"]:
        yield f"| {way['what']} | {_short(way['auc'], 3)} | {_short(way['log_loss'], 3)} |"


def _span(interval: Mapping[str, float], digits: int) -> str:
    return re.sub(r"(?<![\d.])0\.", ".", format_interval(Interval.model_validate(interval), digits))


def _signed(interval: Mapping[str, float]) -> str:
    text = format_interval(Interval.model_validate(interval), 4, signed=True)
    return f"**{text}**" if interval["low"] > 0 or interval["high"] < 0 else text


def _short(number: float, digits: int) -> str:
    """Return a number without the zero before its point.

    >>> _short(0.8512, 3), _short(3.7, 2)
    ('.851', '3.70')
    """
    text = f"{number:.{digits}f}"
    return text.removeprefix("0") if text.startswith("0.") else text
