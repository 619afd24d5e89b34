"""Customers whose whole history equals another's."""

from __future__ import annotations

from collections.abc import Iterator

from churn.data.sql import identifier
from churn.finding import Finding
from churn.guards.context import GONE, HERE, Company

ROWS = 10
"""Fewer rows may be equal by chance."""

TELLING = 100
"""A table tells customers apart when its rows have so many times of day and values; billing dates do not."""

IDS = ("customer", "row_id", "email_id", "invoice_id", "day", "known_day")
"""Columns that differ between copies, or follow from others."""

STOP = 0.01
"""The share of customers from which copies on both sides of a split move its figures."""


def duplicates(company: Company) -> Iterator[Finding]:
    """Look for customers with the same rows, to the second and the cent, as another: one person twice."""
    parts = []
    for table in company.event_tables:
        own = [name for name in company.store.tables[table].columns if name not in IDS]
        values = [name for name in own if name != "at"]
        told = ", ".join(['epoch("at")::BIGINT % 86400', *(identifier(name) for name in values)])
        sample = f"(SELECT * FROM {company.store.scan(table)} LIMIT 100000)"
        ((distinct,),) = company.rows(f"SELECT count(DISTINCT hash({told})) FROM {sample}")
        if distinct >= TELLING:
            hashed = f"hash('{table}', {', '.join(map(identifier, own))})"
            parts.append(f"SELECT customer, {hashed}::HUGEINT AS h FROM {company.store.scan(table)}")
    if not parts:
        return
    histories = f"SELECT customer, sum(h) AS h, count(*) AS n FROM ({' UNION ALL '.join(parts)}) GROUP BY 1"
    rows = company.rows(
        "SELECT count(*) AS size, count(*) FILTER (WHERE gone = 1) AS l, count(*) FILTER (WHERE gone = 0) "
        "AS k, "
        "min(customer) AS one, max(customer) AS other "
        f"FROM ({histories}) JOIN people USING (customer) WHERE n >= {ROWS} GROUP BY h, n HAVING size > 1"
    )
    if not rows:
        return
    copies, left, stayed = (sum(row[place] for row in rows) for place in range(3))
    state = company.ends.state
    base = (state == GONE).sum() / max(((state == GONE) | (state == HERE)).sum(), 1)
    share = left / max(left + stayed, 1)
    ids = company.customers.ids
    pairs = ", ".join(
        f"{ids[one]} and {ids[other]}" for *_, one, other in sorted(rows, key=lambda r: r[3])[:3]
    )
    resampled = (
        f" Of them {share:.0%} left, of all {base:.0%}: leavers may have been copied."
        if share > 2 * base
        else ""
    )
    yield Finding(
        "customers",
        f"{copies:,} customers have the same whole history as another ({pairs}).{resampled} A split puts one "
        "on each side, and the test knows the answer.",
        "Give one person one customer_id, and no customer more rows than happened (no resampling).",
        "stop" if copies >= max(5, STOP * company.store.n_customers) else "warn",
    )
