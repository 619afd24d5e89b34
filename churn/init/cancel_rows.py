"""Find the rows in a log of contracts that cancel the customer's earlier contracts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import duckdb

from churn.data.sql import identifier, literal
from churn.init.name_patterns import (
    ACTION,
    CANCEL_FLAG,
    CANCEL_WORD,
    NO_CANCEL_WORD,
    YES_WORDS,
    name_contains,
    name_matches,
)
from churn.init.source_table import KeyedTable, SourceColumn, SourceTable, id_of, time_of

MIN_INSIDE_SHARE = 0.5
"""At least this share of the cancelling rows must lie inside a paid period; otherwise they are contracts."""

MAX_ACTIONS = 20
"""A column that says what a row does has at most this many different words."""


class CancelRows(NamedTuple):
    """How to tell which rows of a log cancel the customer's earlier contracts.

    Attributes:
        column: The column that says whether a row is a cancellation.
        condition: The SQL that follows the name of `column` to test whether a row cancels, such as ` = 1`;
            empty if `column` is boolean.
        words: The words in `column` that mean a cancellation, if `column` holds words.
        other_words: The words in `column` that deny a cancellation, or take it back.
    """

    column: SourceColumn
    condition: str
    words: tuple[str, ...] = ()
    other_words: tuple[str, ...] = ()

    @property
    def description(self) -> str:
        """Return the name of the column and the words that it holds, for a note."""
        words = f" ({_quote_words(self.words)})" if self.words else ""
        return f"{self.column.name} says cancelled{words}"


def find_cancel_rows(
    connection: duckdb.DuckDBPyConnection, log: KeyedTable, start: SourceColumn, expiry: SourceColumn
) -> tuple[CancelRows | None, list[str]]:
    """Find the rows that cancel earlier contracts, if there are any, and write notes about them.

    Args:
        connection: The connection with the view of the table.
        log: The table, and its column with the id of the customer.
        start: The column with the time at which a contract starts or is cancelled.
        expiry: The column with the time until which the contract of a row is paid.
    """
    notes: list[str] = []
    for rows in _possible_cancel_rows(connection, log.table):
        is_cancel = f"coalesce({identifier(rows.column.name)}{rows.condition}, false)"
        log_rows = (
            f"SELECT {id_of(log.key)} AS id, {time_of(start)} AS s, {time_of(expiry)} AS e, "
            f"{is_cancel} AS c FROM {log.table.view}"
        )
        row = connection.execute(
            "SELECT count(*) FILTER (c), count(*) FILTER (c AND (paid_until > s OR e <= s)), "
            "count(*) FILTER (c AND (e IS NULL OR e < s)), count(*) FILTER (NOT c AND has_cancel) FROM ("
            "SELECT *, max(e) FILTER (NOT c) OVER (PARTITION BY id ORDER BY s, c ROWS BETWEEN UNBOUNDED "
            "PRECEDING AND 1 PRECEDING) AS paid_until, bool_or(c) OVER (PARTITION BY id, s) AS has_cancel "
            f"FROM ({log_rows}) WHERE id IS NOT NULL AND s IS NOT NULL)"
        ).fetchone()
        n_rows, n_inside, n_without_expiry, n_same_time = row or (0, 0, 0, 0)
        if not n_rows:
            continue
        if n_inside < MIN_INSIDE_SHARE * n_rows:
            notes.append(
                f"the {n_rows:,} rows where {rows.description} are read as contracts: they lie outside "
                "of earlier contracts"
            )
            continue
        note = (
            f"the {n_rows:,} rows where {rows.description} are no contracts: each ends the earlier "
            f"contracts of its customer at its {expiry.name}"
        )
        if n_without_expiry:
            reason = "where the expiry is earlier or missing"
            note += f", or at its {start.name} in {n_without_expiry:,} rows {reason}"
        notes.append(note)
        if rows.other_words:
            verb = (
                "are not read as cancellations"
                if len(rows.other_words) > 1
                else "is not read as a cancellation"
            )
            notes.append(f"{_quote_words(rows.other_words)} {verb}: these rows are contracts")
        if n_same_time:
            notes.append(
                f"{n_same_time:,} contracts start at the same time as a cancellation: churn assumes that the "
                "cancellation ends these contracts. If they are new contracts, let the query count only "
                "cancellations after the start of a contract"
            )
        return rows, notes
    return None, notes


def _possible_cancel_rows(connection: duckdb.DuckDBPyConnection, table: SourceTable) -> Iterator[CancelRows]:
    """Yield the columns that may mark cancellations: first booleans and numbers 0 and 1, then words."""
    flags = [column for column in table.columns if name_matches(column.name, CANCEL_FLAG, table.name)]
    for column in flags:
        if column.kind == "boolean":
            yield CancelRows(column, "")
        elif column.kind == "number" and (column.low, column.high) == (0, 1):
            yield CancelRows(column, " = 1")
    for column in table.columns:
        is_flag = column in flags
        if column.kind != "text" or column.distinct > MAX_ACTIONS:
            continue
        if not is_flag and not name_matches(column.name, ACTION, table.name):
            continue
        rows = connection.execute(
            f"SELECT DISTINCT {identifier(column.name)}::VARCHAR AS word FROM {table.view} "
            "WHERE word IS NOT NULL ORDER BY 1"
        ).fetchall()
        words = [str(word) for (word,) in rows]
        cancel_words = tuple(word for word in words if says_cancelled(word, is_flag))
        other_words = tuple(w for w in words if w not in cancel_words and name_contains(w, CANCEL_WORD))
        if cancel_words:
            condition = f" in ({', '.join(map(literal, cancel_words))})"
            yield CancelRows(column, condition, cancel_words, other_words)


def says_cancelled(word: str, is_flag: bool) -> bool:
    """Return whether a word marks its row as a cancellation; in a column of flags, `yes` does so too."""
    if name_contains(word, NO_CANCEL_WORD):
        return False
    return name_contains(word, CANCEL_WORD) or (is_flag and word.strip().lower() in YES_WORDS)


def _quote_words(words: Sequence[str]) -> str:
    return ", ".join(f"'{word}'" for word in words)
