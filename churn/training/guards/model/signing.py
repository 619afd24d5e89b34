"""What the guards of the model found, held against what a person signed off."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from churn.data.finding import Finding
from churn.params import Params
from churn.training.gate import Gate

GUARDS = "guards.json"
"""What the guards of `train` found, beside its record."""


def reason_for(one: Finding, params: Params) -> str | None:
    """Return why a person signed a finding off: `evaluate.accept` or `check.accept`, by guard or place."""
    accepted = {**params.check.accept, **params.evaluate.accept}
    return accepted.get(one.place) or accepted.get(one.guard)


def findings_of(guards: Mapping[str, Any]) -> list[Finding]:
    """Return what `guards` of metrics.json holds as findings."""
    return [Finding(**one) for one in guards.get("found", ())]


def as_section(looked: Sequence[str], found: Sequence[Finding]) -> dict[str, Any]:
    """Return which guards looked and what they found, as JSON values; stops come first."""
    ordered = sorted(found, key=lambda one: one.severity != "stop")
    return {"looked": list(looked), "found": [asdict(one) for one in ordered]}


def told(found: Sequence[Finding], params: Params) -> tuple[list[str], list[str]]:
    """Return what to say and what to warn of: findings that were signed off, and those that were not."""
    said, warned = [], []
    for one in found:
        if reason := reason_for(one, params):
            said.append(f"signed off: {one} Accepted: {reason}")
        else:
            stops = "; `churn promote` stops there" if one.severity == "stop" else ""
            warned.append(
                f"{one} To sign it off: evaluate.accept, under '{one.place}' or '{one.guard}', with the "
                f"reason{stops}."
            )
    return said, warned


def judge_guards(guards: Mapping[str, Any], params: Params) -> tuple[list[Gate], list[str], tuple[str, ...]]:
    """Return the gate of the guards, their warnings as notes, and what was signed off with its reason.

    Without guards in the evaluation there is no gate.
    """
    if not guards:
        return [], [], ()
    stops: list[str] = []
    warnings: list[str] = []
    signed: list[str] = []
    for one in findings_of(guards):
        if reason := reason_for(one, params):
            signed.append(f"{one} Accepted: {reason}")
        else:
            (stops if one.severity == "stop" else warnings).append(str(one))
    looked = len(guards.get("looked", ()))
    told = (
        " ".join(stops)
        if stops
        else f"{looked} guards looked: {len(warnings)} warn, {len(signed)} signed off, none says stop."
    )
    gate = Gate.of(
        "no_guard_raised",
        not stops,
        {"value": float(len(stops))},
        "no guard of train and evaluate says stop, or a person signed it off",
        told,
        "Mend it; what is right as it is, a person signs off in params.yaml: evaluate: {accept: {PLACE or "
        "GUARD: the reason}}.",
    )
    return [gate], warnings, tuple(signed)
