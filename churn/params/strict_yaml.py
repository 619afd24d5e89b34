"""Read YAML strictly: each mistake is located by its line, and a key that is given twice is a mistake."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from churn.secrets import hide_secrets, keep_secrets_of

MAX_DEPTH = 50
"""How deep lists and mappings may be nested; no parameter file comes near it."""

MAX_NODES = 200_000
"""How many values, lists and mappings a text may hold; an alias counts as all that it stands for."""

_NAMES = {
    "tag:yaml.org,2002:timestamp": "a date or time that exists",
    "tag:yaml.org,2002:int": "a whole number",
    "tag:yaml.org,2002:float": "a number",
    "tag:yaml.org,2002:bool": "true or false",
}
"""The words that say what a value with each YAML tag must be."""

_SAME_INDENT = "give the keys of one section the same number of spaces at the start of the line"
_WAYS_OUT = {
    "mapping values are not allowed": (
        f"Look at this line and the line before: {_SAME_INDENT}, write a space after the colon of a key, and "
        "put a text with ': ' in quotes"
    ),
    "<block mapping start>": f"Look at this line: {_SAME_INDENT}",
    "found '?'": f"Look at this line: {_SAME_INDENT}",
    "found '-'": f"Look at this line: {_SAME_INDENT}",
    r"found character '\t'": "Write spaces in the place of the tab",
    "found unknown escape": "Put a text with a backslash in single quotes",
    "cannot start any token": "Put the text in quotes",
    "expected ',' or": "Close the bracket or the brace, and write a comma between two values",
    "could not find expected ':'": (
        "Look at this line and the line before: write a colon and a space after the key"
    ),
    "found unexpected end of stream": "Close the quotes",
}
"""What to do about a mistake of YAML, by a part of the parser's words; the first part that fits counts."""


class YamlError(ValueError):
    """A text that is not usable YAML; the message gives the mistake, and its line if the line is known."""


def parse_yaml(text: str) -> Any:
    r"""Parse the text of one YAML document.

    Raises:
        YamlError: The text is not YAML, is nested too deeply, or has too many values (an alias counts as all
            that it stands for). A key is given twice in one mapping, or is not a plain value. A value does
            not fit its type (`!!int abc`, `2025-02-30`).

    >>> parse_yaml("a: 1\nb: [2, 3]")
    {'a': 1, 'b': [2, 3]}
    >>> parse_yaml("a: 1\nb: 2\na: 3")
    Traceback (most recent call last):
    ...
    churn.params.strict_yaml.YamlError: line 3: the key 'a' is given twice; keep one.
    """
    return parse_yaml_with_lines(text)[0]


def parse_yaml_with_lines(text: str) -> tuple[Any, Mapping[str, int]]:
    r"""Parse the text of one YAML document, and also return the line of each place in the text.

    A place is a path of keys and positions, such as `plays[0].when`. The errors are those of `parse_yaml`.

    >>> parse_yaml_with_lines("a: 1\nb: [2, {c: 3}]")[1]
    {'': 1, 'a': 1, 'b': 2, 'b[0]': 2, 'b[1]': 2, 'b[1].c': 2}
    """
    lines: dict[str, int] = {}
    try:
        loader = _StrictLoader(text)
        try:
            node = loader.get_single_node()
            value = None if node is None else loader.construct_document(node)
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or " ".join(str(error).split())
        message = problem if isinstance(error, _Mistake) else f"not YAML: {_with_way_out(problem)}"
        raise YamlError(f"line {mark.line + 1}: {message}." if mark else f"{message}.") from None
    if node is not None:
        _note_lines(node, "", node.start_mark.line + 1, lines)
    return value, lines


def _with_way_out(problem: str) -> str:
    way_out = next((words for part, words in _WAYS_OUT.items() if part in problem), "")
    return f"{problem}. {way_out}" if way_out else problem


def _note_lines(node: yaml.Node, location: str, line: int, lines: dict[str, int]) -> None:
    """Note the line of a node and of all nodes in it. The line of a key's value is the line of the key."""
    lines[location] = line
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            inner = f"{location}.{key.value}".lstrip(".")
            _note_lines(value, inner, key.start_mark.line + 1, lines)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            _note_lines(value, f"{location}[{index}]", value.start_mark.line + 1, lines)


class _Mistake(yaml.MarkedYAMLError):
    """The error for a key or a value that a usual YAML parser accepts, but churn does not."""


class _StrictLoader(yaml.SafeLoader):
    """A safe loader that limits depth and size and refuses repeated keys; plain YAML keeps the last value."""

    def __init__(self, stream: Any) -> None:
        super().__init__(stream)
        self.depth = 0
        self.sizes: dict[int, int] = {}

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Read a node; refuse it if it is nested too deeply, contains itself, or has too many parts.

        An alias counts as all the parts that it stands for.
        """
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        mark = event.start_mark
        if self.depth >= MAX_DEPTH:
            problem = f"lists and mappings are nested more than {MAX_DEPTH} deep; write them flat"
            raise _Mistake(problem=problem, problem_mark=mark)
        self.depth += 1
        node: yaml.Node | None = super().compose_node(parent, index)
        self.depth -= 1
        if isinstance(event, yaml.AliasEvent):
            if id(node) not in self.sizes:
                problem = f"the alias '*{event.anchor}' is inside the value that it stands for"
                raise _Mistake(problem=problem, problem_mark=mark)
        elif node is not None:
            parts = node.value if isinstance(node, yaml.CollectionNode) else ()
            children = [child for part in parts for child in (part if isinstance(part, tuple) else (part,))]
            self.sizes[id(node)] = 1 + sum(self.sizes[id(child)] for child in children)
            if self.sizes[id(node)] > MAX_NODES:
                problem = (
                    f"with its aliases the value has more than {MAX_NODES:,} parts; write it without aliases"
                )
                raise _Mistake(problem=problem, problem_mark=mark)
        return node

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """Build the value of a node.

        For an impossible value, such as 2025-02-30, raise an error that names the line of the value.
        """
        try:
            return super().construct_object(node, deep)
        except (ValueError, LookupError, TypeError, AttributeError, OverflowError) as error:
            text = "the value"
            if isinstance(node, yaml.ScalarNode):
                keep_secrets_of(node.value)
                text = repr(hide_secrets(node.value))[:60]
            kind = _NAMES.get(node.tag, f"what its tag '{node.tag.rpartition(':')[2]}' says")
            problem = f"{text} is not {kind}; correct it, or put a text in quotes"
            raise _Mistake(problem=problem, problem_mark=node.start_mark) from error

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Build a mapping; refuse a key that is given twice, or that is a list or a mapping."""
        keys: set[Any] = set()
        for key_node, _ in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                problem = "a key cannot be a list or a mapping; put text with braces in quotes"
                raise _Mistake(problem=problem, problem_mark=key_node.start_mark)
            key = self.construct_object(key_node)
            if key in keys:
                problem = f"the key '{key}' is given twice; keep one"
                raise _Mistake(problem=problem, problem_mark=key_node.start_mark)
            keys.add(key)
        return super().construct_mapping(node, deep)
