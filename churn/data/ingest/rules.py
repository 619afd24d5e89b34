"""The rules that every row of a table must keep, as SQL that is true when one is broken."""

from __future__ import annotations

from churn.data.ingest.staging import Staged
from churn.data.sql import quoted
from churn.data.tables import LARGEST, UNITS_PER, Column

EARLIEST = "TIMESTAMP '1970-01-02'"
"""Epoch zero is what a broken clock writes; nothing that old is a customer's event."""

AHEAD_DAYS = 366
"""How far beyond the data's present a row's own time may lie (bills fall due) before it is a clock error."""

NOT_EARLIER = ("emails", "tickets", "surveys", "subscriptions")
"""Tables whose outcomes cannot lie before the row's own time; a bill may be paid before it is due."""


def rules_of(staged: Staged, present: str | None) -> list[tuple[str, str]]:
    """List `(rule, SQL true when broken)`; the first broken rule names the reject.

    `present` is the date around which the data end, or None where nothing is known of it. The SQL names the
    typed row `t` and the customer's code `c`.
    """
    table = staged.wanted.table
    rules = [("customer_id is present", "t.customer_id IS NULL")]
    for column in staged.mapped:
        rules += _column_rules(column, present)
    if table.name in NOT_EARLIER or table.is_history:
        for column in staged.mapped:
            if column.role == "outcome":
                rules.append(
                    (f"{column.name} is not before {table.time}", f"t.{column.name} < t.{table.time}")
                )
    if table.name != "customers":
        rules.append(("customer_id is in customers", "c.customer IS NULL"))
    return rules


def _column_rules(column: Column, present: str | None) -> list[tuple[str, str]]:
    name, said = f"t.{quoted(column.name)}", f"t.{quoted(column.name + '__said')}"
    rules: list[tuple[str, str]] = []
    if column.type == "instant":
        if column.required:
            rules.append((f"{column.name} is present", f"{said} IS NULL"))
        rules.append((f"{column.name} is a time", f"{said} IS NOT NULL AND {name} IS NULL"))
        rules.append((f"{column.name} is after 1970-01-01", f"{name} < {EARLIEST}"))
        if present and column.role in ("time", "known"):
            limit = f"DATE '{present}' + {AHEAD_DAYS}"
            rules.append((f"{column.name} is at most a year ahead", f"{name} > {limit}"))
    elif column.type in UNITS_PER:
        if column.required and not column.may_be_emptied:
            rules.append((f"{column.name} is present", f"{said} IS NULL"))
        unreadable = f"{said} IS NOT NULL AND coalesce(NOT isfinite({name}), true)"
        rules.append((f"{column.name} is a number", unreadable))
        low, high = column.bounds or (-LARGEST, LARGEST)
        stated = f"at least {low:g}" if high >= LARGEST else f"between {low:g} and {high:g}"
        rules.append((f"{column.name} is {stated}", f"NOT ({name} BETWEEN {low!r} AND {high!r})"))
    elif column.type == "boolean":
        rules.append((f"{column.name} is true or false", f"{said} IS NOT NULL AND {name} IS NULL"))
    return rules
