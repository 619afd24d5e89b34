"""Read YAML strictly: each mistake is located by its line, and a key that is given twice is a mistake."""

from __future__ import annotations

from typing import Any

import yaml


class YamlError(ValueError):
    """A text that is not usable YAML; the message gives the mistake, and its line if the line is known."""


def parse_yaml(text: str) -> Any:
    r"""Parse the text of one YAML document.

    Raises:
        YamlError: The text is not YAML, a key is given twice in one mapping, or a key is not a plain value.

    >>> parse_yaml("a: 1\nb: [2, 3]")
    {'a': 1, 'b': [2, 3]}
    >>> parse_yaml("a: 1\nb: 2\na: 3")
    Traceback (most recent call last):
    ...
    churn.params.strict_yaml.YamlError: line 3: the key 'a' is given twice; keep one.
    """
    try:
        return yaml.load(text, _StrictLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or " ".join(str(error).split())
        message = problem if isinstance(error, _KeyMistake) else f"not YAML: {problem}"
        raise YamlError(f"line {mark.line + 1}: {message}." if mark else f"{message}.") from None


class _KeyMistake(yaml.MarkedYAMLError):
    """A key that YAML accepts but that params.yaml must not have."""


class _StrictLoader(yaml.SafeLoader):
    """A safe loader that refuses a repeated key; plain YAML keeps the last value and drops the others."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Build a mapping of distinct plain keys."""
        keys: set[Any] = set()
        for key_node, _ in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                problem = "a key cannot be a list or a mapping; put text with braces in quotes"
                raise _KeyMistake(problem=problem, problem_mark=key_node.start_mark)
            key = self.construct_object(key_node)
            if key in keys:
                problem = f"the key '{key}' is given twice; keep one"
                raise _KeyMistake(problem=problem, problem_mark=key_node.start_mark)
            keys.add(key)
        return super().construct_mapping(node, deep)
