"""Match the tables and columns of a source with canonical tables and columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import duckdb

from churn.data.ingest.staging import EMAIL_KINDS
from churn.data.sql import literal
from churn.data.tables import CANONICAL_TABLES, events_table
from churn.data.tables import Column as CanonicalColumn
from churn.data.tables import Table as CanonicalTable
from churn.init.column_values import long_form
from churn.init.name_patterns import (
    AFTER_THE_ORDER,
    ANY_ID,
    ANY_TIME,
    BIRTH,
    CANCELLED_AT,
    COLUMN_PATTERNS,
    KNOWN_AT,
    SHARE,
    STATE,
    TABLE_PATTERNS,
    UNIT_PRICE,
    VALID_UNTIL,
    name_contains,
    name_matches,
    snake_case,
)
from churn.init.source_table import SourceColumn, SourceTable, id_of, name_in, time_of

TELLTALE_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "emails": ("opened_at", "clicked_at"),
    "subscriptions": ("ended_at",),
    "tickets": ("first_reply_at", "closed_at"),
    "surveys": ("rating",),
    "payments": ("paid_at", "amount"),
    "orders": ("amount",),
}
"""Columns that together show what a table holds, even if its name does not."""

MIN_VALID_SHARE = 0.97
"""A column is matched if at least this share of its values lies within the bounds of the canonical column."""

MAX_EARLY_SHARE = 0.03
"""An outcome column may hold a time before the row's own time in at most this share of the rows."""

STATES_OF_RUNNING = ("active", "live", "trialing", "in_trial", "past_due", "aktiv", "laufend")
"""The states of a contract that has not ended."""


SPREADSHEET_DAYS = (32_874, 58_439)
"""The numbers that a spreadsheet, which counts from 1899-12-30, gives to the days from 1990 to 2059."""

DAY_WITH_YEAR = r"(^|[^0-9])(19|20)[0-9]{2}([^0-9]|$)|[0-9][^0-9:]+[0-9]"
"""The form of a text that may hold a date: it has a year, or two numbers that are not hours and minutes."""


@dataclass
class Match:
    """A source table that is read as a canonical table, or as a table under `events:`.

    Attributes:
        name: The canonical name, or the name under `events:`.
        table: The source table.
        key: The table's column with the customer's id.
        by_name: Whether the table's name fits the canonical table; if not, only its columns fit.
        columns: The source's columns by their canonical names.
        notes: Comments for the reader of params.yaml.
        warnings: The notes that the user has to see at once.
        reason: Why the rows of the table led to this match; empty if the match was found by the names of the
            table and its columns.
    """

    name: str
    table: SourceTable
    key: SourceColumn
    by_name: bool
    columns: dict[str, SourceColumn] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    reason: str = ""

    @property
    def target(self) -> CanonicalTable:
        """Return the canonical table."""
        return CANONICAL_TABLES.get(self.name) or events_table(self.name)

    @property
    def time(self) -> SourceColumn:
        """Return the column with the time of a row."""
        return self.columns[self.target.time]

    @property
    def canonical(self) -> bool:
        """Return whether the table is read as a canonical table, and not as a table under `events:`."""
        return self.name in CANONICAL_TABLES


def matches(
    connection: duckdb.DuckDBPyConnection, table: SourceTable, key: SourceColumn
) -> Iterator[tuple[float, Match]]:
    """Yield the canonical tables that a source table may be, each with a score; higher is better.

    Every table with a time may also be a table of events, with score 0.

    Args:
        connection: The connection with the view of the table.
        table: The source table.
        key: The table's column with the id of the customer.
    """
    for name, pattern in TABLE_PATTERNS.items():
        by_name = snake_case(table.name) == name or name_contains(table.name, pattern)
        match = Match(name, table, key, by_name)
        scores = _assign(connection, match)
        if match.target.time not in match.columns or _is_another(connection, match):
            continue
        required_names = {c.name for c in match.target.columns if c.is_required and c.name != "customer_id"}
        has_telltales = set(TELLTALE_COLUMNS.get(name, ("",))) <= match.columns.keys()
        if name != "loyalty" and name_contains(table.name, TABLE_PATTERNS["loyalty"]):
            continue  # bookings of loyalty points are neither use of the product nor ratings
        if name == "contacts" and "play" not in match.columns:
            continue  # a table named contacts mostly lists persons, not what was done with them
        if required_names <= match.columns.keys() and (by_name or has_telltales):
            yield 5.0 * (snake_case(table.name) == name) + 3.0 * by_name + sum(scores.values()), match
    match = Match(events_name(table), table, key, False)
    if "happened_at" in _assign(connection, match):
        yield 0.0, match


def events_name(table: SourceTable) -> str:
    """Return a name for a table in the section `events:`."""
    name = snake_case(table.name) or "events"
    name = name if name[0].isalpha() else f"t_{name}"
    return f"{name[:34]}_rows" if name in CANONICAL_TABLES else name[:40]


def assign_columns(connection: duckdb.DuckDBPyConnection, match: Match) -> Match:
    """Return the match with its columns filled in."""
    _assign(connection, match)
    return match


def _assign(connection: duckdb.DuckDBPyConnection, match: Match) -> dict[str, float]:
    """Give canonical columns their source columns, the best fit first; use each source column only once.

    For each canonical column that got a source column, return the score of this fit.
    """
    fits = sorted(_fits(match), key=lambda fit: (-fit[0], fit[3]))
    scores: dict[str, float] = {}
    used_names = {match.key.name}
    money_targets = {target.name for _, target, column, _ in fits if not _share_reason(match, target, column)}
    for score, target, column, _ in fits:
        is_free = target.name not in scores and column.name not in used_names
        share_reason = _share_reason(match, target, column)
        if is_free and share_reason and (target.name in money_targets or not target.is_required):
            match.notes.append(f"{column.name} is not used as {target.name}: {share_reason}")
            continue
        if share_reason:
            column = replace(
                column,
                question=f'{column.name} may be no money, as {share_reason}: write "{column.name}" if it is '
                "money, or the column that has the money",
            )
        if is_free and _has_valid_values(connection, match, target, column):
            scores[target.name], match.columns[target.name] = score, column
            used_names.add(column.name)
    _assign_time(connection, match, used_names)
    time = match.columns.get(match.target.time)
    if time is None:
        return scores
    scores.setdefault(match.target.time, 0.1)
    if match.name == "subscriptions":
        _correct_contract_columns(connection, match, scores)
    early = [name for name, column in match.columns.items() if _is_early(connection, match, name, column)]
    for name in early:
        match.notes.append(f"{match.columns[name].name} is not used: it is often earlier than {time.name}")
        del match.columns[name], scores[name]
    return scores


def _correct_contract_columns(
    connection: duckdb.DuckDBPyConnection, match: Match, scores: dict[str, float]
) -> None:
    """Correct a table of contracts.

    If no column holds the end of the contract, the cancellation time is read as the end. It is not read as
    the end if some cancelled contracts still run. The renewal time is not used if almost no ended contract
    has one. In this case, the source probably deletes the renewal time when the contract ends. So even at a
    cutoff before the end, the missing renewal time would reveal that the contract will end.
    """
    columns, view = match.columns, match.table.view
    cancelled = columns.get("cancel_requested_at")
    if "ended_at" not in columns and cancelled and name_matches(cancelled.name, CANCELLED_AT):
        states = [c for c in match.table.columns if c.kind == "text" and name_matches(c.name, STATE)]
        runs = [f"lower({id_of(state)}) IN {STATES_OF_RUNNING}" for state in states]
        n_running = _count_rows(connection, view, f"{time_of(cancelled)} IS NOT NULL", *runs) if runs else 0
        if n_running:
            note = f"as {n_running:,} rows with it still run"
            match.notes.append(f"{cancelled.name} is not read as the end, {note}: map ended_at")
        else:
            columns["ended_at"] = columns.pop("cancel_requested_at")
            scores["ended_at"] = scores.pop("cancel_requested_at")
            match.notes.append(f"{cancelled.name} is read as the end: no other column has it")
    if "renews_at" not in columns or "ended_at" not in columns:
        return
    ended, renews = time_of(columns["ended_at"]), time_of(columns["renews_at"])
    n_ended = _count_rows(connection, view, f"{ended} IS NOT NULL")
    n_ended_with_renewal = _count_rows(connection, view, f"{ended} IS NOT NULL", f"{renews} IS NOT NULL")
    if n_ended and n_ended_with_renewal <= MAX_EARLY_SHARE * n_ended:
        name = columns.pop("renews_at").name
        del scores["renews_at"]
        match.notes.append(f"{name} is not used: only contracts that run today have it")


def _count_rows(connection: duckdb.DuckDBPyConnection, view: str, *conditions: str) -> int:
    row = connection.execute(f"SELECT count(*) FROM {view} WHERE {' AND '.join(conditions)}").fetchone()
    return int(row[0]) if row else 0


def _fits(match: Match) -> Iterator[tuple[float, CanonicalColumn, SourceColumn, int]]:
    """Yield each pair of a canonical column and a source column that fit by name and type.

    Each pair comes with its score (first) and the position of the source column in the table (last).
    """
    patterns = COLUMN_PATTERNS.get(match.name, COLUMN_PATTERNS["events"])
    for target in match.target.columns:
        for index, column in enumerate(match.table.columns):
            if not _has_type(target, column) or not column.filled_share:
                continue
            if column.name.lower() == target.name:
                yield 1.0, target, column, index
            elif target.name == "known_at" and name_matches(column.name, KNOWN_AT):
                yield 0.6, target, column, index
            elif target.name == "amount" and name_matches(column.name, UNIT_PRICE):
                yield 0.5, target, column, index
            elif (pattern := patterns.get(target.name)) and name_matches(
                column.name, pattern, match.table.name
            ):
                yield 0.8, target, column, index


def _has_type(target: CanonicalColumn, column: SourceColumn) -> bool:
    if target.type == "instant":
        return column.kind == "time"
    if target.type in ("money", "number"):
        return column.kind == "number"
    if target.type == "boolean":
        return column.kind == "boolean" or (column.kind == "number" and (column.low, column.high) == (0, 1))
    if target.type == "level":
        return column.kind == "text" or (column.kind == "number" and column.distinct <= 50)
    if target.role == "row":
        return column.unique
    return column.kind in ("text", "number") and target.role != "id"


def _has_valid_values(
    connection: duckdb.DuckDBPyConnection, match: Match, target: CanonicalColumn, column: SourceColumn
) -> bool:
    """Return whether nearly all values of the source column are valid values of the canonical column.

    Valid values lie within the canonical column's bounds, or are among the names that it allows. If rows with
    values outside the bounds are filtered out later, it is enough that half of all values are within the
    bounds.
    """
    if target.names:
        names = ", ".join(literal(name) for name in target.names)
        row = connection.execute(
            f"SELECT avg(coalesce({id_of(column)} IN ({names}), false)::INTEGER) FROM {match.table.view}"
        ).fetchone()
        return bool(row and (row[0] or 0.0) >= MIN_VALID_SHARE)
    if target.bounds is None or column.low is None or column.high is None:
        return True
    low, high = target.bounds
    if column.low >= low and column.high <= high:
        return True
    value = f"TRY_CAST({id_of(column) if column.sql is None else 'NULL'} AS DOUBLE)"
    row = connection.execute(
        f"SELECT avg(({value} BETWEEN {low} AND {high})::INTEGER) FROM {match.table.view}"
    ).fetchone()
    inside = float(row[0] or 0.0) if row else 0.0
    has_filter = target.is_required or target.name == "units"  # rows with a value below 0 get a filter later
    if inside >= MIN_VALID_SHARE or (has_filter and inside >= 0.5):
        return True
    match.notes.append(
        f"{column.name} is not used as {target.name}: it goes from {column.low:g} to {column.high:g}"
    )
    return False


def _share_reason(match: Match, target: CanonicalColumn, column: SourceColumn) -> str:
    """Return the reason to read a column as shares (such as per cent), not as money; empty if there is none.

    Values from 0 to 1 count as shares. There are two exceptions: all values are 0 or 1, or the column holds
    unit prices of products.
    """
    low, high = column.low, column.high
    if target.type != "money" or low is None or high is None or low < 0 or high > 100:
        return ""
    if "%" in column.name or name_matches(column.name, SHARE):
        return "its name says that it is a share"
    has_decimals = column.distinct > 2 or low % 1 > 0 or high % 1 > 0
    units = COLUMN_PATTERNS["orders"]["units"]
    is_unit_price = name_matches(column.name, UNIT_PRICE) and any(
        name_matches(other.name, units) for other in match.table.columns
    )
    if high > 1 or not has_decimals or is_unit_price:
        return ""
    return f"its values lie between {low:g} and {high:g}, as shares do"


def _is_another(connection: duckdb.DuckDBPyConnection, match: Match) -> bool:
    """Return whether the name of a table misleads, such as `tickets` for a table of season tickets."""
    if match.name == "subscriptions":
        pattern = COLUMN_PATTERNS["subscriptions"]["started_at"]
        return "ended_at" not in match.columns and not name_matches(
            match.time.name, pattern, match.table.name
        )
    # A ticket that is valid until a day gives access and is no request for support.
    if match.name == "tickets":
        times = [column for column in match.table.columns if column.kind == "time"]
        return any(name_matches(column.name, VALID_UNTIL, match.table.name) for column in times)
    if match.name != "emails" or "opened_at" in match.columns or "clicked_at" in match.columns:
        return False
    reactions = {*EMAIL_KINDS["opened_at"], *EMAIL_KINDS["clicked_at"]}
    levels = [id_of(c) for c in match.table.columns if c.kind == "text" and c.distinct <= 20]
    if not levels:
        return False
    words = ", ".join(literal(word) for word in sorted(reactions))
    row = connection.execute(
        f"SELECT bool_or(lower(v) IN ({words})) FROM (SELECT DISTINCT c, v "
        f"FROM ({long_form(match.table.view, levels)}))"
    ).fetchone()
    return bool(row and row[0])


def _assign_time(connection: duckdb.DuckDBPyConnection, match: Match, used_names: set[str]) -> None:
    """If no column name fits the time of a row, use the likeliest time column as this time."""
    time = match.target.time
    if time in match.columns:
        return
    times = [column for column in match.table.columns if column.kind == "time" and column.filled_share > 0.9]
    free = [c for c in times if c.name not in used_names and not name_matches(c.name, BIRTH)]
    likely = [column for column in free if name_matches(column.name, ANY_TIME, match.table.name)]
    if match.name == "orders":
        likely.sort(key=lambda column: name_matches(column.name, AFTER_THE_ORDER))
    outcome = {"payments": "paid_at", "surveys": "answered_at"}.get(match.name, "")
    if likely or free:
        match.columns[time] = _asked_time(connection, match, (likely or free)[0])
    elif outcome in match.columns and match.columns[outcome].filled_share > 0.9:
        match.columns[time] = match.columns[outcome]


def _asked_time(connection: duckdb.DuckDBPyConnection, match: Match, column: SourceColumn) -> SourceColumn:
    """Return `column` as the time of a row, with a question for the user if another column may be right.

    The other column has a better name, but its values are dates in a form that is not known.
    """
    target = match.target.time
    pattern = COLUMN_PATTERNS.get(match.name, COLUMN_PATTERNS["events"])[target]
    unread = [
        other.name
        for other in match.table.columns
        if other.kind in ("text", "number")
        and other.filled_share
        and (other.name.lower() == target or name_matches(other.name, pattern, match.table.name))
        and name_matches(other.name, ANY_TIME, match.table.name)
        and _may_be_days(connection, match.table, other)
    ]
    if not unread:
        return column
    question = (
        f"{unread[0]} is the time of a row by its name, but its form is not known here: map {target} to it "
        f"and write its time_format, or map {target} to {column.name} and remove this key"
    )
    return replace(column, question=question)


def _may_be_days(connection: duckdb.DuckDBPyConnection, table: SourceTable, column: SourceColumn) -> bool:
    """Return whether the values of a column may be dates in a form that is not known.

    Weekdays and hours do not count as dates.
    """
    if column.kind == "number":
        low, high = SPREADSHEET_DAYS
        return column.low is not None and column.high is not None and low <= column.low <= column.high <= high
    row = connection.execute(
        f"SELECT avg((regexp_matches(v, {literal(DAY_WITH_YEAR)}))::INTEGER) "
        f"FROM (SELECT {id_of(column)} AS v FROM {table.view}) WHERE v IS NOT NULL"
    ).fetchone()
    return bool(row and (row[0] or 0.0) >= MIN_VALID_SHARE)


def _is_early(connection: duckdb.DuckDBPyConnection, match: Match, name: str, column: SourceColumn) -> bool:
    """Return whether a column that was matched as an outcome is often earlier than `match.time`.

    Such a column is no outcome.
    """
    target = match.target.column(name)
    if target is None or target.role not in ("outcome", "known") or name == "paid_at":
        return False
    outcome, row_time = time_of(column), time_of(match.time)
    row = connection.execute(
        f"SELECT avg(({outcome} < {row_time})::INTEGER) FROM {match.table.view}"
    ).fetchone()
    return bool(row and (row[0] or 0.0) > MAX_EARLY_SHARE)


def row_id_of(match: Match) -> SourceColumn | None:
    """Return a column with an id for each row, if there is such a column that has no other use."""
    if "row_id" in match.columns:
        return match.columns["row_id"]
    used_names = {column.name for column in match.columns.values()} | {match.key.name}
    free = [c for c in match.table.columns if c.unique and c.name not in used_names]
    return next((c for c in free if c.kind in ("text", "number") and name_matches(c.name, ANY_ID)), None)


def quote_column(match: Match, columns: Mapping[str, str], name: str, dialect: str) -> str:
    """Return the SQL of a canonical column; a plain column name gets quotes if the dialect needs them."""
    sql = columns[name]
    column = match.key if name == "customer_id" else match.columns.get(name)
    return name_in(sql, dialect) if column and sql == column.name else sql
