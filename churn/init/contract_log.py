"""Read a log of contracts.

In such a log, each row is either a contract with a start and an expiry, or a cancellation of earlier rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from typing import NamedTuple

import duckdb

from churn.data.sql import identifier, internal_name, literal
from churn.init.cancel_rows import CancelRows, find_cancel_rows
from churn.init.match import Match, assign_columns
from churn.init.name_patterns import (
    BIRTH,
    CONTRACT_EXPIRY,
    DELIVERY,
    EXPIRY,
    HISTORY,
    MAY_LIE_AHEAD,
    TABLE_PATTERNS,
    VALID_FROM,
    name_contains,
    name_matches,
    snake_case,
)
from churn.init.profile import profile_table
from churn.init.source_table import KeyedTable, SourceColumn, SourceTable, id_of, id_sql, name_in, time_of

MIN_RENEWALS = 20
"""A log of contracts has at least this many renewals: rows that follow a row of the same customer."""

MIN_RENEWED_SHARE = 0.5
"""At least this share of the renewals lies near the expiry of the row before."""

MAX_GAP_DAYS = 7
"""A renewal is near an expiry if at most this many days, and at most a quarter of the paid period, lie
between them.
"""

OTHER_LOGS = ("logins", "emails", "tickets", "surveys", "referrals")
"""The canonical tables whose rows are no contracts, even if the rows have an expiry."""

LOG_SCORE = 10.0
"""The score of a table that is read as contracts by its contents; it is above every score by names."""


class _Period(NamedTuple):
    """The columns with the start and the expiry of a row, and the share of renewals (later rows of a
    customer) that start near the expiry of the row before.
    """

    start: SourceColumn
    expiry: SourceColumn
    renewed_share: float


def read_contract_logs(
    connection: duckdb.DuckDBPyConnection,
    candidates: Sequence[tuple[float, Match]],
    tables: Sequence[KeyedTable],
    dialect: str,
    today: date,
) -> tuple[list[tuple[float, Match]], list[str]]:
    """Read the largest log of contracts as the canonical table `subscriptions`.

    A match says which source table is read as which canonical table. If another table already holds contracts
    and their ends, no log is read as contracts, and all matches stay as they are. A log is also not read
    as contracts if neither its name nor its expiry column's name suggests contracts. The matches of such a
    log only get a note that the rows may be contracts.

    Args:
        connection: The connection with the views of the tables. If a query computes the contracts from the
            log, the result is added as a temporary table.
        candidates: The matches of all tables, each with a score that says how well it fits.
        tables: The tables that have the ids of customers.
        dialect: The SQL dialect of the source.
        today: Today's date. Several formats are tried on texts with dates; a format that gives dates after
            today is wrong.

    Returns:
        The matches of all tables with their scores, and warnings for the user.
    """
    periods = {log.table.name: (log, period) for log in tables if (period := _period(connection, log))}
    has_contracts = any(
        match.name == "subscriptions" and "ended_at" in match.columns and match.table.name not in periods
        for _, match in candidates
    )
    if has_contracts:
        return list(candidates), []
    for name, (log, period) in list(periods.items()):
        if not _is_named_as_contracts(log.table.name, period.expiry.name):
            del periods[name]
            _add_note(candidates, name, period)
    if not periods:
        return list(candidates), []
    log, period = max(periods.values(), key=lambda pair: pair[0].table.rows)
    if reason := _unwritable_reason(period, dialect):
        start, expiry, table = period.start.name, period.expiry.name, log.table.name
        warning = (
            f"{table} looks like a log of contracts: a contract runs from the time in {start} to the time in "
            f"{expiry}. But {reason}. Write the entry `subscriptions` with a query of {table} that gives "
            "started_at and ended_at of each contract, without the rows that cancel earlier rows, and write "
            "a label of the kind contract"
        )
        return list(candidates), [warning]
    match = _contracts(connection, log, period, dialect, today)
    others = [(score, other) for score, other in candidates if other.table.name != log.table.name]
    return [*others, (LOG_SCORE, match)], []


def _period(connection: duckdb.DuckDBPyConnection, log: KeyedTable) -> _Period | None:
    """Return the columns with the start and the expiry; None if the table is no log of contracts."""
    if name_contains(log.table.name, HISTORY):
        return None
    times = [c for c in log.table.columns if c.kind == "time" and c.filled_share > 0.5]
    if any(_begins_a_value(column) for column in times):
        return None
    expiries = [c for c in times if name_matches(c.name, EXPIRY, log.table.name)]
    starts = [c for c in times if c not in expiries and _may_be_start(c)]
    periods = []
    for expiry in expiries:
        for start in starts:
            share = _renewed_share(connection, log, start, expiry)
            if share >= MIN_RENEWED_SHARE:
                periods.append(_Period(start, expiry, share))
    table = log.table.name
    return max(
        periods,
        key=lambda period: (_is_named_as_contracts(table, period.expiry.name), period.renewed_share),
        default=None,
    )


def _is_named_as_contracts(table: str, expiry: str) -> bool:
    """Return whether the names of a table and its expiry column say that the rows may be contracts."""
    if name_contains(table, TABLE_PATTERNS["subscriptions"]):
        return True
    is_other_log = any(name_contains(table, TABLE_PATTERNS[other]) for other in OTHER_LOGS)
    return not is_other_log and name_matches(expiry, CONTRACT_EXPIRY, table)


def _add_note(candidates: Sequence[tuple[float, Match]], table: str, period: _Period) -> None:
    """Add a note to a table's matches: its rows may be contracts.

    The times of the rows look like those of contracts, but the names of the table and its columns do not.
    """
    note = (
        f"the rows look like contracts: in {period.renewed_share:.0%} of cases, a customer's next row starts "
        f"near the {period.expiry.name} of the row before. But the names of the table and its columns do not "
        "say that the rows are contracts. If each row is a contract, move the table to the entry "
        f"`subscriptions` with {period.expiry.name} as ended_at"
    )
    for _, match in candidates:
        if match.table.name == table:
            match.notes.append(note)


def _begins_a_value(column: SourceColumn) -> bool:
    """Return whether a column's name, such as `valid_from`, says from when the row's values are valid."""
    return name_matches(column.name, VALID_FROM) and not snake_case(column.name).startswith("start")


def _may_be_start(column: SourceColumn) -> bool:
    """Return whether a column may hold the start of a contract.

    Its name must not suggest a birth, a delivery, or a time that may lie in the future.
    """
    return not any(name_matches(column.name, pattern) for pattern in (DELIVERY, MAY_LIE_AHEAD, BIRTH))


def _renewed_share(
    connection: duckdb.DuckDBPyConnection, log: KeyedTable, start: SourceColumn, expiry: SourceColumn
) -> float:
    """Return the share of renewals (later rows of a customer) that start near the expiry of the row before.

    The share is 0 if there are fewer than `MIN_RENEWALS` renewals.
    """
    rows = (
        f"SELECT {id_of(log.key)} AS id, {time_of(start)} AS s, {time_of(expiry)} AS e FROM {log.table.view}"
    )
    row = connection.execute(
        f"SELECT count(*), avg((abs(gap) <= least({MAX_GAP_DAYS}, days / 4.0))::INTEGER) FROM ("
        "SELECT date_diff('day', e, lead(s) OVER (PARTITION BY id ORDER BY s, e)) AS gap, "
        f"date_diff('day', s, e) AS days FROM ({rows}) WHERE id IS NOT NULL AND isfinite(s) AND "
        "isfinite(e) AND e > s) WHERE gap IS NOT NULL AND days >= 1"
    ).fetchone()
    n_renewals, share = row or (0, None)
    return float(share) if share is not None and n_renewals >= MIN_RENEWALS else 0.0


def _unwritable_reason(period: _Period, dialect: str) -> str:
    """Return why two columns of times cannot be compared in SQL; empty if they can be compared."""
    start, expiry = period.start, period.expiry
    if start.question or expiry.question:
        return "the order of day and month in its times is open"
    ways = [(c.time_format, bool(c.sql), c.is_iso_text) for c in (start, expiry)]
    if ways[0] != ways[1]:
        return "these two times are written in different ways"
    if not _keeps_order(start) and dialect != "duckdb":
        return f"text in the format {start.time_format} has to be parsed first"
    return ""


def _keeps_order(column: SourceColumn) -> bool:
    """Return whether the values of a column can be sorted by time without parsing them first."""
    return column.time_format in (None, "%Y%m%d")


def _time_sql(column: SourceColumn, quote: Callable[[str], str]) -> str:
    """Return the SQL of a start or an expiry, in a form in which the two can be compared."""
    name = quote(column.name)
    if not _keeps_order(column):
        return f"try_strptime({name}, {literal(column.time_format or '')})"
    for word, _ in column.missing:
        if not word[:1].isdigit():
            name = f"nullif({name}, {literal(word)})"
    return name


def _contracts(
    connection: duckdb.DuckDBPyConnection, log: KeyedTable, period: _Period, dialect: str, today: date
) -> Match:
    """Return the match of a log with `subscriptions`, the canonical table of contracts.

    If rows cancel earlier rows, or expire before they start, the match has a query that computes the
    contracts and leaves out such rows.

    Args:
        connection: The connection with the view of the table. If the match has a query, this function writes
            the contracts into a temporary table of the connection.
        log: The table, and its column with the id of the customer.
        period: The columns with the start and the expiry of a row.
        dialect: The SQL dialect of the source.
        today: Today's date. Several formats are tried on texts with dates; a format that gives dates after
            today is wrong.
    """
    table, (start, expiry, share) = log.table, period
    cancel_rows, notes = find_cancel_rows(connection, log, start, expiry)
    n_early, n_open, example = _flawed_rows(connection, table, period, cancel_rows)
    contracts = table
    if cancel_rows or n_early:
        spelt_log = KeyedTable(table, _without_blanks(connection, log))
        view = internal_name(f"guess_contracts_of_{snake_case(table.name)}")
        sql = _query(spelt_log, period, cancel_rows, "duckdb", table.view)
        connection.execute(f"CREATE OR REPLACE TEMP TABLE {view} AS {sql}").fetchall()
        query = _query(spelt_log, period, cancel_rows, dialect, table.origin(dialect))
        contracts = replace(
            profile_table(connection, table.name, view, dialect, today),
            complete=table.complete,
            query=query,
            parts=table.parts,
            question=table.question,
        )
    match = assign_columns(connection, Match("subscriptions", contracts, log.key, False))
    columns = {column.name: column for column in contracts.columns}
    ends = {"started_at": columns[start.name], "ended_at": columns[expiry.name]}
    match.columns = ends | {
        name: column
        for name, column in match.columns.items()
        if name not in ends and column.name not in (start.name, expiry.name)
    }
    match.reason = (
        f"likely: in {share:.0%} of cases, a customer's next row starts near the expiry of the row before"
    )
    match.notes += notes
    if n_early:
        match.warnings.append(
            f"{n_early:,} of {table.rows:,} rows of {table.name} are left out: their {expiry.name} lies "
            f"before their {start.name}, such as {example}"
        )
    if n_open:
        match.warnings.append(
            f"{n_open:,} of {table.rows:,} rows of {table.name} have no {expiry.name}: they are read as "
            "contracts that still run"
        )
    return match


def _without_blanks(connection: duckdb.DuckDBPyConnection, log: KeyedTable) -> SourceColumn:
    """Return the column with the customer's id; blanks at the ends of ids are removed."""
    if log.key.kind != "text":
        return log.key
    text = f"{identifier(log.key.name)}::VARCHAR"
    row = connection.execute(f"SELECT bool_or({text} <> trim({text})) FROM {log.table.view}").fetchone()
    if not row or not row[0]:
        return log.key
    return replace(log.key, spelling=(log.key.spelling or "$").replace("$", "trim($)"))


def _flawed_rows(
    connection: duckdb.DuckDBPyConnection,
    table: SourceTable,
    period: _Period,
    cancel_rows: CancelRows | None,
) -> tuple[int, int, str]:
    """Return how many contracts expire before they start, how many have no expiry, and an example of an early
    expiry.
    """
    is_cancel = f"{identifier(cancel_rows.column.name)}{cancel_rows.condition}" if cancel_rows else "false"
    start, expiry = (_time_sql(column, identifier) for column in (period.start, period.expiry))
    row = connection.execute(
        f"SELECT count(*) FILTER ({expiry} < {start}), count(*) FILTER ({expiry} IS NULL), "
        f"min({identifier(period.expiry.name)}::VARCHAR) FILTER ({expiry} < {start}) "
        f"FROM {table.view} WHERE NOT coalesce({is_cancel}, false)"
    ).fetchone()
    n_early, n_open, example = row or (0, 0, "")
    return n_early, n_open, str(example)


def _query(
    log: KeyedTable,
    period: _Period,
    cancel_rows: CancelRows | None,
    dialect: str,
    origin: str,
) -> str:
    """Return the SQL that gives one row per contract.

    A contract ends at its expiry, or earlier if it is cancelled.

    Args:
        log: The table, and its column with the id of the customer.
        period: The columns with the start and the expiry of a row.
        cancel_rows: The rows that cancel earlier rows; None if the log has no such rows.
        dialect: The SQL dialect of the query.
        origin: The SQL after FROM that reads the table.
    """

    def quote(name: str) -> str:
        return name_in(name, dialect)

    start, expiry = (_time_sql(column, quote) for column in (period.start, period.expiry))
    keeps_order = _keeps_order(period.start)
    terms = []
    for column in log.table.columns:
        name = quote(column.name)
        if column.name == period.expiry.name and cancel_rows:
            sooner = (
                f"first_cancelled_until < {expiry} or {expiry} is null and first_cancelled_until is not null"
            )
            terms.append(f"case when {sooner} then first_cancelled_until else {expiry} end as {name}")
        elif column.name == period.expiry.name and (not keeps_order or expiry != name):
            terms.append(f"{expiry} as {name}")
        elif column.name == period.start.name and not keeps_order:
            terms.append(f"{start} as {name}")
        else:
            terms.append(name)
    columns, table = ", ".join(terms), quote(log.table.name)
    is_valid = f"({expiry} is null or {expiry} >= {start})"
    if cancel_rows is None:
        return f"select * from (\n  select {columns}\n  from {origin}\n  where {is_valid}\n) as {table}"
    is_cancel = f"{quote(cancel_rows.column.name)}{cancel_rows.condition}"
    flag = f"case when {is_cancel} then 1 else 0 end"
    first_cancelled_until = (
        f"case when {is_cancel} then case when {expiry} >= {start} then {expiry} else {start} end end"
    )
    window = (
        f"partition by {id_sql(log.key, dialect)} order by {start}, {flag} "
        "rows between 1 following and unbounded following"
    )
    return (
        f"select * from (\n  select {columns}\n  from (\n    select *, {flag} as row_cancels,\n"
        f"      min({first_cancelled_until})\n      over ({window}) as first_cancelled_until\n"
        f"    from {origin}\n"
        f"  ) as log\n  where row_cancels = 0 and {is_valid}\n) as {table}"
    )
