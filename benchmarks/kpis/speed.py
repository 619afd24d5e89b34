"""The cost of `churn kpis` on a large company, as a ratio to one scan of the tables that it uses."""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

from benchmarks.engine.measure import Measurement, measure

ROOT = Path(__file__).parents[2]
FIRST_DAY = date(2023, 7, 1)
"""The first day of the company: 24 months before its last day."""

JOBS = ("generate", "ingest", "scan", "kpis")

COLUMNS = {
    "visits": ("day", "kind"),
    "emails": ("day", "opened_at_day", "clicked_at_day"),
    "orders": ("day", "amount", "units", "returned_at_day"),
    "payments": ("day", "amount", "paid_at_day"),
    "surveys": ("day", "rating", "answered_at_day"),
    "tickets": ("day", "first_reply_at_day", "closed_at_day", "satisfaction", "due_at_day"),
}
"""The columns that the scan reads, where the store has them."""


HEAD = (
    "| customers | visits | job | seconds | CPU seconds | peak MB | CPU / scan |",
    "|---:|---:|---|---:|---:|---:|---:|",
)


def measure_speed(folder: Path, customers: int, events: int) -> dict[str, Measurement]:
    """Measure each job in a process of its own.

    Args:
        folder: Where the company is kept; an existing one is used again.
        customers: The number of customers.
        events: The number of visits.
    """
    measurements = {}
    size = ["--customers", str(customers), "--events", str(events), "--folder", str(folder)]
    for job in JOBS:
        if job == "generate" and (folder / "generate.done").exists():
            continue
        command = [sys.executable, "-m", "benchmarks.kpis", "speed", "--job", job, *size]
        measurements[job] = measure(command, ROOT)
        if job == "generate":
            (folder / "generate.done").touch()
        done = measurements[job]
        print(
            f"{job}: {done.cpu_seconds:.1f} CPU s, {done.wall_seconds:.1f} s, {done.peak_mb:,.0f} MB; "
            f"{done.answer}",
            flush=True,
        )
    return measurements


def table_rows(measurements: Mapping[str, Measurement], customers: int, events: int) -> list[str]:
    """Return the rows of the table: the scan, and all figures, with the ratio of the CPU times."""
    scan = measurements["scan"]
    rows = []
    for job, title in (("scan", "one scan of the tables"), ("kpis", "`churn kpis`")):
        own = measurements[job]
        rows.append(
            f"| {customers:,} | {events:,} | {title} | {own.wall_seconds:.1f} | {own.cpu_seconds:.1f} | "
            f"{own.peak_mb:,.0f} | {own.cpu_seconds / scan.cpu_seconds:.1f} |"
        )
    return rows


def with_rows(table: str, rows: Sequence[str]) -> str:
    """Return the table with the rows of a size, in the place of earlier rows of the same size."""
    size = rows[0].split("|")[1:3]
    old_rows = [line for line in table.strip().splitlines() if line.startswith("|")][2:]
    old_rows = [line for line in old_rows if line.split("|")[1:3] != size]
    body = sorted([*old_rows, *rows], key=lambda line: int(line.split("|")[1].replace(",", "")))
    return "\n".join([*HEAD, *body])


def run_job(job: str, folder: Path, customers: int, events: int) -> int:
    """Run one job and print its times and its answer as JSON."""
    from benchmarks.engine.generate import generate
    from benchmarks.engine.world import World
    from churn.data.ingest.ingest import fresh_store, ingest
    from churn.data.store import Store
    from churn.kpis.company import Company
    from churn.kpis.sections import compute_kpis, write_kpis

    world = World(folder, customers, events, FIRST_DAY)
    start, cpu_before = time.perf_counter(), _cpu_seconds()  # after the imports
    answer: dict[str, int] = {}
    if job == "generate":
        generate(world)
    elif job == "ingest":
        store = fresh_store(world.params()) or ingest(world.params(), lambda _: None)
        answer = {name: table.rows for name, table in store.tables.items()}
    elif job == "scan":
        answer = {"rows": _scan(Store.open(world.params()))}
    else:
        store = Store.open(world.params())
        kpis = compute_kpis(Company(store, store.watermark))
        size = write_kpis(world.params().output, kpis).stat().st_size
        answer = {"figures": len(kpis.figures), "bytes": size}
    cpu = _cpu_seconds() - cpu_before
    print(json.dumps({"cpu": cpu, "wall": time.perf_counter() - start, "answer": answer}))
    return 0


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _scan(store: object) -> int:
    """Read each table that the figures use once, grouped by customer, and return the number of rows."""
    from churn.data.store import Store

    assert isinstance(store, Store)
    total = 0
    with store.connect() as connection:
        for table, columns in COLUMNS.items():
            present = [name for name in columns if name in store.tables[table].columns]
            sums = ", ".join(f"sum({name}) AS {name}" for name in present)
            rows = connection.execute(
                f"SELECT customer, count(*) AS n, {sums} FROM {store.scan(table)} GROUP BY 1"
            ).fetchnumpy()
            total += int(rows["n"].sum())
    return total
