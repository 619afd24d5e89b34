"""The SQL that turns one raw table into typed canonical columns."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import duckdb

from churn.data.ingest.type_casts import typed_column
from churn.data.sources.source import Source
from churn.data.sources.table_specs import TableSpec
from churn.data.sql import first_line, identifier, internal_name
from churn.data.tables import HISTORY_PREFIX, Column
from churn.errors import SourceError, did_you_mean
from churn.params import TableParams

REPEATS_STORED_KEY = "__lost"
"""Marks rows that repeat the key of a row in the store."""


@dataclass(frozen=True)
class StagedTable:
    """The views of one table: `read` has a row for each to be judged, `typed` their typed columns.

    `left_out` names the source's columns of customers that are neither static nor have a history. `again`
    says that rejects of an earlier night stand among the rows; `__lost` marks those that repeat a stored key.
    """

    wanted: TableSpec
    read: str
    typed: str
    mapped: tuple[Column, ...]
    left_out: tuple[str, ...] = ()
    again: bool = False

    def has(self, name: str) -> bool:
        """Tell whether the source gave this column."""
        return any(column.name == name for column in self.mapped)


@dataclass(frozen=True)
class Selection:
    """What is read of the source for one table: a query in its dialect, and the columns that it gives.

    `expressions` are the SQL of the columns, in order.
    """

    wanted: TableSpec
    query: str
    columns: tuple[str, ...]
    expressions: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


def selection_for(source: Source, wanted: TableSpec) -> Selection:
    """Say what is read for one wanted table.

    Raises:
        SourceError: the table, a column or a needed column is missing, or SQL of params.yaml is broken.
    """
    there = _columns_there(source, wanted)
    expressions = _expressions(source, wanted, there)
    query = f"SELECT {_selected(source, expressions)} FROM {from_clause(source, wanted)}"
    left_out: tuple[str, ...] = ()
    if isinstance(wanted.origin, TableParams) and wanted.table.name == "customers":
        left_out = columns_left_out(there, expressions.values(), wanted.origin)
    return Selection(wanted, query, tuple(expressions), tuple(expressions.values()), left_out)


def query_over(source: Source, selection: Selection, rows: str) -> str:
    """Return the query of a selection over some rows of its table, given as SQL after FROM."""
    origin = selection.wanted.origin
    name = source.quote(origin.from_ or selection.wanted.table.name)
    expressions = dict(zip(selection.columns, selection.expressions, strict=True))
    where = f" WHERE {origin.where}" if origin.where else ""
    return f"SELECT {_selected(source, expressions)} FROM {rows} AS {name}{where}"


def _selected(source: Source, expressions: Mapping[str, str]) -> str:
    return ", ".join(f"({sql}) AS {source.quote(column)}" for column, sql in expressions.items())


def create_raw_view(source: Source, selection: Selection) -> None:
    """Create the view of all that the source gives for a table.

    Raises:
        SourceError: the source does not understand the query.
    """
    try:
        source.view(raw_view(selection.wanted), selection.query)
    except source.errors as error:
        raise sql_error(selection.wanted, error) from None


def raw_view(wanted: TableSpec) -> str:
    """Return the name of the view of what the source gives for a table."""
    return internal_name(f"raw_{wanted.table.name}")


def create_typed_view(
    connection: duckdb.DuckDBPyConnection, selection: Selection, timezone: str
) -> StagedTable:
    """Create the typed view of a table whose raw view stands.

    A typed instant is in UTC, `<name>__local` in local time; `<name>__said` keeps what the source said, for
    the rejects.

    Raises:
        SourceError: e-mails come one row per event without an id.
    """
    wanted = selection.wanted
    raw, typed = raw_view(wanted), internal_name(f"typed_{wanted.table.name}")
    names = selection.columns
    if wanted.table.name == "emails" and "kind" in names:
        raw = one_row_per_email(connection, raw, wanted, names)
        names = (*names, *EMAIL_KINDS)
    mapped = tuple(column for column in wanted.table.columns if column.name in names)
    kinds = column_types(connection, raw)
    parts = [
        typed_column(column, kinds[column.name], timezone, wanted.origin.time_format) for column in mapped
    ]
    parts += [REPEATS_STORED_KEY] if REPEATS_STORED_KEY in kinds else []
    distinct = "DISTINCT " if wanted.origin.distinct else ""
    connection.execute(
        f"CREATE OR REPLACE TEMP VIEW {typed} AS SELECT {distinct}{', '.join(parts)} FROM {raw}"
    ).fetchall()
    return StagedTable(
        wanted, typed if distinct else raw, typed, mapped, selection.left_out, REPEATS_STORED_KEY in kinds
    )


def column_types(connection: duckdb.DuckDBPyConnection, relation: str) -> dict[str, str]:
    """Return DuckDB's types of the columns of a relation or query."""
    return {str(row[0]): str(row[1]) for row in connection.execute(f"DESCRIBE {relation}").fetchall()}


def from_clause(source: Source, wanted: TableSpec) -> str:
    """Return what follows FROM, in the source's dialect: a table with its filter, or a query."""
    origin = wanted.origin
    if origin.query:
        query = origin.query.rstrip("; \n\t")
        return f"({query}\n) AS {source.quote(wanted.table.name + '_query')}"
    table = source.require(origin.from_ or wanted.table.name, f"{wanted.file}: {wanted.place}")
    return f"{table} WHERE {origin.where}" if origin.where else table


def sql_error(wanted: TableSpec, error: Exception) -> SourceError:
    """Return the error that says where params.yaml holds SQL which the source cannot follow."""
    keys = "'query'" if wanted.origin.query else "'columns' or 'where'"
    return SourceError(
        f"{wanted.file}: {wanted.place}: the SQL is not understood by the source: "
        f"{first_line(error).rstrip('.!')}. Mend {keys} there."
    )


def _columns_there(source: Source, wanted: TableSpec) -> list[str]:
    try:
        return source.columns(from_clause(source, wanted))
    except source.errors as error:
        raise sql_error(wanted, error) from None


def _expressions(source: Source, wanted: TableSpec, there: list[str]) -> dict[str, str]:
    """Map canonical columns to SQL: as params.yaml says, else a source column of the same name."""
    table, origin = wanted.table, wanted.origin
    given = ({"row_id": origin.row_id} if origin.row_id else {}) | origin.columns
    # A plain name of a column may be a word of SQL, or hold spaces.
    found = {name: source.quote(sql) if sql in there else sql for name, sql in given.items()}
    spelt = {name.lower(): name for name in reversed(there)} | {name: name for name in there}
    for name in table.names:
        if name in spelt:
            found.setdefault(name, source.quote(spelt[name]))
    if table.name == "surveys":
        _complete_surveys(found)
    if table.is_history:
        attribute = table.name.removeprefix(HISTORY_PREFIX)
        if attribute in spelt:
            found.setdefault("value", source.quote(spelt[attribute]))
        _complete_history(found)
    missing = [c.name for c in table.columns if c.required and c.name not in found]
    if missing:
        raise SourceError(
            *(
                f"{table.name}: the source has no column '{name}' for {wanted.place}."
                f"{did_you_mean(name, there)} It holds: {', '.join(there)}. "
                f"Map it under {wanted.place}.columns."
                for name in missing
            )
        )
    return found


def _complete_history(found: dict[str, str]) -> None:
    """A log of changes says when a value began; it ends with the next change."""
    if "changed_at" in found:
        began = found.pop("changed_at")
        found.setdefault("valid_from", began)
    found.setdefault("valid_to", "CAST(NULL AS DATE)")


def _complete_surveys(found: dict[str, str]) -> None:
    """A survey may record only the question's time or only the answer's: each stands in for the other."""
    if "asked_at" not in found and "answered_at" in found:
        found["asked_at"] = found["answered_at"]
    if "answered_at" not in found and {"asked_at", "rating"} <= found.keys():
        found["answered_at"] = f"CASE WHEN ({found['rating']}) IS NOT NULL THEN ({found['asked_at']}) END"


def columns_left_out(there: Collection[str], read: Collection[str], origin: TableParams) -> tuple[str, ...]:
    """Return the columns of customers that nothing reads: neither static, nor with a history.

    Such a column says what is so today. At a cutoff in the past it may have said something else, so it is
    left out until the owner says which it is.

    Args:
        there: The columns of the source.
        read: The SQL that reads from them.
        origin: What params.yaml says of customers.
    """
    text = " ".join([*read, origin.where or ""]).lower()
    words = set(re.findall(r"\w+", text))
    named = {name.lower() for name in origin.history}
    return tuple(
        name
        for name in there
        if name.lower() not in words and name.lower() not in named and f'"{name.lower()}"' not in text
    )


EMAIL_KINDS: Mapping[str, tuple[str, ...]] = {
    "sent_at": ("send", "sent", "delivered"),
    "opened_at": ("open", "opened"),
    "clicked_at": ("click", "clicked"),
    "unsubscribed_at": ("unsubscribe", "unsubscribed"),
}
"""Which kinds of event fill which column."""


def one_row_per_email(
    connection: duckdb.DuckDBPyConnection, raw: str, wanted: TableSpec, columns: Sequence[str]
) -> str:
    """Create a view with a row per customer and e-mail and return its name; the first of each kind counts.

    Raises:
        SourceError: the events have no `email_id` that says which e-mail was opened.
    """
    if "email_id" not in columns:
        raise SourceError(
            "emails: the source has one row per event (it has a column 'kind') but no 'email_id' that says "
            f"which e-mail was opened. Map one under {wanted.place}.columns, or give a query with one row "
            "per e-mail and without 'kind'."
        )
    times = [
        f"min(sent_at) FILTER (lower(kind) IN ({', '.join(repr(kind) for kind in kinds)})) AS {column}"
        for column, kinds in EMAIL_KINDS.items()
    ]
    pivoted = {"customer_id", "email_id", "kind", *EMAIL_KINDS}
    others = [f"min({identifier(name)}) AS {identifier(name)}" for name in columns if name not in pivoted]
    name = internal_name("emails_pivoted")
    connection.execute(
        f"CREATE OR REPLACE TEMP VIEW {name} AS "
        f"SELECT customer_id, email_id, {', '.join([*times, *others])} FROM {raw} GROUP BY 1, 2"
    ).fetchall()
    return name
