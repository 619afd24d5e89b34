"""What the program writes into its files has a German text: figures, practices, candidates, reasons."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from datetime import date
from types import ModuleType, SimpleNamespace

import pytest

from churn import kpis
from churn.data.ingest.rules import rules_for
from churn.data.ingest.staging import StagedTable
from churn.data.tables import CANONICAL_TABLES
from churn.drift import freshness, night, signals
from churn.drift.result import Performance, SignalDrift, ToldApart, Trigger
from churn.drift.signals import signal_alarms
from churn.drift.triggers import triggers_of
from churn.kpis.audit import RULES, UNMEASURABLE_PRACTICES
from churn.kpis.catalog import FIGURES
from churn.metrics.catalog import CANDIDATE_NAMES
from churn.metrics.interval import Interval
from churn.reporting.page.tonight import why_trial
from churn.reporting.page.words import Words, _value_patterns
from tests.code_sentences import Sentences

TEXTS = {
    "titles of figures": [definition.title for definition in FIGURES.values()],
    "units of figures": [definition.unit for definition in FIGURES.values()],
    "practices": [rule.title for rule in RULES.values()] + [title for _, title, _ in UNMEASURABLE_PRACTICES],
    "evidence": [rule.unit for rule in RULES.values()],
    "next steps": [rule.raise_it for rule in RULES.values()],
    "questions": [question for _, _, question in UNMEASURABLE_PRACTICES],
    "candidates": list(CANDIDATE_NAMES.values()),
}
REASON = re.compile(r"^NO(?:BODY)?_[A-Z_]+ = \"(?P<text>[^\"(][^\"]*)\"", re.MULTILINE)


def has_german(text: str) -> bool:
    return any(pattern.fullmatch(text) for pattern, _ in _value_patterns())


@pytest.mark.parametrize("kind", TEXTS)
def test_texts_of_the_files_have_a_german_text(kind: str) -> None:
    assert [text for text in TEXTS[kind] if not has_german(text)] == []


REASON_OF = {"missing_figure": 2, "missing_figures": 2, "share_figure": 4}
"""The place of the reason among the arguments of the functions that make missing figures."""

KPI_MODULES = [
    importlib.import_module(module.name) for module in pkgutil.walk_packages(kpis.__path__, "churn.kpis.")
]


def reasons_of(module: ModuleType) -> Iterator[str]:
    """Yield why figures of a module may be missing, as the code says it."""
    yield from (match["text"] for match in REASON.finditer(inspect.getsource(module)))
    own = Sentences(module, {"known_on": ["2025-09-30"]})
    for callee, place in REASON_OF.items():
        for call, function in own.calls(callee):
            texts = own.of(call.args[place], function)
            yield from (text for text in texts if text != "7")  # a reason that another function states


@pytest.mark.parametrize(
    "module", KPI_MODULES, ids=lambda module: module.__name__.removeprefix("churn.kpis.")
)
def test_reasons_of_missing_figures_have_a_german_text(module: ModuleType) -> None:
    assert [text for text in reasons_of(module) if not Words("de").speaks(text)] == []


def test_the_reasons_of_many_figures_are_read() -> None:
    assert len({text for module in KPI_MODULES for text in reasons_of(module)}) >= 40


@pytest.mark.parametrize(
    "triggers",
    [
        triggers_of(
            date(2024, 3, 1),
            alarms=(),
            signals=known_signals,
            score=None,
            told_apart=ToldApart(),
            performance=Performance(because="no night of this model has a known outcome yet"),
            gate=(0.8, 1.25),
            newest_cutoff=date(2024, 1, 31),
            churners_learnt=90,
            churners_since=None,
        )
        for known_signals in (None, ())
    ],
)
def test_reasons_to_train_again_have_a_german_text(triggers: tuple[Trigger, ...]) -> None:
    assert [trigger.text for trigger in triggers if not has_german(trigger.text)] == []


def test_sentences_of_alarms_are_in_german_with_german_numbers_and_days() -> None:
    moved = SignalDrift(
        signal="logins_drop_182d",
        table="logins",
        psi=1.104,
        by_chance=0.02,
        usual=0.02,
        limit=0.5,
        missing=0.0,
        missing_in_training=0.11,
        has_moved=True,
    )

    alarms = signal_alarms((moved,) * 7, moved)

    assert [Words("de").value(alarm.text) for alarm in alarms] == [
        "7 Signale haben sich seit dem Training bewegt, weiter als je zwischen dessen Stichtagen: "
        + ", ".join(["logins_drop_182d (PSI 1,10, Grenze 0,50, fehlend 0\u00a0% statt 11\u00a0%)"] * 5)
        + " und 2 weitere.",
        "die Wahrscheinlichkeiten haben sich seit dem Training bewegt (PSI 1,10, Grenze 0,50).",
    ]
    assert Words("de").value("stopped after 2025-09-30: no row for 1,098 days.") == (
        "endet am 30. Sept. 2025: seit 1.098 Tagen keine Zeile."
    )


PLACES = {
    "newest": "2025-09-30",
    "since": "2025-09-30",
    "_no_rows(age)": "no row for 9 days",
    "_usual_gap(longest)": ", where the longest gap was 3 days",
    "_factor_in_words(ratio)": "about 100 times",
    "rows": "7 rows since 2025-09-30, but 70 were expected",
    "'s' if silent[-1].days > 1 else ''": "s",
    "verb": "signals have",
    "more": "",
}
"""What stands at the places of alarms that hold no number."""


def alarm_sentences(source: str) -> Iterator[str]:
    """Yield the texts and the ways out of alarms, with a number, a day or a word at each place."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "Alarm":
            for keyword in node.keywords:
                if keyword.arg in ("text", "way_out"):
                    yield "".join(map(_content_of, getattr(keyword.value, "values", [keyword.value])))


def _content_of(part: ast.expr) -> str:
    if isinstance(part, ast.FormattedValue):
        return PLACES.get(ast.unparse(part.value), "7")
    return str(ast.literal_eval(part))


@pytest.mark.parametrize("module", [freshness, signals, night])
def test_every_alarm_of_the_code_has_a_german_text(module: ModuleType) -> None:
    sentences = list(alarm_sentences(inspect.getsource(module)))

    assert sentences
    assert [sentence for sentence in sentences if not has_german(sentence)] == []


@pytest.mark.parametrize("gate_range", [(0.8, 1.25), (2.0, 3.0)])
def test_reasons_to_train_again_with_numbers_have_a_german_text(gate_range: tuple[float, float]) -> None:
    ratio = Interval(value=1.1, low=0.95, high=1.32)

    triggers = triggers_of(
        date(2024, 3, 1),
        alarms=(),
        signals=(),
        score=None,
        told_apart=ToldApart(auc=Interval(value=0.91, low=0.88, high=0.94)),
        performance=Performance(level=ratio),
        gate=gate_range,
        newest_cutoff=date(2024, 1, 31),
        churners_learnt=4900,
        churners_since=1234,
    )

    said = [Words("de").value(trigger.text) for trigger in triggers]
    assert [trigger.text for trigger in triggers if not has_german(trigger.text)] == []
    assert "1,10 [0,95; 1,32]" in said[0]
    assert "0,91 [0,88; 0,94]" in said[1]
    assert "1.234" in said[3]


@pytest.mark.parametrize(
    ("gate", "english", "own_german"),
    [
        (
            "beats_rfm",
            "better than this: recency, frequency and value.",
            "als dies: Aktualität, Häufigkeit und Wert.",
        ),
        ("signal", "predicts who leaves.", "vorhersagt, wer geht."),
        ("no_guard_raised", "A guard found a leak or", "Ein Wächter hat ein Leck oder"),
        ("post_outcome", "The guard “post outcome” found", "Der Wächter „post outcome“ hat"),
    ],
)
def test_a_refusal_is_said_in_plain_words(gate: str, english: str, own_german: str) -> None:
    assert english in why_trial(gate, Words("en"))
    assert own_german in why_trial(gate, Words("de"))


def test_every_rule_of_a_row_has_a_german_text() -> None:
    names = [
        rule.name
        for table in CANONICAL_TABLES.values()
        for rule in rules_for(
            StagedTable(SimpleNamespace(table=table), "rows", "typed", tuple(table.columns)),  # type: ignore[arg-type]
            "2025-01-01",
        )
    ]

    assert len(set(names)) > 20
    assert [name for name in names if not has_german(name)] == []


def test_a_text_without_german_is_found() -> None:
    assert not has_german("nobody wrote this")
