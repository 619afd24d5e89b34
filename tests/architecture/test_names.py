"""Names say what a thing is: no name is only a participle, a pronoun or a vague word."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.names import LOCAL, Name, is_vague_variable, offenders


@pytest.fixture(scope="module")
def names(root: Path) -> list[Name]:
    """The names of the product and of its benchmarks that say nothing."""
    return offenders([root / "churn", root / "pipelines", root / "benchmarks"], root)


def test_modules_functions_classes_fields_parameters_and_constants_say_what_they_are(
    names: list[Name],
) -> None:
    assert [str(n) for n in names if n.kind != LOCAL] == []


def test_variables_say_what_they_hold(names: list[Name]) -> None:
    assert [str(n) for n in names if is_vague_variable(n)] == []


@pytest.mark.parametrize(
    ("source", "offender"),
    [
        ("def f(rows):\n    found = rows", "churn/x.py:2 variable found"),
        ("rows = [one for one in ()]", "churn/x.py:1 variable one"),
        ("rows = map(lambda each: 2, ())", "churn/x.py:1 variable each"),
    ],
)
def test_a_variable_that_says_nothing_is_found(tmp_path: Path, source: str, offender: str) -> None:
    file = tmp_path / "churn" / "x.py"
    file.parent.mkdir()
    file.write_text(source)

    assert [str(n) for n in offenders([file], tmp_path) if is_vague_variable(n)] == [offender]


@pytest.mark.parametrize(
    ("path", "source", "offender"),
    [
        ("churn/told.py", "", "churn/told.py:1 module told"),
        ("churn/x.py", "def found(): ...", "churn/x.py:1 function found"),
        ("churn/x.py", "class Judged: ...", "churn/x.py:1 class Judged"),
        ("churn/x.py", "def f(one): ...", "churn/x.py:1 parameter one"),
        ("churn/x.py", "class A:\n    place: int", "churn/x.py:2 field place"),
        ("churn/x.py", "ASKED = 1", "churn/x.py:1 constant ASKED"),
    ],
)
def test_a_name_that_says_nothing_is_found(tmp_path: Path, path: str, source: str, offender: str) -> None:
    file = tmp_path / path
    file.parent.mkdir(parents=True)
    file.write_text(source)

    assert [str(name) for name in offenders([file], tmp_path)] == [offender]


@pytest.mark.parametrize(
    ("path", "source"),
    [
        (
            "churn/x.py",
            "def find_churners(customers): ...\n\n\nSTAYED = 0\nfinding = known_at = left = matured = 1",
        ),
        ("churn/params/sections.py", "class SnapshotParams:\n    every: str"),
    ],
    ids=["nouns, verbs, states and the vocabulary", "keys that users write"],
)
def test_honest_names_keys_and_the_vocabulary_pass(tmp_path: Path, path: str, source: str) -> None:
    file = tmp_path / path
    file.parent.mkdir(parents=True)
    file.write_text(source)

    assert offenders([file], tmp_path) == []
