"""The company of the benchmark: its size, folder, history, cutoffs and parameters."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from churn.params import Params

FIRST_DAY, LAST_DAY = date(2024, 1, 1), date(2025, 7, 1)
"""The history `[FIRST_DAY, LAST_DAY)` by default: 18 months."""

YEAR_DAYS = 364
"""The cutoffs are spread over this many days, so more cutoffs do not look further back."""

WINDOWS = (7, 14, 28, 56, 91, 182)
ACTIVE_DAYS = WINDOWS[-1]
"""The cohort: customers who signed up before the cutoff and have a visit in this many days before it."""


@dataclass(frozen=True)
class World:
    """A simulated company under one folder: `source` is written once, `output` holds its store."""

    folder: Path
    customers: int
    events: int
    first_day: date = FIRST_DAY

    @property
    def source(self) -> Path:
        """Return the folder of the raw tables."""
        return self.folder / "source"

    @property
    def scratch(self) -> Path:
        """Return the folder where rivals may write rows that do not fit in memory."""
        return self.folder / "scratch"

    def params(self, executor: str = "serial") -> Params:
        """Return the parameters of the company, with all signals that its tables allow."""
        tables = ("customers", "emails", "payments", "surveys", "tickets", "orders")
        return Params.model_validate(
            {
                "source": str(self.source),
                "timezone": "Europe/Berlin",
                "tables": {name: {} for name in tables},
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
    """Return `n` cutoffs up to the end of the history: 12 are a month apart, 26 two weeks."""
    return sorted(LAST_DAY - timedelta(days=YEAR_DAYS // n * back) for back in range(n))


def months(first_day: date) -> Iterator[tuple[date, date]]:
    """Yield the months `[start, end)` of the history that begins on `first_day`."""
    start = first_day
    while start < LAST_DAY:
        end = (start + timedelta(days=32)).replace(day=1)
        yield start, min(end, LAST_DAY)
        start = end
