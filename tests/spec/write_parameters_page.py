"""Write docs/parameters.md from the schema of params.yaml."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from churn.params import Params

DOCUMENT = "docs/parameters.md"
OTHER_PAGES = {
    "tables": "[Your data](your-data.md#what-a-table-may-say) lists the keys of an entry under `tables`, and "
    "the columns of each table.",
    "events": "An entry has the same keys as an entry under `tables`: "
    "[your data](your-data.md#what-a-table-may-say).",
    "kpis": "[The figures of retention](figures.md#terms) explains these settings.",
}
"""The sections whose keys or meaning another page holds."""

LISTED_ELSEWHERE = ("tables", "events")

HEAD = """# Parameters

This page lists all keys of `params.yaml` with their defaults. Paths are relative to the folder of
`params.yaml`. `${NAME}` stands for the environment variable `NAME`, and its value is never shown. If a key is
unknown, it is refused, and the message suggests the nearest name. All mistakes in `params.yaml` are reported
at once. `--set train.num_leaves=15` changes a key for one call.

`churn init` writes a first `params.yaml` from your tables, with a comment beside each guess. `make docs`
writes this page from the code.
"""


def written() -> str:
    """Return the text of the document."""
    return "\n".join([HEAD, *_section("", Params)])


def _section(path: str, section: type[BaseModel], usual: BaseModel | None = None) -> Iterator[str]:
    """Yield the texts of a section and of the sections in it.

    Args:
        path: The key of the section; empty for the whole file.
        section: The model of the section.
        usual: The section as it is where params.yaml has none.
    """
    if path:
        yield f"## {path}\n\n{inspect.cleandoc(section.__doc__ or '')}\n"
    else:
        yield "## The top of the file\n"
    name = path.split(".")[0]
    if name in OTHER_PAGES:
        yield f"{OTHER_PAGES[name]}\n"
    if name in LISTED_ELSEWHERE:
        return
    schemas = section.model_json_schema(by_alias=True)
    rows = [row for key, entry in section.model_fields.items() if (row := _row(key, entry, schemas, usual))]
    if rows:
        yield "| key | value | default | meaning |\n|---|---|---|---|"
        yield from rows
        yield ""
    for key, entry in section.model_fields.items():
        for part in sections_of(entry.annotation):
            mark = "[]" if "tuple" in str(entry.annotation) else ""
            default = entry.default if isinstance(entry.default, BaseModel) else None
            yield from _section(f"{path}.{key}{mark}".lstrip("."), part, default)


def sections_of(annotation: Any) -> list[type[BaseModel]]:
    """Return the sections of which an annotation is made."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [section for part in get_args(annotation) for section in sections_of(part)]


def _row(key: str, entry: FieldInfo, schema: Mapping[str, Any], usual: BaseModel | None) -> str | None:
    """Return the row of a key; a key that is a section of its own has none unless it has a meaning."""
    if sections_of(entry.annotation) and not entry.description:
        return None
    name = entry.alias or key
    facts = schema["properties"][name]
    default = "needed" if entry.is_required() else _default(entry.default)
    if usual is not None:
        default = _default(getattr(usual, key))
    cells = (f"`{name}`", value_of(facts, schema.get("$defs", {})), default, entry.description or "")
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _default(value: Any) -> str:
    """Return a default as YAML writes it; nothing if there is none."""
    if value is None or value == () or value == {}:
        return ""
    if isinstance(value, BaseModel):
        return "see below"
    if isinstance(value, tuple):
        return f"`[{', '.join(str(part) for part in value)}]`"
    return f"`{json.dumps(value) if isinstance(value, bool) else value}`"


def value_of(facts: Mapping[str, Any], sections: Mapping[str, Any]) -> str:
    """Return what a key takes, in words.

    Args:
        facts: The JSON schema of the key.
        sections: The JSON schemas of the sections, by name.
    """
    if "anyOf" in facts:
        parts = [value_of(part, sections) for part in facts["anyOf"] if part.get("type") != "null"]
        return " or ".join(dict.fromkeys(parts))
    if "enum" in facts:
        return ", ".join(f"`{json.dumps(word)[1:-1]}`" for word in facts["enum"])
    match facts.get("type"):
        case "array" if "prefixItems" in facts:
            return f"{len(facts['prefixItems'])} numbers"
        case "array":
            return f"list: {value_of(facts['items'], sections)}"
        case "object":
            parts = [*facts.get("patternProperties", {}).values(), facts.get("additionalProperties") or {}]
            return f"by name: {value_of(parts[0], sections)}"
        case "integer" | "number" as kind:
            return ("whole number" if kind == "integer" else "number") + _bounds(facts)
        case "boolean":
            return "true, false"
        case "string":
            return {"date": "day", "path": "path"}.get(facts.get("format", ""), "text")
        case _:
            return "section"


def _bounds(facts: Mapping[str, Any]) -> str:
    words = {
        "minimum": "at least",
        "exclusiveMinimum": "above",
        "maximum": "at most",
        "exclusiveMaximum": "below",
    }
    bounds = [f"{word} {facts[bound]:,.10g}" for bound, word in words.items() if bound in facts]
    return f", {', '.join(bounds)}" if bounds else ""


def main() -> None:
    """Write the document."""
    (Path(__file__).parents[2] / DOCUMENT).write_text(written(), encoding="utf-8")


if __name__ == "__main__":
    main()
