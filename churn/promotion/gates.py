"""What a challenger must show before it may become champion; intervals are judged, not points."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from churn.evaluation.champion import CHAMPION, RECIPE, standing
from churn.evaluation.signal_verdict import signal_found
from churn.finding import GuardReport
from churn.guards.model.outcomes import TOO_GOOD_RULE, too_good
from churn.guards.sign_off import SignOffs, guard_verdict
from churn.guards.verdict import Gate, Verdict
from churn.labels.calendar import TEST_CUTOFFS
from churn.metrics.catalog import candidate_name
from churn.metrics.interval import format_interval, test_set_uses
from churn.params import Params
from churn.promotion.champion_gates import against_champion

SHOWN_BEFORE = 12
"""How many cutoffs before the test an explanation lists, the newest; metrics.json holds all."""

RIVAL = "logistic"
"""The one baseline that is a model of the same kind as a candidate: it need not be beaten, only matched."""

NO_BASELINES = (CHAMPION, RECIPE, RIVAL)
"""What has gates of its own."""


def judge_gates(evaluated: Mapping[str, Any], params: Params) -> Verdict:
    """Judge an evaluation (the content of metrics.json).

    1. There is a signal: the interval of AUC lies above one half.
    2. Log loss below that of every baseline: the paired interval lies below 0. The logistic regression is a
       rival that need only be matched, within `promote.margin`, and is none of a challenger that is one.
    3. The interval of observed/expected meets `promote.observed_expected`; where it does not hold 1,
       a note says why.
    4. `TESTS` test cutoffs or more, or as many as the data allow, which is said.
    5. Not worse than the champion, or than its recipe where it has seen the test (`against_champion`).
    6. No guard raised, and not too good to be true, unless a person signed it off in `evaluate.accept`.
    """
    gates = [_signal(evaluated), *(_beats(evaluated, other) for other in baselines(evaluated))]
    gates += _matches_rival(evaluated, params)
    gates.append(_level(evaluated, params))
    gates += _cutoffs(evaluated, params)
    gates += against_champion(evaluated, params)
    report = GuardReport.model_validate(evaluated.get("guards") or {})
    guards = guard_verdict(report, SignOffs.of(params), params.locate("evaluate"))
    gates += [_too_good(evaluated, params), *guards.gates]
    notes = [*_notes(evaluated), *_off_level(evaluated), *guards.notes]
    return Verdict(tuple(gates), tuple(notes), guards.signed, guards.signed_off)


def baselines(evaluated: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the baselines that were judged beside the challenger and must be beaten."""
    pairs = (name.removeprefix("challenger_minus_") for name in evaluated["paired"])
    return tuple(name for name in pairs if name not in NO_BASELINES)


def _pair(evaluated: Mapping[str, Any], other: str) -> Mapping[str, Any] | None:
    found: Mapping[str, Any] | None = evaluated["paired"].get(f"challenger_minus_{other}")
    return found


def _signal(evaluated: Mapping[str, Any]) -> Gate:
    found = signal_found(evaluated)
    auc = evaluated["candidates"]["challenger"]["auc"]
    return Gate.of(
        "signal",
        found["found"] != "no signal",
        auc,
        "the 95 % interval of AUC lies above one half",
        found["words"],
        "Look whether the label is what you mean (`churn label`), and add signals, cutoffs or data; with "
        "labels that depend on nothing there is nothing to learn.",
    )


def _beats(evaluated: Mapping[str, Any], other: str) -> Gate:
    loss = (_pair(evaluated, other) or {})["log_loss"]
    return Gate.of(
        f"beats_{other}",
        loss["high"] is not None and loss["high"] < 0,
        loss,
        f"the paired 95 % interval of log loss, challenger minus {candidate_name(other)}, lies below 0",
        f"challenger minus {candidate_name(other)}, log loss: {format_interval(loss, 4)}; the gate asks for "
        "an interval below 0.",
        "Add signals, cutoffs or data, and see evaluate/card.md.",
    )


def _matches_rival(evaluated: Mapping[str, Any], params: Params) -> Iterator[Gate]:
    pair = _pair(evaluated, RIVAL)
    if not pair or evaluated["model"].get("candidate") == RIVAL:
        return
    loss = pair["log_loss"]
    allowed = params.promote.margin * evaluated["candidates"][RIVAL]["log_loss"]["value"]
    yield Gate.of(
        f"matches_{RIVAL}",
        loss["high"] is not None and loss["high"] < allowed,
        loss,
        f"the paired 95 % interval of log loss, challenger minus the logistic regression, lies below "
        f"{params.promote.margin:.0%} of the latter's",
        f"challenger minus the logistic regression, log loss: {format_interval(loss, 4)}; the gate asks for "
        f"an interval below {allowed:.4f} ({params.promote.margin:.0%} of the latter's).",
        "Let it be a candidate (train.candidates), or add cutoffs or data.",
    )


def _cutoffs(evaluated: Mapping[str, Any], params: Params) -> Iterator[Gate]:
    tested, possible = len(evaluated["by_cutoff"]), evaluated.get("cutoffs_possible")
    if possible is None:
        return
    asked, signed = min(TEST_CUTOFFS, possible), params.evaluate.accept.get("test_cutoffs")
    told = f"judged on {tested} test cutoffs; the gate asks for {TEST_CUTOFFS}" + (
        "" if asked == TEST_CUTOFFS else f", or the {asked} that the data allow"
    )
    gate = Gate.of(
        "test_cutoffs",
        tested >= asked or bool(signed),
        {"value": float(tested)},
        f"{TEST_CUTOFFS} test cutoffs or more, or as many as the data allow, or a person accepts fewer",
        f"{told}; accepted: {signed}" if tested < asked and signed else f"{told}.",
        "Name more under evaluate.test_cutoffs, or leave it out; where fewer are right, write why under "
        f"evaluate.accept.test_cutoffs in {params.file}.",
    )
    yield replace(gate, signed=tested < asked and bool(signed))


def _level(evaluated: Mapping[str, Any], params: Params) -> Gate:
    ratio = evaluated["candidates"]["challenger"]["observed_expected"]
    least, most = params.promote.observed_expected
    return Gate.of(
        "observed_expected",
        ratio["low"] is not None and ratio["low"] <= most and ratio["high"] >= least,
        ratio,
        f"the interval of observed/expected meets [{least}, {most}]",
        f"challenger observed/expected {format_interval(ratio)}; the gate asks that it meets [{least}, "
        f"{most}].",
        "Look for a change of the churn rate between cutoffs (evaluate/metrics.json, by_cutoff), or widen "
        "promote.observed_expected knowingly.",
    )


def _too_good(evaluated: Mapping[str, Any], params: Params) -> Gate:
    auc = evaluated["candidates"]["challenger"]["auc"]
    found, signed = too_good(evaluated, "low"), params.evaluate.accept.get("too_good")
    if found and signed:
        told = f"challenger {found}; accepted: {signed}"
    elif found:
        told = f"challenger {found}; that is usually a leak."
    else:
        told = f"challenger AUC {format_interval(auc)} is not too good to be true."
    gate = Gate.of(
        "not_too_good",
        found is None or bool(signed),
        auc,
        f"{TOO_GOOD_RULE}, or a person accepts it",
        told,
        "Look at the most important signals; if it is honest, write why under evaluate.accept.too_good in "
        f"{params.file}.",
    )
    return replace(gate, signed=bool(found and signed))


def _notes(evaluated: Mapping[str, Any]) -> Iterator[str]:
    if not _pair(evaluated, "recency"):
        yield "There is no days-since-last signal, so the recency baseline was not judged."
    if standing(evaluated["candidates"]) != CHAMPION:
        yield str(evaluated.get("notes", {}).get("champion", "There was no champion to compare with."))
    if (tested := len(evaluated.get("by_cutoff", {}))) < TEST_CUTOFFS:
        yield (
            f"Judged on {tested} test cutoff{'s' if tested > 1 else ''}; {TEST_CUTOFFS} or more would show "
            "how much results vary between them. Add cutoffs to snapshot where the data reach back."
        )
    yield from test_set_uses(evaluated.get("looks_at_test"))
    changed = (evaluated.get("health_bands") or {}).get("changed")
    if changed is not None:
        anew = "'s recipe, refitted" if standing(evaluated["candidates"]) == RECIPE else ""
        yield f"{changed:.1%} of the customers change their health band against the champion{anew}."


def _off_level(evaluated: Mapping[str, Any]) -> Iterator[str]:
    """Show what observed/expected that does not hold 1 comes from: the rate that moved, or the model.

    Where the base rate is as far off as the challenger, the rate moved; else the model fell short.
    """
    ratio = evaluated["candidates"]["challenger"]["observed_expected"]
    if ratio["value"] is None or ratio["low"] is None or ratio["low"] <= 1 <= ratio["high"]:
        return
    less = "fewer" if ratio["value"] < 1 else "more"
    before = [f"{one['cutoff']}: {one['base_rate']:.1%}" for one in evaluated["before"][-SHOWN_BEFORE:]]
    tested = []
    for day, one in evaluated["by_cutoff"].items():
        ratios = [
            f"{words} {format_interval(one[name]['observed_expected'], 2)}"
            for name, words in (("challenger", "challenger"), ("base_rate", "base rate"))
            if name in one
        ]
        rate = one["challenger"]["base_rate"]
        tested.append(f"{day}: {rate:.1%}, observed/expected of {' and of '.join(ratios)}")
    yield (
        f"The interval of observed/expected, {format_interval(ratio)}, does not hold 1: {less} customers "
        "left than the model expected. Share that left at the cutoffs before the test "
        f"({'; '.join(before) or 'none'}) and at the test ({'; '.join(tested)})."
    )
