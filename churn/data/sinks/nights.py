"""Write or replace the rows of a night in the tables of a database; create tables and add missing columns.

`scores` and `calls` hold the rows of each night. `nights` holds one row for each night. `scores_latest` is a
view of the scores of the latest night. A query that begins after the commit of a night sees the whole new
night. A query that began earlier sees the whole old night.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import pyarrow as pa

from churn.data.sinks.connection import SinkConnection, StoredTable
from churn.data.sql import identifier, literal
from churn.errors import DeliveryError

SCORES, CALLS, NIGHTS, LATEST = "scores", "calls", "nights", "scores_latest"

KEYS: Mapping[str, tuple[str, ...]] = {
    SCORES: ("cutoff", "customer_id"),
    CALLS: ("cutoff", "customer_id"),
    NIGHTS: ("cutoff",),
}
"""The tables of a night in the order in which they are written, each with its key."""

NIGHT_SCHEMA = pa.schema(
    [("cutoff", pa.date32())]
    + [(name, pa.string()) for name in ("run_id", "model_version", "digest")]
    + [("score_rows", pa.int64()), ("call_rows", pa.int64())]
)
"""The columns of `nights`. The digest changes when a file of the night changes."""

NO_NIGHT = date(9999, 12, 31)
"""The cutoff that a rehearsal uses, because no night can have it."""


@dataclass(frozen=True)
class StoredNight:
    """A night as the table `nights` describes it: the digest of its files, and the number of its rows."""

    digest: str
    score_rows: int
    call_rows: int


def write_night(connection: SinkConnection, cutoff: date, tables: Mapping[str, pa.Table]) -> None:
    """Write the rows of a night in one transaction; they replace all earlier rows of the same night.

    Args:
        connection: The open database.
        cutoff: The cutoff of the night.
        tables: For each table that `KEYS` names, its rows.

    Raises:
        DeliveryError: a table was not made by this program or has a column of the wrong type, or the
            database refuses to write.
        BusyError: another program holds a lock.
    """
    with connection.transaction():
        _write(connection, cutoff, tables)


def rehearse(connection: SinkConnection, schemas: Mapping[str, pa.Schema]) -> None:
    """Write a night without rows and undo it, so that a missing permission is found before the real work.

    Args:
        connection: The open database.
        schemas: For each table that `KEYS` names, its columns.

    Raises:
        DeliveryError: Writing a real night would fail.
        BusyError: another program holds a lock.
    """
    try:
        connection.begin()
        _write(connection, NO_NIGHT, {name: schema.empty_table() for name, schema in schemas.items()})
    finally:
        connection.rollback()


def _write(connection: SinkConnection, cutoff: date, tables: Mapping[str, pa.Table]) -> None:
    connection.create_schema()
    present_tables = connection.tables([*KEYS, LATEST])
    schemas = {name: tables[name].schema for name in KEYS}
    if problems := [*_problems(connection, present_tables, schemas)]:
        raise DeliveryError(*problems)
    for name, key in KEYS.items():
        _prepare(connection, name, schemas[name], key, present_tables.get(name))
    _replace_latest(connection, present_tables.get(LATEST))
    for name in KEYS:
        connection.execute(f"DELETE FROM {connection.quote(name)} WHERE cutoff = {literal(str(cutoff))}")
        if tables[name].num_rows:
            connection.append(name, tables[name])


def read_nights(connection: SinkConnection) -> dict[date, StoredNight]:
    """Return the nights that the database holds, by cutoff; an empty dict if it holds none yet."""
    if not set(KEYS) <= set(connection.tables([*KEYS])):
        return {}
    rows = connection.execute(
        f"SELECT cutoff, digest, score_rows, call_rows FROM {connection.quote(NIGHTS)} ORDER BY cutoff"
    )
    return {
        _day(cutoff): StoredNight(str(digest), int(n_scores), int(n_calls))
        for cutoff, digest, n_scores, n_calls in rows
    }


def is_whole(connection: SinkConnection, cutoff: date, night: StoredNight) -> bool:
    """Return whether the database still holds all rows that were written for a night."""
    counts = [
        connection.execute(
            f"SELECT count(*) FROM {connection.quote(name)} WHERE cutoff = {literal(str(cutoff))}"
        )[0][0]
        for name in (SCORES, CALLS)
    ]
    return counts == [night.score_rows, night.call_rows]


def customer_rows(connection: SinkConnection, customer: str) -> dict[str, int]:
    """Return how many rows of a customer `scores` and `calls` hold; a missing table is left out."""
    present_tables = connection.tables([SCORES, CALLS])
    return {
        name: int(
            connection.execute(
                f"SELECT count(*) FROM {connection.quote(name)} WHERE customer_id = {connection.first_value}",
                [customer],
            )[0][0]
        )
        for name in (SCORES, CALLS)
        if name in present_tables and present_tables[name].is_marked
    }


def erase_customer(connection: SinkConnection, customer: str) -> None:
    """Delete the rows of a customer in all nights, in one transaction.

    The row counts in the table `nights` are reduced to match.

    Raises:
        DeliveryError: the database refuses.
        BusyError: another program holds a lock.
    """
    counts = customer_rows(connection, customer)
    connection.rollback()  # in PostgreSQL, even a query begins a transaction
    with connection.transaction():
        for name, column in ((SCORES, "score_rows"), (CALLS, "call_rows")):
            if not counts.get(name):
                continue
            table, value = connection.quote(name), connection.first_value
            nights = connection.execute(
                f"SELECT cutoff, count(*) FROM {table} WHERE customer_id = {value} GROUP BY cutoff",
                [customer],
            )
            connection.execute(f"DELETE FROM {table} WHERE customer_id = {value}", [customer])
            for cutoff, n_rows in nights:
                connection.execute(
                    f"UPDATE {connection.quote(NIGHTS)} SET {column} = {column} - {int(n_rows)} "
                    f"WHERE cutoff = {literal(str(_day(cutoff)))}"
                )


def _day(value: date | str) -> date:
    return value if isinstance(value, date) else date.fromisoformat(value)


def _problems(
    connection: SinkConnection, present_tables: Mapping[str, StoredTable], schemas: Mapping[str, pa.Schema]
) -> Iterator[str]:
    """Yield a problem for each table and column that this program must not change or cannot fill."""
    for name in (*KEYS, LATEST):
        table, kind = present_tables.get(name), "view" if name == LATEST else "table"
        if table is None:
            continue
        quoted = connection.quote(name)
        if table.kind != kind or not table.is_marked:
            yield (
                f"{connection.address}: there is a {table.kind} {quoted} that churn did not write, so "
                f"churn does not change it. Rename this {table.kind}, or name another schema under "
                "`score.sink.schema`."
            )
            continue
        for field in schemas.get(name, pa.schema([])):
            expected, actual = connection.type_of(field.type), table.types.get(field.name)
            if actual is not None and actual.lower() != expected.lower():
                yield (
                    f"{connection.address}: {quoted} has the column {field.name} with the type {actual}, "
                    f"but a night needs {expected}. Rename the column, change its type, or name another "
                    "schema under `score.sink.schema`."
                )


def _prepare(
    connection: SinkConnection,
    name: str,
    schema: pa.Schema,
    key: Sequence[str],
    table: StoredTable | None,
) -> None:
    """Create a table, or add the columns that it lacks; no column is dropped."""
    columns = {field.name: f"{identifier(field.name)} {connection.type_of(field.type)}" for field in schema}
    if table is None:
        keys = [f"PRIMARY KEY ({', '.join(map(identifier, key))})"] if connection.has_keys else []
        connection.create_table(name, [*columns.values(), *keys])
        return
    for column, definition in columns.items():
        if column not in table.types:
            connection.execute(f"ALTER TABLE {connection.quote(name)} ADD COLUMN {definition}")


def _replace_latest(connection: SinkConnection, view: StoredTable | None) -> None:
    """Create the view of the latest night again, so that it has all columns of the scores."""
    columns = [*connection.tables([SCORES])[SCORES].types]
    if view is not None and [*view.types] == columns:
        return
    names = ", ".join(identifier(column) for column in columns)
    connection.replace_view(
        LATEST,
        f"SELECT {names} FROM {connection.name_in_view(SCORES)} "
        f"WHERE cutoff = (SELECT max(cutoff) FROM {connection.name_in_view(NIGHTS)})",
    )
