"""One gate of promotion, and all of them together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


def ended_in_words(passed: bool, signed: bool) -> str:
    """Return how a gate ended.

    >>> ended_in_words(True, True), ended_in_words(False, True)
    ('signed off', 'refused')
    """
    return "refused" if not passed else "signed off" if signed else "passed"


@dataclass(frozen=True)
class Gate:
    """One gate: what was measured, what is asked, and how it ended.

    Attributes:
        words: The measurement and the rule in a sentence; where the gate stops, the way out too.
        signed: Whether it was passed because a person signed off what was found.
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
    def ended(self) -> str:
        """Return how it ended, in words."""
        return ended_in_words(self.passed, self.signed)

    @classmethod
    def of(
        cls, name: str, passed: bool, measured: Mapping[str, Any], rule: str, told: str, way_out: str
    ) -> Gate:
        """Return a gate that says what was measured, and the way out only where it stops.

        Args:
            name: As promotion.json names it.
            passed: How it ended.
            measured: `value`, `low` and `high`.
            rule: What is asked.
            told: The measurement beside the rule, as a sentence.
            way_out: What to do, as a sentence.
        """
        words = told if passed else f"promote: {told} Champion unchanged. {way_out}"
        value, low, high = (measured.get(key) for key in ("value", "low", "high"))
        return cls(name, passed, value, low, high, rule, words)


@dataclass(frozen=True)
class SignedOff:
    """What a person signed off: the guard that found it, where, and the reason."""

    guard: str
    place: str
    reason: str


@dataclass(frozen=True)
class Verdict:
    """All gates together.

    Attributes:
        notes: What is told beside the gates and stops nothing.
        signed: What guards found and a person signed off, with the reason, in lines; several findings may
            share one.
        signed_off: The same, finding by finding.
    """

    gates: tuple[Gate, ...]
    notes: tuple[str, ...]
    signed: tuple[str, ...] = ()
    signed_off: tuple[SignedOff, ...] = ()

    @property
    def accepted(self) -> bool:
        """Return whether every gate was passed."""
        return all(gate.passed for gate in self.gates)

    @property
    def refusals(self) -> tuple[str, ...]:
        """Return the sentences of the gates that stopped."""
        return tuple(gate.words for gate in self.gates if not gate.passed)

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> Verdict:
        """Return the verdict that `as_dict` gave as JSON values."""
        return cls(
            tuple(Gate(**one) for one in facts["gates"]),
            tuple(facts.get("notes", ())),
            tuple(facts.get("signed", ())),
            tuple(SignedOff(**one) for one in facts.get("signed_off", ())),
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the verdict as JSON values."""
        return {
            "accepted": self.accepted,
            "gates": [asdict(gate) for gate in self.gates],
            "notes": list(self.notes),
            "signed": list(self.signed),
            "signed_off": [asdict(one) for one in self.signed_off],
        }
