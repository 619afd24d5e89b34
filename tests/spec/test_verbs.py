"""Every verb drawn as a table: the engine and the reference both give what was worked out by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from churn.features.language.verbs import verbs
from tests.oracle.compare import DECAYED, Values, same
from tests.spec.verbs.example import Example
from tests.spec.verbs.examples import EXAMPLES, computed
from tests.spec.write_docs import DOCUMENT, written

CASES = [
    pytest.param(number, expression, id=f"{example.verb}: {expression}")
    for number, example in enumerate(EXAMPLES)
    for expression in example.cases
]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[int, str], tuple[Values, Values]]:
    return computed(tmp_path_factory.mktemp("verbs"))


@pytest.mark.parametrize(("number", "expression"), CASES)
def test_a_verb_gives_what_its_example_says(
    found: dict[tuple[int, str], tuple[Values, Values]], number: int, expression: str
) -> None:
    expected = EXAMPLES[number].cases[expression]

    engine, reference = found[number, expression]

    assert agree(engine, expected), engine
    assert agree(reference, expected), reference


@pytest.mark.parametrize("verb", verbs().values(), ids=lambda verb: verb.name)
def test_every_verb_is_drawn_and_says_what_it_does_and_costs(verb: object) -> None:
    drawn = [example for example in EXAMPLES if example.verb == verb.name]  # type: ignore[attr-defined]

    assert drawn
    assert verb.summary.endswith(".")  # type: ignore[attr-defined]
    assert verb.cost.value  # type: ignore[attr-defined]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.verb)
def test_an_example_is_of_a_verb_and_shows_it(example: Example) -> None:
    assert example.verb in verbs()
    assert all(f"{example.verb}(" in expression for expression in example.cases)
    assert example.because


def test_the_document_shows_these_examples(root: Path) -> None:
    assert (root / DOCUMENT).read_text(encoding="utf-8") == written(), "run `make docs`"


def agree(found: Values, expected: object) -> bool:
    wanted = dict(expected)  # type: ignore[call-overload]
    return found.keys() == wanted.keys() and all(same(found[who], wanted[who], DECAYED) for who in wanted)
