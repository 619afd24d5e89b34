"""The parts that the model card and the card in short share: what is told in sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from churn.labels.outcomes import HOW_LEFT, WHY_LEFT
from churn.metrics.interval import test_set_uses

LIMITS = (
    "It says nothing about customers outside the cohort, and is as fresh as its last cutoff.",
    "Its probabilities hold for times like those it was tested on: watch observed over expected in the "
    "report, and train again when it drifts.",
    "Customers who were contacted make labels that say less about those who were not.",
)
"""What holds of every model."""


def sentence(words: str) -> str:
    """Return words with a capital letter."""
    return words[:1].upper() + words[1:]


def label_part(spec: Mapping[str, Any]) -> list[str]:
    """Return what leaving means, and when."""
    label = spec["label"]
    core = label.get("table") or "subscriptions"
    begin = f"{spec['gap_days']} days after the cutoff" if spec["gap_days"] else "at the cutoff"
    means = (
        f"the last contract in `{core}` ends and is not renewed within {label.get('grace_days', 0)} days"
        if label["kind"] == "contract"
        else f"there is no row in `{core}`"
    )
    leaving = label.get("leaving", "any")
    means += WHY_LEFT[leaving]
    other = " Whoever leaves in another way counts as not having left." if leaving != "any" else ""
    return [
        f"{sentence(HOW_LEFT[leaving])} means: in the {spec['horizon_days']} days that begin {begin}, "
        f"{means}.{other} Label {spec['label_id']}, days in {spec['timezone']}."
    ]


def tested_part(evaluated: Mapping[str, Any], spec: Mapping[str, Any]) -> list[str]:
    """Return on what the figures were measured, and how."""
    how = "The level moved anew" if "refreshed" in spec else "The recipe refitted"
    ours = evaluated["candidates"]["challenger"]
    told = (
        f"{how} for each of {', '.join(evaluated['cutoffs'])} on what was known by then: "
        f"{ours['rows']:,} rows, {ours['churners']:,} churners ({ours['base_rate']:.1%}). Intervals are "
        "95 %, by drawing customers."
    )
    return [" ".join([told, *test_set_uses(evaluated.get("looks_at_test"))])]


def notes_part(evaluated: Mapping[str, Any]) -> dict[str, str]:
    """Return what could not be judged or stands out, by what it is about; the champion is not the model's."""
    return {about: note for about, note in evaluated.get("notes", {}).items() if about != "champion"}
