"""The SQL that reads what a source says as times, numbers, truths and texts."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from churn.data.sql import identifier, literal
from churn.data.tables import STORED_UNITS, Column

ZONE_PATTERN = r":[0-9]{2}[0-9.]*\s*(Z|UTC|GMT|[+-][0-9]{2}(:?[0-9]{2})?)$"
"""A time of day followed by an offset; the end of 2024-05-01 is none."""


def typed_column(column: Column, kind: str, timezone: str, time_format: str | None) -> str:
    """Return the SQL of a typed column and, beside it, of what the source said."""
    name = identifier(column.name)
    blank_is_missing = _trimmed(name) if kind == "VARCHAR" else name
    said = f"{blank_is_missing} AS {identifier(column.name + '__said')}"
    if column.type == "instant":
        utc, local = _instant(name, kind, timezone, time_format)
        return f"{utc} AS {name}, {local} AS {identifier(column.name + '__local')}, {said}"
    if column.type in STORED_UNITS:
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
    has_zone = f"regexp_matches({text}, '{ZONE_PATTERN}')"
    return (
        f"CASE WHEN {has_zone} THEN timezone('UTC', {zoned}) ELSE utc_of({naive}) END",
        f"CASE WHEN {has_zone} THEN timezone('{timezone}', {zoned}) ELSE {naive} END",
    )


FIRST_FAST_DAY, LAST_FAST_DAY = "1995-01-01", "2045-01-01"
"""Outside these days every time goes the exact way. More days would make every query longer to plan."""


def create_utc_of(connection: duckdb.DuckDBPyConnection, timezone: str) -> None:
    """Define the SQL macro `utc_of(t)`: the UTC timestamp of a local timestamp of `timezone`.

    A zone's offset changes a few times a year at most. DuckDB's exact conversion looks the zone up row by
    row; here each stretch of days with one offset is a subtraction, found by halving, and only the days on
    which the clocks change are left to the exact conversion.
    """
    zone = literal(timezone)
    rows = connection.execute(
        f"""
        WITH days AS (
            SELECT d::DATE AS day, epoch(d) - epoch(timezone({zone}, d)) AS offset_seconds
            FROM generate_series(
                TIMESTAMP '{FIRST_FAST_DAY}', TIMESTAMP '{LAST_FAST_DAY}', INTERVAL 1 DAY
            ) s(d)
        ), whole AS (
            SELECT
                day,
                CASE WHEN offset_seconds = lead(offset_seconds) OVER w THEN offset_seconds END AS seconds
            FROM days WINDOW w AS (ORDER BY day)
        )
        SELECT day::VARCHAR, seconds::BIGINT FROM whole WINDOW w AS (ORDER BY day)
        QUALIFY row_number() OVER w = 1 OR seconds IS DISTINCT FROM lag(seconds) OVER w ORDER BY day
        """
    ).fetchall()
    exact = f"timezone('UTC', timezone({zone}, t))"
    stretches = [(day, "NULL" if seconds is None else str(seconds)) for day, seconds in rows]
    outside = f"t < DATE '{FIRST_FAST_DAY}' OR t >= DATE '{LAST_FAST_DAY}'"
    connection.execute(
        "CREATE OR REPLACE TEMP MACRO utc_of(t) AS "
        f"coalesce(t - to_seconds(CASE WHEN {outside} THEN NULL ELSE {_halved(stretches)} END), {exact})"
    ).fetchall()


def _halved(stretches: Sequence[tuple[str, str]]) -> str:
    """Return nested SQL cases that find the seconds of the stretch of `t` by halving."""
    if len(stretches) == 1:
        return stretches[0][1]
    middle = len(stretches) // 2
    earlier, later = _halved(stretches[:middle]), _halved(stretches[middle:])
    return f"CASE WHEN t >= DATE '{stretches[middle][0]}' THEN {later} ELSE {earlier} END"
