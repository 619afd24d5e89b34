"""What a challenger must show before it may become champion; intervals are judged, not points."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from churn.params import Params
from churn.training.against import against_champion, against_recipe
from churn.training.gate import Gate, Verdict
from churn.training.guards.model.signing import judge_guards
from churn.training.guards.model.too_good import RULE, too_good
from churn.training.signal_found import signal_found
from churn.training.span import span

SHOWN_BEFORE = 12
"""How many cutoffs before the test an explanation lists, the newest; metrics.json holds all."""

FEWEST_CUTOFFS = 3
"""On fewer test cutoffs the spread between them is not known, which is said."""

OURS = ("champion", "champion_recipe", "logistic")
"""Candidates that are models and no baselines: the champion has gates of its own, the last is a rival."""


def judge_gates(evaluated: Mapping[str, Any], params: Params) -> Verdict:
    """Judge an evaluation (the content of metrics.json).

    1. There is a signal: the interval of AUC lies above one half.
    2. Log loss below that of every baseline: the paired interval lies below 0.
    3. The interval of observed/expected meets `promote.observed_expected`; where it does not hold 1,
       a note says why.
    4. Not worse than the champion (`against_champion`), or than its recipe where it has seen the test
       (`against_recipe`).
    5. No guard raised, and not too good to be true, unless a person signed it off in `evaluate.accept`.
    """
    gates = [_signal(evaluated), *(_beats(evaluated, other) for other in baselines(evaluated))]
    gates.append(_level(evaluated, params))
    if _pair(evaluated, "champion"):
        gates += against_champion(evaluated, params)
    if _pair(evaluated, "champion_recipe"):
        gates.append(against_recipe(evaluated))
    guards, warned, signed = judge_guards(evaluated.get("guards") or {}, params)
    gates += [_too_good(evaluated, params), *guards]
    notes = [*_notes(evaluated), *_off_level(evaluated), *warned]
    return Verdict(tuple(gates), tuple(notes), signed)


def baselines(evaluated: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the baselines that were judged beside the challenger."""
    pairs = (name.removeprefix("challenger_minus_") for name in evaluated["paired"])
    return tuple(name for name in pairs if name not in OURS)


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
        f"the paired 95 % interval of log loss, challenger minus {other}, lies below 0",
        f"challenger minus {other}, log loss: {span(loss, 4)}; the gate asks for an interval below 0.",
        "Add signals, cutoffs or data, and see evaluate/card.md.",
    )


def _level(evaluated: Mapping[str, Any], params: Params) -> Gate:
    ratio = evaluated["candidates"]["challenger"]["observed_expected"]
    least, most = params.promote.observed_expected
    return Gate.of(
        "observed_expected",
        ratio["low"] is not None and ratio["low"] <= most and ratio["high"] >= least,
        ratio,
        f"the interval of observed/expected meets [{least}, {most}]",
        f"challenger observed/expected {span(ratio)}; the gate asks that it meets [{least}, {most}].",
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
        told = f"challenger AUC {span(auc)} is not too good to be true."
    return Gate.of(
        "not_too_good",
        found is None or bool(signed),
        auc,
        f"{RULE}, or a person accepts it",
        told,
        "Look at the most important signals; if it is honest, write why under evaluate.accept.too_good in "
        "params.yaml.",
    )


def _notes(evaluated: Mapping[str, Any]) -> Iterator[str]:
    if not _pair(evaluated, "recency"):
        yield "There is no days-since-last signal, so the recency baseline was not judged."
    if not _pair(evaluated, "champion"):
        yield str(evaluated.get("notes", {}).get("champion", "There is no champion yet."))
    if (tested := len(evaluated.get("by_cutoff", {}))) < FEWEST_CUTOFFS:
        yield (
            f"Judged on {tested} test cutoff{'s' if tested > 1 else ''}; {FEWEST_CUTOFFS} or more would show "
            "how much results vary between them. Add cutoffs to snapshot where the data reach back."
        )
    changed = (evaluated.get("health_bands") or {}).get("changed")
    if changed is not None:
        yield f"{changed:.1%} of the customers change their health band against the champion."


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
            f"{words} {span(one[name]['observed_expected'], 2)}"
            for name, words in (("challenger", "challenger"), ("base_rate", "base rate"))
            if name in one
        ]
        rate = one["challenger"]["base_rate"]
        tested.append(f"{day}: {rate:.1%}, observed/expected of {' and of '.join(ratios)}")
    yield (
        f"The interval of observed/expected, {span(ratio)}, does not hold 1: {less} customers left than the "
        f"model expected. Share that left at the cutoffs before the test ({'; '.join(before) or 'none'}) "
        f"and at the test ({'; '.join(tested)})."
    )
