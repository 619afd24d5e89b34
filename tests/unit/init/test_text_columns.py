"""A sample says which readings of a column of texts are tried; the whole column decides."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import duckdb
import pytest

from churn.init.source_table import SourceColumn
from churn.init.text_columns import read_texts

DATES = [f"{n % 28 + 1:02}/{n % 12 + 1:02}/2023" for n in range(28)]


def read(texts: Sequence[str], name: str = "ordered_at") -> SourceColumn:
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE t AS SELECT unnest($texts) AS a", {"texts": list(texts)})
        connection.execute(f"ALTER TABLE t RENAME COLUMN a TO {name}")
        columns = [SourceColumn(name, "text", 1.0, 0, False)]
        (column,) = read_texts(connection, "t", columns, "duckdb", date(2026, 1, 1))
        return column


@pytest.mark.parametrize(("n_typos", "kind"), [(38, "time"), (90, "text")])
def test_dates_are_read_up_to_one_typing_error_in_fifty_although_most_different_texts_are_errors(
    n_typos: int, kind: str
) -> None:
    column = read([*DATES * 70, *(f"typo {n}" for n in range(n_typos))])

    assert column.kind == kind
    assert column.time_format == ("%d/%m/%Y" if kind == "time" else None)


def test_junk_in_the_first_rows_does_not_hide_the_dates_below() -> None:
    column = read([*["test row"] * 20, *DATES * 70])

    assert (column.kind, column.time_format) == ("time", "%d/%m/%Y")


@pytest.mark.parametrize(
    ("texts", "kind"),
    [
        (["2023-05-04", "2023-05-05 10:00"], "time"),
        (["1e3", "7"], "number"),
        (["1.5", "x7"], "text"),
        (["007", "012"], "text"),
        (["inf", "nan"], "text"),
        (["12,50", "3"], "number"),
        (["a", "b"], "text"),
        (["1.2.3", "4.5.6"], "text"),
        (["20230504", "20230505"], "time"),
    ],
)
def test_the_kind_of_a_column_of_texts(texts: list[str], kind: str) -> None:
    assert read(texts * 30).kind == kind


def test_one_word_among_many_thousand_numbers_leaves_a_column_of_texts() -> None:
    assert read([*map(str, range(30_000)), "A7"], "code").kind == "text"
    assert read([*map(str, range(30_000))], "code").kind == "number"
