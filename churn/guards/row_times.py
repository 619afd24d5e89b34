"""Guards of the times of rows: filled in afterwards, or stamped at the beginning of a period."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.stats import poisson

from churn.data.sql import identifier
from churn.data.store import date_of_day_sql, day_number_sql
from churn.finding import Finding
from churn.guards.context import GuardContext
from churn.guards.statistics import Z_99, spearman

DAYS_BACK = (60, 90, 120)
"""The days before today at which the times ahead are counted. They are recent, so that little has changed."""

MAX_CHANCE_OF_FEW_AHEAD = 1e-4
"""The probability below which a low number of times ahead is no chance."""

PERIODS = {
    "month": "day(date) = 1",
    "week": "isodow(date) = 1",
    "quarter": "day(date) = 1 AND month(date) % 3 = 1",
}
"""The SQL that is true if a date is the first day of a period, by period."""

MIN_TOTALS = 200
"""The least number of totals: fewer totals prove nothing."""

MIN_CORRELATION_RISE = 0.1
"""The difference of the rank correlations above which totals follow the later period."""


def filled_afterwards(context: GuardContext) -> Iterator[Finding]:
    """Stop at a scheduled time that lies ahead of today far less often than it lay ahead of past dates.

    A time that is known from the beginning lies ahead of today as often as it lay ahead of past dates. A time
    that is filled in when it happens lies ahead only of past dates: for dates after today it is still empty.
    The finding needs a count today below half of the past mean. Under a Poisson distribution with this mean,
    the probability of such a count must also lie below `MAX_CHANCE_OF_FEW_AHEAD`.
    """
    for table in context.event_tables:
        for column in context.tables[table].of_role("scheduled"):
            name = f"{column.name}_day"
            if name not in context.store.tables[table].columns:
                continue
            counts = ", ".join(
                f"count(*) FILTER (WHERE day < {day} AND {identifier(name)} >= {day}) AS c{number}"
                for number, day in enumerate(context.watermark - back for back in (0, *DAYS_BACK))
            )
            ((today, *past),) = context.rows(f"SELECT {counts} FROM {context.store.scan(table)}")
            usual = sum(past) / len(past)
            if today < usual / 2 and poisson.cdf(today, usual) < MAX_CHANCE_OF_FEW_AHEAD:
                yield Finding(
                    f"{table}.{column.name}",
                    f"it lies ahead of {context.store.watermark} in {today:,} rows, but it lay ahead of "
                    f"dates {DAYS_BACK[0]} to {DAYS_BACK[-1]} days before in {usual:,.0f} rows on average: "
                    "the source fills it in when it happens.",
                    "Map it as an outcome column, which stays hidden until its own time, or take "
                    f"{column.name} out of the columns of {table}.",
                    "stop",
                )


def stamped_early(context: GuardContext) -> Iterator[Finding]:
    """Stop at totals that follow the events after their own time more closely than the events before it.

    For each row on the first day of a period, the guard counts the events of another table in the period
    before the row and in the period after it. A true total of the past follows the events before the row. The
    difference of the two rank correlations must pass its 99 % margin.
    """
    for table in context.event_tables:
        columns = [column.name for column in context.tables[table].of_role("value") if not column.known_with]
        columns = [name for name in columns if name in context.store.tables[table].columns]
        own_events = context.specs[table].key == f"events.{table}"
        period = _period_of(context, table) if columns and own_events else None
        for other_table in context.event_tables if period else ():
            if other_table == table or _period_of(context, other_table):
                continue
            for column in columns:
                before, after, n = _correlations(context, table, column, str(period), other_table)
                if n >= MIN_TOTALS and after - before > max(MIN_CORRELATION_RISE, Z_99 * np.sqrt(2 / n)):
                    yield Finding(
                        f"{table}.{column}",
                        f"its rows lie on the first day of a {period} and follow the {other_table} of the "
                        f"{period} that begins there (rank correlation {after:.2f}), not of the {period} "
                        f"that ended ({before:.2f}): a cutoff inside the {period} sees a total that "
                        "includes later days.",
                        f"Map the end of the {period} as known_at (or as happened_at) of events.{table}.",
                        "stop",
                    )
                    return


def _period_of(context: GuardContext, table: str) -> str | None:
    """Return the longest period with all rows of a table on its first days; None without such a period."""
    conditions = ", ".join(f"bool_and({sql}) AS {name}" for name, sql in PERIODS.items())
    dates = f"SELECT {date_of_day_sql('day')} AS date FROM {context.store.scan(table)}"
    ((month, week, quarter),) = context.rows(f"SELECT {conditions} FROM ({dates})")
    return "quarter" if quarter else "month" if month else "week" if week else None


def _correlations(
    context: GuardContext, table: str, column: str, period: str, other_table: str
) -> tuple[float, float, int]:
    """Correlate totals with the number of events in the period before and in the period after each total.

    Args:
        context: The company.
        table: The table of the totals.
        column: The column of the totals.
        period: `month`, `week` or `quarter`.
        other_table: The table of the events.

    Returns:
        The rank correlation with the period before, the rank correlation with the period after, and the
        number of totals.
    """
    end = day_number_sql(f"(t.date + INTERVAL 1 {period})")
    begin = day_number_sql(f"(t.date - INTERVAL 1 {period})")
    columns = context.fetch(
        f"WITH t AS (SELECT customer, day, {identifier(column)} AS value, {date_of_day_sql('day')} AS date "
        f"FROM {context.store.scan(table)} WHERE {identifier(column)} IS NOT NULL AND customer % 10 < 5), "
        f"e AS (SELECT customer, day, count(*) AS n FROM {context.store.scan(other_table)} GROUP BY 1, 2) "
        "SELECT any_value(t.value) AS value, "
        "coalesce(sum(e.n) FILTER (WHERE e.day < t.day), 0) AS before, "
        "coalesce(sum(e.n) FILTER (WHERE e.day >= t.day), 0) AS after "
        f"FROM t LEFT JOIN e ON e.customer = t.customer AND e.day >= {begin} AND e.day < {end} "
        "GROUP BY t.customer, t.day"
    )
    value, before, after = (
        np.asarray(columns[name], dtype=np.float64) for name in ("value", "before", "after")
    )
    return spearman(value, before), spearman(value, after), len(value)
