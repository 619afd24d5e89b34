"""The record of a promotion: the verdict on one evaluated model, written as `evaluate/promotion.json`."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import ValidationError

from churn.data.files import write_json
from churn.evaluation.result import EvaluatedModel, EvaluationResult
from churn.guards.verdict import Gate, SignedOff, Verdict
from churn.metrics.interval import Part

FILE = "promotion.json"


class Promotion(Part):
    """The verdict of the gates on one model.

    Attributes:
        version: The version of the model in the registry.
        digest: The digest of the bundle of the model.
        accepted: Whether the model passed every gate.
        notes: The remarks that do not stop a promotion.
        signed: The findings that a person accepted, one line per finding, with the reason.
        signed_off: The guard and the place of each finding that a person accepted.
    """

    version: str
    digest: str
    accepted: bool
    gates: tuple[Gate, ...]
    notes: tuple[str, ...] = ()
    signed: tuple[str, ...] = ()
    signed_off: tuple[SignedOff, ...] = ()

    @classmethod
    def of(cls, model: EvaluatedModel, verdict: Verdict) -> Self:
        """Return the record of a verdict on a model."""
        return cls(
            version=model.version,
            digest=model.digest,
            accepted=verdict.accepted,
            gates=verdict.gates,
            notes=verdict.notes,
            signed=verdict.signed,
            signed_off=verdict.signed_off,
        )

    @classmethod
    def read_if_any(cls, folder: Path) -> Self | None:
        """Read promotion.json from the folder of an evaluation; None if the file is absent or damaged."""
        try:
            return cls.model_validate_json((folder / FILE).read_text(encoding="utf-8"))
        except (OSError, ValidationError):
            return None

    def write(self, folder: Path) -> None:
        """Write promotion.json into the folder of an evaluation."""
        write_json(folder / FILE, self.as_json())

    @property
    def verdict(self) -> Verdict:
        """Return the verdict."""
        return Verdict(self.gates, self.notes, self.signed, self.signed_off)


def verdict_of_champion(folder: Path, result: EvaluationResult) -> Verdict | None:
    """Return the verdict that promoted the evaluated model; None if the model is not the champion.

    Return None also if there is no record of the promotion.

    Args:
        folder: The folder of the evaluation, with promotion.json.
        result: The evaluation.
    """
    promotion = Promotion.read_if_any(folder) if result.evaluated_champion else None
    if promotion is None or not promotion.accepted or promotion.digest != result.model.digest:
        return None
    return promotion.verdict
