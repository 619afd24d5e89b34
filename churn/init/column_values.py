"""Query the values of many columns in long form, so that one query answers for a whole batch of columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import duckdb

from churn.data.sql import identifier, internal_name, literal, trim_blanks

NO_VALUE_WORDS = ("null", "none", "n/a", "nan", "nil", "-", "--", "\\n", "(null)", "#n/a", "0000-00-00",
                  "0000-00-00 00:00:00", "k.a.")  # fmt: skip
"""Words, in lower case, that mean "no value" in a column of times or numbers."""

NO_VALUE_DAYS = (
    "0001-01-01",
    "1601-01-01",
    "1753-01-01",
    "1899-12-30",
    "1899-12-31",
    "1900-01-01",
    "1970-01-01",
    "9999-12-31",
)
"""Days that programs write if there is no time."""

NO_VALUE_NUMBERS = (0, 99_991_231, 99_999_999)
"""Numbers that mean "no value" in a column of days like 20240131."""

TEXTS = internal_name("guess_texts")
"""The table of a batch's distinct texts: column number `c`, text `v`, number of rows `n`, and `is_word`."""

MAX_WORDS = 2
"""A column of times may have at most this many texts that mean "no value" but are in no list, such as
`unbefristet`.
"""

MIN_WORD_ROWS = 2
"""Each of these texts must be in at least this many rows."""

SAMPLE_SIZE = 20
"""How many texts of a column are sampled to decide which readings are tried on the whole column."""


@dataclass(frozen=True)
class TextSample:
    """Some texts of a column.

    Attributes:
        rows: The texts, each with its number of rows.
        n_rows: The number of rows in which the column holds a text.
    """

    rows: Mapping[str, int]
    n_rows: int


def long_form(view: str, expressions: Sequence[str]) -> str:
    """Return a query with one row for each row of a view and each expression: the index `c` of the
    expression, and its value `v`.

    All expressions must have the same type. Unlike a query with many aggregates, this query takes time in
    proportion to the number of expressions.
    """
    numbers = ", ".join(map(str, range(len(expressions))))
    return f"SELECT unnest([{numbers}]) AS c, unnest([{', '.join(expressions)}]) AS v FROM {view}"


def count_distinct(
    connection: duckdb.DuckDBPyConnection, view: str, types: Mapping[str, str]
) -> dict[str, int]:
    """Return the number of distinct values of each column; `types` are the types of the columns."""
    distinct = dict.fromkeys(types, 0)
    for kind in dict.fromkeys(types.values()):
        names = [name for name, own_kind in types.items() if own_kind == kind]
        rows = connection.execute(
            f"SELECT c, count(DISTINCT v) FROM ({long_form(view, [*map(identifier, names)])}) GROUP BY c"
        ).fetchall()
        distinct |= {names[number]: count for number, count in rows}
    return distinct


def create_texts(connection: duckdb.DuckDBPyConnection, view: str, names: Sequence[str]) -> list[int]:
    """Create the table `TEXTS` with the texts of some columns; return each column's count of distinct values.

    Each distinct text of a column is one row. Blanks at the ends of a text are removed. Empty texts are not
    in the table.
    """
    raw = internal_name("guess_raw_texts")
    values = [f"{identifier(name)}::VARCHAR" for name in names]
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {raw} AS SELECT c, v, count(*) AS n FROM ({long_form(view, values)}) "
        "WHERE v IS NOT NULL GROUP BY c, v"
    ).fetchall()
    counts = dict(connection.execute(f"SELECT c, count(*) FROM {raw} GROUP BY c").fetchall())
    words = ", ".join(map(literal, NO_VALUE_WORDS))
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {TEXTS} AS SELECT c, v, sum(n)::BIGINT AS n, lower(v) IN ({words}) AS "
        f"is_word FROM (SELECT c, {trim_blanks('v')} AS v, n FROM {raw}) WHERE v <> '' GROUP BY c, v"
    ).fetchall()
    connection.execute(f"DROP TABLE {raw}").fetchall()
    return [counts.get(number, 0) for number in range(len(names))]


def texts_of(number: int) -> str:
    """Return a query for the texts `v` of a column and their row counts `n`, without words for "no value"."""
    return f"SELECT v, n FROM {TEXTS} WHERE c = {number} AND NOT is_word"


def sample_texts(connection: duckdb.DuckDBPyConnection) -> dict[int, TextSample]:
    """Return the most frequent texts of each column in the table `TEXTS`, without words for "no value".

    If texts have equally many rows, the choice between them is arbitrary but always the same.
    """
    order = "(least(n, 2147483647)::UBIGINT << 32) | (hash(v) >> 32)"
    rows = connection.execute(
        f"SELECT c, arg_max({{'v': v, 'n': n}}, {order}, {SAMPLE_SIZE}), sum(n)::BIGINT FROM {TEXTS} "
        "WHERE NOT is_word GROUP BY c"
    ).fetchall()
    return {
        number: TextSample({text["v"]: text["n"] for text in texts}, n_rows) for number, texts, n_rows in rows
    }


def words_without_digits(connection: duckdb.DuckDBPyConnection, number: int) -> list[str]:
    """Return the texts of a column that have no digit except 0, if there are few such texts and each is in
    several rows.
    """
    rows = connection.execute(
        f"SELECT v, n FROM ({texts_of(number)}) WHERE NOT regexp_matches(v, '[1-9]') ORDER BY v LIMIT ?",
        [MAX_WORDS + 1],
    ).fetchall()
    are_words = len(rows) <= MAX_WORDS and all(n >= MIN_WORD_ROWS for _, n in rows)
    return [str(word) for word, _ in rows] if are_words else []


def set_words(
    connection: duckdb.DuckDBPyConnection, number: int, words: Sequence[str], *, are_words: bool
) -> None:
    """Record in the table `TEXTS` whether the given texts of column `number` mean "no value"."""
    listed = ", ".join(map(literal, words))
    connection.execute(
        f"UPDATE {TEXTS} SET is_word = {are_words} WHERE c = {number} AND v IN ({listed})"
    ).fetchall()


def count_words(connection: duckdb.DuckDBPyConnection) -> dict[int, list[tuple[str, int]]]:
    """Return the words for "no value" of each column in the table `TEXTS`, each with its number of rows."""
    counts: dict[int, list[tuple[str, int]]] = {}
    for number, word, n in connection.execute(
        f"SELECT c, v, n FROM {TEXTS} WHERE is_word ORDER BY c, v"
    ).fetchall():
        counts.setdefault(number, []).append((word, n))
    return counts


def date_ranges(
    connection: duckdb.DuckDBPyConnection, days: str
) -> dict[int, tuple[date | None, date | None, bool]]:
    """Return the days between which 99 % of each column's times lie, so that a few wrong clocks do not count.

    Args:
        connection: The connection.
        days: A query with the columns `c` (the index of a column), `d` (a day in this column) and `n` (the
            number of rows with this day).

    Returns:
        Three values for each column index. The first two are the first and the last day. The third is True if
        a day of `NO_VALUE_DAYS` is in two or more rows of the column.
    """
    no_days = ", ".join(f"DATE '{day}'" for day in NO_VALUE_DAYS)
    rows = connection.execute(
        f"WITH days AS (SELECT c, d, sum(n)::BIGINT AS n FROM ({days}) WHERE isfinite(d) GROUP BY c, d), "
        "ranks AS (SELECT *, sum(n) OVER (PARTITION BY c ORDER BY d) AS upto, "
        "sum(n) OVER (PARTITION BY c) AS total FROM days) "
        "SELECT c, min(d) FILTER (upto >= (5 * total + 999) // 1000), "
        f"min(d) FILTER (upto >= (995 * total + 999) // 1000), bool_or(n > 1 AND d IN ({no_days})) "
        "FROM ranks GROUP BY c"
    ).fetchall()
    return {number: (first, last, is_word) for number, first, last, is_word in rows}
