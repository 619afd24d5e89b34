"""Mutations of params.yaml and of the playbook: values, keys, and texts that are hardly YAML."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import yaml

from benchmarks.faults.damage import replace_text

HOSTILE_VALUES = (
    *("2025-02-30", "2025-13-01", "9999-12-31", "0001-01-01", "2025-01-01T25:00:00", "2025-01-01 10:00:00"),
    *("!!int abc", "!!float x", "!!bool maybe", "!!timestamp never", "!!python/object:os.system x"),
    *("!!binary '=a'", "!!set {a, b}", "!!omap [a: 1]", "!!null x", "!unknown 3", "&a [*a]", "*nobody"),
    *(
        "0",
        "-1",
        "1",
        "0.5",
        "1e400",
        "-.inf",
        ".nan",
        ".inf",
        "1e-320",
        "9" * 40,
        "2147483648",
        "0x10",
        "010",
    ),
    *(
        "true",
        "null",
        "~",
        "''",
        "' '",
        "[]",
        "{}",
        "[[[]]]",
        "[null]",
        "{a: {b: {c: 1}}}",
        "yes",
        "12:30:45",
    ),
    *(
        "'\\0'",
        '"\\0"',
        '"\\ud800"',
        '"\\e[31m"',
        "'<script>'",
        "${NOT_SET}",
        "${",
        "$NAME",
        "'; DROP TABLE x; --'",
    ),
    *("0B", "0KB", "1KB", "1KiB", "0GiB", "999999TiB", "1 GiB", "4gib", "'%'"),
    *("Mars/Olympus", "UTC", "utc", "Europe/berlin", "EST5EDT", "+02:00", "'../../etc/passwd'", "localtime"),
    *(
        "all",
        "[all]",
        "country",
        "orders",
        "'Plan: Typ'",
        "customers",
        "? which one",
        "a" * 5000,
        "/",
        ".",
        "..",
    ),
    *(
        "/dev/null",
        "/proc/self/mem",
        "sqlite:///",
        "postgresql://u:p@nowhere/x",
        "http://",
        "duckdb:///x",
        "://",
    ),
    "[" * 900 + "]" * 900,
    "{a: " * 900 + "1" + "}" * 900,
)

ALIAS_BOMB = "".join(
    f"  b{level}: &b{level} [{', '.join([f'*b{level - 1}'] * 9)}]\n" if level else "  b0: &b0 [x]\n"
    for level in range(12)
)

MAX_PATHS = 5_000
"""How many values of a text are looked at; an earlier mutation may have added aliases of aliases."""

SCALAR = re.compile(r"(?<=[:\[,{] )[^\s\[\]{},][^\[\]{},\n]*|(?<=\[)[^\s\[\]{},][^\[\]{},\n]*")
KEY = re.compile(r"(?m)(?<=[\s{])[\w\"][\w ]*(?=:(\s|$))")


def mutate_yaml(path: Path, rng: random.Random) -> str:
    """Change one to three places of a YAML file."""
    text = path.read_text(encoding="utf-8")
    notes = []
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        text, note = rng.choice(_MUTATIONS)(text, rng)
        notes.append(note)
    replace_text(path, text)
    return "; ".join(notes)


def _value(text: str, rng: random.Random) -> tuple[str, str]:
    matches = list(SCALAR.finditer(text))
    if not matches:
        return text, "no value"
    match, value = rng.choice(matches), rng.choice(HOSTILE_VALUES)
    return text[: match.start()] + value + text[match.end() :], f"{match.group()[:40]} -> {value[:40]}"


def _section(text: str, rng: random.Random) -> tuple[str, str]:
    """Replace the value of a key of any depth, which may be a whole section."""
    try:
        tree = yaml.safe_load(text)
    except Exception:  # an earlier mutation made the text unreadable
        return _value(text, rng)
    paths = list(islice(_paths(tree), MAX_PATHS))
    if not paths:
        return text, "no key"
    path, marker = rng.choice(paths), "MUTATED_HERE"
    branch = tree
    for part in path[:-1]:
        branch = branch[part]
    branch[path[-1]] = marker
    value = rng.choice(HOSTILE_VALUES)
    name = ".".join(map(str, path))
    try:
        new_text = yaml.safe_dump(tree, sort_keys=False)
    except RecursionError:  # an earlier mutation nested the text too deeply
        return _value(text, rng)
    return new_text.replace(marker, value), f"{name[:200]} -> {value[:40]}"


def _paths(tree: Any) -> Iterator[tuple[Any, ...]]:
    """Yield the path of each value in the order of the text; the tree may be deeper than Python recurses."""
    branches: list[tuple[tuple[Any, ...], Iterator[tuple[Any, Any]]]] = [((), _items(tree))]
    while branches:
        prefix, items = branches[-1]
        item = next(items, None)
        if item is None:
            branches.pop()
        else:
            path = (*prefix, item[0])
            yield path
            branches.append((path, _items(item[1])))


def _items(tree: Any) -> Iterator[tuple[Any, Any]]:
    return iter(tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ())


def _key(text: str, rng: random.Random) -> tuple[str, str]:
    matches = list(KEY.finditer(text))
    if not matches:
        return text, "no key"
    match = rng.choice(matches)
    key = match.group()
    new_key = rng.choice(
        (key + "s", key[:-1], key.upper(), "'?'", "1", "null", "[a]", "{a: 1}", "<<", "2025-01-01")
    )
    return text[: match.start()] + new_key + text[match.end() :], f"key {key} -> {new_key}"


def _line(text: str, rng: random.Random) -> tuple[str, str]:
    lines = text.splitlines()
    if not lines:
        return text, "no line"
    position = rng.randrange(len(lines))
    operation = rng.choice(("drop", "repeat", "indent", "outdent", "swap", "tab", "cut"))
    if operation == "drop":
        del lines[position]
    elif operation == "repeat":
        lines.insert(position, lines[position])
    elif operation == "indent":
        lines[position] = "  " + lines[position]
    elif operation == "outdent":
        lines[position] = lines[position].lstrip()
    elif operation == "swap":
        other = rng.randrange(len(lines))
        lines[position], lines[other] = lines[other], lines[position]
    elif operation == "tab":
        lines[position] = "\t" + lines[position]
    else:
        del lines[position:]
    return "\n".join(lines) + "\n", f"{operation} line {position + 1}"


def _text(text: str, rng: random.Random) -> tuple[str, str]:
    additions = {
        "alias bomb": "bomb:\n" + ALIAS_BOMB,
        "deep list": "deep: " + "[" * 20_000 + "]" * 20_000 + "\n",
        "deep blocks": "".join(" " * level + "a:\n" for level in range(3_000)),
        "second document": "---\na: 1\n",
        "merge": "base: &base {a: 1}\nmore:\n  <<: *base\n",
        "many keys": "".join(f"key{number}: 1\n" for number in range(3_000)),
        "directive": "%YAML 9.9\n---\n",
        "open quote": "x: 'open\n",
    }
    name = rng.choice([*additions])
    return text + additions[name], name


def _characters(text: str, rng: random.Random) -> tuple[str, str]:
    position = rng.randrange(len(text) + 1)
    piece = rng.choice(
        ("\x00", "\ufeff", "\x85", "\u2028", "\u00a0", "\t", ":", "-", "#", "'", '"', "{", "]", "&", "*")
    )
    return text[:position] + piece + text[position:], f"{piece!r} at {position}"


_MUTATIONS = (_value, _value, _value, _value, _section, _section, _key, _line, _text, _characters)
