"""Find tables whose rows are lines of orders, and write one row for each order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import duckdb

from churn.data.sql import identifier
from churn.init.match import Match, quote_column
from churn.init.name_patterns import ORDER_ID, ORDER_NAME, UNIT_PRICE, name_matches
from churn.init.parts import REMOVE_LINE
from churn.init.source_table import SourceColumn, id_of, id_sql, name_in, time_of

MIN_EQUAL_SHARE = 0.99
"""A column repeats the total of an order if all lines have equal values in at least this share of the orders.
"""

MIN_DIFFERENT_TOTALS = 20
"""A column that repeats the total of an order must have at least this many different values."""


@dataclass(frozen=True)
class OrderLines:
    """Which lines belong to the same order, and how they become one row.

    Attributes:
        number: The column with the number of the order.
        totals: The canonical columns that repeat the total of the order in each line, so that they are not
            summed.
        share_id: Whether a line without the customer's id gets this id from another line of its order.
    """

    number: SourceColumn
    totals: tuple[str, ...]
    share_id: bool


def find_order_lines(connection: duckdb.DuckDBPyConnection, match: Match) -> OrderLines | None:
    """Return which lines belong to the same order; None if the rows are not lines of orders.

    Args:
        connection: The connection with the views of the tables.
        match: The matched table; what is found about its lines is added to `match.notes`.
    """
    number = _order_number(connection, match)
    if number is None:
        return None
    totals = tuple(name for name in ("amount", "discount") if _is_total(connection, match, number, name))
    share_id = _lines_share_id(connection, match, number)
    if share_id:
        match.notes.append(f"lines without {match.key.name} get it from another line of their order")
    match.notes.append(f"its rows are lines of orders: lines with the same {number.name} become one row")
    return OrderLines(number, totals, share_id)


def _order_number(connection: duckdb.DuckDBPyConnection, match: Match) -> SourceColumn | None:
    """Return the column with the number of an order, if the rows of the table are lines of orders."""
    if match.name != "orders" or (match.table.query and not match.table.parts):
        return None
    for column in match.table.columns:
        is_number = name_matches(column.name, ORDER_ID)
        if column.unique or column.filled_share < 0.9 or column.name == match.key.name:
            continue
        if not is_number and (column.kind == "time" or not name_matches(column.name, ORDER_NAME)):
            continue
        row = connection.execute(
            "SELECT count(DISTINCT o), count(DISTINCT (o, c)), count(DISTINCT (o, t)), count(*) FROM (SELECT "
            f"{id_of(column)} AS o, {time_of(match.time)} AS t, "
            f"coalesce({id_of(match.key)}, max({id_of(match.key)}) OVER (PARTITION BY {id_of(column)})) AS c "
            f"FROM {match.table.view}) WHERE c IS NOT NULL"
        ).fetchone()
        orders, pairs, times, rows = row or (0, 0, 0, 0)
        has_one_time = is_number or times <= 1.01 * orders  # the name of a person occurs again at other times
        if orders and pairs <= 1.01 * orders and rows > 1.1 * orders and has_one_time:
            return column
    return None


def _lines_share_id(connection: duckdb.DuckDBPyConnection, match: Match, number: SourceColumn) -> bool:
    """Return whether some lines lack the customer's id, but another line of the same order has it.

    The answer is no if an order has two different ids of customers.
    """
    key = id_of(match.key)
    row = connection.execute(
        "SELECT max(n_ids) = 1 AND bool_or(has_gap AND n_ids = 1) "
        f"FROM (SELECT count(DISTINCT {key}) AS n_ids, count(*) > count({key}) AS has_gap "
        f"FROM {match.table.view} GROUP BY {id_of(number)})"
    ).fetchone()
    return bool(row and row[0])


def _is_total(connection: duckdb.DuckDBPyConnection, match: Match, number: SourceColumn, name: str) -> bool:
    """Return whether a column repeats the total of an order in each of its lines; if so, a note is added.

    Totals have many different values over all orders, so a column with few values does not count as a total.
    Such a column may hold the price of one piece. This price, too, can be equal in all lines of an order.
    """
    column = match.columns.get(name)
    if column is None or column.sql or column.question or name_matches(column.name, UNIT_PRICE):
        return False
    value = f"TRY_CAST({identifier(column.name)} AS DOUBLE)"
    row = connection.execute(
        "SELECT count(*), count(*) FILTER (low = high AND n_filled = n), count(DISTINCT high) "
        f"FROM (SELECT count(*) AS n, count({value}) AS n_filled, min({value}) AS low, max({value}) AS high "
        f"FROM {match.table.view} GROUP BY {id_of(number)}) WHERE n > 1 AND high <> 0"
    ).fetchone()
    n_orders, n_equal, n_values = row or (0, 0, 0)
    if not n_orders or n_equal < MIN_EQUAL_SHARE * n_orders:
        return False
    if n_values < MIN_DIFFERENT_TOTALS:
        match.notes.append(
            f"{column.name} is summed, although all lines of an order have the same value: if it is the "
            f"total of the order, write max in place of sum for {name}"
        )
        return False
    match.notes.append(
        f"{column.name} is read as the total of the order, once: each line of an order has the same value"
    )
    return True


def shared_id(match: Match, dialect: str) -> str:
    """Return SQL for the customer's id of an order, even if only some of the order's lines have this id."""
    return f"max({id_sql(match.key, dialect)})"


def one_row_per_order(
    match: Match,
    lines: OrderLines,
    columns: Mapping[str, str],
    filters: Sequence[str],
    id_filters: Sequence[str],
    dialect: str,
) -> str:
    """Return SQL that gives one row for each order, with amount, units and discount summed over its lines.

    The discount is left out if its column has negative values.

    Args:
        match: The table of the lines.
        lines: Which lines belong to the same order, and how they become one row.
        columns: The SQL of each canonical column, by the column's name.
        filters: The conditions for the rows to read.
        id_filters: The conditions on the customer's id. If `lines.share_id` is true, the conditions apply to
            the whole order; otherwise they apply to each line.
        dialect: The SQL dialect of the source.
    """

    def sql(name: str) -> str:
        return quote_column(match, columns, name, dialect)

    key = id_sql(match.key, dialect)
    order = name_in(lines.number.name, dialect)
    own_id = shared_id(match, dialect) if lines.share_id else key
    terms = [f"{own_id} as customer_id", f"min({sql('ordered_at')}) as ordered_at", f"{order} as row_id"]
    names = [name for name in ("amount", "units", "discount") if name in columns]
    questions = [f"{columns[name]}; correct {name} below" for name in names if columns[name].startswith("?")]
    columns = {
        name: name_in(match.columns[name].name, dialect) if sql.startswith("?") else sql
        for name, sql in columns.items()
    }
    verbs = {name: "max" if name in lines.totals else "sum" for name in ("amount", "units", "discount")}
    terms += [f"{verbs[name]}({sql(name)}) as {name}" for name in ("amount", "units") if name in columns]
    discount = match.columns.get("discount")
    if discount is not None and (discount.low or 0) >= 0 and "discount" in columns:
        terms.append(f"{verbs['discount']}({sql('discount')}) as discount")
    filters = filters if lines.share_id else [*id_filters, *filters]
    where = f"\nwhere {' and '.join(filters)}" if filters else ""
    table = match.table.origin(dialect)
    groups = f"{order}\nhaving {' and '.join(id_filters)}" if lines.share_id else f"{key}, {order}"
    query = f"select {', '.join(terms)}\nfrom {table}{where}\ngroup by {groups}"
    questions += [match.table.question.removesuffix(REMOVE_LINE)] if match.table.question else []
    questions = [question if question.startswith("?") else f"? {question}" for question in questions]
    return "\n".join([f"{'; '.join(questions)}, and remove this line", query]) if questions else query
