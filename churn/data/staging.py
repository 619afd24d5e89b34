"""The SQL that turns one raw table into typed canonical columns, and names the rule a row breaks."""

from __future__ import annotations

from dataclasses import dataclass, field

import duckdb

from churn.data.source import Source, first_line, quoted
from churn.data.tables import LARGEST, UNITS_PER, Column, Wanted
from churn.errors import SourceError, did_you_mean

EARLIEST = "TIMESTAMP '1970-01-02'"
"""Epoch zero is what a broken clock writes; nothing that old is a customer's event."""

AHEAD_DAYS = 366
"""How far beyond the watermark a time may lie (bills fall due, terms end) before it is a clock error."""

ZONED_TEXT = r":[0-9]{2}[0-9.]*\s*(Z|[+-][0-9]{2}(:?[0-9]{2})?)$"
"""A time of day followed by an offset; the end of 2024-05-01 is none."""


@dataclass(frozen=True)
class Staged:
    """A view of typed rows: what was mapped, and the rules as `(name, SQL that is true when broken)`."""

    wanted: Wanted
    raw: str
    typed: str
    mapped: tuple[Column, ...]
    rules: tuple[tuple[str, str], ...] = field(repr=False)

    def has(self, name: str) -> bool:
        """Tell whether the source gave this column."""
        return any(column.name == name for column in self.mapped)


def stage(source: Source, wanted: Wanted, timezone: str, watermark: str | None) -> Staged:
    """Create the views `raw_<table>` and `typed_<table>` for one wanted table.

    A typed instant is a zoned time; `<name>__text` keeps what the source said, for the rejects.

    Raises:
        SourceError: the table, a column or a needed column is missing, or SQL of params.yaml is broken.
    """
    name = wanted.table.name
    raw, typed = f"raw_{name}", f"typed_{name}"
    expressions = _expressions(source, wanted)
    mapped = tuple(column for column in wanted.table.columns if column.name in expressions)
    selected = ", ".join(f"({expressions[column.name]}) AS {quoted(column.name)}" for column in mapped)
    _create(source, wanted, raw, f"SELECT {selected} FROM {_origin(source, wanted)}")
    kinds = {str(row[0]): str(row[1]) for row in source.connection.execute(f"DESCRIBE {raw}").fetchall()}
    parts = [_typed(column, kinds[column.name], timezone, wanted.origin.time_format) for column in mapped]
    distinct = "DISTINCT " if wanted.origin.distinct else ""
    _create(source, wanted, typed, f"SELECT {distinct}{', '.join(parts)} FROM {raw}")
    return Staged(wanted, raw, typed, mapped, tuple(_rules(wanted, mapped, watermark)))


def _create(source: Source, wanted: Wanted, view: str, sql: str) -> None:
    try:
        source.connection.execute(f"CREATE OR REPLACE TEMP VIEW {view} AS {sql}").fetchall()
    except duckdb.Error as error:
        raise SourceError(
            f"params: {wanted.place}: the SQL is not understood by the source: {first_line(error)}"
        ) from None


def _origin(source: Source, wanted: Wanted) -> str:
    origin = wanted.origin
    if origin.query:
        return f"({origin.query})"
    table = source.require(origin.from_ or wanted.table.name, f"params: {wanted.place}")
    return f"{table} WHERE {origin.where}" if origin.where else table


def _expressions(source: Source, wanted: Wanted) -> dict[str, str]:
    """Map canonical columns to SQL: as params.yaml says, else a source column of the same name."""
    table, origin = wanted.table, wanted.origin
    try:
        described = source.connection.execute(f"DESCRIBE SELECT * FROM {_origin(source, wanted)}").fetchall()
    except duckdb.Error as error:
        raise SourceError(
            f"params: {wanted.place}: the SQL is not understood by the source: {first_line(error)}"
        ) from None
    there = [str(row[0]) for row in described]
    found = dict(origin.columns)
    if origin.row_id:
        found.setdefault("row_id", quoted(origin.row_id) if origin.row_id in there else origin.row_id)
    for column in table.columns:
        if column.name in there:
            found.setdefault(column.name, quoted(column.name))
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
    name = quoted(column.name)
    text = quoted(f"{column.name}__text")
    if column.type == "instant":
        zoned = _instant(name, kind, timezone, time_format)
        local = (
            f"timezone('{timezone}', {zoned})"
            if _is_zoned(kind)
            else _local(name, kind, zoned, timezone, time_format)
        )
        said = f"nullif(trim({name}::VARCHAR), '')"
        return f"{zoned} AS {name}, {local} AS {quoted(column.name + '__local')}, {said} AS {text}"
    if column.type in UNITS_PER:
        number = f"TRY_CAST({name} AS DOUBLE)"
        return f"{number} AS {name}, nullif(trim({name}::VARCHAR), '') AS {text}"
    if column.type == "boolean":
        return f"TRY_CAST({name} AS BOOLEAN) AS {name}, nullif(trim({name}::VARCHAR), '') AS {text}"
    if kind in ("DOUBLE", "FLOAT"):
        # Ids read from a column with gaps arrive as 17850.0; the id is 17850.
        whole = f"CASE WHEN {name} = floor({name}) THEN {name}::BIGINT::VARCHAR ELSE {name}::VARCHAR END"
        return f"{whole} AS {name}, {name}::VARCHAR AS {text}"
    return f"nullif(trim({name}::VARCHAR), '') AS {name}, {name}::VARCHAR AS {text}"


def _is_zoned(kind: str) -> bool:
    return kind == "TIMESTAMP WITH TIME ZONE"


def _instant(name: str, kind: str, timezone: str, time_format: str | None) -> str:
    if _is_zoned(kind):
        return name
    if kind.startswith(("TIMESTAMP", "DATE")):
        return f"timezone('{timezone}', {name}::TIMESTAMP)"
    text = f"{name}::VARCHAR"
    if time_format:
        form = time_format.replace("'", "''")
        return f"timezone('{timezone}', try_strptime({text}, '{form}'))"
    return (
        f"CASE WHEN regexp_matches({text}, '{ZONED_TEXT}') THEN TRY_CAST({text} AS TIMESTAMPTZ) "
        f"ELSE timezone('{timezone}', TRY_CAST({text} AS TIMESTAMP)) END"
    )


def _local(name: str, kind: str, zoned: str, timezone: str, time_format: str | None) -> str:
    """Local time; a naive time is local already, even in the hour that a change of clocks skips."""
    if kind.startswith(("TIMESTAMP", "DATE")):
        return f"{name}::TIMESTAMP"
    if time_format:
        form = time_format.replace("'", "''")
        return f"try_strptime({name}::VARCHAR, '{form}')"
    return f"timezone('{timezone}', {zoned})"


def _rules(wanted: Wanted, mapped: tuple[Column, ...], watermark: str | None) -> list[tuple[str, str]]:
    """List `(rule, SQL true when broken)`; the first broken rule names the reject."""
    rules = [("customer_id is present", "t.customer_id IS NULL")]
    for column in mapped:
        rules += _column_rules(column, watermark)
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


def _column_rules(column: Column, watermark: str | None) -> list[tuple[str, str]]:
    name, text = f"t.{quoted(column.name)}", f"t.{quoted(column.name + '__text')}"
    rules: list[tuple[str, str]] = []
    if column.type == "instant":
        if column.required:
            rules.append((f"{column.name} is present", f"{text} IS NULL"))
        rules.append((f"{column.name} is a time", f"{text} IS NOT NULL AND {name} IS NULL"))
        rules.append((f"{column.name} is after 1970-01-01", f"{name} < {EARLIEST}"))
        if watermark and column.role != "scheduled":
            limit = f"DATE '{watermark}' + {AHEAD_DAYS}"
            rules.append((f"{column.name} is at most a year past the watermark", f"{name} > {limit}"))
    elif column.type in UNITS_PER:
        if column.required:
            rules.append((f"{column.name} is present", f"{text} IS NULL"))
        unreadable = f"{text} IS NOT NULL AND coalesce(NOT isfinite({name}), true)"
        rules.append((f"{column.name} is a number", unreadable))
        low, high = column.bounds or (-LARGEST, LARGEST)
        stated = f"at least {low:g}" if high >= LARGEST else f"between {low:g} and {high:g}"
        rules.append((f"{column.name} is {stated}", f"NOT ({name} BETWEEN {low!r} AND {high!r})"))
    elif column.type == "boolean":
        rules.append((f"{column.name} is true or false", f"{text} IS NOT NULL AND {name} IS NULL"))
    return rules
