"""The SQL that turns one raw table into typed canonical columns."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from churn.data.attributes import columns_left_out
from churn.data.emails import EMAIL_KINDS, one_row_per_email
from churn.data.source import Source
from churn.data.sql import first_line, internal, literal, quoted
from churn.data.tables import HISTORY_OF, UNITS_PER, Column, Wanted
from churn.errors import SourceError, did_you_mean
from churn.params import TableParams

ZONED_TEXT = r":[0-9]{2}[0-9.]*\s*(Z|UTC|GMT|[+-][0-9]{2}(:?[0-9]{2})?)$"
"""A time of day followed by an offset; the end of 2024-05-01 is none."""


@dataclass(frozen=True)
class Staged:
    """The views of one table: `read` has a row for each to be judged, `typed` their typed columns.

    `left_out` names the source's columns of customers that are neither static nor have a history.
    """

    wanted: Wanted
    read: str
    typed: str
    mapped: tuple[Column, ...]
    left_out: tuple[str, ...] = ()

    def has(self, name: str) -> bool:
        """Tell whether the source gave this column."""
        return any(column.name == name for column in self.mapped)


@dataclass(frozen=True)
class Selection:
    """What is read of the source for one table: a query in its dialect, and the columns that it gives."""

    wanted: Wanted
    query: str
    columns: tuple[str, ...]
    left_out: tuple[str, ...] = ()


def select(source: Source, wanted: Wanted) -> Selection:
    """Say what is read for one wanted table.

    Raises:
        SourceError: the table, a column or a needed column is missing, or SQL of params.yaml is broken.
    """
    there = _columns_there(source, wanted)
    expressions = _expressions(source, wanted, there)
    selected = ", ".join(f"({sql}) AS {source.quote(column)}" for column, sql in expressions.items())
    query = f"SELECT {selected} FROM {origin_of(source, wanted)}"
    left_out: tuple[str, ...] = ()
    if isinstance(wanted.origin, TableParams) and wanted.table.name == "customers":
        left_out = columns_left_out(there, expressions.values(), wanted.origin)
    return Selection(wanted, query, tuple(expressions), left_out)


def stage(source: Source, wanted: Wanted, timezone: str) -> Staged:
    """Create the views of one wanted table; the connection must know the macro `utc_of`.

    Raises:
        SourceError: as for `select`, and when the source does not understand the query.
    """
    selection = select(source, wanted)
    _create(source, wanted, raw_of(wanted), selection.query)
    return type_rows(source.connection, selection, timezone)


def raw_of(wanted: Wanted) -> str:
    """Return the name of the view of what the source gives for a table."""
    return internal(f"raw_{wanted.table.name}")


def type_rows(connection: duckdb.DuckDBPyConnection, selection: Selection, timezone: str) -> Staged:
    """Create the typed view of a table whose raw view stands.

    A typed instant is in UTC, `<name>__local` in local time; `<name>__said` keeps what the source said, for
    the rejects.

    Raises:
        SourceError: e-mails come one row per event without an id.
    """
    wanted = selection.wanted
    raw, typed = raw_of(wanted), internal(f"typed_{wanted.table.name}")
    names = selection.columns
    if wanted.table.name == "emails" and "kind" in names:
        raw = one_row_per_email(connection, raw, wanted, names)
        names = (*names, *EMAIL_KINDS)
    mapped = tuple(column for column in wanted.table.columns if column.name in names)
    kinds = kinds_of(connection, raw)
    parts = [
        typed_column(column, kinds[column.name], timezone, wanted.origin.time_format) for column in mapped
    ]
    distinct = "DISTINCT " if wanted.origin.distinct else ""
    connection.execute(
        f"CREATE OR REPLACE TEMP VIEW {typed} AS SELECT {distinct}{', '.join(parts)} FROM {raw}"
    ).fetchall()
    return Staged(wanted, typed if distinct else raw, typed, mapped, selection.left_out)


def kinds_of(connection: duckdb.DuckDBPyConnection, relation: str) -> dict[str, str]:
    """Return DuckDB's types of a relation's columns."""
    return {str(row[0]): str(row[1]) for row in connection.execute(f"DESCRIBE {relation}").fetchall()}


def _create(source: Source, wanted: Wanted, view: str, sql: str) -> None:
    try:
        source.view(view, sql)
    except source.errors as error:
        raise not_understood(wanted, error) from None


def origin_of(source: Source, wanted: Wanted) -> str:
    """Return what follows FROM, in the source's dialect: a table with its filter, or a query."""
    origin = wanted.origin
    if origin.query:
        query = origin.query.rstrip("; \n\t")
        return f"({query}\n) AS {source.quote(wanted.table.name + '_query')}"
    table = source.require(origin.from_ or wanted.table.name, f"params: {wanted.place}")
    return f"{table} WHERE {origin.where}" if origin.where else table


def not_understood(wanted: Wanted, error: Exception) -> SourceError:
    """Return the error that says where params.yaml holds SQL which the source cannot follow."""
    keys = "'query'" if wanted.origin.query else "'columns' or 'where'"
    return SourceError(
        f"params: {wanted.place}: the SQL is not understood by the source: "
        f"{first_line(error).rstrip('.!')}. Mend {keys} there."
    )


def _columns_there(source: Source, wanted: Wanted) -> list[str]:
    try:
        return source.columns(origin_of(source, wanted))
    except source.errors as error:
        raise not_understood(wanted, error) from None


def _expressions(source: Source, wanted: Wanted, there: list[str]) -> dict[str, str]:
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
        attribute = table.name.removeprefix(HISTORY_OF)
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


def typed_column(column: Column, kind: str, timezone: str, time_format: str | None) -> str:
    """Return the SQL of a typed column and, beside it, of what the source said."""
    name = quoted(column.name)
    blank_is_missing = _trimmed(name) if kind == "VARCHAR" else name
    said = f"{blank_is_missing} AS {quoted(column.name + '__said')}"
    if column.type == "instant":
        utc, local = _instant(name, kind, timezone, time_format)
        return f"{utc} AS {name}, {local} AS {quoted(column.name + '__local')}, {said}"
    if column.type in UNITS_PER:
        return f"TRY_CAST({name} AS DOUBLE) AS {name}, {said}"
    if column.type == "boolean":
        return f"TRY_CAST({name} AS BOOLEAN) AS {name}, {said}"
    if kind in ("DOUBLE", "FLOAT") or kind.startswith("DECIMAL"):
        # Ids read from a column with gaps arrive as 17850.0; the id is 17850. Beyond 2^53 digits are lost.
        number = f"{name}::DOUBLE"
        whole = f"isfinite({number}) AND abs({number}) < 9007199254740992 AND {number} = floor({number})"
        text = f"CASE WHEN {whole} THEN TRY_CAST({name} AS BIGINT)::VARCHAR "
        text += f"WHEN isfinite({number}) THEN {name}::VARCHAR END"
        return f"{text} AS {name}, {said}"
    return f"{blank_is_missing}::VARCHAR AS {name}, {said}"


def _trimmed(name: str) -> str:
    """Return the SQL of a text without blanks around it, missing if nothing is left.

    Trimming knows all the blanks of Unicode and is slow; a text of plain letters shows at once that it has
    none at its ends.
    """
    plain = f"ascii({name}) > 32 AND NOT suffix({name}, ' ') AND strlen({name}) = length({name})"
    return f"CASE WHEN {plain} THEN {name} ELSE nullif(trim({name}), '') END"


def _instant(name: str, kind: str, timezone: str, time_format: str | None) -> tuple[str, str]:
    """Return the SQL of a time in UTC and in local time; a naive time is local already."""
    if kind == "TIMESTAMP WITH TIME ZONE":
        return f"timezone('UTC', {name})", f"timezone('{timezone}', {name})"
    if kind.startswith(("TIMESTAMP", "DATE")):
        return f"utc_of({name}::TIMESTAMP)", f"{name}::TIMESTAMP"
    text = f"{name}::VARCHAR"
    if time_format:
        parsed = f"try_strptime({text}, {literal(time_format)})"
        if "%z" in time_format.lower():
            return f"timezone('UTC', {parsed})", f"timezone('{timezone}', {parsed})"
        return f"utc_of({parsed})", parsed
    zoned = f"TRY_CAST({text} AS TIMESTAMPTZ)"
    naive = f"TRY_CAST({text} AS TIMESTAMP)"
    has_zone = f"regexp_matches({text}, '{ZONED_TEXT}')"
    return (
        f"CASE WHEN {has_zone} THEN timezone('UTC', {zoned}) ELSE utc_of({naive}) END",
        f"CASE WHEN {has_zone} THEN timezone('{timezone}', {zoned}) ELSE {naive} END",
    )
