"""Give the ids of all tables one spelling, and find ids whose digits a spreadsheet has lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import duckdb

from churn.data.ingest.rejects import COMMON_SPELLING
from churn.data.ingest.rules import ROUNDED_ID
from churn.data.sql import identifier, literal, trim_blanks
from churn.init.customer_ids import MIN_RESPELT_GAIN, share_of_keys
from churn.init.source_table import KeyedTable, SourceColumn, id_of

SPELLINGS = ("lower($)", "ltrim($, '0')", "replace($, ' ', '')", COMMON_SPELLING)
"""SQL that may give the ids of two tables one spelling; the smallest change comes first."""

MAX_DIGITS = 15
"""A spreadsheet keeps this many digits of a number."""

MAX_ROUNDED_SHARE = 0.05
"""A column holds no ids if more than this share of them is rounded; `ingest` rejects and counts a few such
rows.
"""

MIN_ROUNDED_IDS = 20
"""Numbers with more digits that all end with zeros are rounded if there are at least this many of them."""


@dataclass(frozen=True)
class Respelling:
    """One spelling for the ids of all tables.

    Attributes:
        spelling: The SQL that changes an id to the common spelling, with `$` for the id.
        table: The name of a table that spells its ids differently from the table of customers.
        pair: An id as `table` spells it, and the same id as the table of customers spells it.
    """

    spelling: str
    table: str
    pair: str

    def applied_to(self, column: SourceColumn) -> SourceColumn:
        """Return a column whose ids are read in this spelling; a column of numbers is returned unchanged."""
        return replace(column, spelling=self.spelling) if column.kind == "text" else column


def one_spelling(
    connection: duckdb.DuckDBPyConnection, id_tables: Sequence[KeyedTable], customers: KeyedTable
) -> Respelling | None:
    """Return the smallest change that gives the ids of all tables one spelling; None if `id_tables` is empty.

    Args:
        connection: The connection with the views of the tables.
        id_tables: The tables that spell their ids differently, each with its column of ids.
        customers: The table of customers.
    """

    def known_share(spelling: str) -> float:
        key = replace(customers.key, spelling=spelling)
        return min(
            share_of_keys(
                connection, table, replace(column, spelling=spelling), KeyedTable(customers.table, key)
            )
            for table, column in id_tables
        )

    if not id_tables:
        return None
    enough = known_share(COMMON_SPELLING) - MIN_RESPELT_GAIN
    spelling = next(spelling for spelling in SPELLINGS if known_share(spelling) >= enough)
    table, column = id_tables[0]
    own, key = (id_of(replace(c, spelling=spelling)) for c in (column, customers.key))
    home = customers.table.view
    row = connection.execute(
        "SELECT min_by(a || ' and ' || b, a) "
        f"FROM (SELECT {id_of(column)} AS a, {own} AS spelt FROM {table.view}) "
        f"JOIN (SELECT {id_of(customers.key)} AS b, {key} AS spelt FROM {home}) USING (spelt) WHERE a <> b"
    ).fetchone()
    return Respelling(spelling, table.name, str(row[0]) if row else "")


def rounded_reason(connection: duckdb.DuckDBPyConnection, id_table: KeyedTable) -> str | None:
    """Return why the ids of a column are unusable if a spreadsheet has rounded them; None if they are usable.

    A spreadsheet writes a long number as 4.50000E+12, or with zeros after the fifteenth digit.
    """
    name = id_table.key.name
    text = trim_blanks(f"{identifier(name)}::VARCHAR")
    is_long = f"length(id) > {MAX_DIGITS}"
    row = connection.execute(
        f"SELECT count(*), count(*) FILTER (short), min(id) FILTER (short), min(id) FILTER ({is_long}), "
        f"count(DISTINCT id) FILTER ({is_long}), "
        f"bool_and(regexp_full_match(id, '[0-9]{{{MAX_DIGITS}}}0+')) FILTER ({is_long}) "
        f"FROM (SELECT id, regexp_full_match(id, {literal(ROUNDED_ID)}) AS short "
        f"FROM (SELECT {text} AS id FROM {id_table.table.view}) WHERE id <> '')"
    ).fetchone()
    assert row is not None  # an aggregate without GROUP BY always gives one row
    n_ids, n_short, short_id, long_id, n_long, all_zeros = row
    if n_short > MAX_ROUNDED_SHARE * n_ids:
        example = short_id
    elif all_zeros and n_long >= MIN_ROUNDED_IDS:
        example = long_id
    else:
        return None
    return (
        f"a spreadsheet has rounded its ids in {name}, such as {example}, so several customers have the same "
        "id: export the ids again, as text"
    )
