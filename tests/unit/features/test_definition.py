from __future__ import annotations

import importlib.util
from dataclasses import replace

import pytest

from churn.features.definition import code_digest
from churn.features.language import events
from churn.features.library import known
from churn.params import LabelParams, Params

SIGNALS = known(Params(source="nowhere", label=LabelParams(kind="contract", horizon_days=28)))
CODE = """
FEW = 3

def helped(view):
    return view.count() + FEW

def quiet(view):
    '''Say so.'''
    # how quiet
    return helped(view.last(days=28))
"""


@pytest.fixture
def digest(tmp_path, monkeypatch):
    """Return the digest of `quiet` in a file of this text."""

    def of(text, folder="a"):
        path = tmp_path / folder / f"{abs(hash(text))}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        spec = importlib.util.spec_from_file_location("churn.features.signals.drawn", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return code_digest(module.quiet)

    return of


@pytest.mark.parametrize(
    ("before", "after"),
    [("days=28", "days=14"), ("FEW = 3", "FEW = 4"), ("view.count() +", "view.count() -")],
)
def test_other_code_constants_or_helpers_are_another_definition(digest, before, after):
    assert digest(CODE.replace(before, after)) != digest(CODE)


@pytest.mark.parametrize(
    ("before", "after"), [("Say so.", "Say more."), ("# how quiet", "# why"), ("FEW = 3", "\n\n\nFEW = 3")]
)
def test_words_lines_and_places_are_not_part_of_a_definition(digest, before, after):
    assert digest(CODE.replace(before, after), folder="b") == digest(CODE)


def test_a_verb_that_counts_otherwise_changes_the_signals_that_use_it(monkeypatch):
    def ratio(part, whole, prior=0.0):
        return part / whole

    ratio.__module__, ratio.__qualname__ = events.ratio.__module__, events.ratio.__qualname__
    used = SIGNALS["login_change"].function
    before = code_digest(used)
    monkeypatch.setitem(used.__globals__, "ratio", ratio)
    code_digest.cache_clear()

    changed = code_digest(used)

    code_digest.cache_clear()
    assert changed != before


def test_sentences_do_not_define_a_signal_but_its_look_back_does():
    one = SIGNALS["login_change"]

    assert replace(one, reason={"en": "other"}).definition == one.definition
    assert replace(one, looks_back=120).definition != one.definition


def test_every_signal_has_a_definition_of_its_own():
    said = [signal.described()["definition"] for signal in SIGNALS.values()]

    assert len(set(said)) == len(SIGNALS)
