"""The rules for the rows of a table, and the SQL that finds the first rule that each row breaks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import duckdb

from churn.data.ingest.staging import REPEATS_STORED_KEY, StagedTable
from churn.data.sql import identifier, internal_name, literal
from churn.data.tables import LARGEST_NUMBER, STORED_UNITS, Column

CUSTOMER_CODES = internal_name("codes")
"""The table of customer ids and codes; it exists only after the customers are written."""

DANGLING_RULE = "customer_id is in customers"
PLACEHOLDER_RULE = "customer_id is no placeholder"
"""The names of two rules: for rows that belong to no known customer, and for rows that belong to nobody."""

ROUNDED_RULE = "customer_id has all its digits"
ROUNDED_ID = "[0-9]([.,][0-9]+)?[eE][+][0-9]{2,}"
"""The pattern of an id that a spreadsheet has rounded, such as 4.50000E+12; several ids get the same text."""

PLACEHOLDERS = (
    *("undefined", "null", "(null)", "<null>", "none", "(none)", "nil", "nan", "n/a", "#n/a", "(not set)"),
    *("unknown", "anonymous", "guest", "not_authenticated", "[object object]", "\\n"),
    *("<na>", "nat", "#null!", "#value!", "#ref!", "-", "--", ".", "?", "-1", "walk-in", "walkin"),
    *("anonym", "gast", "unbekannt", "laufkunde", "laufkundschaft", "barverkauf", "keine angabe", "k.a."),
    *("00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"),
)
"""The words in lower case that programs write where the id of a customer is missing.

Source: the ids that PostHog refuses to merge.
"""

EARLIEST_TIME = "TIMESTAMP '1970-01-02'"
"""The earliest allowed time. A broken clock often writes the start of 1970, and no event of a customer is so
old.
"""

MAX_DAYS_AHEAD = 366
"""How many days a row's time may be after the present: a bill may be due later, but not more than a year."""

ORDERED_TABLES = ("emails", "tickets", "surveys", "subscriptions")
"""Tables whose outcomes cannot come before the time of the row; a bill, in contrast, may be paid early."""


class RowRule(NamedTuple):
    """A rule with its name, and the SQL that is true for a row that breaks the rule.

    In the SQL, `t` is the checked row with typed values, and `c` is the customer's row in `CUSTOMER_CODES`.
    """

    name: str
    broken_if: str


def rules_for(staged_table: StagedTable, present: str | None) -> list[RowRule]:
    """List the rules of a table in the order in which they are checked.

    A rejected row gets the name of the first rule that it breaks.

    Args:
        staged_table: The table.
        present: The approximate last date of the data, or None if it is unknown.
    """
    table = staged_table.spec.table
    placeholders = ", ".join(map(literal, PLACEHOLDERS))
    rules = [
        RowRule("customer_id is present", "t.customer_id IS NULL"),
        RowRule(PLACEHOLDER_RULE, f"lower(t.customer_id) IN ({placeholders})"),
        RowRule(ROUNDED_RULE, f"regexp_full_match(t.customer_id, '{ROUNDED_ID}')"),
    ]
    for column in staged_table.columns:
        rules += _column_rules(column, present)
    if table.name in ORDERED_TABLES or table.is_history:
        for column in staged_table.columns:
            if column.role == "outcome":
                is_before = f"t.{column.name} < t.{table.time}"
                rules.append(RowRule(f"{column.name} is not before {table.time}", is_before))
    names = {column.name for column in staged_table.columns}
    if {"paused_at", "resumed_at"} <= names:
        rules.append(
            RowRule("resumed_at has a paused_at", "t.paused_at IS NULL AND t.resumed_at IS NOT NULL")
        )
        rules.append(RowRule("resumed_at is not before paused_at", "t.resumed_at < t.paused_at"))
    if table.name != "customers":
        rules.append(RowRule(DANGLING_RULE, "c.customer IS NULL"))
    return rules


def _column_rules(column: Column, present: str | None) -> list[RowRule]:
    value, raw = f"t.{identifier(column.name)}", f"t.{identifier(column.name + '__raw')}"
    name = column.name
    rules: list[RowRule] = []
    if column.type == "instant":
        if column.is_required:
            rules.append(RowRule(f"{name} is present", f"{raw} IS NULL"))
        rules.append(RowRule(f"{name} is a time", f"{raw} IS NOT NULL AND {value} IS NULL"))
        rules.append(RowRule(f"{name} is after 1970-01-01", f"{value} < {EARLIEST_TIME}"))
        if present and column.role in ("time", "known"):
            limit = f"DATE '{present}' + {MAX_DAYS_AHEAD}"
            rules.append(RowRule(f"{name} is at most a year ahead", f"{value} > {limit}"))
    elif column.type in STORED_UNITS:
        if column.is_required and not column.may_be_emptied:
            rules.append(RowRule(f"{name} is present", f"{raw} IS NULL"))
        is_no_number = f"{raw} IS NOT NULL AND coalesce(NOT isfinite({value}), true)"
        rules.append(RowRule(f"{name} is a number", is_no_number))
        low, high = column.bounds or (-LARGEST_NUMBER, LARGEST_NUMBER)
        bounds = f"at least {low:g}" if high >= LARGEST_NUMBER else f"between {low:g} and {high:g}"
        rules.append(RowRule(f"{name} is {bounds}", f"NOT ({value} BETWEEN {low!r} AND {high!r})"))
    elif column.names:
        if column.is_required:
            rules.append(RowRule(f"{name} is present", f"{raw} IS NULL"))
        names = ", ".join(map(literal, column.names))
        rules.append(RowRule(f"{name} is {_in_words(column.names)}", f"{value} NOT IN ({names})"))
    elif column.type == "boolean":
        rules.append(RowRule(f"{name} is true or false", f"{raw} IS NOT NULL AND {value} IS NULL"))
    return rules


def _in_words(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} or {names[-1]}"


def rows_with_broken_rule(
    connection: duckdb.DuckDBPyConnection,
    staged_table: StagedTable,
    present: str | None,
    keys_elsewhere: str | None = None,
) -> str:
    """Return the SQL of all rows with a column `__broken`: the first rule that the row breaks, or NULL.

    Args:
        connection: The DuckDB that holds the views of the table, and that stores the rows with repeated keys.
        staged_table: The table.
        present: The approximate last date of the data, or None if it is unknown.
        keys_elsewhere: SQL that gives the keys whose first good row is in another part of the table. Good
            rows of `staged_table` with these keys are repeats. None if the table has no other part.
    """
    rules = rules_for(staged_table, present)
    if staged_table.has_old_rejects:
        rules.append(RowRule(f"{key_column(staged_table)} is not repeated", f"t.{REPEATS_STORED_KEY}"))
    if staged_table.has(key_column(staged_table)):
        return _without_repeats(connection, staged_table, rules, keys_elsewhere)
    return _with_broken_rule(staged_table, rules, staged_table.typed_view)


def _with_broken_rule(staged_table: StagedTable, rules: Sequence[RowRule], rows: str) -> str:
    cases = " ".join(f"WHEN {rule.broken_if} THEN {literal(rule.name)}" for rule in rules)
    broken_rule = f"CASE {cases} END AS __broken"
    if staged_table.spec.table.name == "customers":
        return f"SELECT t.*, {broken_rule} FROM {rows} t"
    codes = f"LEFT JOIN {CUSTOMER_CODES} c USING (customer_id)"
    return f"SELECT t.*, c.customer, {broken_rule} FROM {rows} t {codes}"


def key_column(staged_table: StagedTable) -> str:
    """Return the column that identifies a row of the table."""
    return "customer_id" if staged_table.spec.table.name == "customers" else "row_id"


def order_of_repeats(staged_table: StagedTable) -> str:
    """Return the SQL order of the rows with the same key; the first row in this order is kept.

    Rows are ordered by their time, then by the time at which they became known, then by their values in all
    columns, as the source gives them. So the order of the source and the number of threads do not change
    which row is kept.
    """
    names = [column.name for column in staged_table.columns if column.role == "known"]
    names += [f"{column.name}__raw" for column in staged_table.columns]
    return ", ".join(identifier(name) for name in [staged_table.spec.table.time, *names])


def _without_repeats(
    connection: duckdb.DuckDBPyConnection,
    staged_table: StagedTable,
    rules: Sequence[RowRule],
    keys_elsewhere: str | None,
) -> str:
    """Mark each good row as broken if an earlier good row has the same key.

    Only rows with a repeated key are stored in a temporary table and sorted. Keys are counted by their
    hashes, which take little memory. Different keys with the same hash are separated afterwards.
    """
    name, key = staged_table.spec.table.name, key_column(staged_table)
    repeated_keys, checked_rows = internal_name(f"repeated_{name}"), internal_name(f"checked_{name}")
    hashes = f"SELECT hash({key}) AS __key FROM {staged_table.typed_view} WHERE {key} IS NOT NULL"
    keys = f"{hashes} GROUP BY 1 HAVING count(*) > 1"
    if keys_elsewhere:
        keys = f"{keys} UNION SELECT hash({key}) FROM ({keys_elsewhere})"
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {repeated_keys} AS {keys}").fetchall()
    if not connection.execute(f"SELECT 1 FROM {repeated_keys} LIMIT 1").fetchall():
        return _with_broken_rule(staged_table, rules, staged_table.typed_view)
    is_repeated = f"coalesce(hash({key}) IN (SELECT __key FROM {repeated_keys}), false)"
    repeated_rows = f"(SELECT * FROM {staged_table.typed_view} WHERE {is_repeated})"
    unique_rows = f"(SELECT * FROM {staged_table.typed_view} WHERE NOT {is_repeated})"
    order = order_of_repeats(staged_table)
    is_later = f"row_number() OVER (PARTITION BY {key}, __broken IS NULL ORDER BY {order}) > 1"
    if keys_elsewhere:
        is_later = f"{is_later} OR {key} IN ({keys_elsewhere})"
    repeats = f"WHEN {is_later} THEN {literal(f'{key} is not repeated')}"
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {checked_rows} AS "
        f"SELECT * REPLACE (CASE WHEN __broken IS NOT NULL THEN __broken {repeats} END AS __broken) "
        f"FROM ({_with_broken_rule(staged_table, rules, repeated_rows)})"
    ).fetchall()
    checked_unique_rows = _with_broken_rule(staged_table, rules, unique_rows)
    return f"{checked_unique_rows} UNION ALL BY NAME SELECT * FROM {checked_rows}"
