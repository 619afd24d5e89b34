"""The SQL that turns one raw table into typed canonical columns, and names the rule a row breaks."""

from __future__ import annotations

from dataclasses import dataclass, field

from churn.data.source import Source
from churn.data.sql import first_line, literal, quoted
from churn.data.tables import LARGEST, UNITS_PER, Column, Wanted
from churn.errors import SourceError, did_you_mean

EARLIEST = "TIMESTAMP '1970-01-02'"
"""Epoch zero is what a broken clock writes; nothing that old is a customer's event."""

AHEAD_DAYS = 366
"""How far beyond the data's present a time may lie (bills fall due, terms end) before it is a clock error."""

ZONED_TEXT = r":[0-9]{2}[0-9.]*\s*(Z|[+-][0-9]{2}(:?[0-9]{2})?)$"
"""A time of day followed by an offset; the end of 2024-05-01 is none."""


@dataclass(frozen=True)
class Staged:
    """The views of one table: `read` has a row for each to be judged, `typed` their typed columns.

    `rules` are `(name, SQL that is true when broken)`.
    """

    wanted: Wanted
    read: str
    typed: str
    mapped: tuple[Column, ...]
    rules: tuple[tuple[str, str], ...] = field(repr=False)

    def has(self, name: str) -> bool:
        """Tell whether the source gave this column."""
        return any(column.name == name for column in self.mapped)


def stage(source: Source, wanted: Wanted, timezone: str, present: str | None) -> Staged:
    """Create the views `raw_<table>` and `typed_<table>` for one wanted table.

    A typed instant is in UTC, `<name>__local` in local time; `<name>__said` keeps what the source said, for
    the rejects. The connection must know the macro `utc_of`.

    Args:
        source: Where the table is.
        wanted: The table's contract and its origin.
        timezone: The zone of naive times.
        present: The date around which the data end; times more than a year past it are clock errors.

    Raises:
        SourceError: the table, a column or a needed column is missing, or SQL of params.yaml is broken.
    """
    name = wanted.table.name
    raw, typed = f"raw_{name}", f"typed_{name}"
    expressions = _expressions(source, wanted)
    mapped = tuple(column for column in wanted.table.columns if column.name in expressions)
    selected = ", ".join(f"({expressions[c.name]}) AS {source.quote(c.name)}" for c in mapped)
    _create(source, wanted, raw, f"SELECT {selected} FROM {origin_of(source, wanted)}")
    kinds = {str(row[0]): str(row[1]) for row in source.connection.execute(f"DESCRIBE {raw}").fetchall()}
    parts = [_typed(column, kinds[column.name], timezone, wanted.origin.time_format) for column in mapped]
    distinct = "DISTINCT " if wanted.origin.distinct else ""
    selected = f"SELECT {distinct}{', '.join(parts)} FROM {raw}"
    source.connection.execute(f"CREATE OR REPLACE TEMP VIEW {typed} AS {selected}").fetchall()
    return Staged(wanted, typed if distinct else raw, typed, mapped, tuple(_rules(wanted, mapped, present)))


def _create(source: Source, wanted: Wanted, view: str, sql: str) -> None:
    try:
        source.view(view, sql)
    except source.errors as error:
        raise _not_understood(wanted, error) from None


def origin_of(source: Source, wanted: Wanted) -> str:
    """Return what follows FROM, in the source's dialect: a table with its filter, or a query."""
    origin = wanted.origin
    if origin.query:
        return f"({origin.query}) AS {source.quote(wanted.table.name + '_query')}"
    table = source.require(origin.from_ or wanted.table.name, f"params: {wanted.place}")
    return f"{table} WHERE {origin.where}" if origin.where else table


def _not_understood(wanted: Wanted, error: Exception) -> SourceError:
    keys = "'query'" if wanted.origin.query else "'columns' or 'where'"
    return SourceError(
        f"params: {wanted.place}: the SQL is not understood by the source: "
        f"{first_line(error).rstrip('.!')}. Mend {keys} there."
    )


def _expressions(source: Source, wanted: Wanted) -> dict[str, str]:
    """Map canonical columns to SQL: as params.yaml says, else a source column of the same name."""
    table, origin = wanted.table, wanted.origin
    try:
        there = source.columns(origin_of(source, wanted))
    except source.errors as error:
        raise _not_understood(wanted, error) from None
    found = dict(origin.columns)
    if origin.row_id:
        found.setdefault("row_id", source.quote(origin.row_id) if origin.row_id in there else origin.row_id)
    for column in table.columns:
        if column.name in there:
            found.setdefault(column.name, source.quote(column.name))
    if table.name == "surveys":
        _complete_surveys(found)
    missing = [c.name for c in table.columns if c.required and c.name not in found]
    missing += [name for name in origin.static if name not in found]
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


def _complete_surveys(found: dict[str, str]) -> None:
    """A survey may record only the question's time or only the answer's: each stands in for the other."""
    if "asked_at" not in found and "answered_at" in found:
        found["asked_at"] = found["answered_at"]
    if "answered_at" not in found and {"asked_at", "rating"} <= found.keys():
        found["answered_at"] = f"CASE WHEN ({found['rating']}) IS NOT NULL THEN ({found['asked_at']}) END"


def _typed(column: Column, kind: str, timezone: str, time_format: str | None) -> str:
    """Return the SQL of a typed column and, beside it, of what the source said."""
    name = quoted(column.name)
    blank_is_missing = f"nullif(trim({name}), '')" if kind == "VARCHAR" else name
    said = f"{blank_is_missing} AS {quoted(column.name + '__said')}"
    if column.type == "instant":
        utc, local = _instant(name, kind, timezone, time_format)
        return f"{utc} AS {name}, {local} AS {quoted(column.name + '__local')}, {said}"
    if column.type in UNITS_PER:
        return f"TRY_CAST({name} AS DOUBLE) AS {name}, {said}"
    if column.type == "boolean":
        return f"TRY_CAST({name} AS BOOLEAN) AS {name}, {said}"
    if kind in ("DOUBLE", "FLOAT"):
        # Ids read from a column with gaps arrive as 17850.0; the id is 17850.
        whole = f"CASE WHEN {name} = floor({name}) THEN {name}::BIGINT::VARCHAR ELSE {name}::VARCHAR END"
        return f"{whole} AS {name}, {said}"
    return f"{blank_is_missing}::VARCHAR AS {name}, {said}"


def _instant(name: str, kind: str, timezone: str, time_format: str | None) -> tuple[str, str]:
    """Return the SQL of a time in UTC and in local time; a naive time is local already."""
    if kind == "TIMESTAMP WITH TIME ZONE":
        return f"timezone('UTC', {name})", f"timezone('{timezone}', {name})"
    if kind.startswith(("TIMESTAMP", "DATE")):
        return f"utc_of({name}::TIMESTAMP)", f"{name}::TIMESTAMP"
    text = f"{name}::VARCHAR"
    if time_format:
        local = f"try_strptime({text}, {literal(time_format)})"
        return f"utc_of({local})", local
    zoned = f"TRY_CAST({text} AS TIMESTAMPTZ)"
    naive = f"TRY_CAST({text} AS TIMESTAMP)"
    has_zone = f"regexp_matches({text}, '{ZONED_TEXT}')"
    return (
        f"CASE WHEN {has_zone} THEN timezone('UTC', {zoned}) ELSE utc_of({naive}) END",
        f"CASE WHEN {has_zone} THEN timezone('{timezone}', {zoned}) ELSE {naive} END",
    )


def _rules(wanted: Wanted, mapped: tuple[Column, ...], present: str | None) -> list[tuple[str, str]]:
    """List `(rule, SQL true when broken)`; the first broken rule names the reject."""
    rules = [("customer_id is present", "t.customer_id IS NULL")]
    for column in mapped:
        rules += _column_rules(column, present)
    time = wanted.table.time
    for column in mapped:
        if column.role == "outcome" and wanted.table.name in (
            "emails",
            "tickets",
            "surveys",
            "subscriptions",
        ):
            rules.append((f"{column.name} is not before {time}", f"t.{column.name} < t.{time}"))
    if wanted.table.name != "customers":
        rules.append(("customer_id is in customers", "c.customer IS NULL"))
    return rules


def _column_rules(column: Column, present: str | None) -> list[tuple[str, str]]:
    name, said = f"t.{quoted(column.name)}", f"t.{quoted(column.name + '__said')}"
    rules: list[tuple[str, str]] = []
    if column.type == "instant":
        if column.required:
            rules.append((f"{column.name} is present", f"{said} IS NULL"))
        rules.append((f"{column.name} is a time", f"{said} IS NOT NULL AND {name} IS NULL"))
        rules.append((f"{column.name} is after 1970-01-01", f"{name} < {EARLIEST}"))
        if present and column.role != "scheduled":
            limit = f"DATE '{present}' + {AHEAD_DAYS}"
            rules.append((f"{column.name} is at most a year ahead", f"{name} > {limit}"))
    elif column.type in UNITS_PER:
        if column.required:
            rules.append((f"{column.name} is present", f"{said} IS NULL"))
        unreadable = f"{said} IS NOT NULL AND coalesce(NOT isfinite({name}), true)"
        rules.append((f"{column.name} is a number", unreadable))
        low, high = column.bounds or (-LARGEST, LARGEST)
        stated = f"at least {low:g}" if high >= LARGEST else f"between {low:g} and {high:g}"
        rules.append((f"{column.name} is {stated}", f"NOT ({name} BETWEEN {low!r} AND {high!r})"))
    elif column.type == "boolean":
        rules.append((f"{column.name} is true or false", f"{said} IS NOT NULL AND {name} IS NULL"))
    return rules
