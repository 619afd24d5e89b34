"""The company that is measured: how large it is, where it lies, its history, its cutoffs, its parameters."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from churn.params import Params

FIRST_DAY, LAST_DAY = date(2024, 1, 1), date(2025, 7, 1)
"""The history `[FIRST_DAY, LAST_DAY)`: 18 months."""

YEAR_DAYS = 364
"""The cutoffs spread over so many days, so that more of them look no further back."""

WINDOWS = (7, 14, 28, 56, 91, 182)
ACTIVE_DAYS = WINDOWS[-1]
"""The cohort: signed up before the cutoff, and a visit within so many days before it."""


@dataclass(frozen=True)
class World:
    """A made-up company under one folder: `source` is made once, `output` holds its store."""

    folder: Path
    customers: int
    events: int

    @property
    def source(self) -> Path:
        """Return the folder of the raw tables."""
        return self.folder / "source"

    @property
    def scratch(self) -> Path:
        """Return where rivals may spill what does not fit in memory."""
        return self.folder / "scratch"

    def params(self, executor: str = "serial") -> Params:
        """Return the parameters of the company; every signal that its tables allow is on."""
        named = ("customers", "emails", "payments", "surveys", "tickets", "orders")
        return Params.model_validate(
            {
                "source": str(self.source),
                "timezone": "Europe/Berlin",
                "tables": {name: {} for name in named},
                "events": {"visits": {}},
                "label": {
                    "kind": "inactivity",
                    "table": "visits",
                    "horizon_days": 28,
                    "active_days": ACTIVE_DAYS,
                },
                "snapshot": {"watermark": LAST_DAY},
                "signals": {"windows": WINDOWS},
                "output": str(self.folder / "output"),
                "models": str(self.folder / "models"),
                "engine": {"memory_limit": "1GiB", "threads": 2, "executor": executor},
            }
        )


def cutoffs(n: int) -> list[date]:
    """Return `n` cutoffs up to the end of the history: 12 stand a month apart, 26 a fortnight."""
    return sorted(LAST_DAY - timedelta(days=YEAR_DAYS // n * back) for back in range(n))


def months() -> Iterator[tuple[date, date]]:
    """Yield the months `[start, end)` of the history."""
    start = FIRST_DAY
    while start < LAST_DAY:
        end = (start + timedelta(days=32)).replace(day=1)
        yield start, min(end, LAST_DAY)
        start = end
