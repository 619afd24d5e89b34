"""The guard of customers whose whole history equals another customer's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from churn.data.sql import identifier
from churn.finding import Finding
from churn.guards.context import GuardContext

MIN_ROWS = 10
"""Fewer rows may be equal by chance."""

MIN_DISTINCT = 100
"""The distinct times of day and values from which a table tells customers apart; billing dates do not."""

SAMPLE_ROWS = 100_000
"""The rows of a table on which its distinct values are counted."""

ID_COLUMNS = ("customer", "row_id", "email_id", "invoice_id", "day", "known_day")
"""Columns that differ between copies, or follow from others."""

COPY_STOP_SHARE = 0.01
"""The share of copies on both sides of a split from which they change the figures of the test."""

SHOWN_PAIRS = 3


class CopyGroup(NamedTuple):
    """Customers with the same history: how many, how many left and stayed, and the codes of two of them."""

    size: int
    churners: int
    stayers: int
    first: int
    last: int


def oversampling_note(copied_share: float, base: float, base_name: str) -> str:
    """Say that churners may have been copied to balance the classes, where far more of the copies left.

    Args:
        copied_share: The share of the copies that left.
        base: The share of the others, or of all, that left.
        base_name: Whose share `base` is.
    """
    if copied_share <= 2 * base:
        return ""
    return f" {copied_share:.0%} of them left, of {base_name} {base:.0%}: churners may have been copied."


def duplicates(context: GuardContext) -> Iterator[Finding]:
    """Look for customers with the same rows as another, to the second and the cent: one person twice."""
    groups = _copy_groups(context)
    if not groups:
        return
    copies, churners, stayers = (sum(group[index] for group in groups) for index in range(3))
    share = churners / max(churners + stayers, 1)
    ids = context.customers.ids
    examples = sorted(groups, key=lambda group: group.first)[:SHOWN_PAIRS]
    pairs = ", ".join(f"{ids[group.first]} and {ids[group.last]}" for group in examples)
    note = oversampling_note(share, context.ends.left_share or 0.0, "all customers")
    yield Finding(
        "customers",
        f"{copies:,} customers have the same whole history as another ({pairs}).{note} A split puts copies "
        "on both sides, so that the model has seen the answers of the test.",
        "Give each person one customer_id, and do not resample customers.",
        "stop" if copies >= max(5, COPY_STOP_SHARE * context.store.n_customers) else "warn",
    )


def _copy_groups(context: GuardContext) -> list[CopyGroup]:
    """Compare histories by a hash over all tables that tell customers apart."""
    parts = []
    for table in context.event_tables:
        columns = [name for name in context.store.tables[table].columns if name not in ID_COLUMNS]
        values = [identifier(name) for name in columns if name != "at"]
        details = ", ".join(['epoch("at")::BIGINT % 86400', *values])
        sample = f"(SELECT * FROM {context.store.scan(table)} LIMIT {SAMPLE_ROWS})"
        ((distinct,),) = context.rows(f"SELECT count(DISTINCT hash({details})) FROM {sample}")
        if distinct >= MIN_DISTINCT:
            row_hash = f"hash('{table}', {', '.join(map(identifier, columns))})"
            parts.append(f"SELECT customer, {row_hash}::HUGEINT AS h FROM {context.store.scan(table)}")
    if not parts:
        return []
    histories = f"SELECT customer, sum(h) AS h, count(*) AS n FROM ({' UNION ALL '.join(parts)}) GROUP BY 1"
    rows = context.rows(
        "SELECT count(*) AS size, count(*) FILTER (WHERE gone = 1) AS churners, "
        "count(*) FILTER (WHERE gone = 0) AS stayers, min(customer) AS first, max(customer) AS last "
        f"FROM ({histories}) JOIN people USING (customer) WHERE n >= {MIN_ROWS} GROUP BY h, n "
        "HAVING size > 1"
    )
    return [CopyGroup(*row) for row in rows]
