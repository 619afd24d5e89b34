"""Compute the figures of retention: by week, month, quarter and segment, with intervals and definitions."""

from __future__ import annotations

from datetime import date

from churn.data.files import write_atomically
from churn.data.store import Store
from churn.errors import CallError
from churn.features.library import all_signals
from churn.kpis.company import Company
from churn.kpis.sections import compute_kpis, write_kpis
from churn.params import Params
from churn.reporting.kpi_lines import screen_lines, table_lines
from churn.scoring.past_nights import PastNights
from pipelines.echo import Echo
from pipelines.ingest import ensure_store

TABLES_FILE = "tables.txt"


def run(params: Params, *, cutoff: date | None = None, echo: Echo, store: Store | None = None) -> int | None:
    """Compute all figures from the store, write `output/kpis/kpis.json` and print one screen.

    All tables go to `output/kpis/tables.txt`.

    Args:
        params: The parameters.
        cutoff: Compute the figures as of this midnight; by default the watermark.
        echo: Prints lines, warnings and progress.
        store: The open store; by default the store that fits the parameters.

    Raises:
        ParamsError: `kpis.segments` names no text attribute.
        CallError: the cutoff lies after the data, or the label is of kind event.
        SourceError: a file of an earlier night is damaged.
    """
    if params.label.is_event:
        raise CallError(
            f"{params.locate('label.kind')} is event, which does not say who stays a customer, so there are "
            "no figures of retention. Give a label of contracts or of inactivity in a parameter file of its "
            "own, or with --set 'label={kind: contract, horizon_days: 31}'."
        )
    store = store or ensure_store(params, echo)
    day = store.cutoff_or_tonight(cutoff)
    nights = PastNights(params.output, params.label_id, day, tuple(all_signals(params).values()))
    kpis = compute_kpis(Company(store, day, nights))
    path = write_kpis(params.output, kpis)
    screen = screen_lines(kpis)
    tables = path.with_name(TABLES_FILE)
    write_atomically(tables, "\n".join([*screen, *table_lines(kpis), ""]).encode())
    echo.report(screen)
    echo(f"figures: {path}")
    echo(f"tables of cohorts, survival, stages, groups and the audit: {tables}")
    return None


if __name__ == "__main__":
    from pipelines.cli import main

    raise SystemExit(main("kpis"))
