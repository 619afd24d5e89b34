"""Find histories of attributes, and tables of customers that hold several versions of each customer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

import duckdb

from churn.data.sql import identifier, internal_name
from churn.init.customer_ids import customers_table, has_name
from churn.init.entry import TableBody
from churn.init.match import Match
from churn.init.name_patterns import (
    ANY_ID,
    CHANGED_AT,
    COLUMN_PATTERNS,
    CUSTOMER_ID,
    HISTORY,
    IS_CURRENT,
    PEOPLE,
    TABLE_PATTERNS,
    VALID_FROM,
    VALID_TO,
    VERSION_BEGIN,
    VERSION_END,
    name_contains,
    name_matches,
    snake_case,
)
from churn.init.profile import profile_table
from churn.init.source_table import KeyedTable, SourceColumn, SourceTable, id_of, id_sql, name_in, time_of

MAX_ATTRIBUTE_LEVELS = 200
"""A text column with more values than this is not used as an attribute of customers."""


@dataclass(frozen=True)
class VersionedCustomers:
    """A table with several versions of each customer, and the customers in it.

    Attributes:
        versions: The table of versions, as the source has it.
        customers: One row for each customer, with the columns whose value is the same in all versions.
        reason: Why the table was chosen, and which time is taken as the sign-up of a customer.
    """

    versions: SourceTable
    customers: KeyedTable
    reason: str


def versioned_customers(
    connection: duckdb.DuckDBPyConnection,
    tables: Sequence[SourceTable],
    key_name: str | None,
    dialect: str,
    today: date,
) -> VersionedCustomers | None:
    """Return the table that holds several versions of each customer; None if there is none.

    Each row of the table is a version of a customer, with the times at which the version begins and ends. A
    view with one row for each customer is added to the connection.

    Args:
        connection: The connection with the views of the tables.
        tables: The tables.
        key_name: The name of the column with the ids of customers, if the user has given it.
        dialect: The SQL dialect of the source.
        today: The present day.
    """
    for table in tables:
        times = [column for column in table.columns if column.kind == "time"]
        begin = next((c for c in times if name_matches(c.name, VERSION_BEGIN)), None)
        end = next((c for c in times if name_matches(c.name, VERSION_END)), None)
        key = _repeated_key(table, key_name)
        if begin is None or end is None or key is None:
            continue
        constant = _constant_columns(connection, KeyedTable(table, key))
        pattern = COLUMN_PATTERNS["customers"]["signed_up_at"]
        sign_up = next((c for c in times if c in constant and name_matches(c.name, pattern)), None)
        if sign_up is None and (begin.time_format or not _is_named_people(table)):
            continue
        names = [c.name for c in constant if c.kind in ("text", "number") or c is sign_up]
        values = [("min({})", name, name) for name in names]
        row = connection.execute(f"SELECT count(*) - count({time_of(begin)}) FROM {table.view}").fetchone()
        n_without_day = row[0] if row else 0  # the first version of a customer may be one of these rows
        values += [] if sign_up or n_without_day else [("min({})", begin.name, "signed_up_at")]
        view = internal_name(f"guess_customers_{table.name}")
        terms = [sql.format(identifier(name)) + f" AS {identifier(alias)}" for sql, name, alias in values]
        own_key = identifier(key.name)
        connection.execute(
            f"CREATE OR REPLACE TEMP VIEW {view} AS SELECT {', '.join([own_key, *terms])} "
            f"FROM {table.view} WHERE {id_of(key)} IS NOT NULL GROUP BY {own_key}"
        ).fetchall()
        terms = [
            sql.format(name_in(name, dialect)) + f" as {name_in(alias, dialect)}"
            for sql, name, alias in values
        ]
        key_sql = name_in(key.name, dialect)
        query = (
            f"select {', '.join([key_sql, *terms])}\nfrom {table.origin(dialect)}\n"
            f"where {key_sql} is not null\ngroup by {key_sql}"
        )
        profile = profile_table(connection, table.name, view, dialect, today)
        profile = replace(
            profile, query=query, complete=table.complete, parts=table.parts, question=table.question
        )
        other_tables = [other for other in tables if other is not table]
        customers = customers_table(connection, [profile, *other_tables], key_name)
        if customers and customers.table is profile:
            certainty = "likely" if sign_up else "a guess"
            origin = sign_up.name if sign_up else f"the first {begin.name}"
            if n_without_day and not sign_up:
                rows = f"{n_without_day:,} rows"
                origin = f"the first row in the other tables, as {begin.name} has no day in {rows}"
            reason = (
                f"{certainty}: the rows of {table.name} are versions of customers, so each {key.name} is one "
                f"customer; the sign-up is {origin}"
            )
            return VersionedCustomers(table, customers, reason)
    return None


def _repeated_key(table: SourceTable, key_name: str | None) -> SourceColumn | None:
    """Return the column in which ids of customers occur several times; None if there is no such column."""
    if any(name_contains(table.name, pattern) for pattern in TABLE_PATTERNS.values()):
        return None
    columns = [c for c in table.columns if c.kind in ("text", "number") and c.filled_share and not c.unique]
    if key_name:
        return next((column for column in columns if has_name(column, key_name)), None)
    ids = [column for column in columns if name_matches(column.name, CUSTOMER_ID)]
    if not ids and _is_named_people(table):
        ids = [column for column in columns if name_matches(column.name, ANY_ID, table.name)]
    return ids[0] if ids else None


def _is_named_people(table: SourceTable) -> bool:
    return name_contains(table.name, rf"^(\w+_)?{PEOPLE}(_(snapshots?|dim|scd_?2?|versions?|\w*histor\w*))?$")


def _constant_columns(connection: duckdb.DuckDBPyConnection, versions: KeyedTable) -> list[SourceColumn]:
    """Return the columns whose value is the same in all versions of each customer.

    Such a column may be empty in all versions of some customers. If a column is filled in only some versions
    of a customer, it is left out: its value was not always known.
    """
    table, key = versions
    columns = [c for c in table.columns if c.name != key.name and c.filled_share and not c.unique]
    if not columns:
        return []
    terms = []
    for column in columns:
        name = identifier(column.name)
        terms.append(f"count(DISTINCT {name}) = 0 OR count(DISTINCT {name}) = 1 AND count({name}) = count(*)")
    one_value = ", ".join(f"{term} AS c{i}" for i, term in enumerate(terms))
    in_all = ", ".join(f"bool_and(c{i})" for i in range(len(columns)))
    row = connection.execute(
        f"SELECT {in_all} FROM (SELECT {one_value} FROM {table.view} "
        f"WHERE {id_of(key)} IS NOT NULL GROUP BY {id_of(key)})"
    ).fetchone()
    return [column for column, is_constant in zip(columns, row or (), strict=True) if is_constant]


def split_histories(
    matches: Sequence[Match],
    customers: KeyedTable | None,
    dialect: str,
    versions: SourceTable | None = None,
) -> tuple[dict[str, TableBody], list[Match]]:
    """Separate the histories of attributes from all other matches.

    A history is a table with the value of an attribute and the time of its change. Either the table's name
    must say that the table is a history, or the table must have two columns for the start and the end of a
    value. Without a table of customers there are no histories, because `history:` is a part of this table's
    entry in params.yaml.

    Args:
        matches: For each used table of the source, how it would be read.
        customers: The table of customers; None if the source has none.
        dialect: The SQL dialect of the source.
        versions: The table with the versions of the customers; it is never among the returned matches.

    Returns:
        Two values: the entries under `history:` by the name of their attribute, and the matches that are not
        histories.
    """
    histories: dict[str, TableBody] = {}
    event_matches = []
    for match in matches:
        bodies = _history_bodies(match, dialect) if customers and not match.canonical else {}
        if customers and match.table is versions:
            constant = {column.name for column in customers.table.columns}
            bodies = {name: body for name, body in bodies.items() if body["columns"]["value"] not in constant}
        histories |= {name: body for name, body in bodies.items() if name not in histories}
        if not bodies and match.table is not versions:
            event_matches.append(match)
    return histories, event_matches


def _history_bodies(match: Match, dialect: str) -> dict[str, TableBody]:
    """Return the entries under `history:` for the attributes in a table; empty if the table is no history."""
    table = match.table
    times = [column for column in table.columns if column.kind == "time"]
    start = next((c for c in times if name_matches(c.name, VALID_FROM)), None)
    end = next((c for c in times if name_matches(c.name, VALID_TO)), None)
    change = next((c for c in times if name_matches(c.name, CHANGED_AT)), None)
    if not (name_contains(table.name, HISTORY) or (start and end)) or not (start or change):
        return {}
    columns = {"customer_id": id_sql(match.key, dialect) if match.key.spelling else match.key.name}
    columns |= {"valid_from": start.name} if start else {"changed_at": change.name if change else ""}
    if start and end and end.time_format == start.time_format:
        columns["valid_to"] = end.name
    sources = {"valid_from": start or change, "valid_to": end}
    missing = {
        name: [word for word, _ in column.missing]
        for name, column in sources.items()
        if column and column.missing and name in columns
    }
    used_names = {match.key.name, *(column.name for column in times)}
    bodies: dict[str, TableBody] = {}
    for column in table.columns:
        is_id = column.unique or snake_case(column.name) in ("id", "row_id", "version")
        # Such a column would reveal at a cutoff what came later.
        is_id = is_id or name_matches(column.name, IS_CURRENT)
        if column.name in used_names or not column.filled_share or is_id:
            continue
        if column.kind == "number" or (column.kind == "text" and column.distinct <= MAX_ATTRIBUTE_LEVELS):
            question = f"? {table.question}\n" if table.question else ""
            origin = {"query": f"{question}{table.query}"} if table.query else {"from": table.name}
            body: TableBody = origin | {"columns": columns | {"value": column.name}}
            time = start or change or match.time
            time_format = f"? {time.question}" if time.question else time.time_format
            body |= {"time_format": time_format} if time_format else {}
            body |= {"missing": missing} if missing else {}
            body |= {"kind": "number"} if column.kind == "number" else {}
            bodies[snake_case(column.name)] = body
    return bodies
