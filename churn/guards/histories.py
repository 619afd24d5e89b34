"""Histories that the source rewrites when a customer leaves."""

from __future__ import annotations

from collections.abc import Iterator

from churn.data.sql import identifier
from churn.data.tables import EMPTIED_VALUE
from churn.finding import Finding
from churn.guards.context import Company
from churn.guards.statistics import SURE
from churn.metrics.standard_errors import wilson_interval

LONG_ENOUGH = 91
"""Days as a customer after which a history may be expected."""

APART = 0.3
"""How much more of the leavers lack a history (or end in zeros) before it is the source that did it."""

FEWEST = 10
"""Fewer leavers than this show nothing."""

ZEROS = 3
"""So many rows without a value at the end are a tail."""


def purged(company: Company) -> Iterator[Finding]:
    """Stop where customers who left have no rows at all, and those who stayed have: they were deleted."""
    core = company.params.label.core_table
    for table in company.event_tables:
        if table == core:
            continue
        first = company.store.tables[table].first_day or 0
        rows = company.rows(
            f"WITH had AS (SELECT DISTINCT customer, true AS has FROM {company.store.scan(table)}) "
            "SELECT gone, count(*) AS n, count(*) FILTER (WHERE has IS NULL) AS bare "
            "FROM people LEFT JOIN had USING (customer) WHERE gone >= 0 "
            f"AND end_day - greatest(signed_up, {first}) >= {LONG_ENOUGH} GROUP BY 1"
        )
        told = {gone: (n, bare) for gone, n, bare in rows}
        left, bare = told.get(1, (0, 0))
        stayed, also = told.get(0, (0, 0))
        if (
            bare < FEWEST
            or not stayed
            or wilson_interval(bare, left, SURE)[0] - wilson_interval(also, stayed, SURE)[1] < APART
        ):
            continue
        yield Finding(
            table,
            f"{bare:,} of {left:,} customers who left after {LONG_ENOUGH} days or more have no row at all, "
            "of "
            f"those who stayed {also:,} of {stayed:,}: their rows were deleted when they left.",
            "Read a source that keeps the past (a warehouse's history, a backup), or leave the table out.",
            "stop",
            figure=f"{bare / left:.0%}",
        )


def zeroed(company: Company) -> Iterator[Finding]:
    """Look for rows that go on without a value: written for those who left, or for everybody on every day."""
    for table in company.event_tables:
        for column in company.tables[table].of_role("value"):
            if column.name in company.store.tables[table].columns and not column.known_with:
                yield from _zeroed(company, table, column.name)


def _zeroed(company: Company, table: str, column: str) -> Iterator[Finding]:
    nothing = f"coalesce({identifier(column)} IN (0, {EMPTIED_VALUE}), true)"
    rows = company.rows(
        f"WITH numbered AS (SELECT customer, {nothing} AS nothing, day, "
        'row_number() OVER (PARTITION BY customer ORDER BY "at" DESC) AS back '
        f"FROM {company.store.scan(table)}), "
        "customers AS (SELECT customer, count(*) AS n, count(*) FILTER (WHERE nothing) AS zeros, "
        "coalesce(min(back) FILTER (WHERE NOT nothing) - 1, count(*)) AS tail, "
        "count(DISTINCT day) / (max(day) - min(day) + 1) AS filled FROM numbered GROUP BY 1) "
        "SELECT gone, count(*) AS n, "
        f"count(*) FILTER (WHERE tail >= {ZEROS} AND tail < n AND zeros - tail <= 0.1 * (n - tail)) AS "
        "tails, "
        "median(filled) FILTER (WHERE n >= 28) AS filled, sum(zeros) / sum(n) AS zeros "
        f"FROM customers JOIN people USING (customer) WHERE gone >= 0 AND n > {ZEROS} GROUP BY 1"
    )
    told = {row[0]: row[1:] for row in rows}
    left, tails, *_ = told.get(1, (0, 0))
    stayed, also, filled, zeros = told.get(0, (0, 0, None, 0.0))
    place = f"{table}.{column}"
    if (
        tails >= FEWEST
        and stayed
        and wilson_interval(tails, left, SURE)[0] - wilson_interval(also, stayed, SURE)[1] > APART
    ):
        yield Finding(
            place,
            f"for {tails:,} of {left:,} customers who left the rows end in zeros, for those who stayed "
            f"{also:,} of "
            f"{stayed:,}: the source goes on writing rows after a cancellation, and sets their value to 0.",
            f'Leave rows of nothing out with "where: {column} > 0" at {table}, and map the time of the '
            "cancellation (subscriptions.cancel_requested_at).",
            "stop",
        )
    elif filled is not None and filled >= 0.9 and zeros >= 0.2:
        yield Finding(
            place,
            f"{filled:.0%} of the days have a row, and {zeros:.0%} of the rows are of nothing: rows are "
            "written "
            "whether or not the customer came, so that counting them counts the contract.",
            f'Leave rows of nothing out with "where: {column} > 0" at {table}.',
        )
