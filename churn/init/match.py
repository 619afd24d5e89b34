"""Which source table is which canonical table, and which column is which."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import duckdb

from churn.data.ingest.staging import EMAIL_KINDS
from churn.data.tables import CANONICAL_TABLES, events_table
from churn.data.tables import Column as Wanted
from churn.data.tables import Table as Contract
from churn.init.columns import Column, id_of, time_of
from churn.init.look import Table
from churn.init.words import (
    ANY_ID,
    ANY_TIME,
    BIRTH,
    COLUMNS,
    KNOWN_AT,
    TABLES,
    UNIT_PRICE,
    plain,
    says,
    speaks_of,
)

TELLING: Mapping[str, tuple[str, ...]] = {
    "emails": ("opened_at", "clicked_at"),
    "subscriptions": ("ended_at",),
    "tickets": ("first_reply_at", "closed_at"),
    "surveys": ("rating",),
    "payments": ("paid_at", "amount"),
    "orders": ("amount",),
}
"""Columns that show what a table is, whatever it is called; all of them must be there."""


@dataclass
class Match:
    """A source table taken for a canonical one, or for a table of events.

    Attributes:
        name: The canonical name, or the name under `events:`.
        named: Whether the table's name says so; else only its columns do.
        columns: By canonical column, the source's.
        notes: What a reader should know, a sentence each.
    """

    name: str
    table: Table
    key: Column
    named: bool
    columns: dict[str, Column] = field(default_factory=dict)
    filters: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def contract(self) -> Contract:
        """Return the contract of the canonical table."""
        return CANONICAL_TABLES.get(self.name) or events_table(self.name)

    @property
    def time(self) -> Column:
        """Return the column that says when a row happened."""
        return self.columns[self.contract.time]

    @property
    def canonical(self) -> bool:
        """Tell whether it is one of the tables that have signals of their own."""
        return self.name in CANONICAL_TABLES


def matches(
    connection: duckdb.DuckDBPyConnection, table: Table, key: Column
) -> Iterator[tuple[float, Match]]:
    """Yield what a table with a customer's id may be, each with how well it fits; events fit anything."""
    for name, pattern in TABLES.items():
        named = plain(table.name) == name or speaks_of(table.name, pattern)
        match = Match(name, table, key, named)
        scores = _assign(connection, match)
        if match.contract.time not in match.columns or _is_another(connection, match):
            continue
        needed = [c.name for c in match.contract.columns if c.required and c.name != "customer_id"]
        telling = [column in match.columns for column in TELLING.get(name, ("",))]
        if all(column in match.columns for column in needed) and (named or all(telling)):
            yield 5.0 * (plain(table.name) == name) + 3.0 * named + sum(scores.values()), match
    match = Match(events_name(table), table, key, False)
    if "happened_at" in _assign(connection, match):
        yield 0.0, match


def events_name(table: Table) -> str:
    """Return a name for a table under `events:`."""
    said = plain(table.name) or "events"
    said = said if said[0].isalpha() else f"t_{said}"
    return f"{said[:34]}_rows" if said in CANONICAL_TABLES else said[:40]


def assigned(connection: duckdb.DuckDBPyConnection, match: Match) -> Match:
    """Return the match with its columns found."""
    _assign(connection, match)
    return match


def _assign(connection: duckdb.DuckDBPyConnection, match: Match) -> dict[str, float]:
    """Fill `columns`, the best fits first, each column of the source once; return how well each fits."""
    fits = sorted(_fits(match), key=lambda fit: (-fit[0], fit[3]))
    scores: dict[str, float] = {}
    taken = {match.key.name}
    for score, wanted, column, _ in fits:
        free = wanted.name not in scores and column.name not in taken
        if free and _holds(connection, match, wanted, column):
            scores[wanted.name], match.columns[wanted.name] = score, column
            taken.add(column.name)
    _stand_in(match, taken)
    time = match.columns.get(match.contract.time)
    if time is None:
        return scores
    scores.setdefault(match.contract.time, 0.1)
    late = [name for name, column in match.columns.items() if _too_early(connection, match, name, column)]
    for name in late:
        match.notes.append(f"{match.columns[name].name} often lies before {time.name}, so it is not taken")
        del match.columns[name], scores[name]
    return scores


def _fits(match: Match) -> Iterator[tuple[float, Wanted, Column, int]]:
    words = COLUMNS.get(match.name, COLUMNS["events"])
    for wanted in match.contract.columns:
        for place, column in enumerate(match.table.columns):
            if not _of_type(wanted, column) or not column.filled:
                continue
            if column.name.lower() == wanted.name:
                yield 1.0, wanted, column, place
            elif wanted.name == "known_at" and says(column.name, KNOWN_AT):
                yield 0.6, wanted, column, place
            elif wanted.name == "amount" and says(column.name, UNIT_PRICE):
                yield 0.5, wanted, column, place
            elif wanted.name in words and says(column.name, words[wanted.name], match.table.name):
                yield 0.8, wanted, column, place


def _of_type(wanted: Wanted, column: Column) -> bool:
    if wanted.type == "instant":
        return column.kind == "time"
    if wanted.type in ("money", "number"):
        return column.kind == "number"
    if wanted.type == "boolean":
        return column.kind == "boolean" or (column.kind == "number" and (column.low, column.high) == (0, 1))
    if wanted.type == "level":
        return column.kind == "text" or (column.kind == "number" and column.distinct <= 50)
    if wanted.role == "row":
        return column.unique
    return column.kind in ("text", "number") and wanted.role != "id"


def _holds(connection: duckdb.DuckDBPyConnection, match: Match, wanted: Wanted, column: Column) -> bool:
    """Tell whether the values are within what the contract allows, but for a few."""
    if wanted.bounds is None or column.low is None or column.high is None:
        return True
    low, high = wanted.bounds
    if column.low >= low and column.high <= high:
        return True
    value = f"TRY_CAST({id_of(column) if column.sql is None else 'NULL'} AS DOUBLE)"
    row = connection.execute(
        f"SELECT avg(({value} BETWEEN {low} AND {high})::INTEGER) FROM {match.table.view}"
    ).fetchone()
    inside = float(row[0] or 0.0) if row else 0.0
    filtered = wanted.required or wanted.name == "units"  # what is below 0 there is left out by its row
    if inside >= 0.97 or (filtered and inside >= 0.5):
        return True
    match.notes.append(
        f"{column.name} goes from {column.low:g} to {column.high:g}, so it is no {wanted.name}"
    )
    return False


def _is_another(connection: duckdb.DuckDBPyConnection, match: Match) -> bool:
    """Tell whether a table only has the name: a list of states, or of what was done with e-mails."""
    if match.name == "subscriptions":
        words = COLUMNS["subscriptions"]["started_at"]
        return "ended_at" not in match.columns and not says(match.time.name, words, match.table.name)
    if match.name != "emails" or "opened_at" in match.columns or "clicked_at" in match.columns:
        return False
    opened = {*EMAIL_KINDS["opened_at"], *EMAIL_KINDS["clicked_at"]}
    for column in match.table.columns:
        if column.kind == "text" and column.distinct <= 20:
            rows = connection.execute(f"SELECT DISTINCT {id_of(column)} FROM {match.table.view}").fetchall()
            if opened & {str(value).lower() for (value,) in rows}:
                return True
    return False


def _stand_in(match: Match, taken: set[str]) -> None:
    """Find the row's own time where no name says it: the only time there is, or the likeliest."""
    time = match.contract.time
    if time in match.columns:
        return
    free = [column for column in match.table.columns if column.kind == "time" and column.filled > 0.9]
    loose = [column for column in free if column.name not in taken and not says(column.name, BIRTH)]
    likely = [column for column in loose if says(column.name, ANY_TIME, match.table.name)]
    known = {"payments": "paid_at", "surveys": "answered_at"}.get(match.name, "")
    if likely or loose:
        match.columns[time] = (likely or loose)[0]
    elif known in match.columns and match.columns[known].filled > 0.9:
        match.columns[time] = match.columns[known]


def _too_early(connection: duckdb.DuckDBPyConnection, match: Match, name: str, column: Column) -> bool:
    wanted = match.contract.column(name)
    if wanted is None or wanted.role not in ("outcome", "known") or name == "paid_at":
        return False
    at, own = time_of(column), time_of(match.time)
    row = connection.execute(f"SELECT avg(({at} < {own})::INTEGER) FROM {match.table.view}").fetchone()
    return bool(row and (row[0] or 0.0) > 0.03)


def row_id_of(match: Match) -> Column | None:
    """Return a column that tells the rows apart, if one is there and not already taken."""
    if "row_id" in match.columns:
        return match.columns["row_id"]
    taken = {column.name for column in match.columns.values()} | {match.key.name}
    free = [c for c in match.table.columns if c.unique and c.name not in taken]
    return next((c for c in free if c.kind in ("text", "number") and says(c.name, ANY_ID)), None)
