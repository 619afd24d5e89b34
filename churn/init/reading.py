"""What texts and numbers may mean: times in many forms, decimal commas, seconds since 1970."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import duckdb

from churn.data.sql import identifier, literal
from churn.init.columns import Column, name_in
from churn.init.words import ANY_TIME, says

ROWS_TRIED = 20_000
"""So many values of a text column are tried as times and numbers."""

ROWS_TRIED_FIRST = 100
"""So many decide which forms of times are worth a try."""

MOST = 0.98
"""The share of a column's values that must read as a time or a number to make it one."""

FORMATS = (
    *(f"{day}{time}" for day in ("%d.%m.%Y", "%d-%m-%Y", "%d/%m/%Y", "%m/%d/%Y", "%Y/%m/%d", "%Y%m%d")
      for time in (" %H:%M:%S", " %H:%M", "")),
    *("%d.%m.%y", "%d.%m.%y %H:%M", "%b %d, %Y", "%d %b %Y", "%d-%b-%Y"),
)  # fmt: skip
"""Forms of times that are tried, the likelier first: the day stands before the month nearly everywhere."""


def read_text(connection: duckdb.DuckDBPyConnection, view: str, column: Column, dialect: str) -> Column:
    """Find out whether a text column holds times, or numbers with a decimal comma."""
    text = f"trim({identifier(column.name)}::VARCHAR)"
    values = f"SELECT {text} AS v FROM {view} WHERE {text} <> ''"
    few = [str(row[0]) for row in connection.execute(f"{values} LIMIT {ROWS_TRIED_FIRST}").fetchall()]
    forms = [form for form in FORMATS if sum(_spelt(value, form) for value in few) >= MOST * len(few)]
    tests = [
        "avg((TRY_CAST(v AS TIMESTAMP) IS NOT NULL OR TRY_CAST(v AS TIMESTAMPTZ) IS NOT NULL)::INTEGER)",
        r"avg(regexp_full_match(v, '-?[0-9.]+(,[0-9]+)?')::INTEGER) * bool_or(contains(v, ','))::INTEGER",
        "avg((isfinite(TRY_CAST(v AS DOUBLE)) AND NOT regexp_full_match(v, '0[0-9]+'))::INTEGER)",
        *(f"avg((try_strptime(v, {literal(form)}) IS NOT NULL)::INTEGER)" for form in forms),
    ]
    row = connection.execute(f"SELECT {', '.join(tests)} FROM ({values} LIMIT {ROWS_TRIED})").fetchone()
    iso, comma, number, *shares = [share or 0.0 for share in row or (0.0, 0.0, 0.0)]
    if iso >= MOST:
        return replace(column, kind="time")
    best = next((form for form, share in zip(forms, shares, strict=True) if share >= MOST), None)
    if best and (best != "%Y%m%d" or says(column.name, ANY_TIME)):
        return replace(column, kind="time", time_format=best)
    if number == 1.0:
        return replace(column, kind="number")
    if comma >= MOST:
        sql = f"replace(replace({name_in(column.name, dialect)}, '.', ''), ',', '.')"
        return replace(column, kind="number", sql=sql)
    return column


def _spelt(value: str, form: str) -> bool:
    try:
        datetime.strptime(value, form)
    except ValueError:
        return False
    return True


def read_number(connection: duckdb.DuckDBPyConnection, view: str, column: Column, dialect: str) -> Column:
    """Note a number's range, and find out whether it counts seconds since 1970 or spells a day."""
    value = f"TRY_CAST({identifier(column.name)} AS DOUBLE)"
    if column.sql:
        value = f"TRY_CAST(replace(replace({identifier(column.name)}, '.', ''), ',', '.') AS DOUBLE)"
    row = connection.execute(
        f"SELECT min({value}), max({value}) FROM {view} WHERE isfinite({value})"
    ).fetchone()
    low, high = row or (None, None)
    column = replace(column, low=low, high=high)
    if low is None or high is None or column.sql or not says(column.name, ANY_TIME):
        return column
    name = name_in(column.name, dialect)
    if low >= 6e8 and high <= 4.2e9:
        return replace(column, kind="time", sql=_from_seconds(dialect, name))
    if low >= 6e11 and high <= 4.2e12:
        return replace(column, kind="time", sql=_from_seconds(dialect, f"{name} / 1000.0"))
    if low >= 19_700_101 and high <= 20_991_231:
        return replace(column, kind="time", time_format="%Y%m%d")
    return column


def _from_seconds(dialect: str, seconds: str) -> str:
    if dialect == "sqlite":
        return f"strftime('%Y-%m-%dT%H:%M:%SZ', {seconds}, 'unixepoch')"
    return f"timestamp_seconds({seconds})" if dialect == "spark" else f"to_timestamp({seconds})"
