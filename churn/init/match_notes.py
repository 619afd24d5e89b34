"""Write notes on what the user must check in a matched table, such as a second time column or a price."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb

from churn.data.sql import identifier, literal
from churn.data.tables import CONTACT_RESULTS, COST
from churn.init.column_values import long_form
from churn.init.match import Match
from churn.init.name_patterns import (
    AFTER_THE_ORDER,
    BILLING_PERIOD,
    COLUMN_PATTERNS,
    COST_IN_ALL,
    GIVEN_AWAY,
    MAY_LIE_AHEAD,
    PERIOD_START,
    SHARE,
    TABLE_PATTERNS,
    name_contains,
    name_matches,
)
from churn.init.reasons import with_examples
from churn.init.source_table import id_of, name_in, time_of
from churn.init.text_columns import MONTH_FORMATS

MIN_CLOCK_SHARE = 0.98
"""In at least this share of the rows, a second clock must have a value that is not a day or more before the
row's time.
"""

MIN_LATE_SHARE = 0.01
"""A second clock gets a note if it is a day or more after the row's time in at least this share of rows."""

NO_SECOND_CLOCKS = (AFTER_THE_ORDER, MAY_LIE_AHEAD, PERIOD_START)
"""Patterns for the names of times that are not the time at which a row comes into the data."""

CLOCKS_PER_QUERY = 100
"""How many time columns one query compares with the row's time."""


def second_clock_notes(connection: duckdb.DuckDBPyConnection, match: Match) -> Iterator[str]:
    """Yield a note for each unused time column that may be the time at which rows come into the data.

    Such a time is usually later than the row's time. Only the user knows whether rows come into the data at
    this time, so the column is offered and not mapped. Times that may lie ahead, such as due dates, are not
    offered. The times of an order's later steps, such as the delivery, are also not offered. The start of a
    contract's current billing period is not offered either.
    """
    if "known_at" in match.columns or match.target.column("known_at") is None:
        return
    used_names = {column.name for column in match.columns.values()}
    clocks = [
        column
        for column in match.table.columns
        if column.kind == "time"
        and column.name not in used_names
        and not any(name_matches(column.name, pattern) for pattern in NO_SECOND_CLOCKS)
    ]
    row_time, view = time_of(match.time), match.table.view
    for start in range(0, len(clocks), CLOCKS_PER_QUERY):
        batch = clocks[start : start + CLOCKS_PER_QUERY]
        delays = [f"{time_of(column)} - {row_time}" for column in batch]
        rows = connection.execute(
            "SELECT c, count(v) / count(*), avg((v > INTERVAL '-1 day')::INTEGER), avg((v >= INTERVAL '1 "
            f"day')::INTEGER) FROM ({long_form(view, delays)} WHERE {row_time} IS NOT NULL) GROUP BY c ORDER "
            "BY c"
        ).fetchall()
        for number, filled_share, in_order_share, late_share in rows:
            if filled_share < MIN_CLOCK_SHARE or in_order_share < MIN_CLOCK_SHARE:
                continue
            if late_share >= MIN_LATE_SHARE:
                name, often = batch[number].name, _usual_delay(connection, view, delays[number])
                yield (
                    f"{name} is a day or more after {match.time.name} in {late_share:.0%} of the rows, often "
                    f"{often}: if rows come into the data at that time, map known_at: {name}"
                )


def _usual_delay(connection: duckdb.DuckDBPyConnection, view: str, delay: str) -> str:
    """Return the median delay of a second time column after the row's time, as a text.

    The median is over the rows in which the second time is a day or more later.
    """
    row = connection.execute(
        f"SELECT median({delay}) FROM {view} WHERE {delay} >= INTERVAL '1 day'"
    ).fetchone()
    assert row is not None  # an aggregate without GROUP BY always gives one row
    return "1 day" if row[0].days == 1 else f"{row[0].days} days"


def price_notes(connection: duckdb.DuckDBPyConnection, match: Match) -> Iterator[str]:
    """If no monthly price is mapped, yield a note for each column of the contracts that may be a price.

    It is not known for which period such a price is paid.
    """
    if match.name != "subscriptions" or "mrr" in match.columns:
        return
    columns = match.table.columns
    periods = [
        c for c in columns if c.kind == "text" and c.filled_share and name_matches(c.name, BILLING_PERIOD)
    ]
    says = ""
    if periods:
        rows = connection.execute(
            f"SELECT DISTINCT {id_of(periods[0])} AS period FROM {match.table.view} WHERE "
            f"{id_of(periods[0])} IS NOT NULL ORDER BY 1 LIMIT 3"
        ).fetchall()
        says = f" ({periods[0].name} says {' and '.join(str(period) for (period,) in rows)})"
    used_names = {column.name for column in match.columns.values()}
    for column in columns:
        is_price = column.kind == "number" and name_matches(column.name, COLUMN_PATTERNS["orders"]["amount"])
        if is_price and column.name not in used_names:
            yield (
                f"{column.name} is not used, as its period is not certain{says}: if it is what a contract "
                f"pays in a month, map mrr: {column.name}"
            )


def cost_question(connection: duckdb.DuckDBPyConnection, match: Match, dialect: str) -> str | None:
    """Return a question if it is unclear which column is a contact's cost, or what it includes; else None.

    The cost must not include what the company gave away as an offer, such as a discount. If the cost is
    below the offer in any row, the cost cannot include the offer, so nothing is asked about the offer.

    Args:
        connection: The DuckDB connection, which has the matched table as a view.
        match: The matched table.
        dialect: The SQL dialect of the source.
    """
    cost = match.columns.get(COST)
    if match.name != "contacts" or cost is None:
        return None
    others = [
        column
        for column in match.table.columns
        if column.kind == "number" and column.filled_share and column.name != cost.name
    ]
    pattern, table = COLUMN_PATTERNS["contacts"][COST], match.table.name
    rivals = [column.name for column in others if name_matches(column.name, pattern, table)]
    if rivals:
        names = " and ".join([cost.name, *rivals])
        return f"{names} may be what a contact cost: write one of them, or SQL that adds them"
    sql = cost.sql or name_in(cost.name, dialect)
    for column in others:
        if not name_matches(column.name, GIVEN_AWAY, table) or name_matches(column.name, SHARE):
            continue
        row = connection.execute(
            f"SELECT count(*) FROM {match.table.view} WHERE TRY_CAST({identifier(cost.name)} AS DOUBLE) < "
            f"TRY_CAST({identifier(column.name)} AS DOUBLE)"
        ).fetchone()
        if row and row[0]:
            return None
        without = f"{sql} - coalesce({column.sql or name_in(column.name, dialect)}, 0)"
        return (
            f'{cost.name} may hold what the offer gave away ({column.name}): write "{sql}" if it does not, '
            f'or "{without}" if it does'
        )
    if name_matches(cost.name, COST_IN_ALL, table):
        return (
            f'{cost.name} may hold what an offer gave away, and {COST} is without it: write "{sql}" if it '
            "does not, or remove this key if it does"
        )
    return None


def result_warnings(connection: duckdb.DuckDBPyConnection, match: Match, dialect: str) -> Iterator[str]:
    """Yield a warning if the column of contact results holds unknown words; a night reads them as `done`.

    Args:
        connection: The DuckDB connection, which has the matched table as a view.
        match: The matched table.
        dialect: The SQL dialect of the source.
    """
    result = match.columns.get("result")
    if match.name != "contacts" or result is None:
        return
    plain = f"trim(regexp_replace(lower({id_of(result)}), '[ _-]+', ' ', 'g'))"
    known_results = ", ".join(literal(name) for name in CONTACT_RESULTS)
    rows = connection.execute(
        f"SELECT DISTINCT {id_of(result)} AS word FROM {match.table.view} WHERE {plain} NOT IN "
        f"({known_results}) ORDER BY 1 LIMIT 3"
    ).fetchall()
    if rows:
        words = [str(word) for (word,) in rows]
        cases = " ".join(f"when {literal(word)} then '…'" for word in words)
        yield (
            f"{result.name} holds {' and '.join(words)}, which count as done: map result to SQL that "
            f"translates them to {', '.join(CONTACT_RESULTS)}, such as case "
            f"{name_in(result.name, dialect)} {cases} end"
        )


def month_warnings(match: Match, dialect: str) -> Iterator[str]:
    """Yield a warning if the time of a row is only a month; it is read as the first day of the month."""
    time = match.time
    if time.time_format in MONTH_FORMATS:
        end = "SQL that gives the end of the month"
        if dialect == "duckdb":
            end = f"strptime({name_in(time.name, dialect)}, '{time.time_format}') + interval 1 month"
        yield (
            f"{time.name} holds months without days, and each month is read as its first day. If a row is "
            f"complete only when its month has ended, as a monthly total is, map known_at: {end}"
        )


def unread_money_warnings(connection: duckdb.DuckDBPyConnection, match: Match) -> Iterator[str]:
    """Yield a warning if columns of texts are named like amounts of money but cannot be read as numbers."""
    if {"amount", "value"} & match.columns.keys():
        return
    if not any(name_contains(match.table.name, TABLE_PATTERNS[name]) for name in ("orders", "payments")):
        return
    columns = [
        column
        for column in match.table.columns
        if column.kind == "text"
        and column.filled_share
        and name_matches(column.name, COLUMN_PATTERNS["orders"]["amount"], match.table.name)
    ]
    if unread := with_examples(connection, match.table, columns):
        yield (
            f"by its name, {unread} holds money, but in a notation that is not known here: map amount to SQL "
            "that reads it, or correct the source"
        )
