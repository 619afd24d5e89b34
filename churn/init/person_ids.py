"""Find the ids of persons in a source where each order has a new customer id, so that nobody comes back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import duckdb

from churn.errors import CallError
from churn.init.customer_ids import IdColumn
from churn.init.email_ids import ADDRESS_SPELLING, holds_addresses
from churn.init.joined_ids import address_columns
from churn.init.match import Match
from churn.init.name_patterns import (
    ANY_TIME,
    BIRTH,
    CUSTOMER_ID,
    EMAIL,
    NAMED_PERSON_ID,
    PERSON_ID,
    PREFIXED_CUSTOMER_ID,
    name_matches,
)
from churn.init.source_table import KeyedTable, SourceColumn, SourceTable, id_of, time_of

MIN_IDS = 20
"""With fewer ids than this, nothing is decided."""

MAX_PERSON_SHARE = 0.8
"""Ids belong to orders if there are at most this many persons for each id."""

MAX_MIXED_SHARE = 0.01
"""At most this share of the ids may belong to two persons."""

MAX_ONE_PERSON_SHARE = 0.2
"""A value that more than this share of the ids has is a placeholder or a level, and no person."""

MIN_FILLED_SHARE = 0.95
"""The column of persons must have a value for at least this share of the ids."""

MIN_SINGLE_SHARE = 0.9
"""Of the ids of persons who have several ids, at least this share must occur at one time only."""

MIN_SINGLE_SHARE_OF_ADDRESSES = 0.5
"""The same share for persons known by an e-mail address, because guests may register later; other ids may
belong to a company.
"""

MAX_GUEST_SHARE = 0.03
"""A warning is given if more than this share of rows has an address but no id."""

MAX_PAIRS_SHARE = 1.05
"""Two columns name the same persons if they have at most this many pairs of values for each value."""


@dataclass(frozen=True)
class PersonIds:
    """The column with the ids of persons, which is read as the id of a customer.

    Attributes:
        key: The name of the column with the id of a person.
        order_key: The name of the column that is named like a customer's id but has a new id for each order;
            empty if there is none.
        warning: A sentence that says why this column was chosen, and how the user can choose another one.
    """

    key: str
    order_key: str
    warning: str


@dataclass(frozen=True)
class _Candidate:
    """A column that may hold the ids of persons.

    Attributes:
        sql: The SQL expression that gives the id of the person in a row of `table`.
        n_ids: The number of distinct customer ids, which may be new for each order.
        n_persons: The number of persons.
    """

    table: SourceTable
    column: SourceColumn
    sql: str
    is_address: bool
    n_ids: int = 0
    n_persons: int = 0


def find_person_ids(
    connection: duckdb.DuckDBPyConnection,
    customers: KeyedTable | None,
    event_tables: Sequence[SourceTable],
    id_columns: Mapping[str, IdColumn | None],
) -> PersonIds | None:
    """Return the column with the id of a person, if the ids of customers are ids of orders; otherwise None.

    Args:
        connection: The connection with the views of the tables.
        customers: The table of customers, found by names and values; None if there is none.
        event_tables: All tables except the table of customers.
        id_columns: The column with ids of customers, by table; None for a table without such a column.

    Raises:
        CallError: Several columns may hold the ids of persons, and these columns give different persons.
    """
    tables = [
        KeyedTable(table, key.column)
        for table in event_tables
        if (key := id_columns.get(table.name)) and table.rows
    ]
    if not tables:
        return None
    homes = [*tables, *([customers] if customers else [])]
    times = _times_sql(tables)
    fits: list[tuple[KeyedTable, _Candidate]] = []
    for home in homes:
        for column, is_address in _person_columns(connection, home, {keyed.key.name for keyed in homes}):
            if measured := _measure(connection, home, column, is_address, times):
                fits.append((home, measured))
    if not fits:
        return None
    fits.sort(key=lambda fit: (fit[1].is_address, -fit[1].n_persons))
    home, best = fits[0]
    order_key = home.key.name
    others = [fit for fit in fits[1:] if fit[1].column.name != best.column.name]
    rivals = [fit[1] for fit in others if not _tells_the_same(connection, fits[0], fit)]
    if rivals:
        names = ", ".join(f"{c.column.name} ({c.n_persons:,} values)" for c in (best, *rivals))
        raise CallError(
            f"init: {order_key} of {home.table.name} seems to hold ids of orders, not of customers "
            f"({best.n_ids:,} ids), and it is not clear which column has the id of a person: {names}. Name "
            f"this column with --key. If each id in {order_key} is a customer, use --key '{order_key}'."
        )
    warning = (
        f"{order_key} seems to hold ids of orders, not of customers: it has {best.n_ids:,} ids, but "
        f"{best.column.name} in {best.table.name} has only {best.n_persons:,} different values. So the "
        f"column {best.column.name} is read as the id of a customer. If each id in {order_key} is a "
        f"customer, name this column with --key '{order_key}'"
    )
    return PersonIds(best.column.name, order_key, warning)


def named_person_ids(tables: Sequence[SourceTable]) -> PersonIds | None:
    """Return the column that is named like the id of a person, such as `customer_unique_id`.

    It is read as the id of a customer if no column has a plainer name, such as `customer_id`.

    Raises:
        CallError: Several columns have such names.
    """
    columns = _columns_named(tables, NAMED_PERSON_ID)
    names = list(dict.fromkeys(keyed.key.name for keyed in columns))
    if len(names) > 1:
        counts = ", ".join(
            f"{keyed.key.name} of {keyed.table.name} ({keyed.key.distinct:,} values)" for keyed in columns
        )
        raise CallError(
            f"init: it is not clear which column has the id of a customer: {counts}. Name this column with "
            "--key."
        )
    if not names:
        return None
    others = [keyed.key.name for keyed in _columns_named(tables, PREFIXED_CUSTOMER_ID)]
    way_out = f", such as --key '{others[0]}'" if others else ""
    return PersonIds(
        names[0],
        "",
        f"{names[0]} is read as the id of a customer, because no other column has a name that fits better. "
        f"If another column has the id, name it with --key{way_out}",
    )


def possible_keys(tables: Sequence[SourceTable]) -> str:
    """Return a sentence that names columns which may hold the ids of customers; empty if there are none."""
    columns = _columns_named(tables, PREFIXED_CUSTOMER_ID)
    if not columns:
        return ""
    counts = ", ".join(
        f"{keyed.key.name} of {keyed.table.name} ({keyed.key.distinct:,} values in {keyed.table.rows:,} rows)"
        for keyed in columns
    )
    return f"By their names, these columns may have the id of a customer: {counts}. Name one with --key."


def _columns_named(tables: Sequence[SourceTable], pattern: str) -> list[KeyedTable]:
    return [
        KeyedTable(table, column)
        for table in tables
        for column in table.columns
        if column.kind in ("text", "number") and column.filled_share and name_matches(column.name, pattern)
    ]


def rows_of_guests(connection: duckdb.DuckDBPyConnection, matches: Sequence[Match]) -> Iterator[str]:
    """Yield a warning for each table with many rows that have an e-mail address and no id."""
    for match in matches:
        if match.key.filled_share >= 1 - MAX_GUEST_SHARE:
            continue
        for address in address_columns(connection, match.table):
            row = connection.execute(
                f"SELECT count(*) FILTER ({id_of(match.key)} IS NULL AND {id_of(address)} IS NOT NULL), "
                f"count(*) FROM {match.table.view}"
            ).fetchone()
            n_guests, n_rows = row or (0, 0)
            if n_guests > MAX_GUEST_SHARE * n_rows:
                yield (
                    f"{n_guests:,} of {n_rows:,} rows of {match.table.name} have an e-mail address in "
                    f"{address.name} but no {match.key.name}, so they belong to no customer. To count "
                    f"these rows, let the address be the id of all tables with --key '{address.name}'"
                )
                break


def ids_of_one_order(connection: duckdb.DuckDBPyConnection, matches: Sequence[Match]) -> Iterator[str]:
    """Yield a warning if nearly every id has orders at one time only: the ids look like ids of orders."""
    for match in matches:
        if match.name != "orders":
            continue
        row = connection.execute(
            "SELECT count(*), count(*) FILTER (n > 1) "
            f"FROM (SELECT count(DISTINCT {time_of(match.time)}) AS n FROM {match.table.view} "
            f"WHERE {id_of(match.key)} IS NOT NULL GROUP BY {id_of(match.key)})"
        ).fetchone()
        n_ids, n_back = row or (0, 0)
        if n_ids >= MIN_IDS and n_back <= MAX_MIXED_SHARE * n_ids:
            yield (
                f"in {match.table.name}, only {n_back:,} of {n_ids:,} ids in {match.key.name} have orders at "
                "different times. So the column seems to hold ids of orders, not of customers. With such "
                "ids, every customer seems to order only once. If another column has the id of a person, "
                "name it with --key"
            )


def _person_columns(
    connection: duckdb.DuckDBPyConnection, home: KeyedTable, keys: set[str]
) -> Iterator[tuple[SourceColumn, bool]]:
    """Yield each column that may hold the ids of persons, and whether its values are e-mail addresses."""
    for column in home.table.columns:
        if column.name in keys or column.kind not in ("text", "number") or not column.filled_share:
            continue
        if name_matches(column.name, EMAIL):
            if holds_addresses(connection, home.table, column):
                yield column, True
        elif name_matches(column.name, CUSTOMER_ID) or name_matches(column.name, PERSON_ID):
            yield column, False


def _times_sql(tables: Sequence[KeyedTable]) -> str:
    """Return SQL that counts each id's different timestamps in every table, and gives the highest count."""
    parts = []
    for table, key in tables:
        times = [c for c in table.columns if c.kind == "time" and c.filled_share > 0.9]
        times = [c for c in times if not name_matches(c.name, BIRTH)]
        likely = [c for c in times if name_matches(c.name, ANY_TIME, table.name)]
        n_times = f"count(DISTINCT {time_of((likely or times)[0])})" if times else "count(*)"
        parts.append(f"SELECT {id_of(key)} AS id, {n_times} AS n_times FROM {table.view} GROUP BY 1")
    return f"SELECT id, max(n_times) AS n_times FROM ({' UNION ALL '.join(parts)}) GROUP BY 1"


def _person_sql(column: SourceColumn, is_address: bool) -> str:
    text = id_of(column)
    return ADDRESS_SPELLING.replace("$", text) if is_address else text


def _measure(
    connection: duckdb.DuckDBPyConnection,
    home: KeyedTable,
    column: SourceColumn,
    is_address: bool,
    times: str,
) -> _Candidate | None:
    """Return a column as a candidate with its counts; None if the column cannot hold ids of persons.

    The counts are the numbers of ids of customers and of different persons.

    Args:
        connection: The connection with the views of the tables.
        home: The table to which `column` belongs, and this table's column with ids of customers.
        column: The column that may hold the ids of persons.
        is_address: Whether the values of `column` are e-mail addresses.
        times: The SQL that gives the number of different timestamps of each id.
    """
    person = _person_sql(column, is_address)
    row = connection.execute(
        f"WITH ids AS (SELECT {id_of(home.key)} AS id, min({person}) AS person, "
        f"count(DISTINCT {person}) AS n_persons FROM {home.table.view} GROUP BY 1), "
        f"known AS (SELECT ids.*, n_times FROM ids JOIN ({times}) USING (id) WHERE id IS NOT NULL), "
        "persons AS (SELECT person, count(*) AS n, count(*) FILTER (n_times = 1) AS n_single "
        "FROM known WHERE person IS NOT NULL GROUP BY 1) "
        "SELECT (SELECT count(*) FROM known), (SELECT count(person) FROM known), "
        "(SELECT count(*) FROM known WHERE n_persons > 1), count(*), max(n), "
        "sum(n) FILTER (n > 1), sum(n_single) FILTER (n > 1) FROM persons"
    ).fetchone()
    n_ids, n_filled, n_mixed, n_persons, n_most, n_shared, n_single = row or (0,) * 7
    min_single_share = MIN_SINGLE_SHARE_OF_ADDRESSES if is_address else MIN_SINGLE_SHARE
    if (
        n_ids < MIN_IDS
        or n_filled < MIN_FILLED_SHARE * n_ids
        or n_mixed > MAX_MIXED_SHARE * n_ids
        or n_persons > MAX_PERSON_SHARE * n_ids
        or n_most > MAX_ONE_PERSON_SHARE * n_ids
        or (n_single or 0) < min_single_share * (n_shared or 0)
    ):
        return None
    return _Candidate(home.table, column, person, is_address, n_ids, n_persons)


def _tells_the_same(
    connection: duckdb.DuckDBPyConnection,
    first: tuple[KeyedTable, _Candidate],
    second: tuple[KeyedTable, _Candidate],
) -> bool:
    """Return whether two columns name the same persons, even if each column has its own ids for them."""

    def persons(fit: tuple[KeyedTable, _Candidate]) -> str:
        home, candidate = fit
        return (
            f"(SELECT {id_of(home.key)} AS id, min({candidate.sql}) AS person FROM {home.table.view} "
            "GROUP BY 1)"
        )

    row = connection.execute(
        f"SELECT count(DISTINCT (a.person, b.person)) FROM {persons(first)} a JOIN {persons(second)} b "
        "USING (id) WHERE a.person IS NOT NULL AND b.person IS NOT NULL"
    ).fetchone()
    n_pairs = row[0] if row else 0
    return bool(n_pairs <= MAX_PAIRS_SHARE * min(first[1].n_persons, second[1].n_persons))
