"""Whether the store still says what the source says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from churn.data.ingest.staging import select
from churn.data.sources.connections import open_source
from churn.data.sources.folder import source_files
from churn.data.sources.source import Source
from churn.data.sources.table_specs import Wanted, wanted_tables
from churn.data.store import Store
from churn.errors import SourceError
from churn.params import Params, digest_of


def is_fresh(params: Params) -> bool:
    """Tell whether the store stands, and the source and the parameters that shape it are what they were."""
    try:
        return Store.open(params).fingerprint == fingerprint(params)
    except SourceError:
        return False


def fingerprint(params: Params) -> str:
    """Return a digest of the source's state and of the parameters that shape the store.

    Files tell by name, size and time of change; a database or Spark by a checksum of each table's rows.
    """
    shaping = params.model_dump(
        mode="json",
        include={
            **dict.fromkeys(("source", "timezone", "tables", "events"), True),
            "label": {"kind", "table"},
            "check": {"max_rejects"},
        },
    )
    return digest_of([_state(params), shaping, params.snapshot.watermark])


def _state(params: Params) -> list[Any]:
    source = params.source.removeprefix("duckdb:///")
    if "://" in source:
        with open_source(params, params.output / ".scratch") as opened:
            return [_state_of(opened, wanted) for wanted in wanted_tables(params)]
    place = Path(source)
    files = source_files(place, (params.output, params.models)) if place.is_dir() else [place]
    stats = [(path.relative_to(place), path.stat()) for path in files if path.exists()]
    return [(str(name), stat.st_size, stat.st_mtime_ns) for name, stat in stats]


def _state_of(source: Source, wanted: Wanted) -> str | None:
    """Return the state of a table; None where it cannot be read, which ingest says in full."""
    try:
        selection = select(source, wanted)
        return source.state(selection.query, selection.columns)
    except SourceError:
        return None
    except source.errors:
        return None
