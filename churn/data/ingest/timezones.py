"""Local times to UTC, fast: one offset per stretch of days, the exact way on days of change."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from churn.data.sql import literal

FIRST, LAST = "1995-01-01", "2045-01-01"
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
            FROM generate_series(TIMESTAMP '{FIRST}', TIMESTAMP '{LAST}', INTERVAL 1 DAY) s(d)
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
    outside = f"t < DATE '{FIRST}' OR t >= DATE '{LAST}'"
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
