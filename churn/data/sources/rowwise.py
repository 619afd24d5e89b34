"""Whether SQL of params.yaml looks at one row at a time, whatever other rows and whatever clock there are."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import duckdb

ACROSS_ROWS = ("WINDOW", "SUBQUERY")
"""Expressions that look at other rows."""

SETTINGS = ("current_setting", "getvariable", "getenv")
"""Functions that DuckDB calls consistent, though they answer from outside the row."""


def is_rowwise(
    connection: duckdb.DuckDBPyConnection, expressions: Iterable[str], columns: Iterable[str]
) -> bool:
    """Tell whether each expression depends on its own row of `columns` alone: surely, not just perhaps."""
    there = {name.lower() for name in columns}
    selected = ", ".join(f"({sql}\n)" for sql in expressions)
    row = connection.execute("SELECT json_serialize_sql(?)", [f"SELECT {selected} FROM t"]).fetchone()
    parsed: dict[str, Any] = json.loads(row[0]) if row else {"error": True}
    if parsed.get("error") or len(parsed["statements"]) != 1:
        return False
    nodes = list(_nodes(parsed["statements"][0]["node"]["select_list"]))
    if any(node["class"] in ACROSS_ROWS or _is_elsewhere(node, there) for node in nodes):
        return False
    called = {str(node["function_name"]) for node in nodes if node["class"] == "FUNCTION"}
    return called <= _consistent(connection, called)


def _is_elsewhere(node: dict[str, Any], columns: set[str]) -> bool:
    """Tell whether a name means no column; such a name may be the time at which the query runs."""
    return node["class"] == "COLUMN_REF" and not columns & {name.lower() for name in node["column_names"]}


def _consistent(connection: duckdb.DuckDBPyConnection, names: set[str]) -> set[str]:
    """Return those of the functions that give the same answer for the same row at any time."""
    rows = connection.execute(
        "SELECT function_name FROM duckdb_functions() WHERE function_name = ANY(?) GROUP BY 1 "
        "HAVING bool_and(function_type = 'scalar' AND stability = 'CONSISTENT')",
        [sorted(names - set(SETTINGS))],
    ).fetchall()
    return {str(name) for (name,) in rows}


def _nodes(value: Any) -> Iterator[dict[str, Any]]:
    """Yield every expression within a parsed statement."""
    if isinstance(value, dict):
        if "class" in value:
            yield value
        for part in value.values():
            yield from _nodes(part)
    elif isinstance(value, list):
        for part in value:
            yield from _nodes(part)
