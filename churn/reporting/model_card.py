"""The model card, which says what a person should know before a model is used, and the summary of the
card.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from churn.data.files import write_atomically
from churn.evaluation.result import EvaluationResult
from churn.guards.sign_off import group_findings, group_sentence
from churn.guards.verdict import Verdict
from churn.labels.outcomes import HOW_LEFT, WHY_LEFT
from churn.metrics.catalog import CANDIDATE_NAMES, MAIN_METRICS, METRICS, pair_name
from churn.metrics.interval import (
    cutoff_count,
    format_interval,
    format_range,
    level_in_words,
    test_set_uses,
)
from churn.model.bundle import load_scorer
from churn.model.registry import DESCRIPTION_LENGTH
from churn.reporting.console import split_lines, terms_in_words
from churn.reporting.markdown import code_span, escape_markdown, escape_sentence
from churn.reporting.rendering import Filters, markdown_template
from churn.training.recipe import Recipe

CARD_METRICS = (
    "log_loss",
    "brier",
    "auc",
    "average_precision",
    "lift_at_contact_share",
    "precision_at_contact_share",
    "profit_per_customer_at_contact_share",
    "observed_expected",
    "calibration_slope",
)
"""The metrics in the tables of the card, in the order of the card."""

LIMITS = (
    "The model says nothing about customers outside the cohort. The model knows no data after the last "
    "cutoff of its training.",
    "The probabilities hold as long as customers behave as they did at the test cutoffs: watch "
    "observed/expected in the report, and train again when observed/expected drifts.",
    "A contact can change what a customer does: then the label does not show what happens without a contact.",
)
"""The sentences about limits that hold for every model."""

SEGMENT_NOTES = "calibration of "
"""The words with which notes about segments begin; the summary shows these notes in its part about
segments.
"""


@dataclass(frozen=True)
class Card:
    """The path of the model card and the text of the card's summary."""

    path: Path
    summary: str


def write_card(
    folder: Path,
    result: EvaluationResult,
    bundle: Path,
    importance: Mapping[str, float],
    verdict: Verdict | None = None,
) -> Card:
    """Write `card.md` of the evaluated model.

    Args:
        folder: The folder of the evaluation.
        result: The result of the evaluation.
        bundle: The folder with the files of the evaluated model.
        importance: Each signal's share of all contributions to the predictions, 0 to 1, the largest first.
        verdict: The verdict of the gates; None as long as `churn promote` has not run.
    """
    spec = load_scorer(bundle, way_out="Run `churn train` again.").spec
    path = folder / "card.md"
    write_atomically(path, render_card(result, spec, importance, verdict).encode())
    return Card(path, summarize_card(result, spec, verdict))


def render_card(
    result: EvaluationResult,
    spec: Mapping[str, Any],
    importance: Mapping[str, float],
    verdict: Verdict | None = None,
) -> str:
    """Return the model card as Markdown; a section that has no figures is left out.

    Args:
        result: The result of the evaluation.
        spec: The spec of the model's bundle.
        importance: Each signal's share of all contributions to the predictions, 0 to 1, the largest first.
        verdict: The verdict of the gates; None as long as `churn promote` has not run.
    """
    text = _template("card.md", result).render(
        result=result,
        spec=spec,
        importance=dict(importance),
        verdict=verdict,
        candidates=[name for name in CANDIDATE_NAMES if name in result.candidates],
        spread=result.spread.get("challenger"),
        splits=split_lines(result.four_numbers),
        findings=_finding_lines(result),
        notes=_notes(result),
        measured_terms=_measured_terms(result),
    )
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def _measured_terms(result: EvaluationResult) -> str:
    """Describe the costs and the effect of a contact from which the profit is computed.

    The text is empty if both the costs and the effect are assumed.
    """
    value = result.value
    is_measured = value is not None and (value.measured_share is not None or value.measured_cost is not None)
    return terms_in_words(result) if is_measured else ""


def _template(name: str, result: EvaluationResult) -> jinja2.Template:
    filters: Filters = {
        "sentence": _sentence,
        "interval": format_interval,
        "level": level_in_words,
        "range": lambda values: format_range(values.min, values.max),
        "pair_title": pair_name,
        "metric_title": partial(_metric_title, contact_share=result.contact_share),
        "candidate_title": CANDIDATE_NAMES.__getitem__,
        "cutoff_count": cutoff_count,
        "test_set_uses": lambda count: " ".join(test_set_uses(count)),
        "estimator": lambda recipe: Recipe(**recipe).describe(),
        "active_settings": lambda recipe: sorted(Recipe(**recipe).active().items()),
    }
    values = {
        "how_left": HOW_LEFT,
        "why_left": WHY_LEFT,
        "main_metrics": MAIN_METRICS,
        "card_metrics": CARD_METRICS,
        "limits": LIMITS,
        "event": result.event,
    }
    return markdown_template(name, filters, values, result.words)


@dataclass(frozen=True)
class SummaryPart:
    """A part of the summary: a text that is always shown, and items that are shown as far as there is room.

    Attributes:
        text: `Markup` with Markdown, or a plain sentence, which is escaped.
        items: Sentences, which are escaped, so that Markdown in a name from the data is shown as plain text.
        n_shown: The number of items that are shown.
    """

    title: str
    text: str
    items: Sequence[str] = ()
    n_shown: int = 0

    @property
    def lines(self) -> list[str]:
        """Return the lines of the part as Markdown; the last line counts the items that are not shown."""
        if not self.text and not self.items:
            return []
        hidden = len(self.items) - self.n_shown
        more = [f"- … and {hidden} more, see the whole card"] if hidden else []
        items = [*(f"- {escape_sentence(item)}" for item in self.items[: self.n_shown]), *more]
        text = escape_sentence(self.text).splitlines()
        gap = [""] if text and items and not text[-1].startswith("- ") else []
        return ["", f"## {self.title}", "", *text, *gap, *items]


def summarize_card(
    result: EvaluationResult,
    spec: Mapping[str, Any],
    verdict: Verdict | None = None,
    max_characters: int = DESCRIPTION_LENGTH,
) -> str:
    """Return the summary of the model card, which becomes the description of a version in the registry.

    The label, the cohort and the main figures are always shown. Then the summary adds findings, refusals,
    limits, and segments whose probabilities are wrong: one of each in turn, as long as there is room. Items
    for which there is no room are only counted.

    Args:
        result: The result of the evaluation.
        spec: The spec of the model's bundle.
        verdict: The verdict of the gates; None as long as `churn promote` has not run.
        max_characters: The largest number of characters of the summary.
    """
    head = [
        f"# Summary of the model card: {escape_markdown(spec['model'])}, version {result.model.version}",
        "",
        f"The whole card is `evaluate/card.md` in the artefacts of the run {code_span(result.model.run_id)}.",
        "",
        escape_sentence(_sentence(result.signal.words)),
    ]
    macros: Any = _template("card_parts.md", result).module
    figures = Markup("\n\n").join((macros.tested(result, spec), macros.figures(result))).strip()
    parts = [
        SummaryPart("Label", macros.label(spec).strip()),
        SummaryPart("Cohort", macros.cohort(result, spec).strip()),
        SummaryPart("Results", figures),
        _segments_part(result),
        _guards_part(result, verdict),
        _promotion_part(result, verdict),
        _limits_part(result),
    ]
    return _join(head, _fit(head, parts, max_characters))


def _join(head: Sequence[str], parts: Sequence[SummaryPart]) -> str:
    return "\n".join([*head, *(line for part in parts for line in part.lines)]) + "\n"


def _fit(head: Sequence[str], parts: Sequence[SummaryPart], max_characters: int) -> list[SummaryPart]:
    """Show one more item of each part in turn, until no further item fits into the summary."""
    fitted, growing = list(parts), list(range(len(parts)))
    while growing:
        for number in list(growing):
            part = fitted[number]
            longer = [*fitted[:number], replace(part, n_shown=part.n_shown + 1), *fitted[number + 1 :]]
            if part.n_shown == len(part.items) or len(_join(head, longer)) > max_characters:
                growing.remove(number)
            else:
                fitted = longer
    return fitted


def _segments_part(result: EvaluationResult) -> SummaryPart:
    section = result.calibration_by_segment
    tested = [
        (f"{name} {level.level}", level)
        for name, levels in section.groups.items()
        for level in levels
        if level.judged
    ]
    off = [f"{name}: {format_interval(level.observed_expected, 2)}" for name, level in tested if level.off]
    if not tested:
        return SummaryPart("Segments", "")
    if not off:
        return SummaryPart(
            "Segments",
            f"{len(tested)} segments were tested; in no segment are the probabilities proved to be too "
            "high or too low.",
        )
    text = (
        f"{len(tested)} segments were tested, and in {len(off)} of them the probabilities are too high or "
        "too low, compared with all customers. Observed/expected is "
        f"{format_interval(section.all.observed_expected, 2)} for all customers, and for these segments:"
    )
    return SummaryPart("Segments", text, off)


def _guards_part(result: EvaluationResult, verdict: Verdict | None) -> SummaryPart:
    looked = result.guards.looked
    if not looked:
        return SummaryPart("Guards", "")
    findings = _finding_lines(result)
    signed = [f"signed off: {line}" for line in verdict.signed] if verdict else []
    ended = "their findings:" if findings else "they found nothing."
    return SummaryPart("Guards", f"{len(looked)} guards ran; {ended}", [*findings, *signed])


def _promotion_part(result: EvaluationResult, verdict: Verdict | None) -> SummaryPart:
    is_champion = result.evaluated_champion
    if verdict is None:
        text = (
            ("The model is the champion; the gates were applied when it was promoted.") if is_champion else ""
        )
        return SummaryPart("Promotion", text)
    ended = "Accepted" if verdict.accepted else "Refused"
    when = " when it was promoted" if is_champion else ""
    passed = sum(gate.passed for gate in verdict.gates)
    others = [
        f"{gate.outcome}: {gate.words.removeprefix('promote: ')}"
        for gate in verdict.gates
        if gate.outcome != "passed"
    ]
    return SummaryPart("Promotion", f"{ended}{when}: {passed} of {len(verdict.gates)} gates passed.", others)


def _limits_part(result: EvaluationResult) -> SummaryPart:
    notes = [note for subject, note in _notes(result).items() if not subject.startswith(SEGMENT_NOTES)]
    return SummaryPart(
        "Limits", Markup("\n").join(Markup("- ") + escape_sentence(limit) for limit in LIMITS), notes
    )


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]


def _metric_title(name: str, contact_share: float) -> str:
    return METRICS[name].title_at(contact_share)


def _finding_lines(result: EvaluationResult) -> list[str]:
    """Return lines with the findings of the guards.

    Findings of the same guard share a line if the same step solves them (`way_out`).
    """
    groups = group_findings(result.guards.found)
    return [f"{group[0].severity}: {group_sentence(group, way_out=False)}" for group in groups]


def _notes(result: EvaluationResult) -> dict[str, str]:
    """Return the notes by subject, without the note about the champion, which is not a limit of the model."""
    return {subject: note for subject, note in result.notes.items() if subject != "champion"}
