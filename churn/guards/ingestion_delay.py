"""Rows that came in later than they happened, where the source says so in a column that is not mapped."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from churn.data.ingest.staging import origin_of
from churn.data.sources.connections import open_source
from churn.data.sources.source import Source
from churn.data.sources.table_specs import Wanted, wanted_tables
from churn.data.sql import internal, quoted
from churn.finding import Finding
from churn.guards.context import Company
from churn.guards.names import identifiers, words_of

LOADING = {
    *("loaded", "load", "ingested", "ingest", "created", "updated", "inserted", "imported", "synced", "sync"),
    *("received", "arrived", "processed", "recorded", "exported", "extracted", "etl", "dwh", "geladen"),
}
"""Words of columns that say when a row came in."""

WHEN = {"at", "time", "ts", "on", "date", "day", "timestamp", "datetime", "am"}

WARN, STOP = 0.01, 0.05
"""Shares of rows a day late or later: the stop is the share of bad rows at which ingest stops by default."""

BULK_DAYS = 3
"""Rows that all came in on so few days were loaded at once: that time says nothing about each."""


def late_rows(company: Company) -> Iterator[Finding]:
    """Look for a time of loading that is not mapped and lies a day or more after the row's own time."""
    with open_source(company.params, Path(company.scratch)) as source:
        for wanted in wanted_tables(company.params):
            if wanted.table.column("known_at") is not None and not wanted.table.is_history:
                yield from _late(source, wanted)


def loading_columns(names: list[str]) -> list[str]:
    """Return the names that say when a row came in.

    >>> loading_columns(["loaded_at", "_etl_ts", "createdAt", "load", "update_count"])
    ['loaded_at', '_etl_ts', 'createdAt']
    """
    found = [(name, set(words_of(name))) for name in names]
    return [name for name, words in found if words & LOADING and words & WHEN]


def _late(source: Source, wanted: Wanted) -> Iterator[Finding]:
    origin = origin_of(source, wanted)
    there = source.columns(origin)
    mapped = dict(wanted.origin.columns)
    if "known_at" in mapped or "known_at" in there or wanted.table.time not in {*mapped, *there}:
        return
    used = {name for sql in mapped.values() for name in identifiers(sql)}
    for column in loading_columns([name for name in there if name not in used and name != wanted.table.time]):
        happened = mapped.get(wanted.table.time, source.quote(wanted.table.time))
        view = internal(f"late_{wanted.table.name}")
        source.view(view, f"SELECT ({happened}) AS happened, {source.quote(column)} AS loaded FROM {origin}")
        row = source.connection.execute(
            "SELECT avg((loaded >= happened + INTERVAL 1 DAY)::INTEGER), count(DISTINCT loaded::DATE), "
            "median(loaded - happened) FILTER (WHERE loaded >= happened + INTERVAL 1 DAY) FROM ("
            "SELECT TRY_CAST(happened AS TIMESTAMP) AS happened, TRY_CAST(loaded AS TIMESTAMP) AS loaded "
            f"FROM {view}) WHERE happened IS NOT NULL AND loaded IS NOT NULL"
        ).fetchone()
        share, days, late = row or (None, 0, None)
        if share is not None and share >= WARN and days > BULK_DAYS:
            yield Finding(
                f"{wanted.table.name}",
                f"{share:.1%} of its rows have {quoted(column)} a day or more after {wanted.table.time} "
                "(half of "
                f"them {late.days} days or more), and a cutoff between them would see rows that were not "
                "there.",
                f"Map it: {wanted.place}.columns.known_at: {column}. If it says when a row was last changed, "
                "the row's values are not those of its own time.",
                "stop" if share >= STOP else "warn",
            )
            return
