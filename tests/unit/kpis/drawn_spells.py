"""Spells of activity drawn as a table of dates."""

from __future__ import annotations

from datetime import date

import numpy as np

from churn.data.store import day_number
from churn.features.language.reader import NEVER
from churn.kpis.spells import ActivitySpells
from tests.drawn_company import parse


def draw_spells(table: str, wait_days: int = 0) -> tuple[ActivitySpells, dict[str, int]]:
    """Return drawn spells (`customer | start | end`, no end while active) and the code of each name."""
    rows = parse(table)
    names = sorted({row["customer_id"] for row in rows})
    code = {name: number for number, name in enumerate(names)}
    spells = sorted(
        (
            code[row["customer_id"]],
            day_number(date.fromisoformat(row["start"])),
            day_number(date.fromisoformat(row["end"])) if row["end"] else NEVER,
        )
        for row in rows
    )
    customer, start, end = (np.array(column, dtype=np.int64) for column in zip(*spells, strict=True))
    first = int(start.min())
    return ActivitySpells(customer, start, end, None, wait_days=wait_days, first_day=first), code
