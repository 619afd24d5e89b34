"""Read columns of texts as times or as numbers, if their texts have this form."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import cache

import duckdb

from churn.data.sql import literal
from churn.init.column_values import (
    TextSample,
    count_words,
    create_texts,
    sample_texts,
    set_words,
    texts_of,
    words_without_digits,
)
from churn.init.name_patterns import (
    ANY_TIME,
    COLUMN_PATTERNS,
    EXPIRY,
    MAY_LIE_AHEAD,
    MONTH,
    name_matches,
)
from churn.init.readings import (
    DateReading,
    date_reading,
    marked_number_reading,
    number_question,
    number_reading,
    possible_formats,
)
from churn.init.source_table import SourceColumn, iso_time, name_in

MIN_NUMBERS = 10
"""A text column with more words for "no value" than numbers is a number only with at least this many numbers.
"""

MIN_PARSED_SHARE = 0.98
"""A text column holds times or numbers if at least this share of its values can be read in this way."""

MIN_SAMPLED_SHARE = 0.5
"""A form of times or numbers is tried on a whole column if the texts in at least this share of the sample's
rows have the form.
"""

FORMATS = tuple(
    f"{day}{time}"
    for day in ("%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y", "%d/%m/%Y", "%m/%d/%Y", "%Y/%m/%d", "%Y%m%d", "%Y-%m-%d",
                "%d.%m.%y", "%d/%m/%y", "%m/%d/%y", "%y/%m/%d", "%d-%m-%y", "%m-%d-%y", "%y-%m-%d",
                "%b %d, %Y", "%d %b %Y", "%d-%b-%Y", "%d-%b-%y")
    for time in (" %H:%M:%S", " %H:%M", "", " %I:%M:%S %p", " %I:%M %p", " %I:%M%p",
                 " %H:%M:%S %z", " %H:%M %z")
)  # fmt: skip
"""The time formats that are tried, likely formats first; most countries write the day before the month."""

MARKED_NUMBER = r"\W*([A-Z]{3})?\W*\d[\d.,' \u00a0\u202f\u2019]*(\W|[A-Z]{3})*"
"""The form of a number with a sign of money, or with marks between thousands."""

_CONTRACT_TIMES = tuple(COLUMN_PATTERNS["subscriptions"][name] for name in ("started_at", "ended_at"))

ISO_WITH_OFFSET = "%Y-%m-%d %H:%M:%S %z"

MONTH_FORMATS = ("%Y-%m", "%Y/%m", "%m/%Y", "%m.%Y", "%b %Y")
"""The formats of months without days, tried in columns whose names are those of times."""

DATE_SHAPE = (
    r"[0-9]{1,4}[./-][0-9]{1,2}[./-][0-9]{1,4}.*|[0-9]{8}.*|[0-9]{4}[/-][0-9]{2}|[0-9]{2}[./][0-9]{4}"
    r"|[0-9]{1,2}[ -][A-Za-z]{3}[ -].*|[A-Za-z]{3} [0-9].*"
)
"""The form of a text in one of `FORMATS` or `MONTH_FORMATS`; texts of another form are not tried."""


def read_texts(
    connection: duckdb.DuckDBPyConnection,
    view: str,
    columns: Sequence[SourceColumn],
    dialect: str,
    today: date,
) -> list[SourceColumn]:
    """Return columns of texts as times or numbers where possible, each with its number of distinct values.

    Numbers may have a decimal comma; times may have one of `FORMATS`. Afterwards, the table `TEXTS` still
    holds the texts. Its column `c` says from which of `columns` a text comes, counted from 0.

    Args:
        connection: The database connection in which the view exists.
        view: The view with the columns.
        columns: The columns.
        dialect: The SQL dialect of the source.
        today: The current day; a time format is wrong if it gives dates after this day.
    """
    counts = create_texts(connection, view, [column.name for column in columns])
    samples, words = sample_texts(connection), count_words(connection)
    read_columns = []
    for number, (column, distinct) in enumerate(zip(columns, counts, strict=True)):
        column = replace(column, distinct=distinct)
        if number in samples:
            column = _read_column(
                connection, number, column, samples[number], words.get(number, []), dialect, today
            )
        read_columns.append(column)
    return read_columns


def _read_column(
    connection: duckdb.DuckDBPyConnection,
    number: int,
    column: SourceColumn,
    sample: TextSample,
    words: Sequence[tuple[str, int]],
    dialect: str,
    today: date,
) -> SourceColumn:
    """Return a column as times or numbers, if its texts have this form.

    Args:
        connection: The database connection in which the table `TEXTS` exists.
        number: The value of `c` in `TEXTS` for this column.
        column: The column.
        sample: Some texts of the column.
        words: The column's texts that mean "no value", each with its number of rows.
        dialect: The SQL dialect of the source.
        today: The current day.
    """
    parsed_column = _parse_texts(connection, number, column, sample, dialect, today)
    looks_dated = any(re.fullmatch(DATE_SHAPE, text) for text in sample.rows)
    others = words_without_digits(connection, number) if parsed_column.kind == "text" and looks_dated else []
    # A single other text beside times, such as `unbefristet` or 00.00.0000, means that there is no time.
    if others:
        set_words(connection, number, others, are_words=True)
        sample = sample_texts(connection)[number]
        parsed_column = _parse_texts(connection, number, column, sample, dialect, today)
        words = count_words(connection).get(number, [])
        if parsed_column.kind != "time" or sample.n_rows < MIN_NUMBERS:
            set_words(connection, number, others, are_words=False)
            return column
    if parsed_column.kind == "text":
        return column
    n_filled = sample.n_rows
    n_missing = sum(count for _, count in words)
    if parsed_column.kind == "number" and n_filled < min(MIN_NUMBERS, n_missing):
        return column  # a few numbers among many words do not make a column of numbers
    share = column.filled_share
    if n_missing:
        share *= n_filled / (n_filled + n_missing)
    return replace(parsed_column, missing=tuple(words), filled_share=share)


def _parse_texts(
    connection: duckdb.DuckDBPyConnection,
    number: int,
    column: SourceColumn,
    sample: TextSample,
    dialect: str,
    today: date,
) -> SourceColumn:
    """Return a column as times or numbers, if its texts can be read as such.

    Only the forms of times or numbers that fit enough of the sample are tried on all texts.
    """
    formats = _possible_formats(sample, may_be_months=names_a_time(column))
    may_be_iso = _most_fit(sample, r"\d{4}.*")
    may_be_plain = all(re.fullmatch(r"[-+\d.eE_ ]+", text) for text in sample.rows)
    may_be_grouped = _most_fit(sample, r"[-+]?\d[\d.,]*")
    may_be_marked = (not may_be_grouped and _most_fit(sample, MARKED_NUMBER)) or (
        may_be_grouped and not all(re.fullmatch(r"[-+]?\d[\d.,]*", text) for text in sample.rows)
    )
    if not (formats or may_be_iso or may_be_plain or may_be_grouped or may_be_marked):
        return column
    is_plain = "isfinite(TRY_CAST(v AS DOUBLE)) AND NOT regexp_full_match(v, '0[0-9]+')"
    tests = [
        f"{iso_time('v')} IS NOT NULL" if may_be_iso else "false",
        is_plain if may_be_plain else "false",
        *(f"try_strptime(v, {literal(form)}) IS NOT NULL" for form in formats),
    ]
    values = texts_of(number)
    shares_of_rows = ", ".join(f"sum(n) FILTER (WHERE {test}) / sum(n)" for test in tests)
    row = connection.execute(f"SELECT {shares_of_rows} FROM ({values})").fetchone()
    iso, plain, *shares = [share or 0.0 for share in row or (0.0, 0.0)]
    if iso >= MIN_PARSED_SHARE:
        # Texts with different offsets are not in the order of their times, but `min` needs this order.
        if dict(zip(formats, shares, strict=True)).get(ISO_WITH_OFFSET) == 1.0:
            return replace(column, kind="time", time_format=ISO_WITH_OFFSET)
        return replace(column, kind="time", is_iso_text=True)
    fits = (form for form, share in zip(formats, shares, strict=True) if share >= MIN_PARSED_SHARE)
    best = next(fits, None)
    if best and (best != "%Y%m%d" or names_a_time(column)):
        latest = None if name_matches(column.name, MAY_LIE_AHEAD) else today + timedelta(1)
        own_shares = dict(zip(formats, shares, strict=True))
        others = [own_shares.get(form, 0.0) for form in possible_formats(best) if form != best]
        is_decided = own_shares[best] == 1.0 and all(share < 1.0 for share in others)
        reading = DateReading(best) if is_decided else date_reading(connection, values, best, latest)
        column = replace(column, kind="time", time_format=reading.time_format, question=reading.question)
        other = replace(column, time_format=reading.other_format)
        return replace(column, other_reading=other) if reading.other_format else column
    notation = number_reading(connection, values) if may_be_grouped else None
    if may_be_marked and (notation is None or notation.fit_share < 1.0):
        marked = marked_number_reading(connection, values)
        notation = marked if marked and marked.fit_share >= MIN_PARSED_SHARE else notation
    if notation is None or notation.fit_share < MIN_PARSED_SHARE:
        return replace(column, kind="number") if plain == 1.0 else column
    name = name_in(column.name, dialect)
    if notation.example is not None:
        question = number_question(name, notation.example)
        return replace(column, kind="number", question=question, number=notation)
    return replace(column, kind="number", sql=notation.sql(name), number=notation)


def names_a_time(column: SourceColumn) -> bool:
    """Return whether the name of a column says that its numbers, such as 20240131, are times."""
    return any(name_matches(column.name, pattern) for pattern in (ANY_TIME, EXPIRY, MONTH, *_CONTRACT_TIMES))


def _most_fit(sample: TextSample, pattern: str) -> bool:
    """Return whether the texts in enough rows of a sample fit a pattern."""
    shape = re.compile(pattern)
    n_fits = sum(n for text, n in sample.rows.items() if shape.fullmatch(text))
    return n_fits >= MIN_SAMPLED_SHARE * sum(sample.rows.values())


def _possible_formats(sample: TextSample, may_be_months: bool) -> list[str]:
    """Return the time formats that fit the texts in enough rows of the sample."""
    if not _most_fit(sample, DATE_SHAPE):
        return []
    n_fits = dict.fromkeys(FORMATS + (MONTH_FORMATS if may_be_months else ()), 0)
    for text, n in sample.rows.items():
        for form in _formats_of_shape(re.sub(r"[0-9]", "9", text)):
            if form in n_fits and _has_format(text, form):
                n_fits[form] += n
    return [
        form for form, n in n_fits.items() if n >= MIN_SAMPLED_SHARE * sum(sample.rows.values()) and n > 0
    ]


def _has_format(value: str, time_format: str) -> bool:
    try:
        datetime.strptime(value, time_format)
    except ValueError:
        return False
    return True


@cache
def _formats_of_shape(shape: str) -> tuple[str, ...]:
    """Return the time formats that a text may have, by its shape; in a shape, 9 stands for each digit."""
    return tuple(form for form in FORMATS + MONTH_FORMATS if _pattern_of(form).fullmatch(shape))


@cache
def _pattern_of(time_format: str) -> re.Pattern[str]:
    """Return a pattern that matches all texts with a time in this format.

    A pattern is tested much faster than a time is read.
    """
    parts = {"d": r"[ \d]?\d", "m": r"\d\d?", "Y": r"\d{4}", "y": r"\d\d", "H": r"\d\d?", "I": r"\d\d?"}
    parts |= {"M": r"\d\d?", "S": r"\d\d?", "b": r"\D+", "p": r"\D+", "z": r"\S+"}
    escaped = re.sub(r"\s+", r"\\s+", time_format.replace(".", "[.]"))
    return re.compile(re.sub(r"%(\w)", lambda code: parts[code[1]], escaped))
