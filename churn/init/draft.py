"""A whole guess: tables, customers, label and cutoffs, each with the reason why."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from churn.data.sources.source import Source
from churn.errors import SourceError
from churn.init.bridge import bridged
from churn.init.columns import Column
from churn.init.customers import ENOUGH, Key, customers_table, key_in
from churn.init.entry import Entry, derived_customers, entry_of, mapped_customers
from churn.init.history import histories
from churn.init.label import Label, label_of
from churn.init.look import Table, look
from churn.init.match import Match, matches
from churn.init.words import LEAVING, speaks_of

LEAST_SHARE = 0.3
"""A table whose share of customers' ids is below this is somebody else's."""


@dataclass(frozen=True)
class Draft:
    """What `churn init` writes: parts of params.yaml, each with its reason."""

    customers: Entry
    tables: tuple[Entry, ...]
    events: tuple[Entry, ...]
    label: Label
    left_out: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = field(default=())

    def tree(self) -> dict[str, Any]:
        """Return what the guess says as a part of params.yaml."""
        return {
            "tables": {entry.name: entry.body for entry in (self.customers, *self.tables)},
            "events": {entry.name: entry.body for entry in self.events},
            "label": self.label.body,
            "snapshot": self.label.snapshot,
        }


def draft(source: Source, dialect: str, advance: Callable[[int], None] = lambda _: None) -> Draft:
    """Look at a source and guess what its tables are.

    Raises:
        SourceError: nothing there holds what customers did, and when.
    """
    tables, left_out = look(source, dialect, advance)
    connection = source.connection
    home = customers_table(connection, tables)
    candidates: list[tuple[float, Match]] = []
    others = [table for table in tables if not (home and table is home[0])]
    keys = {table.name: key_in(connection, table, home) for table in others}
    keyed = [(table, key.column) for table in others if (key := keys[table.name]) and _ours(key, home)]
    for table in others:
        key = keys[table.name]
        if not _ours(key, home) and (found := bridged(connection, table, keyed, dialect)):
            table, key = found, Key(found.columns[-1], 1.0)
        reason, fitting = _candidates(source, table, key if _ours(key, home) else None)
        candidates += fitting
        if reason:
            left_out.append((table.name, reason))
    chosen = _settle(candidates)
    past, chosen = histories(chosen, home)
    if not chosen:
        raise _nothing(source, tables, left_out)
    entries = [entry_of(connection, match, dialect, home) for match in chosen]
    customers = mapped_customers(connection, home, dialect) if home else None
    if customers is None:
        customers = derived_customers(entries, home)
    customers.body.update({"history": past} if past else {})
    label = label_of(connection, chosen)
    if label is None:
        raise _nothing(
            source, tables, [*left_out, *((m.table.name, "it holds contracts, not events") for m in chosen)]
        )
    return Draft(
        customers,
        tuple(entry for entry in entries if entry.canonical),
        tuple(entry for entry in entries if not entry.canonical),
        label,
        tuple(left_out),
    )


def _ours(key: Key | None, home: tuple[Table, Column] | None) -> bool:
    return key is not None and (home is None or key.share >= LEAST_SHARE)


def _candidates(source: Source, table: Table, key: Key | None) -> tuple[str, list[tuple[float, Match]]]:
    """Return what a table may be, or why it is nothing."""
    if not table.rows:
        return "it is empty", []
    if key is None:
        return "no column holds ids of customers", []
    if speaks_of(table.name, LEAVING):
        return "it tells who left: as a signal it would give the answer away", []
    if all(column.distinct <= 1 for column in table.columns if column.kind == "time"):
        return "no column says when a row happened", []
    found = list(matches(source.connection, table, key.column))
    if not found:
        return "no column says when a row happened", []
    if key.share < ENOUGH:
        for _, match in found:
            match.notes.append(f"only {key.share:.0%} of its ids are those of customers")
    return "", found


def _settle(candidates: Sequence[tuple[float, Match]]) -> list[Match]:
    """Give each canonical table its best match, and each source table one place."""
    chosen: list[Match] = []
    for _, match in sorted(candidates, key=lambda one: -one[0]):
        names = {taken.name for taken in chosen}
        if match.name not in names and match.table not in [taken.table for taken in chosen]:
            chosen.append(match)
    return chosen


def _nothing(source: Source, tables: Sequence[Table], left_out: Sequence[tuple[str, str]]) -> SourceError:
    if not tables:
        return SourceError(
            f"init: no table found in {source.place}. Name a folder of Parquet or CSV files, or a database, "
            "with --source."
        )
    seen = [f"{name} ({reason})" for name, reason in left_out]
    return SourceError(
        f"init: nothing in {source.place} says what customers did, and when: "
        f"{'; '.join(seen) or 'there are only customers'}. A table of events needs a column with the "
        "customer's id and one with the time. If there is one, write the parameters by hand, as README.md "
        "shows under 'Your own data in five minutes'."
    )
