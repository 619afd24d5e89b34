"""Companies drawn for the guards: customers who left, customers who stayed, and their tables."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from churn.features.signal import Signal
from churn.finding import Finding
from churn.guards.context import GuardContext, open_context
from tests.drawn_company import draw

LEFT_ON = "2024-09-15"
"""The day on which every churner leaves; the data are complete up to 2024-12-31."""


def churners(n: int) -> list[str]:
    """Name customers who left."""
    return [f"gone{i:03}" for i in range(n)]


def stayers(n: int) -> list[str]:
    """Name customers who stayed."""
    return [f"here{i:03}" for i in range(n)]


def draw_table(head: str, rows: Iterable[Sequence[object]]) -> str:
    """Write rows as a drawn table."""
    return "\n".join([head, *(" | ".join("" if cell is None else str(cell) for cell in row) for row in rows)])


def draw_contracts(left: Iterable[str], stayed: Iterable[str], started: str = "2023-01-01") -> str:
    """Draw a contract for each customer."""
    rows = [(customer, started, LEFT_ON) for customer in left] + [
        (customer, started, None) for customer in stayed
    ]
    return draw_table("customer | started_at | ended_at", rows)


def findings_of(
    guard: Callable[[GuardContext], Iterator[Finding]],
    folder: Path,
    *,
    static: Sequence[str] = (),
    cutoffs: Sequence[str] = (),
    signals: Sequence[Signal] = (),
    label: dict[str, object] | None = None,
    tables: dict[str, dict[str, Any]] | None = None,
    **drawn: Any,
) -> list[Finding]:
    """Draw a company and return what one guard finds; a contract label unless another is given."""
    names = [name for name in drawn if name not in ("params", "since", "watermark")]
    events = [name for name in names if name in drawn.get("params", {}).get("events", {})]
    mapped: dict[str, dict[str, Any]] = {name: {} for name in names if name not in events}
    mapped |= {"customers": {"static": list(static)}} | (tables or {})
    given = {
        "since": None,
        **drawn,
        "label": label or {"kind": "contract", "horizon_days": 31},
        "params": {"tables": mapped, **drawn.get("params", {})},
    }
    store = draw(folder, **given).store
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        days = [date.fromisoformat(day) for day in cutoffs]
        with open_context(store, signals, days, Path(scratch)) as context:
            return list(guard(context))


def severities(findings: Sequence[Finding]) -> list[tuple[str, str]]:
    """Return places and severities."""
    return [(finding.place, finding.severity) for finding in findings]
