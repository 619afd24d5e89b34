"""Write the entries of params.yaml: which table of the source fills which table of churn, and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import duckdb

from churn.data.sql import identifier
from churn.data.tables import COST
from churn.init.match import (
    Match,
    assign_columns,
    quote_column,
    row_id_of,
)
from churn.init.match_notes import (
    cost_question,
    month_warnings,
    price_notes,
    result_warnings,
    second_clock_notes,
    unread_money_warnings,
)
from churn.init.name_patterns import (
    COLUMN_PATTERNS,
    NEVER_CHANGES,
    UNIT_PRICE,
    name_matches,
)
from churn.init.order_lines import OrderLines, find_order_lines, one_row_per_order, shared_id
from churn.init.source_table import KeyedTable, SourceColumn, id_of, id_sql, name_in, time_of

MAX_COLUMNS_LISTED = 12
"""How many unused columns a comment lists."""

MAX_FLAWED_SHARE = 0.03
"""A filter is written if more than this share of rows has no id, no time or a negative amount."""

MAX_EARLY_SHARE = 0.1
"""A warning is given if more than this share of rows lies before the sign-up, because some customers order as
guests first.
"""

TableBody = dict[str, Any]
"""The keys and values of one table in params.yaml."""


@dataclass
class Entry:
    """A table under `tables:` or `events:`, with the comments for the reader of params.yaml.

    Attributes:
        canonical: Whether the table goes under `tables:`; otherwise the table goes under `events:`.
        reason: Why the source's table was chosen for this entry, and how certain the choice is.
        first_rows_sql: SQL that gives the `customer_id` and the time `seen` of each row; customers are
            derived from these rows.
        warnings: The notes that the user has to see at once.
    """

    name: str
    canonical: bool
    body: TableBody
    reason: str
    notes: list[str] = field(default_factory=list)
    first_rows_sql: str = ""
    warnings: list[str] = field(default_factory=list)


def write_entry(
    connection: duckdb.DuckDBPyConnection, match: Match, dialect: str, customers: KeyedTable | None
) -> Entry:
    """Return the entry of params.yaml that fills one of churn's tables from a table of the source.

    Args:
        connection: The connection with the views of the tables.
        match: The source's table and the table that it fills; comments are added to the notes of the match.
        dialect: The SQL dialect of the source.
        customers: The table of customers; None if the source has none.
    """
    table = match.table
    if question := cost_question(connection, match, dialect):
        cost = match.columns[COST]
        questions = [cost.question, question] if cost.question else [question]
        match.columns[COST] = replace(cost, question="; ".join(questions))
    columns, time_format = _column_sql(match, dialect)
    lines = find_order_lines(connection, match)
    filters = _filters(connection, match, dialect, 0.0 if lines else MAX_FLAWED_SHARE)
    id_filters = _id_filters(connection, match, dialect, customers, lines)
    if lines:
        query = one_row_per_order(match, lines, columns, filters, id_filters, dialect)
        body: TableBody = {"query": query}
    else:
        filters = [*id_filters, *filters]
        body = {"from": table.name} if table.name != match.name else {}
        if table.query:
            query = " ".join([table.query, *(["where", " and ".join(filters)] if filters else [])])
            body = {"query": f"? {table.question}\n{query}" if table.question else query}
            filters = []
        body |= _columns_entry(columns)
        body |= {"where": " and ".join(filters)} if filters else {}
        row_id = row_id_of(match)
        if row_id is not None and row_id.name.lower() != "row_id":
            body["row_id"] = row_id.name
    if time_format:
        body["time_format"] = time_format
    body |= _missing_words(match, columns)
    if not table.complete:
        match.notes.append(f"only {table.rows:,} rows were read: check the dates below")
    used_names = {match.key.name, body.get("row_id"), *(column.name for column in match.columns.values())}
    used_names |= {lines.number.name} if lines else set()
    match.notes.extend(second_clock_notes(connection, match))
    match.notes.extend(price_notes(connection, match))
    match.warnings.extend(month_warnings(match, dialect))
    match.warnings.extend(unread_money_warnings(connection, match))
    match.warnings.extend(result_warnings(connection, match, dialect))
    if unused_names := [column.name for column in table.columns if column.name not in used_names]:
        match.notes.append(f"not used: {_list_names(unused_names)}")
    sql = _first_rows_sql(match, columns, dialect, [] if lines and lines.share_id else id_filters)
    return Entry(match.name, match.canonical, body, _reason(match), match.notes, sql, match.warnings)


def open_questions(body: TableBody) -> list[str]:
    """Return the questions to the user in a table's entry, each as `key: question`."""
    values = {f"columns.{name}": sql for name, sql in body.get("columns", {}).items()}
    values |= {key: body[key] for key in ("time_format", "query") if key in body}
    histories = body.get("history", {})
    for name, entry in histories.items():
        values |= {f"history.{name}": entry.get("time_format", "")}
        values |= {f"history.{name}.query": entry.get("query", "")}
    questions = {key: sql.splitlines()[0] for key, sql in values.items() if sql.startswith("?")}
    return [f"{key}: {question.removeprefix('? ')}" for key, question in questions.items()]


def _columns_entry(columns: Mapping[str, str]) -> TableBody:
    """Return the part `columns:` of an entry; columns with canonical names in the source are left out."""
    other_names = {name: sql for name, sql in columns.items() if sql.lower() != name}
    return {"columns": other_names} if other_names else {}


def _list_names(names: Sequence[str]) -> str:
    return ", ".join([*names[:MAX_COLUMNS_LISTED], *(["…"] if len(names) > MAX_COLUMNS_LISTED else [])])


def customers_from_table(
    connection: duckdb.DuckDBPyConnection, customers: KeyedTable, dialect: str
) -> Entry | None:
    """Return the entry for the customers from a table of customers; None if the table lacks sign-up dates."""
    table, key = customers
    match = assign_columns(connection, Match("customers", table, key, True))
    signed_up_at = match.columns.get("signed_up_at")
    if signed_up_at is None or signed_up_at.filled_share < 1 - MAX_FLAWED_SHARE:
        return None
    columns, time_format = _column_sql(match, dialect)
    body: TableBody = {"from": table.name} if table.name != "customers" else {}
    if table.query:
        body = {"query": f"? {table.question}\n{table.query}" if table.question else table.query}
    body |= _columns_entry(columns)
    body |= {"time_format": time_format} if time_format else {}
    body |= _missing_words(match, columns)
    used_names = {column.name for column in match.columns.values()} | {key.name}
    attributes = [
        column.name
        for column in table.columns
        if column.name not in used_names and column.distinct <= 1000 and column.kind != "time"
    ]
    static = [name for name in attributes if name_matches(name, NEVER_CHANGES)]
    notes = list(match.notes)
    if static:
        notes.append(f"if they never change, let the model use them: static: [{', '.join(static)}]")
    changing = [name for name in attributes if name not in static]
    if changing:
        notes.append(f"not used: they may change, and there is no history of them: {_list_names(changing)}")
    return Entry("customers", True, body, _reason(match), notes)


def early_rows(
    connection: duckdb.DuckDBPyConnection, customers: KeyedTable, matches: Sequence[Match]
) -> Iterator[str]:
    """Yield a warning for each table with many rows before the sign-up of their customer."""
    table, key = customers
    signed_up_at = assign_columns(connection, Match("customers", table, key, True)).columns["signed_up_at"]
    people = f"SELECT {id_of(key)} AS id, {time_of(signed_up_at)} AS signed_up FROM {table.view}"
    # A day has no time of day.
    is_early = "seen < signed_up AND (seen <> seen::DATE OR seen < signed_up::DATE)"
    for match in matches:
        row = connection.execute(
            f"SELECT count(*), count(*) FILTER ({is_early}) "
            f"FROM (SELECT {id_of(match.key)} AS id, {time_of(match.time)} AS seen FROM {match.table.view}) "
            f"JOIN ({people}) USING (id)"
        ).fetchone()
        n_rows, n_early = row or (0, 0)
        if n_early > MAX_EARLY_SHARE * n_rows:
            yield (
                f"{n_early:,} of {n_rows:,} rows of {match.table.name} lie before the sign-up "
                f"({signed_up_at.name}) of their customer. At a cutoff before the sign-up, the customer is "
                "neither scored nor used in the training. The sign-up may be the day on which customers were "
                "moved from an older system. Map signed_up_at to the time when the customer first appears in "
                f"the data. For example, a query can take the earlier of {signed_up_at.name} and the first "
                f"row of {match.table.name}"
            )


def customers_from_events(
    entries: Sequence[Entry], customers: KeyedTable | None, key_names: Sequence[str]
) -> Entry:
    """Return the entry of `customers`, made from the rows of all other tables.

    The sign-up of a customer is the time of the first row with this customer's id.

    Args:
        entries: All entries except the entry of `customers`.
        customers: The table of customers, which has no sign-up; None if there is no such table.
        key_names: The names of the columns with ids of customers, which the reason of the entry lists.
    """
    rows = "\n  union all ".join(entry.first_rows_sql for entry in entries)
    query = (
        f"select customer_id, min(seen) as signed_up_at\nfrom (\n  {rows}\n) as everything\n"
        "group by customer_id"
    )
    if "'FORMAT'" in rows:
        question = "? write the format of the times in place of FORMAT, and remove this line"
        query = f"{question}\n{query}"
    cause = (
        f"{customers.table.name} has no date of sign-up" if customers else "there is no table of customers"
    )
    names = " or ".join(dict.fromkeys(key_names))
    reason = f"a guess: {cause}, so each customer starts with the first row"
    reason += f"; the id is {names}" if names else ""
    return Entry("customers", True, {"query": query}, reason)


def _first_rows_sql(match: Match, columns: Mapping[str, str], dialect: str, id_filters: Sequence[str]) -> str:
    """Return the SQL that selects the customer and the time of each row that has a customer.

    Args:
        match: The matched table.
        columns: The SQL of each canonical column, by the column's name.
        dialect: The SQL dialect of the source.
        id_filters: Conditions on the customer's id; rows that do not meet them are left out.
    """
    key, time = (quote_column(match, columns, name, dialect) for name in ("customer_id", match.target.time))
    if match.time.time_format and dialect == "duckdb":
        time_format = "FORMAT" if match.time.question else match.time.time_format
        text = time if match.time.low is None else f"cast({time} as varchar)"  # days like 20240131
        time = f"strptime({text}, '{time_format}')"
    has_id = [] if match.key.filled_share == 1 else [f"{key} is not null"]
    filters = list(dict.fromkeys([*has_id, *id_filters]))
    where = f" where {' and '.join(filters)}" if filters else ""
    customer_id = key if key == "customer_id" else f"{key} as customer_id"
    return f"select {customer_id}, {time} as seen from {match.table.origin(dialect)}{where}"


def _column_sql(match: Match, dialect: str) -> tuple[dict[str, str], str | None]:
    """Return the SQL of each canonical column, and the format of times that are text.

    A table has a single time format, so time columns with another format are not used.
    """
    formats = {c.time_format for c in match.columns.values() if c.kind == "time" and c.time_format}
    time_format = match.time.time_format or next(iter(sorted(formats)), None)
    key = match.key
    columns = {"customer_id": id_sql(key, dialect) if key.spelling else key.sql or key.name}
    columns |= _empty_columns(match)
    for name, column in list(match.columns.items()):
        if column.kind == "time" and column.time_format not in (None, time_format):
            match.notes.append(f"{column.name} is not used: it has another time format")
            continue
        target = match.target.column(name)
        is_number = target is not None and target.type in ("money", "number")
        is_open = column.kind == "number" and column.question and is_number
        columns[name] = f"? {column.question}" if is_open else column.sql or column.name
    if "amount" in columns and "units" in columns and name_matches(match.columns["amount"].name, UNIT_PRICE):
        units, price = match.columns["units"], match.columns["amount"]
        factors = [_number_sql(column, dialect) for column in (units, price)]
        columns["amount"] = " * ".join(factors)
        if question := units.question or price.question:
            columns["amount"] = f"? {question}; the amount is {columns['amount']}"
        match.notes.append(f"{price.name} is read as the price of one piece")
    times = [column for column in match.columns.values() if column.kind == "time"]
    question = next((column.question for column in times if column.question), None)
    return columns, f"? {question}" if question else time_format


def _number_sql(column: SourceColumn, dialect: str) -> str:
    """Return the SQL of a column that is to be multiplied; if its numbers are text, the SQL casts them."""
    sql = column.sql or name_in(column.name, dialect)
    return f"cast({sql} as double precision)" if column.number else sql


def _missing_words(match: Match, columns: Mapping[str, str]) -> TableBody:
    """Return the part `missing:` of an entry; add a note on each column that has words for "no value"."""
    words: dict[str, list[str]] = {}
    for name, column in match.columns.items():
        if name in columns and column.missing:
            words[name] = [word for word, _ in column.missing]
            counts = ", ".join(f"'{word}' in {count:,} rows" for word, count in column.missing)
            match.notes.append(f"{column.name} has no value where it says {counts}")
    return {"missing": words} if words else {}


def _empty_columns(match: Match) -> dict[str, str]:
    """Return the canonical columns to leave empty: source columns with the same names hold something else."""
    by_name = {column.name.lower(): column for column in match.table.columns}
    empty = {}
    for target in match.target.columns:
        sql_type = {"instant": "date", "boolean": "boolean", "text": "", "level": ""}.get(
            target.type, "double precision"
        )
        column = by_name.get(target.name)
        if sql_type and column and column.filled_share and target.name not in match.columns:
            empty[target.name] = f"cast(null as {sql_type})"
            match.notes.append(f"its column {target.name} is not used: it holds something else")
    return empty


def _reason(match: Match) -> str:
    """Return why a table was matched; the first word is how certain that is: sure, likely or a guess."""
    if match.reason:
        return match.reason
    if match.table.parts:
        return f"likely: one table from its parts {', '.join(match.table.parts)}, which have the same columns"
    if match.table.query:
        return "likely: another table, which its rows point to, has the customer"
    exact = [name for name, column in match.columns.items() if column.name.lower() == name]
    if match.table.name == match.name and match.target.time in exact:
        return "sure: it has the canonical names"
    pattern = COLUMN_PATTERNS.get(match.name, {}).get(match.target.time)
    time_fits = pattern is not None and name_matches(match.time.name, pattern, match.table.name)
    if match.name == "customers":
        return "likely: one row for each id, and the other tables hold these ids"
    if match.canonical and match.by_name:
        if time_fits or exact:
            return "likely: by its name and columns"
        return "likely: by its name; check the time"
    return "a guess: by its columns" if match.canonical else "counted as events of its own"


def _filters(
    connection: duckdb.DuckDBPyConnection, match: Match, dialect: str, max_negative_share: float
) -> list[str]:
    """Return the SQL conditions that exclude rows with unusable values.

    If more than `MAX_FLAWED_SHARE` of the rows have no time, these rows are excluded. If more than
    `max_negative_share` of the rows have a negative amount or number of pieces, these rows are excluded; a
    note says so.
    """
    filters = []
    if match.time.filled_share < 1 - MAX_FLAWED_SHARE:
        filters.append(f"{name_in(match.time.name, dialect)} is not null")
    for name, bound in (("units", "> 0"), ("amount", ">= 0")):
        column = match.columns.get(name)
        if column is None or (column.low or 0) >= 0 or column.sql:
            continue
        if _negative_share(connection, match, column) > max_negative_share:
            filters.append(f"{name_in(column.name, dialect)} {bound}")
            match.notes.append(f"only rows with {column.name} {bound} are used: no returns, no corrections")
    return filters


def _id_filters(
    connection: duckdb.DuckDBPyConnection,
    match: Match,
    dialect: str,
    customers: KeyedTable | None,
    lines: OrderLines | None,
) -> list[str]:
    """Return the SQL conditions that exclude rows in which the customer's id is missing or unknown.

    Rows without an id are excluded if they are more than `MAX_FLAWED_SHARE` of all rows. Rows with an unknown
    id (not in the table of customers) are excluded if they are more than `MAX_FLAWED_SHARE` of the rows with
    an id.

    In a table with lines of orders, some lines may lack the id that another line of the same order has. If
    so, the first rule does not apply. Instead, every line gets the id of its order, and all orders without
    any id are excluded, even if there is only one such order.

    Args:
        connection: The connection with the views of the tables.
        match: The matched table; comments on it are added to its notes.
        dialect: The SQL dialect of the source.
        customers: The table of customers; None if the source has none.
        lines: What all lines of an order have in common, such as the order's number; None if the rows are
            not lines of orders.
    """
    key = id_sql(match.key, dialect)
    filters = []
    if lines and lines.share_id:
        key = shared_id(match, dialect)
        filters.append(f"{key} is not null")
    elif match.key.filled_share < 1 - MAX_FLAWED_SHARE:
        has_id = key if match.key.spelling else name_in(match.key.name, dialect)
        filters.append(f"{has_id} is not null")
    if customers is None or customers.table is match.table:
        return filters
    if _unknown_id_share(connection, match, customers) > MAX_FLAWED_SHARE:
        home = customers.table.name
        ids = f"select {id_sql(customers.key, dialect)} from {customers.table.origin(dialect)}"
        filters.append(f"{key} in ({ids})")
        match.notes.append(f"only rows of customers in {home} are used")
        match.warnings.append(_unknown_ids(connection, match, customers))
    return filters


def _negative_share(connection: duckdb.DuckDBPyConnection, match: Match, column: SourceColumn) -> float:
    row = connection.execute(
        f"SELECT avg((TRY_CAST({identifier(column.name)} AS DOUBLE) < 0)::INTEGER) FROM {match.table.view}"
    ).fetchone()
    return float(row[0] or 0.0) if row else 0.0


def _unknown_ids(connection: duckdb.DuckDBPyConnection, match: Match, customers: KeyedTable) -> str:
    """Return how many rows are left out because their ids are not in the table of customers."""
    ids = f"SELECT {id_of(customers.key)} FROM {customers.table.view}"
    rows = connection.execute(
        f"SELECT {id_of(match.key)} AS id, count(*), sum(count(*)) OVER () FROM {match.table.view} "
        f"WHERE {id_of(match.key)} NOT IN ({ids}) GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 3"
    ).fetchall()
    examples = ", ".join(f"'{id}' in {count:,} rows" for id, count, _ in rows)
    return (
        f"{int(rows[0][2]):,} of {match.table.rows:,} rows have an id in {match.key.name} that is not in "
        f"{customers.table.name} ({examples}): they are left out"
    )


def _unknown_id_share(connection: duckdb.DuckDBPyConnection, match: Match, customers: KeyedTable) -> float:
    """Return the share of rows with an id that is not in the table of customers, in `[0, 1]`."""
    ids = f"SELECT {id_of(customers.key)} FROM {customers.table.view}"
    row = connection.execute(
        f"SELECT avg(({id_of(match.key)} NOT IN ({ids}))::INTEGER) "
        f"FROM {match.table.view} WHERE {id_of(match.key)} IS NOT NULL"
    ).fetchone()
    return float(row[0] or 0.0) if row else 0.0
