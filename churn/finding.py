"""What a guard says: where something looks wrong, what was found, and the way out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["warn", "stop"]


@dataclass(frozen=True)
class Finding:
    """One thing that a guard found.

    Attributes:
        place: The attribute, column, kind, table or signal, as params.yaml or `churn signals` names it.
        found: The value and the rule it breaks, as a sentence.
        way_out: What to do, as a sentence.
        severity: `stop` ends `churn check` and `churn promote` with exit code 15 unless a person signs it
            off.
        guard: The name of the guard; the runner writes it.
        figure: The measured value in a few characters, for a list of places.
    """

    place: str
    found: str
    way_out: str
    severity: Severity = "warn"
    guard: str = ""
    figure: str = ""

    def __str__(self) -> str:
        return f"{self.guard}: {self.place}: {self.found} {self.way_out}"
