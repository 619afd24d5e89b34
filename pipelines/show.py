"""Show all that is held about one customer: the answer to an access request."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from churn.contact.access import models_on_disk, read_access
from churn.data.store import Store
from churn.errors import CallError
from churn.handover.customer import database_section
from churn.params import Params
from churn.reporting.access_lines import access_json, access_lines
from pipelines.echo import Echo


def run(
    params: Params, *, cutoff: date | None = None, customer: str, format: str = "text", echo: Echo
) -> int | None:
    """Print what store, snapshots, scores, ledger and models hold about a customer; write nothing.

    The store is read without a new ingest, even if the source has changed: the answer shows what the store
    holds now.

    Args:
        params: The parameters.
        cutoff: Must be None: the answer is all that is held, for all dates.
        customer: The id of the customer.
        format: `text` or `json`.
        echo: Prints lines, warnings and progress.

    Raises:
        CallError: nothing is held under this id, or `cutoff` is not None.
        SourceError: there is no store, or a file is damaged.
        DeliveryError: the database that gets each night's scores does not answer, so a part of the data would
            be missing.
    """
    if cutoff is not None:
        raise CallError(
            f"--cutoff {cutoff}: `churn show` takes no cutoff, because it gives the data of all dates. "
            "Leave out --cutoff."
        )
    store = Store.open(params)
    models = models_on_disk(params.champion, params.output)
    record = read_access(store, customer, params.output, params.contact.suppression, models)
    if params.score.sink:
        section = database_section(params.score.sink, customer, params.file)
        record = replace(record, sections=(*record.sections, section))
    if format == "json":
        echo(access_json(record))
    else:
        echo.report(access_lines(record))
    return 0


if __name__ == "__main__":
    from pipelines.cli import main

    raise SystemExit(main("show"))
