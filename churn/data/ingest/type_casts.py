"""The SQL that casts the values of a source to times, numbers, booleans and texts, and local times to UTC."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cache

import duckdb

from churn.data.sql import identifier, literal, trim_blanks
from churn.data.tables import STORED_UNITS, Column

ZONE_PATTERN = r":[0-9]{2}[0-9.]*\s*(Z|UTC|GMT|[+-][0-9]{2}(:?[0-9]{2})?)$"
"""Matches a time of day that an offset follows; the `-01` at the end of 2024-05-01 is not an offset."""

FIRST_FAST_DAY, LAST_FAST_DAY = "1995-01-01", "2045-01-01"
"""DuckDB itself converts times outside these days."""

FIRST_DAY_SHOWN_TWICE, LAST_DAY_SHOWN_TWICE = "1900-01-01", "2200-01-01"
"""Between these days, a local time that the clocks show twice counts as the first of the two instants."""


def typed_column(column: Column, duckdb_type: str, timezone: str, time_format: str | None) -> str:
    """Return the SQL of a typed column and of `<name>__raw`, the value of the source.

    Args:
        column: The column of the canonical table.
        duckdb_type: DuckDB's type of the source's column.
        timezone: The company's time zone.
        time_format: The format of texts that hold times, as `strptime` takes it; None for ISO 8601.
    """
    name = identifier(column.name)
    value = _text_or_missing(name) if duckdb_type == "VARCHAR" else name
    raw = f"{value} AS {identifier(column.name + '__raw')}"
    if column.type == "instant":
        utc, local = _instant(value, duckdb_type, timezone, time_format)
        return f"{utc} AS {name}, {local} AS {identifier(column.name + '__local')}, {raw}"
    if column.is_money and duckdb_type == "BOOLEAN":  # DuckDB would convert true to an amount of 1.00.
        return f"CAST(NULL AS DOUBLE) AS {name}, {raw}"
    if column.type in STORED_UNITS:
        return f"TRY_CAST({value} AS DOUBLE) AS {name}, {raw}"
    if column.type == "boolean":
        return f"TRY_CAST({value} AS BOOLEAN) AS {name}, {raw}"
    return f"{typed_text(name, duckdb_type)} AS {name}, {raw}"


def typed_text(name: str, duckdb_type: str) -> str:
    """Return SQL that casts a text, such as the id of a customer, to the text that the store keeps.

    Args:
        name: The SQL of the source's value.
        duckdb_type: DuckDB's type of the value.
    """
    if duckdb_type in ("DOUBLE", "FLOAT") or duckdb_type.startswith("DECIMAL"):
        # Ids of a column with missing values arrive as decimal numbers: 17850.0 stands for the id 17850.
        # Above 2^53 digits are lost.
        number = f"{name}::DOUBLE"
        is_whole = f"isfinite({number}) AND abs({number}) < 9007199254740992 AND {number} = floor({number})"
        text = f"CASE WHEN {is_whole} THEN TRY_CAST({name} AS BIGINT)::VARCHAR "
        return f"{text}WHEN isfinite({number}) THEN {name}::VARCHAR END"
    return f"{_text_or_missing(name) if duckdb_type == 'VARCHAR' else name}::VARCHAR"


def local_time(sql: str, duckdb_type: str, timezone: str, time_format: str | None) -> str:
    """Return SQL that reads a value as a local time, in the same way as `typed_column`.

    Args:
        sql: The SQL of the source's value.
        duckdb_type: DuckDB's type of the value.
        timezone: The company's time zone.
        time_format: See `typed_column`.
    """
    return _instant(sql, duckdb_type, timezone, time_format)[1]


def _text_or_missing(name: str) -> str:
    """Return the SQL of a text without blanks at its ends; a text that has only blanks is missing.

    `trim_blanks` is slow. `trim_blanks` runs only if a quick test finds that there may be blanks at the ends.
    """
    has_no_blanks = f"ascii({name}) > 32 AND {name}[-1] > ' ' AND strlen({name}) = length({name})"
    return f"(CASE WHEN {has_no_blanks} THEN {name} ELSE nullif({trim_blanks(name)}, '') END)"


def _instant(name: str, duckdb_type: str, timezone: str, time_format: str | None) -> tuple[str, str]:
    """Return the SQL of a time in UTC and in local time; a time without a zone is local."""
    if duckdb_type == "TIMESTAMP WITH TIME ZONE":
        return f"timezone('UTC', {name})", f"timezone('{timezone}', {name})"
    if duckdb_type.startswith(("TIMESTAMP", "DATE")):
        return f"utc_of({name}::TIMESTAMP)", f"{name}::TIMESTAMP"
    text = f"{name}::VARCHAR"
    if time_format:
        time = f"try_strptime({text}, {literal(time_format)})"
        if "%z" in time_format.lower():
            return f"timezone('UTC', {time})", f"timezone('{timezone}', {time})"
        return f"utc_of({time})", time
    # DuckDB does not read an offset that follows a blank, as in 2024-05-01 10:00:00 -0400.
    joined = rf"regexp_replace({text}, '\s+([+-][0-9:]+|Z)$', '\1')"
    with_zone = f"TRY_CAST({joined} AS TIMESTAMPTZ)"
    without_zone = f"TRY_CAST({text} AS TIMESTAMP)"
    has_zone = f"regexp_matches({text}, '{ZONE_PATTERN}')"
    return (
        f"CASE WHEN {has_zone} THEN timezone('UTC', {with_zone}) ELSE utc_of({without_zone}) END",
        f"CASE WHEN {has_zone} THEN timezone('{timezone}', {with_zone}) ELSE {without_zone} END",
    )


def create_utc_of(connection: duckdb.DuckDBPyConnection, timezone: str) -> None:
    """Define the SQL macro `utc_of(t)`: the UTC timestamp of a local timestamp of `timezone`.

    The offset of a zone changes a few times a year at most, but DuckDB looks it up for each row. The macro
    instead subtracts the offset of the day (see `_offset_of_day`). Only the days on which the clocks change
    use DuckDB's own conversion. If the clocks show a local time twice, DuckDB takes the later instant. The
    macro takes the earlier instant, as Python and Java do.
    """
    zone = literal(timezone)
    second = f"timezone('UTC', timezone({zone}, t))"
    # The offset of that time is the offset before the change of the clocks.
    before = f"({second} - INTERVAL 6 HOUR)"
    first = f"(t - (timezone({zone}, timezone('UTC', {before})) - {before}))"
    is_shown_twice = f"{first} < {second} AND timezone({zone}, timezone('UTC', {first})) = t"
    slow_way = (
        f"CASE WHEN t BETWEEN DATE '{FIRST_DAY_SHOWN_TWICE}' AND DATE '{LAST_DAY_SHOWN_TWICE}' "
        f"THEN (CASE WHEN {is_shown_twice} THEN {first} ELSE {second} END) ELSE {second} END"
    )
    outside = f"t < DATE '{FIRST_FAST_DAY}' OR t >= DATE '{LAST_FAST_DAY}'"
    offset = f"CASE WHEN {outside} THEN NULL ELSE {_offset_in_zone(timezone)} END"
    connection.execute(
        f"CREATE OR REPLACE TEMP MACRO utc_of(t) AS coalesce(t - to_seconds({offset}), {slow_way})"
    ).fetchall()


@cache
def _offset_in_zone(timezone: str) -> str:
    """Return SQL for a zone's offset from UTC, in seconds, on the day of `t`; see `_offset_of_day`."""
    zone = literal(timezone)
    with duckdb.connect(config={"autoinstall_known_extensions": False}) as connection:
        rows = connection.execute(
            f"""
            WITH days AS (
                SELECT d::DATE AS day, (epoch(d) - epoch(timezone({zone}, d)))::BIGINT AS seconds
                FROM generate_series(
                    TIMESTAMP '{FIRST_FAST_DAY}', TIMESTAMP '{LAST_FAST_DAY}', INTERVAL 1 DAY
                ) s(d)
            )
            SELECT CASE WHEN seconds = lead(seconds) OVER (ORDER BY day) THEN seconds END FROM days
            ORDER BY day LIMIT (SELECT count(*) - 1 FROM days)
            """
        ).fetchall()
    return _offset_of_day([seconds for (seconds,) in rows])


def _offset_of_day(seconds_of_days: Sequence[int | None]) -> str:
    """Return SQL for a zone's offset from UTC, in seconds, on the day of `t`, the time to convert.

    On a day on which the clocks change, the SQL gives NULL.

    The SQL holds one bitstring for each offset; each of its bits says whether a day has this offset. Another
    way would be nested CASEs, one for each period between two changes of the clocks. But nested CASEs do not
    convert rows faster, and DuckDB needs long to plan a query with them.

    Args:
        seconds_of_days: The offset of each day, beginning with `FIRST_FAST_DAY`; None for a day on which the
            clocks change.
    """
    counts = Counter(seconds for seconds in seconds_of_days if seconds is not None)
    if len(counts) == 1 and None not in seconds_of_days:
        return str(seconds_of_days[0])
    day = f"(t::DATE - DATE '{FIRST_FAST_DAY}')::INTEGER"
    cases = []
    for offset, _ in counts.most_common():
        bits = "".join("1" if seconds == offset else "0" for seconds in seconds_of_days)
        cases.append(f"WHEN get_bit('{bits}'::BIT, {day}) = 1 THEN {offset}")
    return f"(CASE {' '.join(cases)} END)"
