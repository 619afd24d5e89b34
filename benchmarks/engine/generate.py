"""Write the raw tables of a company as an export would be: text ids, ordered by time, one file per month.

Hashes replace random numbers, so the same size gives the same rows. The tables are written month by month,
which bounds the memory for any size.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from benchmarks.engine.world import LAST_DAY, World, months
from churn.data.files import replace_folder
from churn.data.sql import literal

MEMORY_LIMIT = "1500MB"
KINDS = ("view", "search", "list", "compare", "cart", "share", "help", "settings")

FIRST_SIGN_UP = date(2023, 1, 1)
LAST_SIGN_UP = date(2025, 4, 1)


@dataclass(frozen=True)
class RawTable:
    """One raw table.

    Args:
        name: Its name.
        rows_per_year: Rows per customer and year; None for the customer's own rate of visits.
        time: The column with the row's time.
        columns: SQL of the other columns, over `moment` (the time), `keen` and the random `u1` to `u4`.
    """

    name: str
    rows_per_year: float | None
    time: str
    columns: str


OTHER_TABLES = (
    RawTable(
        "emails",
        24,
        "sent_at",
        "CASE WHEN u1 < keen THEN moment + to_seconds(round(-ln(u2) * 40000)::BIGINT) END AS opened_at, "
        "CASE WHEN u1 < keen * 0.3 THEN moment + to_seconds(round(-ln(u2) * 40000)::BIGINT + 60) END "
        "AS clicked_at",
    ),
    RawTable(
        "payments",
        9.8,
        "due_at",
        "round(5 + 20 * u1, 2) AS amount, "
        "CASE WHEN u2 > 0.04 THEN moment + to_seconds(round((u3 * u3 * 20 - 3) * 86400)::BIGINT) END "
        "AS paid_at, CASE WHEN u4 < 0.06 THEN moment + to_seconds(86400) END AS failed_at",
    ),
    RawTable(
        "surveys",
        1.6,
        "asked_at",
        "CASE WHEN u1 < 0.5 THEN moment + to_seconds(round(-ln(u2) * 90000)::BIGINT) END AS answered_at, "
        "CASE WHEN u1 < 0.5 THEN floor(11 * sqrt(u3 * keen)) END AS rating",
    ),
    RawTable(
        "tickets",
        1.5,
        "opened_at",
        "CASE WHEN u1 < 0.95 THEN moment + to_seconds(round(-ln(u2) * 30000)::BIGINT) END AS first_reply_at, "
        "CASE WHEN u1 < 0.9 THEN moment + to_seconds(round(-ln(u2) * 30000 - ln(u3) * 200000)::BIGINT) END "
        "AS closed_at",
    ),
    RawTable("orders", 6, "ordered_at", "round(-ln(u1) * 40 + 1, 2) AS amount"),
)
"""Together they give an average customer about 44 rows beside the visits."""


def generate(world: World) -> None:
    """Write the raw tables to a new folder and rename it; do nothing if they exist."""
    if world.source.exists():
        return
    new_folder = world.folder / "source.new"
    shutil.rmtree(new_folder, ignore_errors=True)
    new_folder.mkdir(parents=True)
    config = {"memory_limit": MEMORY_LIMIT, "temp_directory": str(world.scratch), "threads": 2}
    with duckdb.connect(config=config) as connection:
        connection.execute("SET enable_progress_bar = false").fetchall()
        _people(connection, world, new_folder)
        visits = RawTable("visits", None, "happened_at", _visits())
        for table in (visits, *OTHER_TABLES):
            (new_folder / table.name).mkdir()
            for start, end in months(world.first_day):
                _month(connection, table, start, end, new_folder / table.name / f"{start:%Y-%m}.parquet")
    replace_folder(new_folder, world.source)


def _chance(*keys: str) -> str:
    """Return the SQL of a pseudo-random number within (0, 1)."""
    return f"((hash({', '.join(keys)}) % 1000003 + 0.5) / 1000003)"


def _people(connection: duckdb.DuckDBPyConnection, world: World, folder: Path) -> None:
    """Draw when customers sign up and leave, how often they visit and how keen they are on mail.

    A few visit often and many seldom; the visits add up to the requested number over the history.
    """
    span = (LAST_SIGN_UP - FIRST_SIGN_UP).days * 86400
    connection.execute(
        f"CREATE TABLE people AS WITH drawn AS (SELECT i, "
        f"TIMESTAMP '{FIRST_SIGN_UP}' + to_seconds(floor({_chance('i', '1')} * {span})) AS signed_up_at, "
        f"-ln({_chance('i', '2')}) AS weight, {_chance('i', '3')} AS leaves, {_chance('i', '4')} AS keen "
        f"FROM range({world.customers}) r(i)), lives AS (SELECT *, "
        f"CASE WHEN leaves < 0.25 THEN signed_up_at + to_seconds(floor(leaves * 4 * 700 * 86400)) "
        f"ELSE TIMESTAMP '{LAST_DAY}' END AS left_at FROM drawn), "
        f"spans AS (SELECT *, greatest(epoch(least(left_at, TIMESTAMP '{LAST_DAY}')) "
        f"- epoch(greatest(signed_up_at, TIMESTAMP '{world.first_day}')), 0) AS seconds FROM lives) "
        f"SELECT 'C' || lpad(i::VARCHAR, 8, '0') AS customer_id, i, signed_up_at, left_at, keen, "
        f"weight * {world.events} / (SELECT sum(weight * seconds) FROM spans) AS visits_a_second FROM spans"
    ).fetchall()
    connection.execute(
        f"COPY (SELECT customer_id, signed_up_at FROM people ORDER BY signed_up_at, i) "
        f"TO {literal(str(folder / 'customers.parquet'))}"
    ).fetchall()


def _visits() -> str:
    kinds = ", ".join(literal(kind) for kind in KINDS)
    value = "CASE WHEN u3 > 0.1 THEN round(-ln(u2) * 20, 2) END"
    return f"[{kinds}][1 + floor({len(KINDS)} * u1 * u1)::INTEGER] AS kind, {value} AS value"


def _month(
    connection: duckdb.DuckDBPyConnection, table: RawTable, start: date, end: date, path: Path
) -> None:
    """Write one month of a table: rows in proportion to the customer's time in it, at random times."""
    rate = f"{table.rows_per_year / 365 / 86400:.12f}" if table.rows_per_year else "visits_a_second"
    key = f"{literal(f'{table.name} {start}')}"
    numbers = ", ".join(f"{_chance('i', 'j', key, str(n))} AS u{n}" for n in range(5))
    connection.execute(
        f"COPY (WITH here AS (SELECT customer_id, i, keen, visits_a_second, "
        f"greatest(signed_up_at, TIMESTAMP '{start}') AS since, "
        f"epoch(least(left_at, TIMESTAMP '{end}')) - epoch(since) AS seconds FROM people "
        f"WHERE signed_up_at < TIMESTAMP '{end}' AND left_at > TIMESTAMP '{start}'), "
        f"counted AS (SELECT *, unnest(range(floor(seconds * {rate} + {_chance('i', key)})::BIGINT)) AS j "
        f"FROM here WHERE seconds > 1), drawn AS (SELECT *, {numbers} FROM counted), "
        f"timed AS (SELECT *, since + to_seconds(floor(u0 * seconds)::BIGINT) AS moment FROM drawn) "
        f"SELECT customer_id, moment AS {table.time}, {table.columns} FROM timed "
        f"ORDER BY {table.time}, i, j) TO {literal(str(path))} (FORMAT parquet)"
    ).fetchall()
