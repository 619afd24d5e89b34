"""Find histories of customers that the source rewrites when the customers leave."""

from __future__ import annotations

from collections.abc import Iterator

from churn.data.sql import identifier
from churn.data.tables import EMPTIED_VALUE
from churn.finding import Finding
from churn.guards.context import ACTIVE, HAS_LEFT, GuardContext
from churn.guards.statistics import Z_99
from churn.metrics.standard_errors import wilson_interval

MIN_TENURE_DAYS = 91
"""After this number of days as a customer, a history is expected."""

LAPSE_DAYS = 91
"""The number of days before the end that do not count, because many sources send nothing to customers who are
about to leave.
"""

MIN_BARE_SHARE = 0.6
"""The finding is a stop if at least this share of churners has no row.

A deletion leaves rows to only a few churners. A lower share may also mean that some customers never had rows.
"""

MIN_SHARE_RISE = 0.3
"""The least difference between churners and stayers in the share without a history, or with zeros at the end.
"""

MIN_CHURNERS = 10
"""The least number of churners with a suspicious history, because fewer churners prove nothing."""

TAIL_ROWS = 3
"""A history ends in zeros if at least this number of its last rows has no value."""

NOTICE_DAYS = 31
"""A history of zeros alone may begin at most this number of days before the end, with the notice of leaving.
"""

DAILY_SHARE, ZERO_SHARE = 0.9, 0.2
"""A table has a row for every day if at least these shares of days have a row, and of rows have the value 0.
"""


def sure_difference(churners: int, of_churners: int, stayers: int, of_stayers: int) -> float:
    """Return a lower bound for how much more often churners than stayers have a suspicious history.

    The result is the lower end of the 99 % interval of the churners' share, minus the upper end of the 99 %
    interval of the stayers' share.

    Args:
        churners: The number of churners with a suspicious history.
        of_churners: The number of all churners.
        stayers: The number of customers who stayed and have a suspicious history.
        of_stayers: The number of all customers who stayed.
    """
    return wilson_interval(churners, of_churners, Z_99)[0] - wilson_interval(stayers, of_stayers, Z_99)[1]


def deleted_histories(context: GuardContext) -> Iterator[Finding]:
    """Find tables in which many churners, but few stayers, have no rows: rows were probably deleted."""
    if context.label.is_event:  # nobody deletes a customer's rows because the customer had an event
        return
    for table in context.event_tables:
        if table == context.label.core_table:
            continue
        first = context.store.tables[table].first_day or 0
        rows = context.rows(
            f"WITH had AS (SELECT DISTINCT customer, true AS has FROM {context.store.scan(table)} "
            f"JOIN people USING (customer) WHERE day < end_day - {LAPSE_DAYS}) "
            "SELECT gone, count(*) AS n, count(*) FILTER (WHERE has IS NULL) AS bare "
            "FROM people LEFT JOIN had USING (customer) WHERE gone >= 0 "
            f"AND end_day - greatest(signed_up, {first}) >= {MIN_TENURE_DAYS + LAPSE_DAYS} GROUP BY 1"
        )
        counts = {state: (n, bare) for state, n, bare in rows}
        churners, bare_churners = counts.get(HAS_LEFT, (0, 0))
        stayers, bare_stayers = counts.get(ACTIVE, (0, 0))
        if bare_churners < MIN_CHURNERS or not stayers:
            continue
        if sure_difference(bare_churners, churners, bare_stayers, stayers) < MIN_SHARE_RISE:
            continue
        yield Finding(
            table,
            f"for everybody who was a customer for at least {MIN_TENURE_DAYS + LAPSE_DAYS} days, the guard "
            f"looks for rows before the customer's last {LAPSE_DAYS} days. {bare_churners:,} of "
            f"{churners:,} customers who left have no such rows. Of the customers who stayed, only "
            f"{bare_stayers:,} of {stayers:,} have no such rows. Either the rows were deleted when the "
            "customers left, or the customers who left never had rows.",
            "Read a source that keeps the past (a warehouse's history, a backup), or leave the table out.",
            "stop" if bare_churners >= MIN_BARE_SHARE * churners else "warn",
            figure=f"{bare_churners / churners:.0%}",
        )


def zeroed_rows(context: GuardContext) -> Iterator[Finding]:
    """Find rows of value 0 that the source writes after customers leave, or for days without activity."""
    for table in context.event_tables:
        for column in context.tables[table].of_role("value"):
            if column.name in context.store.tables[table].columns and not column.known_with:
                yield from _zeroed_rows(context, table, column.name)


def _zeroed_rows(context: GuardContext, table: str, column: str) -> Iterator[Finding]:
    is_zero = f"coalesce({identifier(column)} IN (0, {EMPTIED_VALUE}), true)"
    rows = context.rows(
        f"WITH numbered AS (SELECT customer, {is_zero} AS is_zero, day, "
        'row_number() OVER (PARTITION BY customer ORDER BY "at" DESC) AS back '
        f"FROM {context.store.scan(table)}), "
        "customers AS (SELECT customer, count(*) AS n, count(*) FILTER (WHERE is_zero) AS zeros, "
        "coalesce(min(back) FILTER (WHERE NOT is_zero) - 1, count(*)) AS tail, "
        "min(day) AS first_day, "
        "count(DISTINCT day) / (max(day) - min(day) + 1) AS days FROM numbered GROUP BY 1) "
        "SELECT gone, count(*) AS n, "
        f"count(*) FILTER (WHERE tail >= {TAIL_ROWS} AND zeros - tail <= 0.1 * (n - tail) "
        f"AND (tail < n OR first_day >= end_day - {NOTICE_DAYS})) AS tails, "
        "median(days) FILTER (WHERE n >= 28) AS days, "
        "sum(zeros) / sum(n) AS zeros "
        f"FROM customers JOIN people USING (customer) WHERE gone >= 0 GROUP BY 1"
    )
    counts = {row[0]: row[1:] for row in rows}
    churners, churner_tails, *_ = counts.get(HAS_LEFT, (0, 0))
    stayers, stayer_tails, day_share, zero_share = counts.get(ACTIVE, (0, 0, None, 0.0))
    if (
        churner_tails >= MIN_CHURNERS
        and stayers
        and sure_difference(churner_tails, churners, stayer_tails, stayers) > MIN_SHARE_RISE
    ):
        yield Finding(
            f"{table}.{column}",
            f"the last rows have the value 0 for {churner_tails:,} of {churners:,} customers who left, but "
            f"only for {stayer_tails:,} of {stayers:,} customers who stayed: the source writes rows with "
            "the value 0 after a cancellation.",
            f'Leave out rows whose value is 0 or missing: set "where: {column} > 0" for the table {table}. '
            "Also map the time of the cancellation (subscriptions.cancel_requested_at), which takes the "
            "customer out of the cohort.",
            "stop",
        )
    elif day_share is not None and day_share >= DAILY_SHARE and zero_share >= ZERO_SHARE:
        yield Finding(
            f"{table}.{column}",
            f"customers who stayed have a row on {day_share:.0%} of their days (median), but "
            f"{zero_share:.0%} of these rows have the value 0: the source also writes rows for days on which "
            "the customer did nothing. So the number of rows shows only how long a contract lasts.",
            f'Leave out rows whose value is 0 or missing: set "where: {column} > 0" for the table {table}.',
        )
