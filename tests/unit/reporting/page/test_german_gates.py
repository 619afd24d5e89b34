"""What the gates of promotion say has a German text; the sentences are read from the code of the gates."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from types import ModuleType

import pytest

from churn.errors import did_you_mean
from churn.evaluation import evaluate
from churn.guards import sign_off
from churn.guards.model import outcomes
from churn.guards.verdict import Gate
from churn.metrics.catalog import CANDIDATE_NAMES, METRICS, candidate_name
from churn.metrics.interval import Interval
from churn.params import CHURN_WORDS, LabelWords, event_words
from churn.promotion import champion_gates, gates
from churn.promotion.champion_gates import NOT_LESS
from churn.reporting.page.page import render_page
from churn.reporting.page.sources import read_report_sources
from churn.reporting.page.words import Words
from churn.scoring import champion_checks
from churn.scoring.night import Trial
from tests.code_sentences import Sentences

METRIC = f"{METRICS[NOT_LESS[0]].title_at()}, against {candidate_name('champion')}"

PLACES = {
    "name": candidate_name("rfm"),
    "candidate_name(name)": candidate_name("rfm"),
    "candidate_name(reference)": candidate_name("champion"),
    "same_season[0].cutoff": "2024-06-01",
    "format_interval(loss, 4)": "-0.0009 [-0.0044, 0.0026]",
    "reason": "the dates are right",
    "file": "params.yaml",
    "params_file": "params.yaml",
}
"""What stands at the places of the sentences that hold no plain number."""


def sentences_of(module: ModuleType, places: Mapping[str, Sequence[str]]) -> Sentences:
    """Return the sentences of a module; a place holds a number, or what `PLACES` or `places` says."""
    return Sentences(module, {name: [text] for name, text in PLACES.items()} | dict(places))


def no_signal() -> list[str]:
    """Return the verdict on which the gate of the signal refuses."""
    own = sentences_of(evaluate, {})
    calls = [
        ({keyword.arg: keyword.value for keyword in call.keywords}, function)
        for call, function in own.calls("SignalVerdict")
    ]
    return [
        text
        for keywords, function in calls
        if ast.unparse(keywords["found"]) == "'no signal'"
        for text in own.of(keywords["words"], function)
    ]


GATES = {
    gates: {
        "result.signal.words": no_signal(),
        "finding": sentences_of(outcomes, {}).returned("too_good"),
        "TOO_GOOD_RULE": [outcomes.TOO_GOOD_RULE],
    },
    champion_gates: {},
    sign_off: {
        "' '.join(stops) or counts": [
            "alone: customers.plan: the attribute holds dates, which a model cannot use as categories. "
            "Remove the attribute from tables.customers.static."
        ],
        "section": ["params.yaml: evaluate"],
    },
}


def gate_texts(module: ModuleType) -> Iterator[tuple[str, str]]:
    """Yield the rules of the gates of a module, and what each gate says where it refuses."""
    own = sentences_of(module, GATES[module])
    for call, function in own.calls("Gate.of"):
        places = own
        if function.name == "_not_less":
            places = sentences_of(module, GATES[module] | {"name": [METRIC]})
        _, passed, _, rule, sentence, way_out = call.args
        for text in places.of(rule, function):
            yield "rule", text
        if ast.unparse(passed) == "True":
            continue
        for said, out in product(places.of(sentence, function), places.of(way_out, function)):
            gate = Gate.of("gate", False, Interval(value=None), text, said, out)
            yield "words", gate.words.removeprefix("promote: ")


@pytest.mark.parametrize(
    "label",
    [CHURN_WORDS, event_words("upgrade"), event_words("plan up-grade")],
    ids=lambda label: label.event,
)
@pytest.mark.parametrize(
    ("module", "n_rules", "n_words"), [(gates, 7, 10), (champion_gates, 5, 10), (sign_off, 1, 1)]
)
def test_every_gate_of_the_code_has_a_german_text(
    module: ModuleType, n_rules: int, n_words: int, label: LabelWords
) -> None:
    texts = [(kind, label.speak(text)) for kind, text in gate_texts(module)]

    kinds = [kind for kind, _ in texts]
    assert kinds.count("rule") >= n_rules
    assert kinds.count("words") >= n_words
    assert [text for _, text in texts if not Words("de", label).speaks(text)] == []


def champion_sentences() -> list[str]:
    """Return all sentences on why a champion cannot score a night."""
    nearest = ["", did_you_mean("horizon_day", ["horizon_days"])]
    own = sentences_of(champion_checks, {"did_you_mean(entry['name'], columns)": nearest})
    function = own.functions["fit_problems"]
    sentences = [call.args[0] for call, _ in own.calls("problems.append") if call.args]
    sentences += [
        node.elt
        for node in ast.walk(function)
        if isinstance(node, ast.ListComp) and isinstance(node.elt, ast.JoinedStr)
    ]
    return [text for node in sentences for text in own.of(node, function)]


def test_a_champion_that_cannot_score_and_a_model_without_a_test_are_explained_in_german() -> None:
    own = sentences_of(evaluate, {})
    not_evaluated = [text for call, function in own.calls("Stop") for text in own.of(call.args[0], function)]
    of_the_champion = champion_sentences()

    assert len(of_the_champion) >= 5
    assert len(not_evaluated) >= 1
    assert [text for text in (*of_the_champion, *not_evaluated) if not Words("de").speaks(text)] == []


def test_names_in_the_sentences_of_gates_have_a_german_text() -> None:
    names = [*map(candidate_name, CANDIDATE_NAMES), *(METRICS[metric].title_at() for metric in NOT_LESS)]

    assert [name for name in names if not Words("de").speaks(name)] == []


def test_a_refusal_is_in_german_with_german_numbers_and_names() -> None:
    said = Words("de").value(
        "log loss of the challenger minus that of recency, frequency and value: -0.0009 [-0.0044, 0.0026]; "
        "the gate requires an interval below 0. Champion unchanged. Add signals, cutoffs or data, and see "
        "evaluate/card.md."
    )

    assert said == (
        "Herausforderer minus „Aktualität, Häufigkeit und Wert“, Log-Verlust: -0,0009 [-0,0044; 0,0026]; die "
        "Prüfung verlangt ein Intervall unter 0. Der Champion bleibt. Ergänzen Sie Signale, Stichtage oder "
        "Daten, und sehen Sie in evaluate/card.md nach."
    )


def test_the_name_of_a_segment_keeps_its_digits() -> None:
    said = Words("de").value(
        "AUC of the challenger minus that of the champion, by segment: too low in size 1.5-2,000: "
        "-0.031 [-0.050, -0.012]. The gate tests 4 segments with at least 300 churners. It refuses the "
        "challenger if the difference in a segment is below -0.02 and the whole interval of this difference "
        "is below 0."
    )

    assert "verloren in size 1.5-2,000: -0,031 [-0,050; -0,012]; die Prüfung" in said


@pytest.mark.parametrize(
    "text",
    [
        "nobody wrote this. Champion unchanged. Add signals, cutoffs or data, and see evaluate/card.md.",
        "no signal: nobody wrote this.",
    ],
)
def test_a_refusal_of_which_a_part_has_no_german_stays_english(text: str) -> None:
    words = Words("de")

    assert not words.speaks(text)
    assert words.value(text) == text


def test_the_page_of_a_trial_says_in_german_what_is_missing_and_marks_what_stays_english(
    evaluated: Path,
) -> None:
    sources = read_report_sources(evaluated)
    trial = Trial(
        ("not_too_good", "no_guard_raised"),
        (
            "challenger AUC 0.970 is above 0.95; that is usually a leak. Champion unchanged. Look at the "
            "most important signals; if these signals are no leak, write the reason under "
            "evaluate.accept.too_good in params.yaml.",
            "a guard found this.",
        ),
        ("the 95% interval of AUC lies above one half", "a rule of nobody"),
    )

    facts = sources.facts.model_copy(update={"trial": trial.as_json()})
    page = str(render_page(replace(sources, facts=facts), Words("de")))

    assert "<li>Die AUC des Herausforderers, 0,970, ist über 0,95; das ist meist ein Leck. Der" in page
    assert '<li lang="en">a guard found this.</li>' in page
    assert "wenn dies gilt: " in page
    assert "das 95-%-Intervall der AUC liegt über einem Halben" in page
    assert '<span lang="en"><span data-quote="free">a rule of nobody</span></span>' in page
