"""What a challenger must show before it may become champion; intervals are judged, not points."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from churn.params import Params

TOO_GOOD_AUC = 0.95
TOO_FAR_ABOVE = 0.15
SHOWN_BEFORE = 12
"""How many cutoffs before the test an explanation lists, the newest; metrics.json holds all."""


@dataclass(frozen=True)
class Gate:
    """One gate: what was measured, what is asked, and how it ended.

    Attributes:
        words: The measurement and the rule in a sentence; where the gate stops, the way out too.
    """

    name: str
    passed: bool
    value: float | None
    low: float | None
    high: float | None
    rule: str
    words: str


@dataclass(frozen=True)
class Verdict:
    """All gates together."""

    gates: tuple[Gate, ...]
    notes: tuple[str, ...]

    @property
    def accepted(self) -> bool:
        """Return whether every gate was passed."""
        return all(gate.passed for gate in self.gates)

    @property
    def refusals(self) -> tuple[str, ...]:
        """Return the sentences of the gates that stopped."""
        return tuple(gate.words for gate in self.gates if not gate.passed)

    def as_dict(self) -> dict[str, Any]:
        """Return the verdict as JSON values."""
        gates = [asdict(gate) for gate in self.gates]
        return {"accepted": self.accepted, "gates": gates, "notes": list(self.notes)}


def judge_gates(evaluated: Mapping[str, Any], params: Params) -> Verdict:
    """Judge an evaluation (the content of metrics.json).

    1. Log loss below recency and below the base rate: the paired interval lies below 0.
    2. The interval of observed/expected meets `promote.observed_expected`; where it does not hold 1,
       a note says why.
    3. Not clearly worse than the champion, where that can be judged.
    4. Not too good to be true, unless a person signed it off in `evaluate.accept`.
    """
    gates = [_beats(evaluated, other) for other in ("recency", "base_rate") if _pair(evaluated, other)]
    gates.append(_level(evaluated, params))
    if _pair(evaluated, "champion"):
        gates.append(_champion(evaluated))
    gates.append(_too_good(evaluated, params))
    notes = []
    if not _pair(evaluated, "recency"):
        notes.append("There is no days-since-last signal, so the recency baseline was not judged.")
    if not _pair(evaluated, "champion"):
        notes.append(str(evaluated.get("notes", {}).get("champion", "There is no champion yet.")))
    notes += _off_level(evaluated)
    return Verdict(tuple(gates), tuple(notes))


def too_good(evaluated: Mapping[str, Any], bound: str = "value") -> str | None:
    """Return what looks too good to be true, or None.

    Args:
        evaluated: The content of metrics.json.
        bound: What must lie more than 0.15 above recency: `value` to warn, `low` to stop, so that
            chance alone stops nobody.
    """
    auc = evaluated["candidates"]["challenger"]["auc"]["value"]
    if auc is not None and auc > TOO_GOOD_AUC:
        return f"AUC {auc:.3f} is above {TOO_GOOD_AUC}"
    above = (_pair(evaluated, "recency") or {}).get("auc")
    if above and above[bound] is not None and above[bound] > TOO_FAR_ABOVE:
        return f"AUC {auc:.3f} is {span(above)} above recency, more than {TOO_FAR_ABOVE}"
    return None


def span(numbers: Mapping[str, Any], digits: int = 3) -> str:
    """Return a value with its interval.

    >>> span({"value": 0.7312, "low": 0.7201, "high": 0.7423})
    '0.731 [0.720, 0.742]'
    """
    if numbers["value"] is None:
        return "not defined"
    if numbers["low"] is None or numbers["high"] is None:
        return f"{numbers['value']:.{digits}f}"
    return f"{numbers['value']:.{digits}f} [{numbers['low']:.{digits}f}, {numbers['high']:.{digits}f}]"


def _pair(evaluated: Mapping[str, Any], other: str) -> Mapping[str, Any] | None:
    found: Mapping[str, Any] | None = evaluated["paired"].get(f"challenger_minus_{other}")
    return found


def _beats(evaluated: Mapping[str, Any], other: str) -> Gate:
    loss = (_pair(evaluated, other) or {})["log_loss"]
    passed = loss["high"] is not None and loss["high"] < 0
    rule = f"the paired 95 % interval of log loss, challenger minus {other}, lies below 0"
    words = f"challenger minus {other}, log loss: {span(loss, 4)}; the gate asks for an interval below 0."
    if not passed:
        words = (
            f"promote: {words} Champion unchanged. Add signals, cutoffs or data, and see evaluate/card.md."
        )
    return Gate(f"beats_{other}", passed, loss["value"], loss["low"], loss["high"], rule, words)


def _level(evaluated: Mapping[str, Any], params: Params) -> Gate:
    ratio = evaluated["candidates"]["challenger"]["observed_expected"]
    least, most = params.promote.observed_expected
    passed = ratio["low"] is not None and ratio["low"] <= most and ratio["high"] >= least
    rule = f"the interval of observed/expected meets [{least}, {most}]"
    words = f"challenger observed/expected {span(ratio)}; the gate asks that it meets [{least}, {most}]."
    if not passed:
        words = (
            f"promote: {words} Champion unchanged. Look for a change of the churn rate between cutoffs "
            "(evaluate/metrics.json, by_cutoff), or widen promote.observed_expected knowingly."
        )
    return Gate("observed_expected", passed, ratio["value"], ratio["low"], ratio["high"], rule, words)


def _champion(evaluated: Mapping[str, Any]) -> Gate:
    loss = (_pair(evaluated, "champion") or {})["log_loss"]
    passed = loss["low"] is not None and loss["low"] <= 0
    rule = "the paired 95 % interval of log loss, challenger minus champion, does not lie above 0"
    words = f"challenger minus champion, log loss: {span(loss, 4)}; the gate asks that it is not above 0."
    if not passed:
        words = f"promote: {words} Champion unchanged: it is the better model."
    return Gate("not_worse_than_champion", passed, loss["value"], loss["low"], loss["high"], rule, words)


def _too_good(evaluated: Mapping[str, Any], params: Params) -> Gate:
    auc = evaluated["candidates"]["challenger"]["auc"]
    rule = f"AUC is at most {TOO_GOOD_AUC} and at most {TOO_FAR_ABOVE} above recency, or a person accepts it"
    found, signed = too_good(evaluated, "low"), params.evaluate.accept.too_good
    if found and signed:
        words = f"challenger {found}; accepted: {signed}"
    elif found:
        words = (
            f"promote: challenger {found}; that is usually a leak. Champion unchanged. Look at the most "
            "important signals; if it is honest, write why under evaluate.accept.too_good in params.yaml."
        )
    else:
        words = f"challenger AUC {span(auc)} is not too good to be true."
    passed = found is None or bool(signed)
    return Gate("not_too_good", passed, auc["value"], auc["low"], auc["high"], rule, words)


def _off_level(evaluated: Mapping[str, Any]) -> list[str]:
    """Show what observed/expected that does not hold 1 comes from: the rate that moved, or the model.

    Where the base rate is as far off as the challenger, the rate moved; else the model fell short.
    """
    ratio = evaluated["candidates"]["challenger"]["observed_expected"]
    if ratio["value"] is None or ratio["low"] is None or ratio["low"] <= 1 <= ratio["high"]:
        return []
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
    return [
        f"The interval of observed/expected, {span(ratio)}, does not hold 1: {less} customers left than the "
        f"model expected. Share that left at the cutoffs before the test ({'; '.join(before) or 'none'}) "
        f"and at the test ({'; '.join(tested)})."
    ]
