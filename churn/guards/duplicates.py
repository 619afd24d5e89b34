"""The guard of customers with the same whole history as another customer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from churn.data.sql import identifier
from churn.data.tables import EMPTIED_VALUE
from churn.finding import Finding
from churn.guards.context import GuardContext

MIN_HISTORY_ROWS = 10
"""The least number of rows of a history: shorter histories may be equal by chance."""

MIN_DISTINCT = 100
"""The number of distinct rows, by time of day and values, from which a table tells customers apart.

Billing dates have fewer, and do not tell customers apart.
"""

SAMPLE_ROWS = 100_000
"""The largest number of rows of a table on which the distinct values are counted."""

ID_COLUMNS = ("customer", "row_id", "email_id", "invoice_id", "day", "known_day")
"""Columns that differ between copies, or that follow from other columns."""

COPY_STOP_SHARE = 0.01
"""The share of copies from which the finding is a stop: that many copies change the figures of the test."""

SHOWN_PAIRS = 3


class CopyGroup(NamedTuple):
    """Customers with the same history.

    Attributes:
        size: The number of customers.
        churners: The number of these customers who left.
        stayers: The number of these customers who stayed.
        first: The lowest customer code of the group.
        last: The highest customer code of the group.
    """

    size: int
    churners: int
    stayers: int
    first: int
    last: int


def oversampling_note(copied_share: float, base: float, base_name: str) -> str:
    """Return a note that churners may have been copied to balance the classes, else "".

    The note is given if the share that left among the copies is more than twice `base`.

    Args:
        copied_share: The share of the copies that left.
        base: The share of the comparison rows or customers that left.
        base_name: The name of the comparison rows or customers in the note.
    """
    if copied_share <= 2 * base:
        return ""
    return f" {copied_share:.0%} of them left, but {base:.0%} of {base_name}: churners may have been copied."


def duplicates(context: GuardContext) -> Iterator[Finding]:
    """Look for customers with the same rows, to the second and the cent: these may be one person."""
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
        f"{copies:,} customers have the same whole history as another customer ({pairs}).{note} A split puts "
        "copies on both sides, so that the model has seen the answers of the test.",
        "Give each person a single customer_id, and do not resample customers.",
        "stop" if copies >= max(5, COPY_STOP_SHARE * context.store.n_customers) else "warn",
    )


def _copy_groups(context: GuardContext) -> list[CopyGroup]:
    """Return the groups of customers with equal histories, of rows that no customer outside the group has.

    A row that other customers have too, such as a mailing to many, does not tell customers apart. Rows
    without a value, such as a meter's zeros, do not count.
    """
    parts = []
    for table in context.event_tables:
        columns = [name for name in context.store.tables[table].columns if name not in ID_COLUMNS]
        values = [identifier(name) for name in columns if name != "at"]
        details = ", ".join(['epoch("at")::BIGINT % 86400', *values])
        sample = f"(SELECT * FROM {context.store.scan(table)} LIMIT {SAMPLE_ROWS})"
        ((distinct,),) = context.rows(f"SELECT count(DISTINCT hash({details})) FROM {sample}")
        if distinct >= MIN_DISTINCT:
            row_hash = f"hash('{table}', {', '.join(map(identifier, columns))})"
            numbers = [column.name for column in context.tables[table].of_role("value")]
            is_empty = " AND ".join(
                f"coalesce({identifier(name)} IN (0, {EMPTIED_VALUE}), true)"
                for name in numbers
                if name in columns
            )
            where = f" WHERE NOT ({is_empty})" if is_empty else ""
            parts.append(f"SELECT customer, {row_hash} AS h FROM {context.store.scan(table)}{where}")
    if not parts:
        return []
    rows = context.rows(
        f"WITH facts AS MATERIALIZED ({' UNION ALL '.join(parts)}), "
        "histories AS (SELECT customer, sum(h::HUGEINT) AS history, count(*) AS n FROM facts GROUP BY 1), "
        "equal AS (SELECT history, n, count(*) AS size, count(*) FILTER (WHERE gone = 1) AS churners, "
        "count(*) FILTER (WHERE gone = 0) AS stayers, min(customer) AS first, max(customer) AS last "
        f"FROM histories JOIN people USING (customer) WHERE n >= {MIN_HISTORY_ROWS} GROUP BY 1, 2 "
        "HAVING size > 1), "
        "own AS (SELECT first, size, h FROM equal JOIN facts ON customer = first), "
        "holders AS (SELECT h, count(DISTINCT customer) AS k FROM facts "
        "WHERE h IN (SELECT h FROM own) GROUP BY 1), "
        "exclusive AS (SELECT first, count(*) AS n FROM own JOIN holders USING (h) WHERE k = size "
        "GROUP BY 1) "
        "SELECT size, churners, stayers, first, last FROM equal JOIN exclusive USING (first) "
        f"WHERE exclusive.n >= {MIN_HISTORY_ROWS} ORDER BY first"
    )
    return [CopyGroup(*row) for row in rows]
