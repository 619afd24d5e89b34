"""A mistake in a YAML file is located by its line."""

from __future__ import annotations

import pytest

from churn.params.strict_yaml import YamlError, parse_yaml


@pytest.mark.parametrize(
    ("text", "line", "mistake"),
    [
        ("a: 1\nb: [2", 2, "not YAML"),
        ("a: 1\nb: 2\nb: 3", 3, "'b' is given twice"),
        ("a:\n  b: {c: 1, d: 2, c: 3}", 2, "'c' is given twice"),
        ("a: 1\n? [b]\n: 2", 2, "a list or a mapping"),
        ("a: {{name}}", 1, "in quotes"),
        ("a: 1\x00", None, "not YAML"),
    ],
)
def test_a_mistake_is_stated_with_its_line(text: str, line: int | None, mistake: str) -> None:
    with pytest.raises(YamlError) as error:
        parse_yaml(text)

    assert mistake in str(error.value)
    assert line is None or f"line {line}: " in str(error.value)


def test_the_same_key_in_two_mappings_is_no_mistake() -> None:
    assert parse_yaml("a: {c: 1}\nb: {c: 2}") == {"a": {"c": 1}, "b": {"c": 2}}


def test_a_number_and_its_text_are_two_keys() -> None:
    assert parse_yaml("1: a\n'1': b") == {1: "a", "1": "b"}
