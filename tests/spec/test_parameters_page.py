"""docs/parameters.md is the schema of params.yaml: each key with its values, default and meaning."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel

from churn.params import Params
from tests.spec.write_parameters_page import DOCUMENT, sections_of, value_of, written


def keys(section: type[BaseModel]) -> Iterator[tuple[str, str]]:
    """Yield the keys that hold a value, each with its meaning, for a section and the sections in it."""
    for name, entry in section.model_fields.items():
        parts = sections_of(entry.annotation)
        if not parts:
            yield f"{section.__name__}.{name}", entry.description or ""
        for part in parts:
            yield from keys(part)


def test_the_page_is_written_from_the_schema(root: Path) -> None:
    assert (root / DOCUMENT).read_text(encoding="utf-8") == written(), "run `make docs`"


def test_every_key_of_the_schema_has_a_meaning() -> None:
    assert [name for name, meaning in keys(Params) if not meaning] == []


def test_what_a_key_takes_is_told_from_its_schema() -> None:
    facts = {"anyOf": [{"type": "integer", "minimum": 1, "exclusiveMaximum": 5000}, {"type": "null"}]}

    assert value_of(facts, {}) == "whole number, at least 1, below 5,000"
    assert value_of({"enum": ["a", "\t"], "type": "string"}, {}) == "`a`, `\\t`"
    assert value_of({"type": "object", "additionalProperties": {"type": "boolean"}}, {}) == (
        "by name: true, false"
    )
