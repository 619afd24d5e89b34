"""Which tables params.yaml asks for, and whether they can be had as it says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from churn.data.tables import CANONICAL_TABLES, Column, Table, events_table, history_table
from churn.errors import ParamsError, did_you_mean
from churn.params import OriginParams, Params, TableParams


@dataclass(frozen=True)
class TableSpec:
    """A table that is asked for: its contract, where it comes from, and at which place of which file."""

    table: Table
    origin: OriginParams
    place: str
    file: str


def table_specs(params: Params) -> tuple[TableSpec, ...]:
    """Return the tables that params.yaml names, customers first.

    Raises:
        ParamsError: a column name is not canonical, or a needed table is not named; all at once.
    """
    problems = list(_problems(params))
    if problems:
        raise ParamsError(*(params.locate(problem) for problem in problems))
    file, tables, events = params.file, params.tables.items(), params.events.items()
    named = [
        TableSpec(_with_static(CANONICAL_TABLES[name], one), one, f"tables.{name}", file)
        for name, one in tables
    ]
    named += list(_histories(params))
    named += [TableSpec(events_table(name), one, f"events.{name}", file) for name, one in events]
    return tuple(sorted(named, key=lambda wanted: wanted.table.name != "customers"))


def _problems(params: Params) -> Iterator[str]:
    for name, origin in params.tables.items():
        yield from _column_problems(f"tables.{name}", _with_static(CANONICAL_TABLES[name], origin), origin)
        yield from attribute_problems(f"tables.{name}", origin)
    for history in _histories(params):
        yield from _column_problems(history.place, history.table, history.origin)
    for name, events in params.events.items():
        yield from _column_problems(f"events.{name}", events_table(name), events)
    names = {*params.tables, *params.events}
    if params.label.table == "customers":
        yield "label.table 'customers' holds no events; name the table that tells who is here."
    if "customers" not in params.tables:
        yield "tables.customers is missing; every customer must be known by id and sign-up time."
    if params.label.core_table not in names:
        yield _no_core_table(params, names - {"customers"})


def _no_core_table(params: Params, others: set[str]) -> str:
    """Say that the table of the label is not there; a contract label becomes another kind in one go."""
    core, taken = params.label.core_table, ", ".join(sorted(others)) or "those"
    if params.label.kind == "inactivity":
        return (
            f"label.table '{core}' is not among the tables.{did_you_mean(core, others)} Name it "
            f"under 'tables:' or 'events:', or take one of {taken}."
        )
    words = f"label.kind contract needs '{core}', which is not mapped. Name it under 'tables:'"
    if not others:
        return f"{words}."
    table = next((name for name in ("orders", "logins", "interactions") if name in others), min(others))
    days = params.label.horizon_days
    return (
        f"{words}; or, without contracts, let silence mean leaving and write the whole section as label: "
        f"{{kind: inactivity, table: {table}, horizon_days: {days}}}, where table is one of {taken}."
    )


def _histories(params: Params) -> Iterator[TableSpec]:
    customers = params.tables.get("customers")
    for name, origin in customers.history.items() if customers else ():
        place = f"tables.customers.history.{name}"
        yield TableSpec(history_table(name, origin.kind), origin, place, params.file)


def _column_problems(place: str, table: Table, origin: OriginParams) -> Iterator[str]:
    names = table.names
    for name in origin.columns:
        if name not in names:
            what = f"{place}.columns.{name}"
            yield f"{what} is not a column of this table.{did_you_mean(name, names)}"


def _with_static(table: Table, origin: TableParams) -> Table:
    """Return the table with its static attributes, which the source must have."""
    columns = {column.name: column for column in table.columns}
    for name in origin.static:
        known = columns.get(name, Column(name, "text", "attribute"))
        columns[name] = replace(known, required=True)
    return Table(table.name, tuple(columns.values()))


RESERVED_NAMES = {
    *("customer", "customer_id", "cutoff", "left", "at", "day", "known_at", "known_day", "row_id", "kind"),
    *("excluded_because", "churn_probability", "value_at_risk", "health", "play", "arm", "signed_up_at"),
}
"""Names of our own columns, which an attribute may not take."""


def attribute_problems(place: str, origin: TableParams) -> Iterator[str]:
    """Yield what is wrong with the attributes of a table, whose place in params.yaml is `place`."""
    for key, names in (("static", origin.static), ("history", tuple(origin.history))):
        if names and place != "tables.customers":
            yield f"{place}.{key}: only customers has attributes."
        for name in names:
            if name in RESERVED_NAMES or name.startswith(("__", "health_", "reason_")):
                where = f"{place}.{key}: '{name}'"
                yield f"{where} is a column of our own; map it under another name."
    for name in origin.history:
        if name in origin.static:
            yield (
                f"{place}: '{name}' stands under 'static' and under 'history'. "
                "Keep 'static' if it never changes, else 'history'."
            )
