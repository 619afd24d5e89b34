"""Read the source into the store: check every row, and reject the rows that break a rule."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

from churn.data.files import exclusive_lock, only_writer
from churn.data.ingest.ingest import fresh_store, ingest
from churn.data.store import Store
from churn.params import Params
from pipelines.echo import Echo


def run(params: Params, *, cutoff: date | None = None, echo: Echo) -> int | None:
    """Write the store, whether or not the source has changed.

    Raises:
        BusyError: another process writes the store.
    """
    with only_writer(store_lock(params), "`churn ingest`"):
        store = _ingest(params, echo)
    echo(f"store: {store.n_customers:,} customers, complete up to {store.watermark}.")
    return None


def ensure_store(params: Params, echo: Echo) -> Store:
    """Return the store, after writing it again if the source or the store's parameters have changed.

    If several verbs need a new store at the same time, one verb writes the store and the others wait.
    """
    if store := fresh_store(params):
        return store
    with exclusive_lock(store_lock(params), "a verb that reads the source", _wait_words(echo)):
        return fresh_store(params) or _ingest(params, echo)


def store_lock(params: Params) -> Path:
    """Return the lock file of the process that writes the store."""
    return params.output / ".ingest.lock"


def _wait_words(echo: Echo) -> Callable[[str], None]:
    return lambda holder: echo.warn(
        f"the store is outdated; {holder} writes a new store. This verb waits until the other verb ends."
    )


def _ingest(params: Params, echo: Echo) -> Store:
    return ingest(params, echo, echo.progress)


if __name__ == "__main__":
    from pipelines.cli import main

    raise SystemExit(main("ingest"))
