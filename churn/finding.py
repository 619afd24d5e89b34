"""The findings of the guards, and the report that holds them in `guards.json` and `metrics.json`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict

Severity = Literal["warn", "stop"]


@dataclass(frozen=True)
class Finding:
    """A suspicion of a guard: its place, the measured value, the broken rule and the way out.

    Attributes:
        place: What the finding is about, such as a table, a signal or a cutoff. A column is named as
            in params.yaml, and a signal as in `churn signals`.
        found: The measured value and the rule that the value breaks, as a sentence.
        way_out: What to do, as a sentence.
        severity: `stop` ends `churn check` and `churn promote` with exit code 15, unless a person signs the
            finding off.
        guard: The name of the guard.
        figure: The measured value in a few characters; lists show it in brackets after the place.
    """

    place: str
    found: str
    way_out: str
    severity: Severity = "warn"
    guard: str = ""
    figure: str = ""

    def spoken(self, speak: Callable[[str], str]) -> Self:
        """Return the finding with each sentence changed by the function `speak`."""
        return replace(self, found=speak(self.found), way_out=speak(self.way_out), figure=speak(self.figure))

    def __str__(self) -> str:
        return f"{self.guard}: {self.place}: {self.found} {self.way_out}"


class GuardReport(BaseModel):
    """The guards that ran, and their findings. The names of the fields are the keys in the JSON files.

    >>> GuardReport.of(["late_rows"], []).as_json()
    {'looked': ['late_rows'], 'found': []}

    Attributes:
        looked: The names of the guards that ran.
        found: The findings of these guards; findings with severity `stop` come first.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    looked: tuple[str, ...] = ()
    found: tuple[Finding, ...] = ()

    @classmethod
    def of(cls, guards: Sequence[str], findings: Sequence[Finding]) -> Self:
        """Return the report of the guards that ran, with their findings.

        Findings with severity `stop` come first; otherwise the given order is kept.
        """
        stops_first = sorted(findings, key=lambda finding: finding.severity != "stop")
        return cls(looked=tuple(guards), found=tuple(stops_first))

    def as_json(self) -> dict[str, Any]:
        """Return the report as JSON values."""
        return self.model_dump(mode="json")
