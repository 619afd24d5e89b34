"""Use the whole column to decide between two readings of its texts, or write the question for the user."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import combinations, permutations
from typing import Literal

import duckdb

from churn.data.sql import literal, trim_blanks

MAX_ODD_SHARE = 0.02
"""Up to this share, dates that only fit the other order of day and month are typing errors."""

MIN_MONTHS = 12
"""Dates on one day of the month are monthly if there are at least this many, in several calendar years."""

MIN_LATE = 5
"""A reading is wrong if this many dates lie in the future, and no date does in another reading."""

MIN_GROUPED, MIN_PLAIN = 50, 20
"""The comma in numbers such as 2,313 groups thousands if a column has at least this many such numbers, and
at least this many numbers without a mark, all of these below 1000.
"""

DECIMAL_COMMA = r"[-+]?([0-9]+|[1-9][0-9]{0,2}(\.[0-9]{3})+)(,[0-9]+)?"
DECIMAL_POINT = r"[-+]?([0-9]+|[1-9][0-9]{0,2}(,[0-9]{3})+|[1-9][0-9]?(,[0-9]{2})+,[0-9]{3})(\.[0-9]+)?"
"""The patterns of the two notations of a number; the mark that is not the decimal mark groups three digits,
or two in India.
"""


CURRENCIES = ("€", "$", "£", "₹", "EUR", "USD", "GBP", "CHF", "INR")
"""Signs and codes of money before or after a number."""

NO_CENTS = tuple(f"{mark}{dash}" for mark in (",", ".") for dash in ("--", "-", "\u2013", "\u2014"))
"""Marks after an amount that has no cents, such as 12,- in German and 12.- in Swiss price lists."""

GROUP_MARKS = (" ", "\u00a0", "\u202f", "'", "\u2019")
"""Marks between thousands, apart from a comma and a point."""

GROUPED_NUMBER = r"[-+]?[1-9][0-9]{0,2}([ \x{00a0}\x{202f}'\x{2019}][0-9]{3})+([.,][0-9]+)?"
"""A pattern of DuckDB for a number with marks between thousands."""


@dataclass(frozen=True)
class DateReading:
    """The time format of a column, and a question to the user if the column's contents do not show it.

    Attributes:
        time_format: The format, or the first of two possible formats.
        question: The question to the user; None if the contents show the format.
        other_format: The second of two possible formats; None if there is only one.
    """

    time_format: str
    question: str | None = None
    other_format: str | None = None


@dataclass(frozen=True)
class _DateFacts:
    """Facts about the dates of a column if they are read in one format.

    Attributes:
        time_format: The format of the reading.
        first, last: The first and the last date.
        n_days, n_days_of_month, n_years: The numbers of distinct dates, days of the month and years.
        n_late: The number of dates that lie after the latest possible date.
    """

    time_format: str
    first: date
    last: date
    n_days: int
    n_days_of_month: int
    n_years: int
    n_late: int

    @property
    def is_monthly(self) -> bool:
        """Return whether all dates are on one day of the month, in several calendar years."""
        return self.n_days >= MIN_MONTHS and self.n_days_of_month == 1 and self.n_years > 1


@dataclass(frozen=True)
class NumberReading:
    """The notation of the numbers of a text column.

    Attributes:
        decimal_mark: The mark before the decimals; the other mark groups thousands.
        has_other_mark: Whether the mark that groups thousands occurs.
        fit_share: The share of the texts that are numbers in this notation, in `[0, 1]`.
        example: A number that can be read in two ways, such as 2,313; None if the contents show the notation.
            If the numbers mix several notations or currencies, `example` instead names these notations or
            currencies, such as `decimal commas as well as decimal points`.
        other_marks: Signs of money, marks for "no cents", and blanks or apostrophes between thousands.
    """

    decimal_mark: Literal[".", ","]
    has_other_mark: bool
    fit_share: float
    example: str | None = None
    other_marks: tuple[str, ...] = ()

    def sql(self, name: str) -> str | None:
        """Return SQL that makes a text column's numbers readable for a cast; None if they already are."""
        if self.other_marks:
            plain = replace(self, other_marks=())
            name = without_marks(name, self.other_marks)
            return plain.sql(name) or name
        if self.decimal_mark == ",":
            return f"replace(replace({name}, '.', ''), ',', '.')"
        return f"replace({name}, ',', '')" if self.has_other_mark else None

    @property
    def is_open(self) -> bool:
        """Return whether the notation is open: no number of the column shows how to read 2,313 or 2.313."""
        return self.example is not None and self.example[-1].isdigit()


def possible_formats(time_format: str) -> tuple[str, ...]:
    """Return the formats with day, month and year in each likely order; the likeliest format comes first.

    In a date with dots, the day is always first. In other dates, a year of two digits may be first.

    >>> possible_formats("%d/%m/%Y %H:%M")
    ('%d/%m/%Y %H:%M', '%m/%d/%Y %H:%M')
    >>> possible_formats("%m-%d-%y")
    ('%d-%m-%y', '%m-%d-%y', '%y-%m-%d')
    """
    form = re.fullmatch(r"(?:%d([/-])%m|%m([/-])%d|%y([/-])%m)[/-](%[Yyd])(.*)", time_format)
    if form is None:
        return (time_format,)
    mark, rest = form[1] or form[2] or form[3], form[5]
    year = "%Y" if form[4] == "%Y" else "%y"
    orders = [("%d", "%m", year), ("%m", "%d", year), *([("%y", "%m", "%d")] if year == "%y" else [])]
    return tuple(mark.join(order) + rest for order in orders)


def date_reading(
    connection: duckdb.DuckDBPyConnection, values: str, time_format: str, latest: date | None = None
) -> DateReading:
    """Return the order of day, month and year that the whole column shows; if it shows no order, return a
    question to the user.

    A part above 12 decides. Otherwise two rules decide. Dates after the latest possible date speak against a
    reading. A reading is likely if it puts all dates on the same day of the month, in several years (see
    `is_monthly`). With day and month exchanged, all dates would lie in one month, such as January. If these
    two rules contradict each other, the user is asked.

    Args:
        connection: The connection with the view of the column.
        values: The query that returns each text `v` of the column, and its number of rows `n`.
        time_format: A format that fits the column.
        latest: The last date that is possible in the column; None if its dates may lie in the future.
    """
    formats = possible_formats(time_format)
    if len(formats) == 1:
        return DateReading(time_format)
    view = ", ".join(f"try_strptime(v, {literal(form)})::DATE AS d{n}" for n, form in enumerate(formats))
    dates = f"(SELECT v, n, {view} FROM ({values}))"
    formats, question = _formats_that_fit(connection, dates, formats)
    if question:
        return DateReading(formats[0], question)
    if len(formats) == 1:
        return DateReading(formats[0])
    columns = [f"try_strptime(v, {literal(form)})::DATE" for form in formats]
    differ = " OR ".join(f"{columns[0]} <> {other}" for other in columns[1:])
    example = connection.execute(f"SELECT min(v) FROM ({values}) WHERE {differ}").fetchone()
    if example is None or example[0] is None:
        return DateReading(formats[0])
    facts = [_date_facts(connection, values, form, latest) for form in formats]
    monthly = [fact for fact in facts if fact.is_monthly]
    possible = [fact for fact in facts if fact.n_late < MIN_LATE or all(f.n_late for f in facts)]
    if len(monthly) != 1:
        facts = possible
    elif monthly[0] in possible:
        facts = monthly  # otherwise, the two rules contradict each other
    if len(facts) == 1:
        return DateReading(facts[0].time_format)
    choices = " or ".join(
        f"'{fact.time_format}' ({example[0]} is {datetime.strptime(example[0], fact.time_format).date()}; "
        f"all: {fact.first} to {fact.last})"
        for fact in facts
    )
    question = f"day and month cannot be told apart: write {choices}"
    return DateReading(facts[0].time_format, question, facts[1].time_format)


def _formats_that_fit(
    connection: duckdb.DuckDBPyConnection, dates: str, formats: Sequence[str]
) -> tuple[tuple[str, ...], str | None]:
    """Return the formats that may be right, and a question if the dates need two formats.

    Format A is left out in favour of format B if some dates fit only B, and almost no dates fit only A.

    Args:
        connection: The connection with the view of the column.
        dates: The query that returns each text `v`, its number of rows `n`, and its date in each format,
            `d0`, `d1`, …
        formats: The formats.
    """
    pairs = list(permutations(range(len(formats)), 2))
    only = ", ".join(
        f"coalesce(sum(n) FILTER (d{a} IS NOT NULL AND d{b} IS NULL), 0)::BIGINT" for a, b in pairs
    )
    row = connection.execute(f"SELECT {only} FROM {dates}").fetchone()
    assert row is not None  # an aggregate without GROUP BY always gives one row
    n_only = dict(zip(pairs, row, strict=True))
    possible = set(range(len(formats)))
    for first, second in pairs:
        n_first, n_second = n_only[first, second], n_only[second, first]
        if n_second and n_first <= MAX_ODD_SHARE * (n_first + n_second):
            possible.discard(first)
    for first, second in combinations(sorted(possible), 2):
        n_first, n_second = n_only[first, second], n_only[second, first]
        if n_first and n_second:
            best = formats[second if n_second > n_first else first]
            return (best,), (
                f"{n_first} dates only fit '{formats[first]}' and {n_second} only '{formats[second]}': "
                "correct the source"
            )
    return tuple(formats[n] for n in sorted(possible)), None


def _date_facts(
    connection: duckdb.DuckDBPyConnection, values: str, time_format: str, latest: date | None
) -> _DateFacts:
    is_late = f"d > DATE '{latest}'" if latest else "false"
    row = connection.execute(
        f"SELECT min(d), max(d), count(DISTINCT d), count(DISTINCT day(d)), count(DISTINCT year(d)), "
        f"coalesce(sum(n) FILTER ({is_late}), 0)::BIGINT FROM "
        f"(SELECT try_strptime(v, {literal(time_format)})::DATE AS d, n FROM ({values}))"
    ).fetchone()
    assert row is not None  # an aggregate without GROUP BY always gives one row
    return _DateFacts(time_format, *row)


def without_marks(name: str, marks: Sequence[str]) -> str:
    """Return SQL that removes the given marks from the text in a column.

    >>> without_marks("total", ("€", " "))
    "replace(replace(total, '€', ''), ' ', '')"
    """
    for mark in marks:
        name = f"replace({name}, {literal(mark)}, '')"
    return name


def marked_number_reading(connection: duckdb.DuckDBPyConnection, values: str) -> NumberReading | None:
    """Return how to read numbers that contain a sign of money (€), a mark for no cents (`,-`), or a blank.

    Numbers without a sign of money are only read if some have decimals, because 030 123 456 may be a
    telephone number.

    Args:
        connection: The connection with the view of the column.
        values: The query that returns each text `v` of the column, and its number of rows `n`.
    """
    marks = {
        mark
        for mark in (*CURRENCIES, *NO_CENTS, *GROUP_MARKS)
        if connection.execute(
            f"SELECT 1 FROM ({values}) WHERE contains(v, {literal(mark)}) LIMIT 1"
        ).fetchone()
    }
    currencies = [mark for mark in CURRENCIES if mark in marks]
    dashes = [mark for mark in NO_CENTS if mark in marks]
    groups = [mark for mark in GROUP_MARKS if mark in marks]
    if not marks:
        return None
    if len(currencies) > 1:
        return NumberReading(".", False, 1.0, f"amounts in several currencies ({', '.join(currencies)})")
    blank = trim_blanks(without_marks("v", [*currencies, *dashes]))
    plain = without_marks(blank, groups)
    text = f"CASE WHEN regexp_full_match({blank}, {literal(GROUPED_NUMBER)}) THEN {plain} ELSE {blank} END"
    reading = number_reading(connection, f"SELECT {text} AS v, n FROM ({values})")
    if reading is None and (currencies or dashes):
        is_number = f"regexp_full_match({text}, '[-+]?[0-9]+')"
        row = connection.execute(f"SELECT bool_and({is_number}) FROM ({values})").fetchone()
        reading = NumberReading(".", False, 1.0) if row and row[0] else None
    return replace(reading, other_marks=(*currencies, *dashes, *groups)) if reading else None


def number_reading(connection: duckdb.DuckDBPyConnection, values: str) -> NumberReading | None:
    """Return the notation of a column's numbers; None if no number has a comma or a point.

    A text such as 12,50 or 1.234,56 can be read in only one way, so it shows the notation. Without such
    texts, numbers such as 2,313 can be read in two ways. The comma or point groups thousands if two
    conditions hold. The column has many numbers such as 2,313, all with a comma or all with a point. It also
    has many numbers without a comma or point, and all of these are below 1000.

    Args:
        connection: The connection with the view of the column.
        values: The query that returns each text `v` of the column, and its number of rows `n`.
    """
    tests = (
        "true",
        "c AND NOT p",
        "p AND NOT c",
        "c AND p AND m",
        "c AND p AND NOT m AND length(v) <= 3",
        "c AND p AND NOT m AND length(v) > 3",
        "(c OR p) AND contains(v, ',')",
        "(c OR p) AND contains(v, '.')",
    )
    row = connection.execute(
        f"SELECT {', '.join(f'coalesce(sum(n) FILTER ({test}), 0)::BIGINT' for test in tests)}, "
        f"min(v) FILTER (c AND p AND m) FROM (SELECT v, n, regexp_full_match(v, {literal(DECIMAL_COMMA)}) "
        f"AS c, regexp_full_match(v, {literal(DECIMAL_POINT)}) AS p, regexp_matches(v, '[.,]') AS m "
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
    """Return the question about a column whose numbers can be read in two ways.

    Args:
        name: The column's name, spelled as in the SQL of params.yaml.
        example: A number that can be read in two ways, such as 2,313. If the numbers mix several notations or
            currencies, `example` instead names these notations or currencies, such as `decimal commas as well
            as decimal points`.
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
