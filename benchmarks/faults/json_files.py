"""Mutations of JSON files: values, keys and whole documents."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from benchmarks.faults.damage import damage_bytes, replace_text

DOCUMENTS = ("", "[]", "{}", "null", "0", '"text"', "[{}]", "{", "NaN", "[" * 5_000 + "]" * 5_000)
VALUES = (None, True, 0, -1, 1e308, "", "x", [], {}, [[]], {"a": 1}, "../../x", "/etc/passwd", 10**30)


def mutate_json(path: Path, rng: random.Random) -> str:
    """Replace the document, a value or a key; a file that is not JSON gets other damage."""
    try:
        tree = json.loads(path.read_bytes())
    except ValueError:
        return damage_bytes(path, rng)
    places = list(_key_paths(tree))
    if not places or rng.random() < 0.25:
        document = rng.choice(DOCUMENTS)
        replace_text(path, document)
        return f"the document {document[:20]!r}"
    branch, key = rng.choice(places)
    operation = rng.choice(("value", "value", "remove", "key"))
    note = f"{operation} {key!r:.40}"
    if operation == "value":
        branch[key] = rng.choice(VALUES)
        note += f" -> {branch[key]!r:.20}"
    elif operation == "remove":
        del branch[key]
    elif isinstance(branch, dict):
        branch[f"{key}s"] = branch.pop(key)
    else:
        branch.append(branch[key])
    replace_text(path, json.dumps(tree))
    return note


def _key_paths(tree: Any) -> list[tuple[Any, Any]]:
    keys = [*tree] if isinstance(tree, dict) else range(len(tree)) if isinstance(tree, list) else ()
    places: list[tuple[Any, Any]] = []
    for key in keys:
        places += [(tree, key), *_key_paths(tree[key])]
    return places
