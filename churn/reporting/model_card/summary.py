"""The model card in short: what must not be missed, where few characters may stand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from churn.evaluation.champion import champion_itself
from churn.guards.verdict import Verdict
from churn.metrics.catalog import MAIN_METRICS, METRICS
from churn.metrics.interval import format_interval
from churn.model.registry import DESCRIPTION_LENGTH
from churn.reporting.model_card.card_words import LIMITS, label_part, notes_part, sentence, tested_part
from churn.reporting.model_card.tables import cohort_part, findings_told, paired_told

OFF = "calibration of "
"""How the notes on kinds of customers that are off begin; they have a part of their own."""


@dataclass(frozen=True)
class Part:
    """A part of the card: lines that stand whole, and items that are told as far as there is room."""

    name: str
    lines: Sequence[str]
    items: Sequence[str] = ()
    told: int = 0

    @property
    def text(self) -> list[str]:
        """Return the part as lines, with how many items are left out."""
        if not self.lines and not self.items:
            return []
        left_out = len(self.items) - self.told
        more = [f"- … and {left_out} more, on the whole card"] if left_out else []
        items = [f"- {item}" for item in self.items[: self.told]] + more
        between = [""] if self.lines and items and not self.lines[-1].startswith("- ") else []
        return ["", f"## {self.name}", "", *self.lines, *between, *items]


def card_in_short(
    evaluated: Mapping[str, Any],
    spec: Mapping[str, Any],
    verdict: Verdict | None = None,
    most: int = DESCRIPTION_LENGTH,
) -> str:
    """Return the card in at most so many characters; a part whose figures are absent is left out.

    Label, cohort and main figures stand whole. Of kinds of customers that are off, findings, refusals and
    limits as many are told as there is room for, in turn, and the others are counted.

    Args:
        evaluated: The content of metrics.json.
        spec: The spec of the model's bundle.
        verdict: How the gates ended, once they were asked.
        most: The number of characters.
    """
    model, found = evaluated["model"], evaluated.get("signal")
    run = f" `{model['run_id']}`" if "run_id" in model else ""
    head = [
        f"# Model card in short: {spec['model']}, version {model['version']}",
        "",
        f"The whole card is `evaluate/card.md` in the artefacts of the run{run}.",
        *(["", sentence(found["words"])] if found else []),
    ]
    parts = [
        Part("Label", label_part(spec)),
        Part("Cohort", cohort_part(evaluated, spec)),
        Part("Results", [*tested_part(evaluated, spec), "", *_figures(evaluated)]),
        _off(evaluated),
        _guards(evaluated, verdict),
        _promotion(evaluated, verdict),
        _limits(evaluated),
    ]
    return _text(head, _fitted(head, parts, most))


def _text(head: Sequence[str], parts: Sequence[Part]) -> str:
    return "\n".join([*head, *(line for part in parts for line in part.text)]) + "\n"


def _fitted(head: Sequence[str], parts: Sequence[Part], most: int) -> list[Part]:
    """Tell one more item of each part in turn, until none has room for its next."""
    fitted, growing = list(parts), list(range(len(parts)))
    while growing:
        for place in list(growing):
            part = fitted[place]
            more = replace(part, told=part.told + 1)
            longer = [*fitted[:place], more, *fitted[place + 1 :]]
            if part.told == len(part.items) or len(_text(head, longer)) > most:
                growing.remove(place)
            else:
                fitted = longer
    return fitted


def _figures(evaluated: Mapping[str, Any]) -> Iterator[str]:
    ours, share = evaluated["candidates"]["challenger"], float(evaluated["contact_share"])
    yield from ("| | the model |", "|---|---|")
    yield from (
        f"| {METRICS[name].title_at(share)} | {METRICS[name].format(ours[name])} |"
        for name in MAIN_METRICS
        if ours.get(name)
    )
    yield from ("", "Differences of log loss (below 0: this model is better):", "")
    yield from paired_told(evaluated)


def _off(evaluated: Mapping[str, Any]) -> Part:
    section = evaluated.get("calibration_by_segment") or {}
    judged = [
        (f"{name} {one['level']}", one)
        for name, levels in section.get("groups", {}).items()
        for one in levels
        if one["judged"]
    ]
    off = [f"{name}: {format_interval(one['observed_expected'], 2)}" for name, one in judged if one["off"]]
    if not judged:
        return Part("Kinds of customers", ())
    if not off:
        return Part("Kinds of customers", [f"Of {len(judged)} judged none is shown to be off."])
    told = (
        f"Of {len(judged)} judged {len(off)} are off: their observed/expected is not that of all customers, "
        f"{format_interval(section['all']['observed_expected'], 2)}."
    )
    return Part("Kinds of customers", [told], off)


def _guards(evaluated: Mapping[str, Any], verdict: Verdict | None) -> Part:
    guards = evaluated.get("guards")
    if not guards:
        return Part("Guards", ())
    found = findings_told(guards)
    signed = [f"signed off: {one}" for one in verdict.signed] if verdict else []
    ended = "what they found:" if found else "they found nothing."
    return Part("Guards", [f"Guards that looked: {len(guards['looked'])}; {ended}"], [*found, *signed])


def _promotion(evaluated: Mapping[str, Any], verdict: Verdict | None) -> Part:
    itself = champion_itself(evaluated)
    if verdict is None:
        told = ["It is the champion; the gates were asked when it was promoted."] if itself else []
        return Part("Promotion", told)
    ended = "Accepted" if verdict.accepted else "Refused"
    when = " when it was promoted" if itself else ""
    passed = sum(gate.passed for gate in verdict.gates)
    others = [
        f"{gate.ended}: {gate.words.removeprefix('promote: ')}"
        for gate in verdict.gates
        if gate.ended != "passed"
    ]
    return Part("Promotion", [f"{ended}{when}: {passed} of {len(verdict.gates)} gates passed."], others)


def _limits(evaluated: Mapping[str, Any]) -> Part:
    notes = [note for about, note in notes_part(evaluated).items() if not about.startswith(OFF)]
    return Part("Limits", [f"- {limit}" for limit in LIMITS], notes)
