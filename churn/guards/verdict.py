"""The verdict of a promotion: its gates, its notes, and the findings that a person signed off."""

from __future__ import annotations

from dataclasses import dataclass, replace

from churn.metrics.interval import Interval
from churn.params import LabelWords


def gate_outcome(is_passed: bool, is_signed: bool) -> str:
    """Return the outcome of a gate in words.

    >>> gate_outcome(True, True), gate_outcome(False, True)
    ('signed off', 'refused')
    """
    return "refused" if not is_passed else "signed off" if is_signed else "passed"


@dataclass(frozen=True)
class Gate:
    """One gate: the measured value, the rule, and the outcome.

    In promotion.json, each gate is an object whose keys are these fields.

    Attributes:
        name: The name in promotion.json.
        passed: Whether the challenger passes this gate.
        value: The measured value; None if the gate has no value.
        low: The lower bound of the interval of the value.
        high: The upper bound of the interval of the value.
        rule: The requirement of the gate.
        words: The measurement and the rule as a sentence; if the gate refuses, also what to do.
        signed: Whether the gate passed only because a person signed a finding off.
    """

    name: str
    passed: bool
    value: float | None
    low: float | None
    high: float | None
    rule: str
    words: str
    signed: bool = False

    @property
    def outcome(self) -> str:
        """Return the outcome of the gate in words."""
        return gate_outcome(self.passed, self.signed)

    @classmethod
    def of(cls, name: str, passed: bool, interval: Interval, rule: str, sentence: str, way_out: str) -> Gate:
        """Return a gate; its `words` contain `way_out` only if the gate refuses.

        Args:
            name: The name of the gate in promotion.json.
            passed: Whether the challenger passes this gate.
            interval: The measured value, with its interval if there is one.
            rule: The requirement of the gate.
            sentence: The measurement and the rule, as a sentence.
            way_out: What to do if the gate refuses, as a sentence.
        """
        words = sentence if passed else f"promote: {sentence} Champion unchanged. {way_out}"
        return cls(name, passed, interval.value, interval.low, interval.high, rule, words)


@dataclass(frozen=True)
class SignedOff:
    """A finding that a person signed off: the guard, what the finding is about, and the person's reason."""

    guard: str
    place: str
    reason: str


@dataclass(frozen=True)
class Verdict:
    """The verdict of a promotion.

    Attributes:
        gates: All gates, in the order in which they are shown.
        notes: Facts that the reader should know. A note never stops the promotion.
        signed: The signed-off findings as lines with their reasons; a line may hold several findings.
        signed_off: The signed-off findings, one object for each finding.
    """

    gates: tuple[Gate, ...]
    notes: tuple[str, ...]
    signed: tuple[str, ...] = ()
    signed_off: tuple[SignedOff, ...] = ()

    def spoken(self, words: LabelWords) -> Verdict:
        """Return the verdict in the words of a label, such as `upgrade` in place of `churn`."""
        gates = tuple(
            replace(gate, rule=words.speak(gate.rule), words=words.speak(gate.words)) for gate in self.gates
        )
        return replace(self, gates=gates, notes=tuple(map(words.speak, self.notes)))

    @property
    def accepted(self) -> bool:
        """Return whether the challenger passed every gate."""
        return all(gate.passed for gate in self.gates)

    @property
    def refusals(self) -> tuple[str, ...]:
        """Return the sentences of the gates that refused."""
        return tuple(gate.words for gate in self.gates if not gate.passed)
