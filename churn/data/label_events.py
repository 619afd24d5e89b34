"""Select the rows that a label of the kind `event` counts: the rows of its table that meet `label.where`."""

from __future__ import annotations

import duckdb
import numpy as np
import numpy.typing as npt

from churn.data.sources.table_specs import table_contracts
from churn.data.sql import identifier, internal_name, is_rowwise, literal, reason_of
from churn.data.store import Store, StoredTable, date_of_day_sql
from churn.data.tables import STORED_UNITS, Column, Table
from churn.errors import SourceError
from churn.secrets import hide_secrets

NO_EVENT_DAY = np.iinfo(np.int32).max
"""The day number of a customer for whom no event is known."""

CUSTOMER, DAY, KNOWN_DAY = (internal_name(name) for name in ("customer", "day", "known_day"))
"""The columns of `event_rows`; `label.where` cannot name them."""


def event_rows(store: Store, connection: duckdb.DuckDBPyConnection) -> str:
    """Return the SQL of the rows that the label counts, with the columns `CUSTOMER`, `DAY` and `KNOWN_DAY`.

    `label.where` can name the canonical columns that are filled in as soon as the row exists (names, texts,
    numbers, money in whole units, truth values and scheduled days). `label.where` cannot name outcome
    columns, such as `paid_at`. The source writes such a value later than the rest of the row, so the value
    could change a label that is already final.

    Args:
        store: The store.
        connection: A connection to the store, on which `label.where` is checked.

    Raises:
        SourceError: `label.where` is not understood, gives no truth value, depends on other rows, or uses a
            name that is not allowed.
    """
    label = store.params.label
    table, contract = store.tables[label.core_table], table_contracts(store.params)[label.core_table]
    visible = _visible_columns(table, contract)
    known_day = "known_day" if table.two_clocks else "day"
    keys = f"customer AS {CUSTOMER}, day AS {DAY}, greatest(day, {known_day}) AS {KNOWN_DAY}"
    columns = "".join(f", {sql} AS {identifier(name)}" for name, sql in visible.items())
    rows = f"SELECT {keys}{columns} FROM {store.scan(label.core_table)}"
    if label.where is None:
        return f"(SELECT {CUSTOMER}, {DAY}, {KNOWN_DAY} FROM ({rows}))"
    # The brackets here, and the round brackets in `is_rowwise`, keep a condition from closing its own bracket
    # and adding further SQL.
    condition = f"([{label.where}\n])[1]"
    names = list(visible)
    location = f"{store.params.locate('label.where')} ({hide_secrets(' '.join(label.where.split()))!r:.200})"
    listed = f"Columns that it can use: {', '.join(names) or 'none'}.{_words_on_outcomes(contract)}"
    try:
        [described] = connection.execute(f"DESCRIBE SELECT {condition} FROM ({rows})").fetchall()
        rowwise = is_rowwise(connection, [label.where], names)
    except (duckdb.Error, ValueError) as error:
        raise SourceError(f"{location}: the SQL is not understood: {reason_of(error)}. {listed}") from None
    if not rowwise:
        raise SourceError(
            f"{location}: the condition must depend only on columns of its own row, and give the same result "
            f"each time it is computed. {listed}"
        )
    if described[1] != "BOOLEAN":
        raise SourceError(
            f"{location}: the condition gives a value of the type {described[1]}; it must be true or "
            f"false, such as kind = 'plan'. {listed}"
        )
    return f"(SELECT {CUSTOMER}, {DAY}, {KNOWN_DAY} FROM ({rows}) WHERE {condition})"


def _visible_columns(table: StoredTable, contract: Table) -> dict[str, str]:
    """Return each column that `label.where` can name, and the SQL that computes its canonical value."""
    visible = {}
    for column in contract.columns:
        is_known_with_row = column.role in ("value", "attribute", "scheduled") and not column.known_with
        name = f"{column.name}_day" if column.role == "scheduled" else column.name
        if is_known_with_row and name in table.columns:
            visible[column.name] = _canonical_value(column, table)
    return visible


def _canonical_value(column: Column, table: StoredTable) -> str:
    name = identifier(column.name)
    if column.role == "scheduled":
        return date_of_day_sql(identifier(f"{column.name}_day"))
    if column.type == "level":
        names = ", ".join(map(literal, table.levels.get(column.name, ())))
        return f"([{names}]::VARCHAR[])[{name} + 1]"  # lists of SQL begin with 1
    if column.type in STORED_UNITS:
        return f"({name} / {STORED_UNITS[column.type]}.0)"
    return name


def _words_on_outcomes(contract: Table) -> str:
    outcomes = [c.name for c in contract.columns if c.role == "outcome" or c.known_with]
    if not outcomes:
        return ""
    return (
        f" The condition cannot use {', '.join(outcomes)}: the source writes these values later "
        "than the rest of the row, so they could change a label that is already final."
    )


def first_known_events(store: Store) -> npt.NDArray[np.int32]:
    """Return for each customer code the first day on which an event of the label has happened and is known.

    At a cutoff, a customer has a known event if the returned day lies before the cutoff.

    Returns:
        The day numbers have the shape (customers,); a customer without an event has `NO_EVENT_DAY`.

    Raises:
        SourceError: see `event_rows`.
    """
    first = np.full(store.n_customers, NO_EVENT_DAY, dtype=np.int32)
    with store.connect() as connection:
        rows = event_rows(store, connection)
        events = connection.execute(
            f"SELECT {CUSTOMER} AS customer, min({KNOWN_DAY}) AS day FROM {rows} GROUP BY 1"
        ).fetchnumpy()
    first[events["customer"]] = events["day"]
    return first
