"""One table of params.yaml: where its rows come from, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb

from churn.init.columns import Column, id_of, name_in
from churn.init.filters import FEW, filters_for
from churn.init.look import Table
from churn.init.match import Match, assigned, row_id_of
from churn.init.words import COLUMNS, NEVER_CHANGES, ORDER_ID, UNIT_PRICE, says

SHOWN = 12
"""So many columns are listed as not used."""


@dataclass
class Entry:
    """A table under `tables:` or `events:`, with what a reader should know of the guess."""

    name: str
    canonical: bool
    body: dict[str, Any]
    why: str
    notes: list[str] = field(default_factory=list)
    seen: str = ""
    """The SQL of `customer_id` and `seen` of each row, from which customers can be made."""


def entry_of(
    connection: duckdb.DuckDBPyConnection, match: Match, dialect: str, home: tuple[Table, Column] | None
) -> Entry:
    """Return what params.yaml says of a match."""
    table = match.table
    columns, time_format = _columns(match, dialect)
    number = _order_number(connection, match)
    filters = filters_for(connection, match, dialect, home, FEW if number is None else 0.0)
    if number is not None:
        query = _one_row_per_order(match, number, columns, filters, dialect)
        body: dict[str, Any] = {"query": query}
        match.notes.append(f"rows are lines of orders: one row is made of those with the same {number.name}")
    else:
        body = {"from": table.name} if table.name != match.name else {}
        if table.query:
            body = {"query": " ".join([table.query, *(["where", " and ".join(filters)] if filters else [])])}
            filters = []
        mapped = {name: sql for name, sql in columns.items() if sql.lower() != name}
        body |= {"columns": mapped} if mapped else {}
        body |= {"where": " and ".join(filters)} if filters else {}
        row_id = row_id_of(match)
        if row_id is not None and row_id.name.lower() != "row_id":
            body["row_id"] = row_id.name
    if time_format:
        body["time_format"] = time_format
    if not table.whole:
        match.notes.append(f"only {table.rows:,} rows were looked at: are the dates below right?")
    taken = {match.key.name, body.get("row_id"), *(column.name for column in match.columns.values())}
    taken |= {number.name} if number else set()
    if unused := [column.name for column in table.columns if column.name not in taken]:
        match.notes.append(f"not used: {', '.join(unused[:SHOWN])}{', …' if len(unused) > SHOWN else ''}")
    return Entry(match.name, match.canonical, body, _why(match), match.notes, _seen(match, columns, dialect))


def mapped_customers(
    connection: duckdb.DuckDBPyConnection, home: tuple[Table, Column], dialect: str
) -> Entry | None:
    """Return the customers as their own table says; None where it does not say since when they are there."""
    table, key = home
    match = assigned(connection, Match("customers", table, key, True))
    since = match.columns.get("signed_up_at")
    if since is None or since.filled < 1 - FEW:
        return None
    columns, time_format = _columns(match, dialect)
    body: dict[str, Any] = {"from": table.name} if table.name != "customers" else {}
    mapped = {name: sql for name, sql in columns.items() if sql.lower() != name}
    body |= {"columns": mapped} if mapped else {}
    body |= {"time_format": time_format} if time_format else {}
    taken = {column.name for column in match.columns.values()} | {key.name}
    rest = [c.name for c in table.columns if c.name not in taken and c.distinct <= 1000 and c.kind != "time"]
    steady = [name for name in rest if says(name, NEVER_CHANGES)]
    notes = list(match.notes)
    if steady:
        notes.append(f"if they never change, let the model use them: static: [{', '.join(steady)}]")
    moving = [name for name in rest if name not in steady]
    if moving:
        shown = f"{', '.join(moving[:SHOWN])}{', …' if len(moving) > SHOWN else ''}"
        notes.append(f"not used, as they may change and have no history here: {shown}")
    return Entry("customers", True, body, _why(match), notes)


def derived_customers(entries: Sequence[Entry], home: tuple[Table, Column] | None) -> Entry:
    """Return the customers as everybody of whom something is told, since their first row."""
    rows = "\n  union all ".join(entry.seen for entry in entries)
    query = (
        f"select customer_id, min(seen) as signed_up_at\nfrom (\n  {rows}\n) as everything\n"
        "group by customer_id"
    )
    lacking = f"{home[0].name} does not say since when" if home else "no table holds a row for each"
    return Entry(
        "customers", True, {"query": query}, f"a guess: {lacking}, so everybody since their first row"
    )


def _seen(match: Match, columns: Mapping[str, str], dialect: str) -> str:
    key, at = (_in_sql(match, columns, name, dialect) for name in ("customer_id", match.contract.time))
    if match.time.time_format and dialect == "duckdb":
        at = f"strptime({at}, '{match.time.time_format}')"
    where = f" where {key} is not null" if match.key.filled < 1 else ""
    named = key if key == "customer_id" else f"{key} as customer_id"
    table = name_in(match.table.name, dialect)
    origin = f"({match.table.query}) as {table}" if match.table.query else table
    return f"select {named}, {at} as seen from {origin}{where}"


def _in_sql(match: Match, columns: Mapping[str, str], name: str, dialect: str) -> str:
    """Return the SQL of a canonical column, its name quoted where it has to be."""
    said = columns[name]
    column = match.key if name == "customer_id" else match.columns.get(name)
    return name_in(said, dialect) if column and said == column.name else said


def _columns(match: Match, dialect: str) -> tuple[dict[str, str], str | None]:
    """Return the SQL of each canonical column, and the form of the times that are text.

    One form serves a table: columns of times in another are left out.
    """
    forms = {c.time_format for c in match.columns.values() if c.kind == "time" and c.time_format}
    time_format = match.time.time_format or next(iter(sorted(forms)), None)
    columns = {"customer_id": match.key.sql or match.key.name} | _hidden(match)
    for name, column in list(match.columns.items()):
        if column.kind == "time" and column.time_format not in (None, time_format):
            match.notes.append(f"{column.name} is written in another form of time, so it is not taken")
            continue
        columns[name] = column.sql or column.name
    if "amount" in columns and "units" in columns and says(match.columns["amount"].name, UNIT_PRICE):
        units, price = match.columns["units"], match.columns["amount"]
        columns["amount"] = f"{name_in(units.name, dialect)} * {name_in(price.name, dialect)}"
        match.notes.append(f"{price.name} is taken for the price of one")
    return columns, time_format


def _hidden(match: Match) -> dict[str, str]:
    """Return what keeps a column from being taken for the canonical one whose name it has."""
    there = {column.name.lower(): column for column in match.table.columns}
    hidden = {}
    for wanted in match.contract.columns:
        kind = {"instant": "date", "boolean": "boolean", "text": "", "level": ""}.get(
            wanted.type, "double precision"
        )
        if kind and wanted.name in there and wanted.name not in match.columns and there[wanted.name].filled:
            hidden[wanted.name] = f"cast(null as {kind})"
            match.notes.append(f"its column {wanted.name} does not hold what is meant by this name here")
    return hidden


def _order_number(connection: duckdb.DuckDBPyConnection, match: Match) -> Column | None:
    """Return the column whose equal values mean one order, where rows are its lines."""
    if match.name != "orders" or match.table.query:
        return None
    for column in match.table.columns:
        if column.unique or column.filled < 0.9 or not says(column.name, ORDER_ID):
            continue
        row = connection.execute(
            "SELECT count(DISTINCT o), count(DISTINCT (o, c)), count(*) FROM (SELECT "
            f"{id_of(column)} AS o, {id_of(match.key)} AS c FROM {match.table.view}) WHERE c IS NOT NULL"
        ).fetchone()
        orders, pairs, rows = row or (0, 0, 0)
        if orders and pairs <= 1.01 * orders and rows > 1.1 * orders:
            return column
    return None


def _one_row_per_order(
    match: Match, number: Column, columns: Mapping[str, str], filters: Sequence[str], dialect: str
) -> str:
    def sql(name: str) -> str:
        return _in_sql(match, columns, name, dialect)

    key = name_in(match.key.name, dialect)
    order = name_in(number.name, dialect)
    chosen = [f"{key} as customer_id", f"min({sql('ordered_at')}) as ordered_at", f"{order} as row_id"]
    chosen += [f"sum({sql(name)}) as {name}" for name in ("amount", "units") if name in columns]
    discount = match.columns.get("discount")
    if discount is not None and (discount.low or 0) >= 0 and "discount" in columns:
        chosen.append(f"sum({sql('discount')}) as discount")
    where = f"\nwhere {' and '.join(filters)}" if filters else ""
    table = name_in(match.table.name, dialect)
    return f"select {', '.join(chosen)}\nfrom {table}{where}\ngroup by {key}, {order}"


def _why(match: Match) -> str:
    if match.table.query:
        return "likely: the customer stands in the table that its rows name"
    exact = [name for name, column in match.columns.items() if column.name.lower() == name]
    if match.table.name == match.name and match.contract.time in exact:
        return "sure: names as they should be"
    words = COLUMNS.get(match.name, {})
    by_word = match.contract.time in words and says(
        match.time.name, words[match.contract.time], match.table.name
    )
    if match.name == "customers":
        return "likely: a row for each id, and the other tables hold these ids"
    if match.canonical and match.named:
        return (
            "likely: by its name and columns" if by_word or exact else "likely: by its name; look at the time"
        )
    return "a guess: by its columns" if match.canonical else "counted as events of its own"
