"""The fast conversion to UTC gives the same times as DuckDB's own."""

from __future__ import annotations

import duckdb
import pytest

from churn.data.ingest.type_casts import create_utc_of


@pytest.mark.parametrize(
    "timezone",
    [
        "UTC",
        "Europe/Berlin",
        "America/Sao_Paulo",  # its clocks changed at midnight
        "Asia/Kolkata",  # half hours
        "Australia/Lord_Howe",  # half an hour of summer time
        "Africa/Casablanca",  # four changes a year
        "Pacific/Apia",  # lost a whole day
    ],
)
def test_each_local_time_is_converted_as_by_duckdb(timezone: str) -> None:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        create_utc_of(connection, timezone)
        connection.execute(
            "CREATE TABLE times AS "
            "SELECT TIMESTAMP '1969-12-25' + to_minutes(37 * i) AS t FROM range(2_000_000) r(i)"
        )

        different = connection.execute(
            f"SELECT count(*) FROM times "
            f"WHERE utc_of(t) IS DISTINCT FROM timezone('UTC', timezone('{timezone}', t))"
        ).fetchone()

    assert different == (0,)
