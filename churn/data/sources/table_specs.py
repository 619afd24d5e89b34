"""The tables that params.yaml names, checked against the columns that each table may have."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from churn.data.tables import CANONICAL_TABLES, MOOD_TEXTS, Column, Table, events_table, history_table
from churn.errors import ParamsError, did_you_mean
from churn.params import OriginParams, Params, TableParams

RESERVED_NAMES = {
    *("customer", "customer_id", "cutoff", "left", "at", "day", "known_at", "known_day", "row_id", "kind"),
    *(
        "excluded_because",
        "churn_probability",
        "event_probability",
        "value_at_risk",
        "health",
        "play",
        "arm",
        "signed_up_at",
    ),
}
"""Names of this program's own columns, which no attribute may have."""


@dataclass(frozen=True)
class TableSpec:
    """A table that params.yaml names.

    Args:
        table: The contract of the table: its name and its columns.
        origin: Where the rows of the table come from: a table of the source, or a query.
        key: The table's key in the parameter file, such as `tables.orders`.
        file: The name of the parameter file, for messages.
        reads_mood: Whether the customers' mood is computed from the words that they wrote.
    """

    table: Table
    origin: OriginParams
    key: str
    file: str
    reads_mood: bool = False


def table_specs(params: Params) -> tuple[TableSpec, ...]:
    """Return the tables that params.yaml names, customers first.

    Raises:
        ParamsError: params.yaml gives a table a column that it may not have, gives an attribute a reserved
            name, or does not name a table that is needed. The error lists all mistakes.
    """
    problems = list(_problems(params))
    if problems:
        raise ParamsError(*(params.locate(problem) for problem in problems))
    specs = [
        TableSpec(
            _with_static(CANONICAL_TABLES[name], origin),
            origin,
            f"tables.{name}",
            params.file,
            reads_mood=params.signals.mood and name in MOOD_TEXTS,
        )
        for name, origin in params.tables.items()
    ]
    specs += _history_specs(params)
    specs += [
        TableSpec(events_table(name), origin, f"events.{name}", params.file)
        for name, origin in params.events.items()
    ]
    return tuple(sorted(specs, key=lambda spec: spec.table.name != "customers"))


def table_contracts(params: Params) -> dict[str, Table]:
    """Return the contract (name and columns) of each table in params.yaml, by the name of the table.

    Raises:
        ParamsError: See `table_specs`.
    """
    return {spec.table.name: spec.table for spec in table_specs(params)}


def _problems(params: Params) -> Iterator[str]:
    for name, origin in params.tables.items():
        yield from _column_problems(f"tables.{name}", _with_static(CANONICAL_TABLES[name], origin), origin)
        yield from _attribute_problems(f"tables.{name}", origin)
    for history in _history_specs(params):
        yield from _column_problems(history.key, history.table, history.origin)
    for name, events in params.events.items():
        yield from _column_problems(f"events.{name}", events_table(name), events)
    names = {*params.tables, *params.events}
    if params.label.table == "customers":
        yield "label.table is 'customers', which has no events. Name a table whose rows show who is active."
    if "customers" not in params.tables:
        yield "tables.customers is missing. Name a table with the id and the sign-up time of each customer."
    if params.label.core_table not in names:
        yield _label_table_problem(params, names - {"customers"})
    yield from _active_table_problems(params, names)


def _label_table_problem(params: Params, tables: set[str]) -> str:
    """Return the message for a label whose table is not in params.yaml; it suggests a label that works."""
    core, choices = params.label.core_table, ", ".join(sorted(tables)) or "those"
    if params.label.kind != "contract":
        return (
            f"label.table '{core}' is not among the tables.{did_you_mean(core, tables)} Name the table "
            f"under 'tables:' or 'events:', or set label.table to one of {choices}."
        )
    problem = f"label.kind contract needs '{core}', which is not among the tables. Name it under 'tables:'"
    if not tables:
        return f"{problem}."
    table = next((name for name in ("orders", "logins", "interactions") if name in tables), min(tables))
    days = params.label.horizon_days
    return (
        f"{problem}. If there are no contracts, use a label of inactivity and write the whole section as "
        f"label: {{kind: inactivity, table: {table}, horizon_days: {days}}}, where table is one of {choices}."
    )


def _active_table_problems(params: Params, names: set[str]) -> Iterator[str]:
    """For a label of an event, yield a problem if `active_in` names no table that can show who is active."""
    table = params.label.active_table if params.label.is_event else None
    if table == "customers":
        yield (
            "label.active_in is 'customers', which has no events. Name a table whose rows show who is active."
        )
    elif table is not None and table not in names:
        yield (
            f"label.active_in '{table}' is not among the tables.{did_you_mean(table, names)} Name a table "
            "whose events show who is active, or set label.among to all."
        )


def _history_specs(params: Params) -> Iterator[TableSpec]:
    customers = params.tables.get("customers")
    for name, origin in customers.history.items() if customers else ():
        key = f"tables.customers.history.{name}"
        yield TableSpec(history_table(name, origin.kind), origin, key, params.file)


def _column_problems(key: str, table: Table, origin: OriginParams) -> Iterator[str]:
    for name in origin.columns:
        if name not in table.names:
            column_key = f"{key}.columns.{name}"
            yield f"{column_key} is not a column of this table.{did_you_mean(name, table.names)}"
    for name in origin.missing:
        if name not in table.names:
            yield f"{key}.missing.{name} is not a column of this table.{did_you_mean(name, table.names)}"


def _attribute_problems(key: str, origin: TableParams) -> Iterator[str]:
    for section, names in (("static", origin.static), ("history", tuple(origin.history))):
        if names and key != "tables.customers":
            yield (
                f"{key}.{section}: only the table customers has attributes. Move this section to "
                "tables.customers."
            )
        for name in names:
            if name in RESERVED_NAMES or name.startswith(("__", "health_", "reason_")):
                yield (
                    f"{key}.{section}: '{name}' is reserved for churn's own columns. Map the source column "
                    "to an attribute with another name."
                )
    for name in origin.history:
        if name in origin.static:
            yield (
                f"{key}: '{name}' is under 'static' and under 'history'. Keep the entry under 'static' if "
                "the attribute never changes; otherwise keep the entry under 'history'."
            )


def _with_static(table: Table, origin: TableParams) -> Table:
    """Return the table with its static attributes as required columns."""
    columns = {column.name: column for column in table.columns}
    for name in origin.static:
        column = columns.get(name, Column(name, "text", "attribute"))
        columns[name] = replace(column, is_required=True)
    return Table(table.name, tuple(columns.values()))
