"""Measure the report of a large company: the size of the page, the seconds, and the memory.

`python -m benchmarks.report_size --output output --customers 1000000 --calls 5000` repeats the customers of
a finished company under new ids until there are as many as asked for, writes its last nights with the writers
of the product, and renders the page. Texts, reasons, messages and figures are those of the finished company.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import shutil
import sys
import tempfile
import time
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from churn.reporting.page.sources import ReportSources, read_report_sources
from churn.reporting.report import render_report
from churn.scoring.past_nights import scored_nights
from churn.scoring.sink import contacts_path, facts_path, night_files, scores_path, write_night

LANGUAGES = ("en", "de")
MAX_BYTES = 2_000_000
"""The limit of a page of 5,000 calls."""

OF_THE_COMPANY = ("evaluate", "evaluations", "drift", "kpis", "measure", "ledger")
"""The folders that the page reads beside the nights; they stay as they are."""


def repeat(table: pa.Table, n_rows: int) -> pa.Table:
    """Return the rows of a table again and again, until there are `n_rows`; each customer has an own id."""
    places = np.arange(n_rows)
    rows = table.take(pa.array(places % len(table)))
    rounds = pa.array((places // len(table)).astype(str))
    ids = pc.binary_join_element_wise(rows["customer_id"].cast(pa.string()), rounds, "-")
    return rows.set_column(rows.schema.get_field_index("customer_id"), "customer_id", ids)


def write_large_nights(output: Path, to: Path, n_customers: int, n_calls: int, n_nights: int) -> None:
    """Write the last nights of a company with more customers.

    Args:
        output: The output folder of the finished company.
        to: The output folder of the large company.
        n_customers: The number of its customers.
        n_calls: The number of customers on its call list each night.
        n_nights: How many nights are written.
    """
    for name in OF_THE_COMPANY:
        if (output / name).is_dir():
            shutil.copytree(output / name, to / name)
    for night in scored_nights(output)[-n_nights:]:
        facts = json.loads(facts_path(output, night).read_text(encoding="utf-8"))
        scores, contacts = (
            pq.read_table(path) for path in (scores_path(output, night), contacts_path(output, night))
        )
        calls = repeat(contacts, n_calls)
        rounds, most = n_calls / len(contacts), n_customers // len(scores)
        if rounds > most:
            raise SystemExit(
                f"report_size: {n_calls:,} calls need {rounds:.0f} times the customers of {night}, and "
                f"{n_customers:,} are {most} times as many. Ask for more --customers or fewer --calls."
            )
        ranks = pa.array(np.arange(1, n_calls + 1), contacts.schema.field("rank").type)
        calls = calls.set_column(calls.schema.get_field_index("rank"), "rank", ranks)
        write_night(
            to,
            night,
            night_files(
                repeat(scores, n_customers), "", calls, _enlarge(facts, len(scores), n_customers, n_calls)
            ),
        )


def _enlarge(facts: dict[str, Any], n_before: int, n_customers: int, n_calls: int) -> dict[str, Any]:
    """Return the facts of a night of a larger company."""
    factor = n_customers / n_before
    counts = {
        name: round(facts[name] * factor)
        for name in ("customers", "cohort", "thin", "controls")
        if name in facts
    }
    excluded = {reason: round(n * factor) for reason, n in facts["excluded"].items()}
    own = {name: value for name, value in facts.items() if name not in ("files", "checksum", "version")}
    tasks = {"new": n_calls, "open": 0, "overdue": 0}
    return own | counts | {"excluded": excluded, "contacted": n_calls, "tasks": tasks}


def _with_contacts(night: ReportSources, source_night: ReportSources) -> ReportSources:
    """Return a night whose customers were contacted as often as those whom they repeat."""
    earlier = source_night.contacts_before
    before = {customer: earlier.get(customer.rpartition("-")[0], ()) for customer, _ in night.contacts}
    return replace(night, contacts_before=before)


def measure_page(output: Path, night: date, company: Path) -> list[str]:
    """Return the lines that say how large the page is and what it costs.

    Args:
        output: The output folder of the large company.
        night: Its latest night.
        company: The output folder of the company that it repeats.
    """
    lines, own = [], read_report_sources(company, night)
    for language in LANGUAGES:
        start = time.perf_counter()
        page = render_report(_with_contacts(read_report_sources(output, night), own), language)
        seconds = time.perf_counter() - start
        size = len(page.encode("utf-8"))
        verdict = "within the limit" if size < MAX_BYTES else "ABOVE the limit"
        lines.append(f"{language}: {size:,} bytes, {verdict} of {MAX_BYTES:,}; {seconds:.1f} seconds")
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return [*lines, f"highest memory of the process: {memory / 1e6:,.0f} MB"]


def main() -> int:
    """Write the large company, measure its page, and say whether the page is within its limit."""
    parser = argparse.ArgumentParser(description="measure the report of a large company")
    parser.add_argument(
        "--output", type=Path, default=Path("output"), help="the output of a finished company"
    )
    parser.add_argument("--customers", type=int, default=1_000_000, help="the number of customers")
    parser.add_argument("--calls", type=int, default=5_000, help="the number of calls of a night")
    parser.add_argument("--nights", type=int, default=3, help="how many nights the company has")
    options = parser.parse_args()
    if not options.calls <= options.customers:
        sys.exit("report_size: --calls is at most --customers.")
    with tempfile.TemporaryDirectory() as folder:
        to = Path(folder)
        # The writer has a process of its own, so that the memory that is measured is that of the report.
        writer = multiprocessing.get_context("spawn").Process(
            target=write_large_nights,
            args=(options.output, to, options.customers, options.calls, options.nights),
        )
        writer.start()
        writer.join()
        if writer.exitcode:
            return 1
        lines = measure_page(to, scored_nights(to)[-1], options.output)
    print(f"{options.customers:,} customers, {options.calls:,} calls, {options.nights} nights")
    print("\n".join(lines))
    return int(any("ABOVE" in line for line in lines))


if __name__ == "__main__":
    raise SystemExit(main())
