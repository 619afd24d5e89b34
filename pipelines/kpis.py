"""Compute the figures of retention: by week, month, quarter and segment, with intervals and definitions."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from churn.data.files import write_atomically
from churn.data.store import Store, day_number
from churn.features.engine.cohort import read_customers
from churn.features.library import all_signals
from churn.kpis.company import Company
from churn.kpis.next_orders import next_orders_csv
from churn.kpis.sections import compute_kpis, write_kpis
from churn.params import Params
from churn.reporting.kpi_lines import screen_lines, table_lines
from churn.scoring.past_nights import PastNights
from pipelines.echo import Echo
from pipelines.ingest import ensure_store

TABLES_FILE = "tables.txt"
NEXT_ORDERS_FILE = "next_orders.csv"


def run(params: Params, *, cutoff: date | None = None, echo: Echo, store: Store | None = None) -> int | None:
    """Compute all figures that fit the kind of label, write `output/kpis/kpis.json` and print a summary.

    All tables go to `output/kpis/tables.txt`, and the expected next order of each customer to
    `output/kpis/next_orders.csv`.

    Args:
        params: The parameters.
        cutoff: Compute the figures at this midnight; by default the watermark.
        echo: Prints lines, warnings and progress.
        store: The open store; by default the store that fits the parameters.

    Raises:
        ParamsError: a name in `kpis.segments` is not a text attribute.
        CallError: the cutoff is after the watermark.
        SourceError: a file of an earlier night is damaged, or `label.where` cannot be used.
    """
    store = store or ensure_store(params, echo)
    day = store.cutoff_or_tonight(cutoff)
    nights = PastNights(params.output, params.label_id, day, tuple(all_signals(params).values()))
    company = Company(store, day, nights)
    kpis = compute_kpis(company)
    path = write_kpis(params.output, kpis)
    screen = screen_lines(kpis)
    tables = path.with_name(TABLES_FILE)
    write_atomically(tables, "\n".join([*screen, *table_lines(kpis), ""]).encode())
    next_orders = _write_next_orders(company, path.with_name(NEXT_ORDERS_FILE))
    echo.report(screen)
    echo(f"figures: {path}")
    echo(f"tables of cohorts, survival, stages, groups and the audit: {tables}")
    if next_orders is not None:
        echo(f"the expected next order of each customer: {next_orders}")
    return None


def _write_next_orders(company: Company, path: Path) -> Path | None:
    """Write the list of expected next orders; if there are no orders, remove an earlier list."""
    orders, store = company.shared_rows.orders, company.store
    if orders is None:
        path.unlink(missing_ok=True)
        return None
    ids, form = read_customers(store).ids.tolist(), store.params.score.csv
    text = next_orders_csv(orders.intervals, ids, day_number(company.cutoff), form)
    write_atomically(path, text.encode())
    return path


if __name__ == "__main__":
    from pipelines.cli import main

    raise SystemExit(main("kpis"))
