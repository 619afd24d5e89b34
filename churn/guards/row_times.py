"""Totals of a period that are stamped with the period's beginning."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy.stats import poisson

from churn.data.ingest.staging import from_clause
from churn.data.sources.connections import open_source
from churn.data.sources.source import Source
from churn.data.sources.table_specs import TableSpec, table_specs
from churn.data.sql import identifier, internal_name
from churn.finding import Finding
from churn.guards.context import Company
from churn.guards.names import identifiers, words_of
from churn.guards.statistics import SURE, spearman

PERIODS = {
    "month": "day(date) = 1",
    "week": "isodow(date) = 1",
    "quarter": "day(date) = 1 AND month(date) % 3 = 1",
}
"""How to see that all rows of a table stand on the first day of a period; the widest that fits is meant."""

FEWEST = 200
"""Pairs of totals below which nothing is said."""


def stamped_early(company: Company) -> Iterator[Finding]:
    """Stop at totals that follow the events after their stamp more closely than those before it.

    For each row that stands on the first day of a period, the events of every other table are counted in the
    period before and in the period after; each customer's own total is held against both. A true total of the
    past goes with the past. The difference of the two rank correlations must pass its 99 % margin.
    """
    for table in company.event_tables:
        columns = [c.name for c in company.tables[table].of_role("value") if not c.known_with]
        columns = [name for name in columns if name in company.store.tables[table].columns]
        period = _period(company, table) if columns and table in company.params.events else None
        for other in company.event_tables if period else ():
            if other == table or _period(company, other):
                continue
            for column in columns:
                before, after, n = _correlations(company, table, column, str(period), other)
                if n >= FEWEST and after - before > max(0.1, SURE * np.sqrt(2 / n)):
                    yield Finding(
                        f"{table}.{column}",
                        f"its rows stand on the first day of a {period} and go with the {other} of the "
                        f"{period} "
                        f"that begins there (rank correlation {after:.2f}), not of the one that ended "
                        f"({before:.2f}): a cutoff inside it sees the total of days that are still to come.",
                        f"Map the end of the {period} as known_at (or as happened_at) of events.{table}.",
                        "stop",
                    )
                    return


def _period(company: Company, table: str) -> str | None:
    """Return the period on whose first day all rows of a table stand."""
    asked = ", ".join(f"bool_and({sql}) AS {name}" for name, sql in PERIODS.items())
    dates = f"SELECT DATE '1970-01-01' + day AS date FROM {company.store.scan(table)}"
    ((month, week, quarter),) = company.rows(f"SELECT {asked} FROM ({dates})")
    return "quarter" if quarter else "month" if month else "week" if week else None


def _correlations(
    company: Company, table: str, column: str, period: str, other: str
) -> tuple[float, float, int]:
    """Correlate a total with the events of the period before its stamp, and of the period after it.

    Returns:
        The two rank correlations, before and after, and the number of totals.
    """
    ends = f"(t.date + INTERVAL 1 {period})::DATE - DATE '1970-01-01'"
    begins = f"(t.date - INTERVAL 1 {period})::DATE - DATE '1970-01-01'"
    found = company.fetch(
        f"WITH t AS (SELECT customer, day, {identifier(column)} AS value, DATE '1970-01-01' + day AS date "
        f"FROM {company.store.scan(table)} WHERE {identifier(column)} IS NOT NULL AND customer % 10 < 5), "
        f"e AS (SELECT customer, day, count(*) AS n FROM {company.store.scan(other)} GROUP BY 1, 2) "
        "SELECT any_value(t.value) AS value, "
        "coalesce(sum(e.n) FILTER (WHERE e.day < t.day), 0) AS past, "
        "coalesce(sum(e.n) FILTER (WHERE e.day >= t.day), 0) AS coming "
        f"FROM t LEFT JOIN e ON e.customer = t.customer AND e.day >= {begins} AND e.day < {ends} "
        "GROUP BY t.customer, t.day"
    )
    value, past, coming = (np.asarray(found[name], dtype=np.float64) for name in ("value", "past", "coming"))
    return spearman(value, past), spearman(value, coming), len(value)


BACK = (60, 90, 120)
"""Days before today at which to count the times that lay ahead: recent, so that the company is the same."""

RARE = 1e-4
"""A chance below which so few ahead are no accident."""


def filled_afterwards(company: Company) -> Iterator[Finding]:
    """Stop at a scheduled time of which far fewer lie ahead today than seem to have lain ahead in the past.

    What is known with its row lies ahead of every date alike. What is filled in when it happens lies ahead of
    the past only: today's rows are still empty. Asked: fewer than half of the past's, and rarer than one in
    10,000 for a Poisson count of that mean.
    """
    for table in company.event_tables:
        for column in company.tables[table].of_role("scheduled"):
            name = f"{column.name}_day"
            if name not in company.store.tables[table].columns:
                continue
            counts = ", ".join(
                f"count(*) FILTER (WHERE day < {day} AND {identifier(name)} >= {day}) AS c{place}"
                for place, day in enumerate(company.watermark - back for back in (0, *BACK))
            )
            ((today, *past),) = company.rows(f"SELECT {counts} FROM {company.store.scan(table)}")
            usual = sum(past) / len(past)
            if today < usual / 2 and poisson.cdf(today, usual) < RARE:
                yield Finding(
                    f"{table}.{column.name}",
                    f"{today:,} rows have it ahead of {company.store.watermark}, but at dates {BACK[0]} to "
                    f"{BACK[-1]} days before {usual:,.0f} on average seem to have had it ahead: it is "
                    "filled in "
                    "when it happens.",
                    f"It is an outcome: map it as one, or take {column.name} out of the columns of {table}.",
                    "stop",
                )


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
        for wanted in table_specs(company.params):
            if wanted.table.column("known_at") is not None and not wanted.table.is_history:
                yield from _late(source, wanted)


def loading_columns(names: list[str]) -> list[str]:
    """Return the names that say when a row came in.

    >>> loading_columns(["loaded_at", "_etl_ts", "createdAt", "load", "update_count"])
    ['loaded_at', '_etl_ts', 'createdAt']
    """
    found = [(name, set(words_of(name))) for name in names]
    return [name for name, words in found if words & LOADING and words & WHEN]


def _late(source: Source, wanted: TableSpec) -> Iterator[Finding]:
    origin = from_clause(source, wanted)
    there = source.columns(origin)
    mapped = dict(wanted.origin.columns)
    if "known_at" in mapped or "known_at" in there or wanted.table.time not in {*mapped, *there}:
        return
    used = {name for sql in mapped.values() for name in identifiers(sql)}
    for column in loading_columns([name for name in there if name not in used and name != wanted.table.time]):
        happened = mapped.get(wanted.table.time, source.quote(wanted.table.time))
        view = internal_name(f"late_{wanted.table.name}")
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
                f"{share:.1%} of its rows have {identifier(column)} a day or more after {wanted.table.time} "
                "(half of "
                f"them {late.days} days or more), and a cutoff between them would see rows that were not "
                "there.",
                f"Map it: {wanted.key}.columns.known_at: {column}. If it says when a row was last changed, "
                "the row's values are not those of its own time.",
                "stop" if share >= STOP else "warn",
            )
            return
