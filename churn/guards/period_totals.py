"""Totals of a period that are stamped with the period's beginning."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from churn.data.sql import quoted
from churn.finding import Finding
from churn.guards.context import Company
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
        f"WITH t AS (SELECT customer, day, {quoted(column)} AS value, DATE '1970-01-01' + day AS date "
        f"FROM {company.store.scan(table)} WHERE {quoted(column)} IS NOT NULL AND customer % 10 < 5), "
        f"e AS (SELECT customer, day, count(*) AS n FROM {company.store.scan(other)} GROUP BY 1, 2) "
        "SELECT any_value(t.value) AS value, "
        "coalesce(sum(e.n) FILTER (WHERE e.day < t.day), 0) AS past, "
        "coalesce(sum(e.n) FILTER (WHERE e.day >= t.day), 0) AS coming "
        f"FROM t LEFT JOIN e ON e.customer = t.customer AND e.day >= {begins} AND e.day < {ends} "
        "GROUP BY t.customer, t.day"
    )
    value, past, coming = (np.asarray(found[name], dtype=np.float64) for name in ("value", "past", "coming"))
    return spearman(value, past), spearman(value, coming), len(value)
