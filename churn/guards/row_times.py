"""Find times that the source fills in only after the event, and rows dated at the start of their period."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
from scipy.stats import poisson

from churn.data.ingest.source_errors import from_clause
from churn.data.ingest.staging import column_types, table_query
from churn.data.ingest.type_casts import local_time
from churn.data.sql import identifier
from churn.data.store import date_of_day_sql, day_number_sql
from churn.finding import Finding
from churn.guards.context import GuardContext
from churn.guards.statistics import Z_99, spearman

DAYS_BACK = (60, 90, 120)
"""How many days before today the times that lie ahead are counted. These days are recent, so that little has
changed since then.
"""

MAX_CHANCE_OF_FEW_AHEAD = 1e-4
"""A low number of times that lie ahead is no chance if its probability is below this number."""

PERIODS = {
    "year": "dayofyear(date) = 1",
    "quarter": "day(date) = 1 AND month(date) % 3 = 1",
    "month": "day(date) = 1",
    "week": "isodow(date) = 1",
}
"""SQL that is true if a date is the first day of a period, by period; the longest period comes first."""

MIN_TOTALS = 200
"""The least number of totals, because fewer totals prove nothing."""

MIN_DATES = 3
"""The dates of a table show a period only if there are at least this number of distinct dates."""

MIN_SIGN_UPS = 50
"""The least number of sign-ups inside a period.

The first rows of these customers show what the dates mean.
"""

EARLY_SHARE = 0.05
"""If at least this share of these customers has a row dated before the sign-up, a row holds the events of the
period that begins on its date.

In a table of finished periods nobody has such a row, because the customer did not exist before the sign-up.
"""

MIN_CORRELATION_RISE = 0.1
"""Totals follow the later period if their rank correlation with it is higher by more than this number."""


def filled_afterwards(context: GuardContext) -> Iterator[Finding]:
    """Report a column of scheduled times if it has far fewer future times today than it had on past days.

    To count the future times of a day, the guard takes the rows dated before the day. Of these rows, it
    counts those whose scheduled time is on the day or later. If the source knows each time from the
    beginning, the counts for today and for past days are similar. If the source fills in a time only after
    the event, the count for today is low, because future times are still empty. The counts for past days are
    higher, because times that were still empty on such a day have been filled in since. There is a finding
    only if the count for today is less than half of the mean count for past days. Under a Poisson
    distribution with this mean, the probability of such a low count must also lie below
    `MAX_CHANCE_OF_FEW_AHEAD`.
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
                    f"on {context.store.watermark}, {today:,} rows have a time in the future. "
                    f"{DAYS_BACK[0]} to {DAYS_BACK[-1]} days earlier, there were {usual:,.0f} such rows on "
                    "average. So the source leaves a time empty until it has passed.",
                    "Map the column as an outcome column. Then a signal sees a time of this column only if "
                    f"the time lies before the cutoff. Or take {column.name} out of the columns of {table}.",
                    "stop",
                )


def stamped_early(context: GuardContext) -> Iterator[Finding]:
    """Look for rows that are dated at the start of a period but hold the events of the whole period.

    A period is a week, a month, a quarter or a year. The guard checks a table if all its rows are dated on
    the first day of a period, and at least one cutoff lies inside a period.

    Rows do no harm if they hold the events of the period before their date. Either of two facts proves that
    the rows do no harm. The first fact: the totals in the rows correlate more with the events of another
    table before the date than with those after the date. The second fact: almost no customer has a row dated
    before the sign-up.

    The finding is a stop if the totals correlate more with the events after the date than with those before
    the date. Two rank correlations count as different only if their difference is larger than its 99 %
    margin. The finding is also a stop if the share of customers with a row dated before the sign-up is at
    least `EARLY_SHARE`. The finding is a warning if the data do not show whether the rows hold the events
    before or after their date.
    """
    for table in context.event_tables:
        # A contract may begin before its customer signs up, on the first day of the month.
        period = _period_of(context, table) if table != "subscriptions" else None
        if period is None or not _cutoffs_inside(context, period):
            continue
        finding, follows_past = _compare_with_events(context, table, period)
        if finding is None and not follows_past:
            finding = _rows_before_sign_up(context, table, period)
        if finding:
            yield finding


def _period_of(context: GuardContext, table: str) -> str | None:
    """Find whether all rows of a table are dated on the first day of a year, a quarter, a month or a week.

    Return the longest such period, a key of `PERIODS`; None if there is none. A table with a second time
    column (`known_at`) is left out, because this column says when each row became known.
    """
    if context.store.tables[table].two_clocks:
        return None
    conditions = ", ".join(f"bool_and({sql}) AS {name}" for name, sql in PERIODS.items())
    dates = f"SELECT {date_of_day_sql('day')} AS date FROM {context.store.scan(table)}"
    ((*is_first_day, n_dates),) = context.rows(f"SELECT {conditions}, count(DISTINCT date) FROM ({dates})")
    periods = [name for name, is_first in zip(PERIODS, is_first_day, strict=True) if is_first]
    return periods[0] if periods and n_dates >= MIN_DATES else None


def _cutoffs_inside(context: GuardContext, period: str) -> int:
    """Return the number of cutoffs that are not the first day of a period."""
    if not context.cutoffs:
        return 0
    dates = ", ".join(f"(DATE '{cutoff}')" for cutoff in context.cutoffs)
    ((inside,),) = context.rows(
        f"SELECT count(*) FILTER (WHERE NOT ({PERIODS[period]})) FROM (VALUES {dates}) AS cutoffs(date)"
    )
    return int(inside)


def _compare_with_events(context: GuardContext, table: str, period: str) -> tuple[Finding | None, bool]:
    """Compare the values of a table with the events of other tables before and after the date of each value.

    Returns:
        A pair `(finding, follows_past)`. The finding names a column whose values correlate more with the
        events after the date than with those before it; None if there is no such column. `follows_past` is
        True in the opposite case: if the values of a column correlate more with the events before the date.
    """
    follows_past = False
    columns = [column.name for column in context.tables[table].of_role("value") if not column.known_with]
    columns = [name for name in columns if name in context.store.tables[table].columns]
    if context.specs[table].key != f"events.{table}":
        return None, False  # a bill is dated at the beginning of the period for which it is paid
    for other_table in context.event_tables if columns else ():
        if other_table == table or _period_of(context, other_table):
            continue
        for column in columns:
            before, after, n = _correlations(context, table, column, period, other_table)
            margin = max(MIN_CORRELATION_RISE, Z_99 * np.sqrt(2 / max(n, 1)))
            follows_past |= n >= MIN_TOTALS and before - after > margin
            if n >= MIN_TOTALS and after - before > margin:
                finding = Finding(
                    f"{table}.{column}",
                    f"all its rows lie on the first day of a {period}. The guard counted each customer's "
                    f"events in {other_table}. The rank correlation of the values with these counts is "
                    f"{after:.2f} for the {period} from a row's date on, but only {before:.2f} for the "
                    f"{period} before that date. At a cutoff inside the {period}, the value is therefore a "
                    "total that includes days after the cutoff.",
                    _period_way_out(context, table, period),
                    "stop",
                )
                return finding, False
    return None, follows_past


def _rows_before_sign_up(context: GuardContext, table: str, period: str) -> Finding | None:
    """Look for rows of customers that are dated before the sign-up, but in the period of the sign-up.

    The finding is a stop if the share of customers with such a row is at least `EARLY_SHARE`. The share is
    computed over at least `MIN_SIGN_UPS` customers; if there are fewer, the finding is a warning.

    The share is over the customers with a row in the table. A customer is left out in three cases:

    - The sign-up is on or before the first date in the table.
    - The sign-up is on the first day of a period.
    - The customer has a row in a period before the period of the sign-up. Such a row shows that the sign-up
      was recorded too late.
    """
    sign_up_date = date_of_day_sql("signed_up")
    begin = f"date_trunc('{period}', {sign_up_date})"
    first_day = context.store.tables[table].first_day or 0
    ((n, early),) = context.rows(
        f"WITH firsts AS (SELECT customer, min(day) AS first FROM {context.store.scan(table)} GROUP BY 1), "
        f"inside AS (SELECT first, signed_up, {day_number_sql(begin)} AS begin FROM people "
        f"JOIN firsts USING (customer) WHERE signed_up > {first_day} AND {sign_up_date} > {begin}) "
        "SELECT count(*), count(*) FILTER (WHERE first < signed_up) FROM inside WHERE first >= begin"
    )
    inside = _cutoffs_inside(context, period)
    if n >= MIN_SIGN_UPS and early < EARLY_SHARE * n:
        return None
    dates = f"all its rows lie on the first day of a {period}"
    cutoffs = f"{inside:,} of {len(context.cutoffs):,} cutoffs lie inside a {period}"
    if n >= MIN_SIGN_UPS:
        return Finding(
            table,
            f"{dates}. Of {n:,} customers who signed up inside a {period}, {early:,} have a row dated on the "
            f"first day of this {period}, before the sign-up. Nobody has events before the sign-up, so the "
            f"events in these rows happened after the dates of the rows. {cutoffs}. At such a cutoff, the "
            "known rows include events after the cutoff.",
            _period_way_out(context, table, period),
            "stop",
        )
    return Finding(
        table,
        f"{dates}, and {cutoffs}. If a row covers the {period} that begins on its date, there is a "
        "leak: at such a cutoff, the newest row includes events after the cutoff. If a row covers the "
        f"{period} before its date, there is no leak: the rows include only events before the cutoff. The "
        "data do not show which of these two is true.",
        f"{_period_way_out(context, table, period)} If each row covers the {period} before its date, sign "
        "this finding off and give this as the reason.",
    )


def _period_way_out(context: GuardContext, table: str, period: str) -> str:
    """Return advice on how to hide a row from cutoffs until its period is over."""
    key = f"{context.specs[table].key}.columns.known_at"
    sql = _period_end(context, table, period)
    borders = (
        f", or set snapshot.every: {period} and snapshot.first to a first day"
        if period in ("month", "week")
        else ""
    )
    if sql is None:
        return (
            f"To hide each row until its {period} is over, compute the first day after it in the SQL of the "
            f"source, and map this day as {key}{borders}."
        )
    return (
        f"To hide each row until its {period} is over, map {key}: "
        f"{json.dumps(sql, ensure_ascii=False)}{borders}."
    )


def _period_end(context: GuardContext, table: str, period: str) -> str | None:
    """Return the SQL of the end of each row's period; None if the source does not use DuckDB's SQL."""
    spec = context.specs[table]
    with context.source() as source:
        if not source.has_duckdb_sql:
            return None
        query = table_query(source, spec)
        own_time = dict(zip(query.columns, query.expressions, strict=True))[spec.table.time]
        rows = f"SELECT ({own_time}) AS own_time FROM {from_clause(source, spec)}"
        sql_type = column_types(source.connection, rows)["own_time"]
    is_column = own_time == identifier(own_time[1:-1])
    value = own_time if is_column else f"({own_time})"
    time = local_time(value, sql_type, context.store.params.timezone, spec.origin.time_format)
    return f"{time} + INTERVAL 1 {period.upper()}"


def _correlations(
    context: GuardContext, table: str, column: str, period: str, other_table: str
) -> tuple[float, float, int]:
    """Correlate a column of dated totals with the numbers of events before and after these dates.

    For each total, the customer's events in `other_table` are counted twice. The first count is for the
    period that ends before the total's date. The second count is for the period that begins on this date.

    Args:
        context: The company.
        table: The table of the totals.
        column: The column of the totals.
        period: The period, a key of `PERIODS`.
        other_table: The table of the events.

    Returns:
        Three numbers: the rank correlation of the totals with the events before the date, the rank
        correlation of the totals with the events after the date, and the number of totals.
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
