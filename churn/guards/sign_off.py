"""What the guards found, held against what a person signed off."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any, NamedTuple

from churn.finding import Finding
from churn.guards.verdict import Gate, SignedOff, Verdict
from churn.params import Params

GUARDS = "guards.json"
"""What guards found, in the folder of the verb that asked them."""


def reason_for(one: Finding, params: Params) -> str | None:
    """Return why a person signed a finding off: `evaluate.accept` or `check.accept`, by guard or place."""
    signature = signature_of(one, params.check.accept, params.evaluate.accept)
    return signature.reason if signature else None


def findings_of(guards: Mapping[str, Any]) -> list[Finding]:
    """Return what `guards` of metrics.json holds as findings."""
    return [Finding(**one) for one in guards.get("found", ())]


def as_section(looked: Sequence[str], found: Sequence[Finding]) -> dict[str, Any]:
    """Return which guards looked and what they found, as JSON values; stops come first."""
    ordered = sorted(found, key=lambda one: one.severity != "stop")
    return {"looked": list(looked), "found": [asdict(one) for one in ordered]}


def told(
    found: Sequence[Finding], params: Params, section: str = "evaluate.accept"
) -> tuple[list[str], list[str]]:
    """Return what to say and what to warn of: findings that were signed off, and those that were not.

    Those of one guard with one way out share a line. `section` is where a person is asked to sign off.
    """
    said, warned = _accepted(found, params), []
    for group in grouped([one for one in found if not reason_for(one, params)]):
        stops = " `churn promote` stops there." if group[0].severity == "stop" else ""
        warned.append(f"{in_words(group)} {key_words(group, section)}{stops}")
    return [f"signed off: {one}" for one in said], warned


def counted(found: Sequence[Finding], params: Params) -> str:
    """Return how many findings say stop, warn, or were signed off, and which guards say stop."""
    signed = [one for one in found if reason_for(one, params)]
    stops = [one for one in found if one.severity == "stop" and not reason_for(one, params)]
    guards = f" ({', '.join(dict.fromkeys(one.guard for one in stops))})" if stops else ""
    warn = len(found) - len(stops) - len(signed)
    return f"{len(stops)} say stop{guards}, {warn} warn, {len(signed)} signed off"


def _accepted(found: Sequence[Finding], params: Params) -> list[str]:
    signed = [one for one in found if reason_for(one, params)]
    return [
        f"{in_words(group)} Accepted: {reason_for(group[0], params)}"
        for group in grouped(signed, lambda one: reason_for(one, params))
    ]


def judge_guards(guards: Mapping[str, Any], params: Params) -> Verdict:
    """Return the gate of the guards, their warnings as notes, and what was signed off with its reason.

    Without guards in the evaluation there is no gate.
    """
    if not guards:
        return Verdict((), ())
    found = findings_of(guards)
    unsigned = grouped([one for one in found if not reason_for(one, params)])
    stops = [in_words(group) for group in unsigned if group[0].severity == "stop"]
    warnings = [in_words(group) for group in unsigned if group[0].severity == "warn"]
    signed_off = tuple(
        SignedOff(one.guard, one.place, reason) for one in found if (reason := reason_for(one, params))
    )
    told = (
        " ".join(stops)
        if stops
        else f"{len(guards.get('looked', ()))} guards looked: {counted(found, params)}."
    )
    gate = Gate.of(
        "no_guard_raised",
        not stops,
        {"value": float(sum(one.severity == "stop" and not reason_for(one, params) for one in found))},
        "no guard of check, train and evaluate says stop, or a person signed it off",
        told,
        f"Mend it; what is right as it is, a person signs off in {params.locate('evaluate')}: "
        "{accept: {PLACE or GUARD: the reason}}.",
    )
    # A warning that was signed off would have stopped nothing.
    stops_signed = any(one.severity == "stop" and reason_for(one, params) for one in found)
    gate = replace(gate, signed=gate.passed and stops_signed)
    return Verdict((gate,), tuple(warnings), tuple(_accepted(found, params)), signed_off)


NAMED = 3
"""So many further places of a group are named; the others are counted."""

Group = tuple[Finding, ...]


def grouped(found: Sequence[Finding], by: Callable[[Finding], Hashable] = lambda _: None) -> list[Group]:
    """Put findings together that have guard, way out and severity in common, in the order they first appear.

    Args:
        found: What the guards found.
        by: What a group has in common besides, such as the reason why it was signed off.
    """
    groups: dict[Hashable, list[Finding]] = {}
    for one in found:
        groups.setdefault((one.guard, one.way_out, one.severity, by(one)), []).append(one)
    return [tuple(group) for group in groups.values()]


def in_words(group: Group, *, way_out: bool = True) -> str:
    """Tell the first finding of a group in full, name the next few places, and count the others.

    >>> late = Finding("logins", "rows are late.", "Map known_at.", guard="late_rows", figure="2%")
    >>> in_words((late,))
    'late_rows: logins: rows are late. Map known_at.'
    >>> in_words((late, Finding("orders", "", "Map known_at.", guard="late_rows", figure="7%")))
    'late_rows: logins: rows are late. Likewise orders (7%). Map known_at.'
    """
    first, *others = group
    said = f"{first.guard}: {first.place}: {first.found}"
    if others:
        named = ", ".join(one.place + (f" ({one.figure})" if one.figure else "") for one in others[:NAMED])
        more = f" and {len(others) - NAMED:,} more" if len(others) > NAMED else ""
        said += f" Likewise {named}{more}."
    return f"{said} {first.way_out}" if way_out else said


def key_words(group: Group, section: str) -> str:
    """Return under which keys of `section` a person signs a group off.

    >>> key_words((Finding("logins", "", "", guard="alone"),), "check.accept")
    "To sign it off: check.accept, under 'logins' or 'alone', with the reason."
    """
    first = group[0]
    if len(group) == 1:
        return f"To sign it off: {section}, under '{first.place}' or '{first.guard}', with the reason."
    return (
        f"To sign them off: {section}, under '{first.guard}' for all {len(group)} or under a place such as "
        f"'{first.place}' for one, with the reason."
    )


class Signature(NamedTuple):
    """The key, a place or a guard, and the reason under it."""

    key: str
    reason: str


def signature_of(one: Finding, check: Mapping[str, str], evaluate: Mapping[str, str]) -> Signature | None:
    """Return what signs a finding off: a key that is its place before one that is its guard.

    >>> late = Finding("logins", "", "", guard="late_rows")
    >>> signature_of(late, {"late_rows": "known", "logins": "seen"}, {})
    Signature(key='logins', reason='seen')

    Args:
        one: The finding.
        check: `check.accept`.
        evaluate: `evaluate.accept`, which goes before where both have the key.
    """
    reasons = {**check, **evaluate}
    key = next((key for key in (one.place, one.guard) if key in reasons), None)
    return None if key is None else Signature(key, reasons[key])


TRAINING = ("maturity", "disjoint", "copies", "alone", "missing", "id_like", "calendar_like")
"""What `train` asks, before anything is fitted."""

EVALUATION = ("unseen", "shuffled", "newest", "too_good", "lead_time", "calibrated", "bands")
"""What `evaluate` asks, beside all that `train` did."""

NOT_ASKED = "not_looked"
"""What speaks where the guards of the data were not asked."""

NAMES = (*TRAINING, *EVALUATION, NOT_ASKED)
