"""Run on one company what a user would run, and see which guards speak."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.leaks.made import Made
from benchmarks.leaks.trap import CLEAN, Trap, traps
from churn.data.ingest.ingest import ingest
from churn.errors import SourceError
from churn.features.library import select_signals
from churn.guards.run import look
from churn.labels.calendar import snapshot_cutoffs


@dataclass(frozen=True)
class Caught:
    """What came of one company: the guards that spoke, as (guard, place)."""

    spoke: tuple[tuple[str, str], ...]

    def by(self, trap: Trap) -> set[str]:
        """Return the fitting guards that spoke: the guard and the place must be those of the trap."""
        return {guard for guard, place in self.spoke for g, p in trap.caught_by if guard == g and p in place}

    def others(self, trap: Trap) -> set[str]:
        """Return the other guards that spoke."""
        return {guard for guard, _ in self.spoke} - self.by(trap)


def check(made: Made) -> Caught:
    """Load, ingest and look, with default settings."""
    with tempfile.TemporaryDirectory() as folder:
        params = made.written(Path(folder) / "company")
        try:
            store = ingest(params, lambda _: None)
        except SourceError as error:
            return Caught(tuple(("ingest", problem) for problem in error.problems))
        found = look(params, store, select_signals(params, store), snapshot_cutoffs(params, store))
        return Caught(tuple((one.guard, one.place) for one in found))


def catch(name: str, seed: int) -> Caught:
    """Make and check one company: that of a trap, or a clean one by its name."""
    return check(CLEAN[name](seed) if name in CLEAN else traps()[name].made(seed))
