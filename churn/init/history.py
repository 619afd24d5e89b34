"""Tables that say what value an attribute of the customer took, and when."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from churn.init.columns import Column
from churn.init.look import Table
from churn.init.match import Match
from churn.init.words import CHANGED_AT, HISTORY, VALID_FROM, VALID_TO, plain, says, speaks_of

FEW_LEVELS = 200
"""A text of more values is no attribute by which customers could be told apart."""


def histories(
    chosen: Sequence[Match], home: tuple[Table, Column] | None
) -> tuple[dict[str, Any], list[Match]]:
    """Take the histories of attributes out of the matches: what params.yaml says of them, and the rest.

    Only a table named so counts, and only where the customers have a table of their own to hold it.
    """
    found: dict[str, Any] = {}
    rest = []
    for match in chosen:
        own = _history(match) if home and not match.canonical else {}
        found |= {name: body for name, body in own.items() if name not in found}
        if not own:
            rest.append(match)
    return found, rest


def _history(match: Match) -> dict[str, Any]:
    table = match.table
    times = [column for column in table.columns if column.kind == "time"]
    since = next((c for c in times if says(c.name, VALID_FROM)), None)
    until = next((c for c in times if says(c.name, VALID_TO)), None)
    changed = next((c for c in times if says(c.name, CHANGED_AT)), None)
    if not (speaks_of(table.name, HISTORY) or (since and until)) or not (since or changed):
        return {}
    columns = {"customer_id": match.key.name}
    columns |= {"valid_from": since.name} if since else {"changed_at": changed.name if changed else ""}
    columns |= {"valid_to": until.name} if until and since else {}
    used = {match.key.name, *(column.name for column in times)}
    found: dict[str, Any] = {}
    for column in table.columns:
        if (
            column.name in used
            or not column.filled
            or column.unique
            or plain(column.name) in ("id", "row_id", "version")
        ):
            continue
        if column.kind == "number" or (column.kind == "text" and column.distinct <= FEW_LEVELS):
            body: dict[str, Any] = {"from": table.name, "columns": columns | {"value": column.name}}
            form = (since or changed or match.time).time_format
            body |= {"time_format": form} if form else {}
            body |= {"kind": "number"} if column.kind == "number" else {}
            found[plain(column.name)] = body
    return found
