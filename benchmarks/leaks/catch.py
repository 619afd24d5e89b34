"""Check one company as a user would: which guards find its leak, and is the honest mapping clean."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from benchmarks.leaks.company import Company
from benchmarks.leaks.trap import CLEAN, Trap, traps
from churn.data.ingest.ingest import ingest
from churn.errors import SourceError
from churn.features.engine.matrix import matrix_at
from churn.features.library import select_signals
from churn.guards.run import run_guards
from churn.labels.calendar import snapshot_cutoffs


@dataclass(frozen=True)
class CheckResult:
    """The guards that found something in one company, as pairs (guard, place)."""

    findings: tuple[tuple[str, str], ...]

    @property
    def guards(self) -> set[str]:
        """Return the guards that found something."""
        return {guard for guard, _ in self.findings}

    def fitting_guards(self, trap: Trap) -> set[str]:
        """Return the guards that found the leak of a trap: the guard and the place must be in `caught_by`."""
        return {
            guard
            for guard, position in self.findings
            for trap_guard, trap_position in trap.caught_by
            if guard == trap_guard and trap_position in position
        }

    def other_guards(self, trap: Trap) -> set[str]:
        """Return the guards that found something else."""
        return self.guards - self.fitting_guards(trap)


def catch(name: str, seed: int) -> CheckResult:
    """Make one company, with a trap or clean, and check it with default settings."""
    company = CLEAN[name](seed) if name in CLEAN else traps()[name].company_with_leak(seed)
    with tempfile.TemporaryDirectory() as folder:
        params = company.write(Path(folder) / "company")
        try:
            store = ingest(params, lambda _: None)
        except SourceError as error:
            return CheckResult(tuple(("ingest", problem) for problem in error.problems))
        findings = run_guards(store, select_signals(params, store), snapshot_cutoffs(store))
        return CheckResult(tuple((finding.guard, finding.place) for finding in findings))


def equals_honest_twin(trap: Trap, seed: int) -> bool:
    """Compare every signal of a company with the same signal of its twin, at the middle cutoff.

    The raw tables of the twin hold what the source held on the morning of the cutoff: the rows that were
    loaded before the cutoff, and the outcomes that had happened. Both companies are read with the honest
    mapping.
    """
    if trap.honest is None:
        raise ValueError(f"'{trap.name}' has no honest mapping")
    company = trap.company_with_leak(seed)
    trap.honest(company)
    with tempfile.TemporaryDirectory() as folder:
        store = ingest(company.write(Path(folder) / "honest"), lambda _: None)
        cutoffs = snapshot_cutoffs(store)
        cutoff = cutoffs[len(cutoffs) // 2]
        past = _on_the_morning(company, pd.Timestamp(cutoff))
        twin = ingest(past.write(Path(folder) / "twin"), lambda _: None)
        signals = select_signals(store.params, store)
        honest, expected = (matrix_at(store, signals, cutoff).frame for store in (store, twin))
    return honest.equals(expected)


TIMES = {
    "customers": "signed_up_at",
    "subscriptions": "started_at",
    "payments": "due_at",
    "emails": "sent_at",
    "tickets": "opened_at",
    "orders": "ordered_at",
}
"""The time column of each raw table; other tables have `happened_at`."""

OUTCOMES = ("ended_at", "opened_at", "paid_at", "first_reply_at", "closed_at")


def _on_the_morning(company: Company, cutoff: pd.Timestamp) -> Company:
    """Return the company with what its source held on the morning of a cutoff."""
    past = company.copy()
    for name, rows in past.tables.items():
        time = TIMES.get(name, "happened_at")
        loaded_at = rows["loaded_at"] if "loaded_at" in rows else rows[time]
        if name == "usage":  # the report of a month is written when the month is over
            loaded_at = rows[time] + pd.DateOffset(months=1)
        earlier = rows[(rows[time] < cutoff) & (loaded_at < cutoff)].copy()
        for column in OUTCOMES:
            if column in earlier and column != time:
                earlier[column] = earlier[column].where(earlier[column] < cutoff)
        past.tables[name] = earlier
    return past
