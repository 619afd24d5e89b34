"""What `benchmarks.engine` measures, one job a process."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from churn.data.ingest import ingest
from churn.data.sql import literal
from churn.data.store import Store, day_number
from churn.features.library import selected
from churn.features.matrix import Builder
from churn.params import Params

FIRST_DAY, LAST_DAY = date(2024, 1, 1), date(2025, 7, 1)
EVERY_DAYS = 14
WINDOWS = (7, 14, 28, 56, 91, 182)


def do(job: str, folder: Path, customers: int, events: int) -> dict[str, Any]:
    """Do a job and return what it took and its answer."""
    name, _, n = job.partition(" ")
    cpu, wall = time.process_time(), time.perf_counter()
    if name == "generate":
        answer = generate(folder, customers, events)
    elif name == "ingest":
        answer = ingest(params_of(folder), lambda _: None).digest
    else:
        jobs: dict[str, Callable[[Store, list[date]], str]] = {
            "limit": limit,
            "engine": engine,
            "counts": counts,
            "naive": naive,
        }
        answer = jobs[name](Store.open(params_of(folder)), cutoffs(int(n or 0)))
    return {
        "cpu_seconds": time.process_time() - cpu,
        "wall_seconds": time.perf_counter() - wall,
        "answer": answer,
    }


def params_of(folder: Path) -> Params:
    """Return parameters whose cohort is whoever logged in within the longest window."""
    return Params.model_validate(
        {
            "source": str(folder / "source"),
            "timezone": "Europe/Berlin",
            "tables": {"customers": {}, "logins": {}},
            "label": {
                "kind": "inactivity",
                "table": "logins",
                "horizon_days": 28,
                "active_days": WINDOWS[-1],
            },
            "snapshot": {"watermark": LAST_DAY},
            "signals": {"families": ["activity"], "windows": WINDOWS},
            "output": str(folder / "output"),
            "models": str(folder / "models"),
            "engine": {"memory_limit": "4GiB", "threads": 2},
        }
    )


def cutoffs(n: int) -> list[date]:
    """Return the last `n` cutoffs, a fortnight apart."""
    return [LAST_DAY - timedelta(days=EVERY_DAYS * back) for back in range(n)]


def generate(folder: Path, customers: int, events: int) -> str:
    """Write customers and logins as a company would export them: text ids, ordered by time.

    A few customers log in a lot and many a little; hashes take the place of chance.
    """
    source = folder / "source"
    source.mkdir(parents=True, exist_ok=True)
    days = (LAST_DAY - FIRST_DAY).days

    def chance(*of: str) -> str:
        return f"((hash({', '.join(of)}) % 1000003 + 0.5) / 1000003)"

    with duckdb.connect() as connection:
        connection.execute(
            f"CREATE TABLE people AS SELECT 'C' || lpad(i::VARCHAR, 8, '0') AS customer_id, i, "
            f"TIMESTAMP '{FIRST_DAY}' + to_seconds(floor({chance('i', '1')} * {days // 2} * 86400)) "
            f"AS signed_up_at, -ln({chance('i', '2')}) AS weight FROM range({customers}) r(i)"
        ).fetchall()
        connection.execute(
            f"COPY (SELECT customer_id, signed_up_at FROM people) "
            f"TO {literal(str(source / 'customers.parquet'))}"
        ).fetchall()
        connection.execute(
            f"COPY (SELECT customer_id, signed_up_at + to_seconds(floor({chance('i', 'j', '3')} "
            f"* epoch(TIMESTAMP '{LAST_DAY}' - signed_up_at))) AS happened_at "
            f"FROM (SELECT *, unnest(range(round(weight / total * {events})::BIGINT)) AS j FROM people, "
            f"(SELECT sum(weight) AS total FROM people)) ORDER BY happened_at) "
            f"TO {literal(str(source / 'logins.parquet'))}"
        ).fetchall()
    return ""


def limit(store: Store, asked: list[date]) -> str:
    """Read the columns that the signals need and group them once."""
    with store.connect() as connection:
        found: dict[str, Any] = connection.execute(
            f"SELECT customer, count(*) AS n, max(day) AS last FROM {store.scan('logins')} GROUP BY 1"
        ).fetchnumpy()
    return str(int(found["n"].sum()))


def engine(store: Store, asked: list[date]) -> str:
    """Compute the signals of the cohort at every cutoff, as `churn snapshot` does."""
    builder = Builder(store, selected(store.params, store), asked)
    total = 0
    for part in builder.parts():
        total += sum(int(np.nansum(part.columns[f"logins_count_{days}d"])) for days in WINDOWS)
    return str(total)


def counts(store: Store, asked: list[date]) -> str:
    """Join every login with every cutoff that sees it in its longest window, then count."""
    return _joined(store, asked, "")


def naive(store: Store, asked: list[date]) -> str:
    """Join as `counts` does, and count the distinct days too: all that the plain signals of logins need."""
    return _joined(store, asked, ", count(DISTINCT day) FILTER (day >= cutoff - {days}) AS days{days}")


def _joined(store: Store, asked: list[date], more: str) -> str:
    each = "count(*) FILTER (day >= cutoff - {days}) AS n{days}" + more
    columns = ", ".join(each.format(days=days) for days in WINDOWS)
    moments = ", ".join(f"({day_number(cutoff)})" for cutoff in asked)
    with store.connect() as connection:
        found: dict[str, Any] = connection.execute(
            f"SELECT cutoff, customer, {columns}, min(cutoff - day) AS since "
            f"FROM {store.scan('logins')} JOIN (VALUES {moments}) c(cutoff) "
            f"ON day < cutoff AND day >= cutoff - {WINDOWS[-1]} GROUP BY ALL"
        ).fetchnumpy()
    return str(sum(int(found[f"n{days}"].sum()) for days in WINDOWS))
