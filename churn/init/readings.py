"""Decide between two readings of a column's texts by the whole column, or write the question for the user."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import duckdb

from churn.data.sql import literal

MAX_ODD_SHARE = 0.02
"""Dates that only fit the other order of day and month are typing errors up to this share."""

MIN_MONTHS = 12
"""Dates on one day of the month are monthly dates if there are at least this many, in two years or more."""

MIN_GROUPED, MIN_PLAIN = 50, 20
"""Numbers such as 2,313 have thousands if there are this many, and this many numbers below 1000."""

DECIMAL_COMMA = r"[-+]?([0-9]+|[1-9][0-9]{0,2}(\.[0-9]{3})+)(,[0-9]+)?"
DECIMAL_POINT = r"[-+]?([0-9]+|[1-9][0-9]{0,2}(,[0-9]{3})+)(\.[0-9]+)?"
"""The two notations of a number; the other mark groups three digits each."""


@dataclass(frozen=True)
class DateReading:
    """The time format of a column, and the question to the user if the column does not decide for it."""

    time_format: str
    question: str | None = None


@dataclass(frozen=True)
class NumberReading:
    """The notation of the numbers of a text column.

    Attributes:
        decimal_mark: The mark before the decimals; the other mark groups thousands.
        has_other_mark: Whether the other mark occurs.
        fit_share: The share of the texts that are numbers in this notation, in `[0, 1]`.
        example: A number with two readings; None if the column decides.
    """

    decimal_mark: Literal[".", ","]
    has_other_mark: bool
    fit_share: float
    example: str | None = None

    def sql(self, name: str) -> str | None:
        """Return the SQL of the number in a text column; None if a plain cast reads it."""
        if self.decimal_mark == ",":
            return f"replace(replace({name}, '.', ''), ',', '.')"
        return f"replace({name}, ',', '')" if self.has_other_mark else None


def exchanged_format(time_format: str) -> str:
    """Return a time format with day and month exchanged.

    >>> exchanged_format("%d/%m/%Y %H:%M")
    '%m/%d/%Y %H:%M'
    """
    day, mark, month = time_format[:2], time_format[2:3], time_format[3:5]
    return f"{month}{mark}{day}{time_format[5:]}"


def date_reading(connection: duckdb.DuckDBPyConnection, values: str, time_format: str) -> DateReading:
    """Return the order of day and month that the whole column decides for, or a question.

    A part above 12 decides. Otherwise dates on the same day of each month decide, which would all lie in one
    month in the other reading.

    Args:
        connection: The connection with the view of the column.
        values: The SQL of the column's texts, as `v`.
        time_format: A format that fits the column.
    """
    if time_format[:5] not in ("%d/%m", "%m/%d", "%d-%m", "%m-%d"):
        return DateReading(time_format)  # with dots, the day is always first
    formats = (time_format, exchanged_format(time_format))
    parts = ", ".join(
        f"min({x}), max({x}), count(DISTINCT {x}), count(DISTINCT day({x})), count(DISTINCT year({x}))"
        for x in ("a", "b")
    )
    row = connection.execute(
        "SELECT count(*) FILTER (a IS NOT NULL AND b IS NULL), "
        "count(*) FILTER (a IS NULL AND b IS NOT NULL), "
        f"arg_min(v, a) FILTER (a <> b), {parts} FROM (SELECT v, "
        f"try_strptime(v, {literal(formats[0])})::DATE AS a, "
        f"try_strptime(v, {literal(formats[1])})::DATE AS b FROM ({values}))"
    ).fetchone()
    assert row is not None  # an aggregate without GROUP BY always gives one row
    n_first, n_second, example, *facts = row
    if n_first or n_second:
        best = formats[n_second > n_first]
        if min(n_first, n_second) <= MAX_ODD_SHARE * (n_first + n_second):
            return DateReading(best)
        return DateReading(
            best,
            f"{n_first} dates only fit '{formats[0]}' and {n_second} only '{formats[1]}': correct the source",
        )
    if example is None:
        return DateReading(time_format)
    ranges = (facts[0:2], facts[5:7])
    is_monthly = tuple(
        n_days >= MIN_MONTHS and n_days_of_month == 1 and n_years > 1
        for _, _, n_days, n_days_of_month, n_years in (facts[0:5], facts[5:10])
    )
    if is_monthly[0] != is_monthly[1]:
        return DateReading(formats[is_monthly[1]])
    choices = " or ".join(
        f"'{form}' ({example} is {datetime.strptime(example, form).date()}; all: {first} to {last})"
        for form, (first, last) in zip(formats, ranges, strict=True)
    )
    return DateReading(time_format, f"day and month cannot be told apart: write {choices}")


def number_reading(connection: duckdb.DuckDBPyConnection, values: str) -> NumberReading | None:
    """Return the notation of the numbers of a column; None if no text has a decimal comma, point or group.

    A text that is a number in one notation only decides, such as 12,50 or 1.234,56. Many numbers such as
    2,313, each with three digits after the mark, next to plain numbers which are all below 1000 have
    thousands.

    Args:
        connection: The connection with the view of the column.
        values: The SQL of the column's texts, as `v`.
    """
    row = connection.execute(
        "SELECT count(*), count(*) FILTER (c AND NOT p), count(*) FILTER (p AND NOT c), "
        "count(*) FILTER (c AND p AND m), count(*) FILTER (c AND p AND NOT m AND length(v) <= 3), "
        "count(*) FILTER (c AND p AND NOT m AND length(v) > 3), "
        "count(*) FILTER ((c OR p) AND contains(v, ',')), count(*) FILTER ((c OR p) AND contains(v, '.')), "
        f"min(v) FILTER (c AND p AND m) FROM (SELECT v, regexp_full_match(v, {literal(DECIMAL_COMMA)}) AS c, "
        f"regexp_full_match(v, {literal(DECIMAL_POINT)}) AS p, regexp_matches(v, '[.,]') AS m "
        f"FROM ({values}))"
    ).fetchone()
    assert row is not None  # an aggregate without GROUP BY always gives one row
    n, n_comma, n_point, n_both, n_small, n_large, n_with_comma, n_with_point, example = row
    if not n_with_comma and not n_with_point:
        return None
    n_plain = n_small + n_large
    if n_comma and n_point:
        fit_share = (n_comma + n_point + n_both + n_plain) / n
        return NumberReading(".", True, fit_share, "decimal commas as well as decimal points")
    if n_comma:
        return NumberReading(",", n_with_point > 0, (n_comma + n_both + n_plain) / n)
    if n_point:
        return NumberReading(".", n_with_comma > 0, (n_point + n_both + n_plain) / n)
    fit_share = (n_both + n_plain) / n
    has_one_mark = not (n_with_comma and n_with_point)
    if has_one_mark and n_both >= MIN_GROUPED and n_small >= MIN_PLAIN and not n_large:
        return NumberReading("." if n_with_comma else ",", True, fit_share)
    return NumberReading(".", n_with_comma > 0, fit_share, example)


def number_question(name: str, example: str) -> str:
    """Return the question of a column whose numbers have two readings.

    Args:
        name: The column's name, as SQL of params.yaml writes it.
        example: A number with two readings, such as 2,313; or what the column mixes.
    """
    if not example[-1].isdigit():
        return f"{name} has {example}: write SQL that reads both, or correct the source"
    mark = "," if "," in example else "."
    whole, decimal = example.replace(mark, ""), example.replace(mark, ".")
    decimal_sql = name if mark == "." else f"replace({name}, ',', '.')"
    return (
        f"thousands and decimals cannot be told apart: write \"replace({name}, '{mark}', '')\" "
        f'({example} is {whole}) or "{decimal_sql}" ({example} is {decimal})'
    )
