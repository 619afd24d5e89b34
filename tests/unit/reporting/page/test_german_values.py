"""What the program writes into its files has a German text: figures, practices, candidates, reasons."""

from __future__ import annotations

import inspect
import re
from datetime import date
from types import ModuleType

import pytest

from churn.drift.result import Performance, ToldApart, Trigger
from churn.drift.triggers import triggers_of
from churn.kpis import audit, observed_churn, orders, recurring, referrals, retention, value, voice
from churn.kpis.audit import RULES, UNMEASURABLE_PRACTICES
from churn.kpis.catalog import FIGURES
from churn.metrics.catalog import CANDIDATE_NAMES
from churn.reporting.page.words import _value_patterns

TEXTS = {
    "titles of figures": [definition.title for definition in FIGURES.values()],
    "units of figures": [definition.unit for definition in FIGURES.values()],
    "practices": [rule.title for rule in RULES.values()] + [title for _, title, _ in UNMEASURABLE_PRACTICES],
    "evidence": [rule.unit for rule in RULES.values()],
    "next steps": [rule.raise_it for rule in RULES.values()],
    "questions": [question for _, _, question in UNMEASURABLE_PRACTICES],
    "candidates": list(CANDIDATE_NAMES.values()),
}
REASON = re.compile(r"^NO(?:BODY)?_[A-Z_]+ = \"(?P<text>[^\"]+)\"", re.MULTILINE)


def has_german(text: str) -> bool:
    return any(pattern.fullmatch(text) for pattern, _ in _value_patterns())


@pytest.mark.parametrize("kind", TEXTS)
def test_texts_of_the_files_have_a_german_text(kind: str) -> None:
    assert [text for text in TEXTS[kind] if not has_german(text)] == []


@pytest.mark.parametrize(
    "module", [audit, observed_churn, orders, recurring, referrals, retention, value, voice]
)
def test_reasons_of_missing_figures_have_a_german_text(module: ModuleType) -> None:
    reasons = [match["text"] for match in REASON.finditer(inspect.getsource(module))]

    assert reasons
    assert [text for text in reasons if not has_german(text)] == []


@pytest.mark.parametrize(
    "triggers",
    [
        triggers_of(
            date(2024, 3, 1),
            alarms=(),
            signals=signals,
            score=None,
            told_apart=ToldApart(),
            performance=Performance(because="no night of this model has a known outcome yet"),
            gate=(0.8, 1.25),
            newest_cutoff=date(2024, 1, 31),
            churners_learnt=90,
            churners_since=None,
        )
        for signals in (None, ())
    ],
)
def test_reasons_to_train_again_have_a_german_text(triggers: tuple[Trigger, ...]) -> None:
    assert [trigger.text for trigger in triggers if not has_german(trigger.text)] == []


def test_a_text_without_german_is_found() -> None:
    assert not has_german("nobody wrote this")
