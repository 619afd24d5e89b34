"""The SQL that says of every row of a staged table which rule it breaks first, if any."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from churn.data.ingest.staging import REPEATS_STORED_KEY, StagedTable
from churn.data.sql import identifier, internal_name, literal
from churn.data.tables import LARGEST_NUMBER, STORED_UNITS, Column

EARLIEST_TIME = "TIMESTAMP '1970-01-02'"
"""Epoch zero is what a broken clock writes; nothing that old is a customer's event."""

MAX_DAYS_AHEAD = 366
"""How far beyond the data's present a row's own time may lie (bills fall due) before it is a clock error."""

ORDERED_TABLES = ("emails", "tickets", "surveys", "subscriptions")
"""Tables whose outcomes cannot lie before the row's own time; a bill may be paid before it is due."""


def rules_for(staged: StagedTable, present: str | None) -> list[tuple[str, str]]:
    """List `(rule, SQL true when broken)`; the first broken rule names the reject.

    `present` is the date around which the data end, or None where nothing is known of it. The SQL names the
    typed row `t` and the customer's code `c`.
    """
    table = staged.wanted.table
    rules = [("customer_id is present", "t.customer_id IS NULL")]
    for column in staged.mapped:
        rules += _column_rules(column, present)
    if table.name in ORDERED_TABLES or table.is_history:
        for column in staged.mapped:
            if column.role == "outcome":
                rules.append(
                    (f"{column.name} is not before {table.time}", f"t.{column.name} < t.{table.time}")
                )
    if table.name != "customers":
        rules.append(("customer_id is in customers", "c.customer IS NULL"))
    return rules


def _column_rules(column: Column, present: str | None) -> list[tuple[str, str]]:
    name, said = f"t.{identifier(column.name)}", f"t.{identifier(column.name + '__said')}"
    rules: list[tuple[str, str]] = []
    if column.type == "instant":
        if column.required:
            rules.append((f"{column.name} is present", f"{said} IS NULL"))
        rules.append((f"{column.name} is a time", f"{said} IS NOT NULL AND {name} IS NULL"))
        rules.append((f"{column.name} is after 1970-01-01", f"{name} < {EARLIEST_TIME}"))
        if present and column.role in ("time", "known"):
            limit = f"DATE '{present}' + {MAX_DAYS_AHEAD}"
            rules.append((f"{column.name} is at most a year ahead", f"{name} > {limit}"))
    elif column.type in STORED_UNITS:
        if column.required and not column.may_be_emptied:
            rules.append((f"{column.name} is present", f"{said} IS NULL"))
        unreadable = f"{said} IS NOT NULL AND coalesce(NOT isfinite({name}), true)"
        rules.append((f"{column.name} is a number", unreadable))
        low, high = column.bounds or (-LARGEST_NUMBER, LARGEST_NUMBER)
        stated = f"at least {low:g}" if high >= LARGEST_NUMBER else f"between {low:g} and {high:g}"
        rules.append((f"{column.name} is {stated}", f"NOT ({name} BETWEEN {low!r} AND {high!r})"))
    elif column.type == "boolean":
        rules.append((f"{column.name} is true or false", f"{said} IS NOT NULL AND {name} IS NULL"))
    return rules


CUSTOMER_CODES = internal_name("codes")
"""The customers' codes, once their table is written."""


def rows_with_broken_rule(
    connection: duckdb.DuckDBPyConnection,
    staged: StagedTable,
    present: str | None,
    elsewhere: str | None = None,
) -> str:
    """Return the SQL of every row with `__broken`: the first rule it breaks, or NULL.

    Args:
        connection: Where the views stand, and where the rows of repeated keys are kept.
        staged: The table's views.
        present: The date around which the data end, or None where nothing is known of it.
        elsewhere: SQL of the keys whose first sound row is not among these rows, where these are a part.
    """
    rules = rules_for(staged, present)
    if staged.again:
        rules.append((f"{key_column(staged)} is not repeated", f"t.{REPEATS_STORED_KEY}"))
    if staged.has(key_column(staged)):
        return _without_repeats(connection, staged, rules, elsewhere)
    return _with_first_broken(staged, rules, staged.typed)


def _with_first_broken(staged: StagedTable, rules: Sequence[tuple[str, str]], rows: str) -> str:
    broken = f"CASE {' '.join(f'WHEN {sql} THEN {literal(rule)}' for rule, sql in rules)} END AS __broken"
    if staged.wanted.table.name == "customers":
        return f"SELECT t.*, {broken} FROM {rows} t"
    return f"SELECT t.*, c.customer, {broken} FROM {rows} t LEFT JOIN {CUSTOMER_CODES} c USING (customer_id)"


def key_column(staged: StagedTable) -> str:
    """Return the column that tells a table's rows apart."""
    return "customer_id" if staged.wanted.table.name == "customers" else "row_id"


def order_of_repeats(staged: StagedTable) -> str:
    """Return the SQL order by which the first of several rows of one key stays.

    By time, then by when it was known, then by all that the source said: whatever the order of the source or
    the number of threads, the same row stays.
    """
    names = [column.name for column in staged.mapped if column.role == "known"]
    names += [f"{column.name}__said" for column in staged.mapped]
    return ", ".join(identifier(name) for name in [staged.wanted.table.time, *names])


def _without_repeats(
    connection: duckdb.DuckDBPyConnection,
    staged: StagedTable,
    rules: Sequence[tuple[str, str]],
    elsewhere: str | None,
) -> str:
    """Mark all but the first sound row of each key as broken. Only rows of repeated keys are kept and sorted.

    Keys are counted by their hashes, which take little memory; keys that share one are told apart after.
    """
    name, key = staged.wanted.table.name, key_column(staged)
    repeated, told_apart = internal_name(f"repeated_{name}"), internal_name(f"told_apart_{name}")
    counted = f"SELECT hash({key}) AS __key FROM {staged.typed} WHERE {key} IS NOT NULL"
    keys = f"{counted} GROUP BY 1 HAVING count(*) > 1"
    if elsewhere:
        keys = f"{keys} UNION SELECT hash({key}) FROM ({elsewhere})"
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {repeated} AS {keys}").fetchall()
    if not connection.execute(f"SELECT 1 FROM {repeated} LIMIT 1").fetchall():
        return _with_first_broken(staged, rules, staged.typed)
    is_repeated = f"coalesce(hash({key}) IN (SELECT __key FROM {repeated}), false)"
    some, others = (
        f"(SELECT * FROM {staged.typed} WHERE {sql})" for sql in (is_repeated, f"NOT {is_repeated}")
    )
    later = (
        f"row_number() OVER (PARTITION BY {key}, __broken IS NULL ORDER BY {order_of_repeats(staged)}) > 1"
    )
    if elsewhere:
        later = f"{later} OR {key} IN ({elsewhere})"
    repeats = f"WHEN {later} THEN {literal(f'{key} is not repeated')}"
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {told_apart} AS "
        f"SELECT * REPLACE (CASE WHEN __broken IS NOT NULL THEN __broken {repeats} END AS __broken) "
        f"FROM ({_with_first_broken(staged, rules, some)})"
    ).fetchall()
    return f"{_with_first_broken(staged, rules, others)} UNION ALL BY NAME SELECT * FROM {told_apart}"
