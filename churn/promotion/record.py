"""The record of a promotion: the verdict on one evaluated model, stored as `evaluate/promotion.json`."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from churn.data.files import write_atomically
from churn.data.own_files import lacks_checksum, read_own_json, write_own_json
from churn.errors import CallError, Stop
from churn.evaluation.result import EvaluatedModel, EvaluationResult
from churn.guards.verdict import Gate, SignedOff, Verdict
from churn.metrics.interval import Part
from churn.scoring.night import Trial
from churn.training.challenger import read_challenger, training_folder

FILE = "promotion.json"

NOT_EVALUATED = ("not_evaluated",)
"""The reason why a night is a trial if there was no test cutoff on which the model could be tested."""


class Promotion(Part):
    """The verdict of the gates on one model.

    Attributes:
        version: The version of the model in the registry.
        digest: The digest of the model's bundle.
        accepted: Whether the model passed every gate.
        notes: The remarks that do not stop a promotion.
        signed: For each finding that a person accepted, a line with the reason.
        signed_off: For each finding that a person accepted, the guard, the place (such as a table or a
            signal) and the reason.
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
    def read_if_any(
        cls, folder: Path, way_out: str = "Run `churn evaluate`, then `churn promote`."
    ) -> Self | None:
        """Read promotion.json from the folder of an evaluation; return None if there is no such file.

        The result is None also for a file without a checksum. Such a file comes from an earlier version of
        the program; the caller must then apply the gates again.

        Args:
            folder: The folder of the evaluation.
            way_out: The sentence that says how the file is written again.

        Raises:
            SourceError: the file is damaged.
        """
        if lacks_checksum(folder / FILE):
            return None
        try:
            return read_own_json(folder / FILE, cls, way_out=way_out)
        except FileNotFoundError:
            return None

    def write(self, folder: Path) -> None:
        """Write promotion.json into the folder of an evaluation."""
        write_own_json(folder / FILE, self.as_json())

    @property
    def verdict(self) -> Verdict:
        """Return the verdict of the gates."""
        return Verdict(self.gates, self.notes, self.signed, self.signed_off)


def trial_of(output: Path, refusal: Stop, champion_problems: tuple[str, ...] = ()) -> Trial:
    """Return why the challenger scores the night only as a trial: gates refused it, or it was not evaluated.

    Args:
        output: The output folder.
        refusal: The error with which `evaluate` or `promote` stopped.
        champion_problems: Why the champion cannot score the night; empty if there is no champion yet.
    """
    promotion = Promotion.read_if_any(output / "evaluate")
    if promotion is None or promotion.accepted or promotion.digest != read_challenger(output).digest:
        return Trial(
            because=NOT_EVALUATED,
            explanations=refusal.problems,
            requirements=("the model is evaluated on a test cutoff, and passes every gate",),
            champion_problems=champion_problems,
        )
    refused = [gate for gate in promotion.gates if not gate.passed]
    return Trial(
        because=tuple(gate.name for gate in refused),
        explanations=tuple(gate.words.removeprefix("promote: ") for gate in refused),
        requirements=tuple(gate.rule for gate in refused),
        champion_problems=champion_problems,
    )


def waiting_model(output: Path) -> str:
    """Return a sentence about the challenger that waits for its promotion, and what to do; "" if no
    challenger waits.

    Args:
        output: The output folder.
    """
    try:
        record = read_challenger(output)
    except CallError:
        return ""
    folder = output / "evaluate"
    promotion = Promotion.read_if_any(folder)
    sentence = f"Version {record.version} is trained and waits in {training_folder(output)}"
    if promotion is None or promotion.digest != record.digest:
        return f"{sentence}: call `churn evaluate`, then `churn promote`."
    refused = [gate.name for gate in promotion.gates if not gate.passed]
    if not refused:
        return f"{sentence}: call `churn promote`."
    return (
        f"{sentence}. `churn promote` refused the model ({', '.join(refused)}): see "
        f"{folder / 'promotion.html'}. `churn run` scores the night with this model as a trial."
    )


def kept_evaluation(output: Path, digest: str) -> Path:
    """Return the folder in which the evaluation of a model is kept after another model is evaluated.

    Args:
        output: The output folder.
        digest: The digest of the model's bundle.
    """
    return output / "evaluations" / digest[:16]


def keep_evaluation(output: Path, digest: str) -> None:
    """Copy metrics.json and promotion.json of the last evaluation, for report pages that are written later.

    Args:
        output: The output folder.
        digest: The digest of the bundle of the evaluated model.
    """
    for name in ("metrics.json", FILE):
        path = output / "evaluate" / name
        if path.is_file():
            write_atomically(kept_evaluation(output, digest) / name, path.read_bytes())


def verdict_of_champion(folder: Path, result: EvaluationResult) -> Verdict | None:
    """Return the verdict that promoted the evaluated model; None if the model is not the champion.

    Return None also if no record of the promotion exists.

    Args:
        folder: The folder of the evaluation, which holds promotion.json.
        result: The result of the evaluation.
    """
    promotion = Promotion.read_if_any(folder) if result.evaluated_champion else None
    if promotion is None or not promotion.accepted or promotion.digest != result.model.digest:
        return None
    return promotion.verdict


def verdict_of_unchanged(folder: Path, result: EvaluationResult) -> Verdict | None:
    """Return the verdict on an earlier evaluation if the present one has the same figures, otherwise None.

    Args:
        folder: The folder of the earlier evaluation, which holds metrics.json and promotion.json.
        result: The result of the present evaluation.
    """
    promotion, metrics = Promotion.read_if_any(folder), folder / "metrics.json"
    if promotion is None or promotion.digest != result.model.digest or not metrics.is_file():
        return None
    is_unchanged = metrics.read_bytes() == result.text.encode()
    return promotion.verdict if is_unchanged else None
