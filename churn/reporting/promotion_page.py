"""The page that says whether a challenger may become the champion, and why."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass

from markupsafe import Markup

from churn.evaluation.result import EvaluationResult
from churn.finding import Finding
from churn.guards.verdict import Verdict
from churn.reporting.plots import CAPTIONS
from churn.reporting.quality import describe_quality, meaning_in_words
from churn.reporting.rendering import html_template, markdown_template


@dataclass(frozen=True)
class GateRow:
    """A gate as a row of the page: its name, its outcome, its rule, and the measured value in words."""

    name: str
    outcome: str
    rule: str
    words: str


@dataclass(frozen=True)
class FindingRow:
    """A finding of a guard as a row of the page; the status is its severity, or `signed off` if a person
    accepted it.
    """

    guard: str
    status: str
    signal: str
    problem: str
    way_out: str


def render_promotion_summary(version: str, verdict: Verdict) -> str:
    """Return the verdict on a version of the model as Markdown."""
    return markdown_template("promotion.md", {}, {}).render(version=version, verdict=verdict).strip() + "\n"


def render_promotion(result: EvaluationResult, verdict: Verdict) -> str:
    """Return the page of a promotion as HTML that needs no other file.

    Args:
        result: The result of the evaluation of the challenger.
        verdict: The verdict of the gates on the challenger.
    """
    signed_off = {(signature.guard, signature.place) for signature in verdict.signed_off}
    words = result.words
    gates = [
        GateRow(_title(gate.name), gate.outcome, gate.rule, gate.words.removeprefix("promote: "))
        for gate in verdict.gates
    ]
    return html_template("promotion.html", words).render(
        name=result.model.name,
        version=result.model.version,
        accepted=verdict.accepted,
        advice=_advice(verdict),
        meaning=[words.speak(sentence) for sentence in meaning_in_words(result)],
        refused=[row for row in gates if row.outcome == "refused"],
        signal=result.signal.words,
        gates=gates,
        notes=verdict.notes,
        signed=verdict.signed,
        looked=[_title(name) for name in result.guards.looked],
        findings=[_finding_row(finding, signed_off) for finding in result.guards.found],
        quality=describe_quality(result, verdict),
        captions={name: Markup(words.speak(text)) for name, text in CAPTIONS.items()},
    )


def _advice(verdict: Verdict) -> str:
    """Return a sentence with the verdict, and what to do."""
    if not verdict.accepted:
        return "Do not use this model: the champion is unchanged. Look at the gates that refused the model."
    if any(gate.signed for gate in verdict.gates):
        return (
            "Every gate was passed; some gates were passed only because a person signed off a finding. "
            "The model is the champion now."
        )
    return "Every gate was passed. The model is the champion now, and scores from tonight on."


def _finding_row(finding: Finding, signed_off: Set[tuple[str, str]]) -> FindingRow:
    status = "signed off" if (finding.guard, finding.place) in signed_off else finding.severity
    return FindingRow(_title(finding.guard), status, finding.place, finding.found, finding.way_out)


def _title(name: str) -> str:
    return name.replace("_", " ")
