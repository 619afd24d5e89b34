"""A mistake in a YAML file is located by its line."""

from __future__ import annotations

import pytest

from churn.params.strict_yaml import YamlError, parse_yaml

_BOMB = "".join(f"b{level}: &b{level} [{f'*b{level - 1}, ' * 9}]\n" for level in range(1, 10)).replace(
    "*b0", "*a"
)
"""Each line holds nine times the line before."""


@pytest.mark.parametrize(
    ("text", "line", "mistake"),
    [
        ("a: 1\nb: [2", 2, "not YAML"),
        ("a: 1\nb: 2\nb: 3", 3, "'b' is given twice"),
        ("a:\n  b: {c: 1, d: 2, c: 3}", 2, "'c' is given twice"),
        ("a: 1\n? [b]\n: 2", 2, "a list or a mapping"),
        ("a: {{name}}", 1, "in quotes"),
        ("a: 1\x00", None, "not YAML"),
        ("a: 1\nb: 2025-02-30", 2, "'2025-02-30' is not a date or time that exists"),
        ("a: 2025-01-01T25:00:00", 1, "is not a date or time that exists"),
        ("a: !!timestamp never", 1, "is not a date or time that exists"),
        ("a: !!int abc", 1, "'abc' is not a whole number"),
        ("a: {b: [!!float x]}", 1, "'x' is not a number"),
        ("a: !!bool maybe", 1, "'maybe' is not true or false"),
        ("a: &a [*a]", 1, "'*a' is inside the value that it stands for"),
        ("a: " + "[" * 20_000 + "]" * 20_000, 1, "nested more than 50 deep"),
        ("".join(" " * level + "a:\n" for level in range(2_000)), 50, "nested more than 50 deep"),
        ("a: &a [x, x, x]\n" + _BOMB, 6, "more than 200,000 parts"),
    ],
)
def test_a_mistake_is_stated_with_its_line(text: str, line: int | None, mistake: str) -> None:
    with pytest.raises(YamlError) as error:
        parse_yaml(text)

    assert mistake in str(error.value)
    assert line is None or f"line {line}: " in str(error.value)


@pytest.mark.parametrize(
    ("text", "line", "way_out"),
    [
        ("a:\n  b: 1\n    c: 2", 3, "the same number of spaces"),
        ("a:\n  b: 1\n c: 2", 3, "the same number of spaces"),
        ("  a: 1\nb: 2", 2, "the same number of spaces"),
        ("a: 1\n- b", 2, "the same number of spaces"),
        ("a:1\nb: 2", 2, "a space after the colon"),
        ("a:\n\tb: 1", 2, "spaces in the place of the tab"),
        ("a: @x", 1, "in quotes"),
        ('a: "\\d"', 1, "in single quotes"),
        ("a: {b: 1 c: 2}", 1, "a comma between two values"),
        ("a: 'x\nb: 1", 2, "Close the quotes"),
        ("a: 1\nb\nc: {}", 3, "the line before"),
    ],
)
def test_a_mistake_of_yaml_comes_with_a_way_out(text: str, line: int, way_out: str) -> None:
    with pytest.raises(YamlError) as error:
        parse_yaml(text)

    assert str(error.value).startswith(f"line {line}: not YAML: ")
    assert way_out in str(error.value)


def test_the_same_key_in_two_mappings_is_no_mistake() -> None:
    assert parse_yaml("a: {c: 1}\nb: {c: 2}") == {"a": {"c": 1}, "b": {"c": 2}}


def test_a_number_and_its_text_are_two_keys() -> None:
    assert parse_yaml("1: a\n'1': b") == {1: "a", "1": "b"}


def test_an_alias_stands_for_its_value() -> None:
    assert parse_yaml("a: &a [1, {b: 2}]\nc: [*a, *a]")["c"] == [[1, {"b": 2}]] * 2


def test_quotes_make_an_impossible_date_a_text() -> None:
    assert parse_yaml("a: '2025-02-30'") == {"a": "2025-02-30"}


def test_fifty_levels_are_not_too_deep() -> None:
    text = "[" * 50 + "]" * 50

    assert str(parse_yaml(text)) == text
